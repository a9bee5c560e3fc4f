"""Export a model to what runs without PyTorch, with a check that is always on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzfeld.core import border, files, system, temporary
from ganzfeld.core.latents import OF_TORCH
from ganzfeld.errors import CheckpointError, UsageError, of_disk
from ganzfeld.shipping.onnx_check import Case, Found, check_graph, check_operators
from ganzfeld.version import __version__

if TYPE_CHECKING:
    from ganzfeld.shipping.onnx_graph import Exported

TARGETS = ("onnx",)
MOST_SEEDS = 4_096
LIBRARIES = ("torch", "onnx", "onnxscript", "onnxruntime")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Export:
    """What was exported: the folder, and what its check measured of each graph."""

    folder: Path
    precision: str
    graphs: dict[str, Found]

    @property
    def error(self) -> float:
        """The greatest difference from PyTorch, in parts of the greatest value or of 1."""
        return max(found.error for found in self.graphs.values())


def export(
    model: str | os.PathLike[str] | Exported,
    out: str | os.PathLike[str],
    *,
    to: str = "onnx",
    precision: str = "float32",
    with_discriminator: bool = False,
    seeds: int = 64,
    which: str = "best",
    trust_code: bool = False,
    say: Say = lambda line: None,
) -> Export:
    """Export a run, a model folder or a loaded model as ONNX graphs into a new folder.

    The graphs are compared with PyTorch: samples of many seeds, of every class and of captions with
    every word, in batches of several sizes, with latents of spread 0, 1 and 1.5; translations of
    images of seven sizes. Where they differ beyond rounding nothing is written.
    `ganzfeld.shipping.onnx_check` has the limits. Translators of lines and sounds are compared on
    lines of all symbols and of every length, and on spectrograms or waves of chance.

    precision: of the stored weights: "float32", "float16" or "int8"; all is computed in float32.
    with_discriminator: also the discriminator, which says how real a sample looks to it.
    seeds: how many samples are compared, from 1 on. which: of a run, see `ganzfeld.load`.
    trust_code: allow a model whose network is your own Python.
    say: gets a line for each step.

    Raises UsageError where an operator has no ONNX form or the extra "onnx" is not installed,
    and CheckpointError where the check fails.

    Example::

        import ganzfeld

        done = ganzfeld.export("runs/avatars-default", "avatars-onnx")
        print(done.error, done.graphs["model"].samples)
    """
    from ganzfeld.shipping.onnx_graph import need_onnx
    from ganzfeld.shipping.onnx_precision import PRECISIONS

    border.one_of(to, "to", TARGETS)
    border.one_of(precision, "precision", PRECISIONS)
    count = border.whole(seeds, "seeds", 1, MOST_SEEDS)
    folder = Path(border.path(out, "out"))
    need_free(folder)
    files.need_place(folder)
    loaded = opened(model, which, trust_code)
    need_onnx()
    say("tracing the networks")
    protos = graphs_of(loaded, with_discriminator)
    say("drawing samples to compare with")
    cases, drawn = cases_of(loaded, list(protos), count)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary.hidden(folder, folder=True) as place:
            say("comparing the graphs with PyTorch")
            found = written(place, loaded, protos, cases, drawn, precision)
            files.sync(place)
            system.replace(place, folder)
        files.sync(folder.parent)
    except OSError as error:
        raise of_disk(error, folder) from error
    return Export(folder, precision, found)


def need_free(folder: Path) -> None:
    """UsageError where something lies at that place already."""
    if os.path.lexists(folder):
        raise UsageError(
            f"{folder} is there already",
            safe="nothing was written",
            fix="--out with a new folder, or delete this one",
        )


def opened(model: Any, which: str, trust_code: bool) -> Exported:
    """A loaded model as it is, or the one at a path, on the CPU."""
    from ganzfeld.models.model import load
    from ganzfeld.shipping.onnx_graph import Exported
    from ganzfeld.shipping.suited import need_exported

    found: Exported
    if isinstance(model, Exported):
        found = model.to("cpu")
    else:
        found = load(border.path(model, "model"), which=which, trust_code=trust_code)
    need_exported(found, "ONNX")
    return found


def graphs_of(model: Exported, with_discriminator: bool) -> dict[str, Any]:
    """The graphs by name, in float32."""
    from ganzfeld.shipping.onnx_graph import graphs

    return graphs(model, with_discriminator=with_discriminator)


def cases_of(
    model: Exported, names: list[str], seeds: int
) -> tuple[dict[str, list[Case]], dict[str, Any]]:
    """What each graph is compared with; and how the samples' inputs are drawn, for config.json."""
    from ganzfeld.models.generator import Model
    from ganzfeld.shipping import onnx_reference as reference

    if not isinstance(model, Model):
        return {name: reference.translation(model, name[-2:]) for name in names}, {}
    found = {"model": reference.generation(model, seeds)}
    if "discriminator" in names:
        found["discriminator"] = reference.discriminator(model, found["model"])
    return found, reference.drawn(model, seeds)


