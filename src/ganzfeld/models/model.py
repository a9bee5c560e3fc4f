"""Load the model of a run or of a model folder, without any training options."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path
from typing import Any

import torch

from ganzfeld.config import Part, from_dict
from ganzfeld.core import checkpoint, metrics_log, reader
from ganzfeld.core.border import flag
from ganzfeld.core.device import torch_device
from ganzfeld.core.names import near, quoted, several_runs
from ganzfeld.core.runfolder import read_config
from ganzfeld.core.tensors import Layouts, read_layouts
from ganzfeld.core.trust import refuse, trusted
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.models import embedded, hub
from ganzfeld.models.fitting import check_fit, check_run, of
from ganzfeld.models.folder import JUDGE, describe, judge_of, read_about, read_weights, with_code
from ganzfeld.models.generator import Model as Model
from ganzfeld.models.generator import latent as latent
from ganzfeld.models.task import Weights, judge_name
from ganzfeld.models.tasks import task_of
from ganzfeld.models.translator import Translator
from ganzfeld.networks import NETWORKS


def load(
    path: str | os.PathLike[str],
    *,
    which: str = "best",
    device: str | torch.device = "cpu",
    trust_code: bool = False,
    task: str | None = None,
) -> Model | Any:
    """Load a run or a model folder: a `Model`, or the `Translator` of a translation.

    path: a folder; "avatars-model", which the package brings; or "hub:USER/NAME@REVISION"
        (`ganzfeld.models.hub`), of which the revision may be left out.
    which: of a run. "best": the shipped model, or, while the run goes on, the checkpoint that
        scored best. "last": the newest whole checkpoint.
    device: where to compute: "auto", "cpu", "cuda" or "mps"; see `Model.to`.
    task: "generation", "translation" or "captioning", to refuse others with a UsageError.
    trust_code: allow a model whose network is your own Python (`module:name`), which is
        imported; models of ganzfeld's own networks never run code.
    Raises CheckpointError where there is nothing to load or it is damaged.

    Example::

        import ganzfeld

        model = ganzfeld.load("runs/avatars-default", device="auto")
        x = model.sample(16, seed=1)  # (16, C, H, W) in [-1, 1]
        model.images(1, seed=1)[0].save("first.png")
    """
    where = torch_device(device)
    if hub.is_hub(path):
        path = hub.fetch(os.fspath(path))
    model = load_any(embedded.located(path), which, trust_code=trust_code)
    need(model, task, path)
    return model if where.type == "cpu" else model.to(where)


def need(model: Any, task: str | None, path: str | os.PathLike[str]) -> None:
    """UsageError where a model is for another task than this. path: where it lies."""
    has = model.about.get("task", "generation")
    if task not in (None, has):
        fix = f"ganzfeld {task_of(model.about).usual}"
        raise UsageError(f"{path} is a model for {has}, not for {task}", fix=fix)


def load_any(path: Path, which: str, *, trust_code: bool) -> Model | Translator:
    if which not in ("best", "last"):
        raise UsageError(f"which is best or last, not {which!r}")
    flag(trust_code, "trust_code")
    if os.path.lexists(path / "model.safetensors"):
        return load_model(path, trust_code=trust_code)
    folder = path / "model"
    try:
        steps = checkpoint.listing(path / "checkpoints") if path.is_dir() else []
    except CheckpointError:  # they may not be read; the model that was shipped may
        if which != "best" or not os.path.lexists(folder / "config.json"):
            raise
        steps = []
    if os.path.lexists(folder / "config.json") and (which == "best" or not steps):
        of_run = read_about(folder).get("run_images", 0)
        newer = [path for path in steps if checkpoint.images_of(path) > of_run]
        if all(checkpoint.verify(path) for path in newer):
            return load_model(folder, trust_code=trust_code)
    if steps:
        return from_checkpoint(path, which, trust_code=trust_code)
    raise absent(path)


def absent(path: Path) -> CheckpointError:
    """What to say of a path that leads to no model."""
    if (path / "model.onnx").is_file():
        return CheckpointError(
            f"{path} is an export to ONNX, which only `ganzfeld serve` and its run.py draw",
            fix=f"ganzfeld serve {quoted(path)}   or the model that it was made from",
        )
    if several := several_runs(path):
        return CheckpointError(several[0], fix=several[1])
    return CheckpointError(
        f"{path} holds no model and no checkpoint"
        if path.exists()
        else f"there is no run or model at {path}{near(path)}",
        fix="give the folder of a run, or a folder with model.safetensors and config.json",
    )


def load_model(folder: Path, *, trust_code: bool = False) -> Model | Translator:
    about = read_about(folder)
    where = str(folder / "config.json")
    with reader.refused(folder / "model.safetensors"):
        given = unpacked(about, read_layouts(folder / "model.safetensors"))
    if trust_code:
        about = trusted(about) if "code" not in about else with_code(trusted(about), folder)
    try:
        for start, part in task_of(about).parts(about).items():  # before memory is taken
            if part.get("name") in NETWORKS:
                check_fit(from_dict(Part, dict(part), where), of(given, start), where)
    except CheckpointError:
        read_weights(folder, "model.safetensors", about["weights"])  # says so if they are damaged
        raise
    weights = full(about, read_weights(folder, "model.safetensors", about["weights"]))
    judge = None
    if "discriminator" in about and os.path.lexists(folder / JUDGE):
        expected = about["discriminator"].get("weights")
        if expected is None:
            raise CheckpointError(f"{where} is damaged: it has no discriminator.weights")
        judge = full(about, read_weights(folder, JUDGE, expected))
    return assemble(about, weights, judge, trust_code=trust_code, where=where)


def unpacked(about: dict[str, Any], layouts: Layouts) -> Layouts:
    """The tensors as a network has them: some models keep theirs in half precision on disk."""
    if about.get("precision") != "float16":
        return layouts
    return {
        name: one._replace(dtype="float32") if one.dtype == "float16" else one
        for name, one in layouts.items()
    }


def full(about: dict[str, Any], weights: Weights) -> Weights:
    """Weights in single precision, in which networks compute."""
    if about.get("precision") != "float16":
        return weights
    return {n: v.float() if v.dtype == torch.float16 else v for n, v in weights.items()}


def from_checkpoint(run: Path, which: str, *, trust_code: bool = False) -> Model | Translator:
    config, folder = read_config(run), run / "checkpoints"
    if trust_code:
        config = trusted(config)
    refuse(config.game.name)
    judge = judge_name(config)
    drawn = {n: part for n, part in config.networks.items() if n != judge or trust_code}
    for part in drawn.values():
        refuse(part.name)
    check_run(run, dataclasses.replace(config, networks=drawn))
    found, _ = checkpoint.newest(folder)
    assert found is not None
    best = checkpoint.best(folder, metrics_log.scores(run / "metrics.jsonl"))
    if which == "best" and best is not None:
        with contextlib.suppress(CheckpointError):  # a damaged one: the newest will do
            found = checkpoint.load(folder / checkpoint.name_of(best))
    images, span = found.manifest["images"], next(iter(config.ema.spans))
    with reader.refused(run / "config.json"):
        about = describe(config, run, {"images": images, "average": span}, images)
    average = found.state.get("average", {})
    weights = task_of(about).weights(config, average, f"{span}.")
    state = judge_of(config, found.state.get("game", {}))
    if judge is not None:
        about["discriminator"] = {"network": dataclasses.asdict(config.networks[judge])}
    return assemble(about, weights, state, trust_code=trust_code, where=str(found.path))


def assemble(
    about: dict[str, Any],
    weights: Any,
    judge: Any = None,
    *,
    trust_code: bool,
    where: str = "the model",
) -> Model | Translator:
    """where: the file that describes the networks, for errors."""
    made: Model | Translator = task_of(about).assemble(
        about, weights, judge, trust_code=trust_code, where=where
    )
    return made