def written(
    folder: Path,
    model: Exported,
    protos: dict[str, Any],
    cases: dict[str, list[Case]],
    drawn: dict[str, Any],
    precision: str,
) -> dict[str, Found]:
    """Write all files of an export into an empty folder, and check the graphs as they lie there."""
    from ganzfeld.models.folder import card_of
    from ganzfeld.shipping import onnx_folder, onnx_reference, run_py

    about = description(model, precision, drawn)
    sums: dict[str, Any] = {}
    results: dict[str, Found] = {}
    for name, exact in protos.items():
        store = store_of(model) if name != "discriminator" else None
        results[name], described = write_graph(folder, name, exact, cases[name], about, store)
        about["export"]["graphs"][name] = described
        sums[described["file"]] = described
    others = {
        "check.npz": onnx_folder.as_npz(onnx_reference.kept(cases)),
        "run.py": files.utf8(run_py.script(about)),
        "README.md": files.utf8(onnx_folder.readme(about, card_of(about))),
        "config.json": files.as_json(about),
    }
    for file, data in others.items():
        sums[file] = files.write(folder / file, data)
    files.write(folder / onnx_folder.SUMS, onnx_folder.sums_of(sums))
    onnx_folder.check_folder(folder)  # as its owner will
    return results


def write_graph(
    folder: Path, name: str, exact: Any, cases: list[Case], about: dict[str, Any], store: Any
) -> tuple[Found, dict[str, Any]]:
    """Write a float32 graph in the precision of the export; what its check found, and about it.

    It is checked in float32 first, so that a wrong graph does not pass for an inexact one.
    """
    from ganzfeld.shipping import onnx_folder
    from ganzfeld.shipping.onnx_graph import operators
    from ganzfeld.shipping.onnx_precision import stored_as

    file, precision = f"{name}.onnx", about["export"]["precision"]
    proto = stored_as(exact, precision)
    known = operators(proto)
    if precision != "float32":
        data = exact.SerializeToString()
        check_graph(data, cases, name=file, store=store, operators=known)
    onnx_folder.note(proto, about, precision)
    check_operators(proto, file)
    size = files.write(folder / file, proto.SerializeToString(deterministic=True))
    found = check_graph(
        (folder / file).read_bytes(),
        cases,
        name=file,
        precision=precision,
        store=store,
        operators=known,
    )
    check = {key: value for key, value in found.to_json().items() if key != "operators"}
    described = onnx_folder.describe_graph(proto, file, size)
    return found, described | {"operators": known, "check": check}


def store_of(model: Exported) -> Any:
    """What makes 8-bit values of samples, where they are stored so."""
    from ganzfeld.modalities import modality_of, spec_of

    spec = spec_of(
        model.about.get("spec"), model.about.get("shape") or (1, *model.about.get("size", ()))
    )
    kind = modality_of(spec)
    return (lambda x: kind.stored(x, spec)) if spec.dtype == "uint8" else None


def description(model: Exported, precision: str, drawn: dict[str, Any]) -> dict[str, Any]:
    """The model's config.json with a section on its export, and without places of this machine."""
    from ganzfeld.models.folder import public
    from ganzfeld.shipping.onnx_graph import OPSET
    from ganzfeld.shipping.onnx_reference import weights_of

    about = public({k: v for k, v in model.about.items() if k != "code"}, {})
    missing = [name for name in ("recipe", "training") if name not in about]
    if missing:
        raise CheckpointError(
            f"this model does not say its {missing[0]}: it was not loaded from a run or a folder",
            fix="ganzfeld.export(path_of_the_run, out)",
        )
    about.setdefault("weights", weights_of(model))
    if "latent" in about:
        about.setdefault("latents", OF_TORCH)
    about["export"] = {
        "format": 1,
        "ganzfeld": __version__,
        "opset": OPSET,
        "libraries": {name: version_of(name) for name in LIBRARIES},
        "precision": precision,
        "drawn": drawn,
        "graphs": {},
    }
    return dict(about)


def version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
