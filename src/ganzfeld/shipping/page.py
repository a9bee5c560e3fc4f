"""One HTML file that draws a model's samples in a browser, without a network.

Before the file is written its graph is computed by NumPy with the weights as the file has them, and
compared with PyTorch: a page that draws something else is never written.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.core import files
from ganzfeld.core.latents import PORTABLE
from ganzfeld.data import captions
from ganzfeld.data.conditions import is_captioned, slot_of
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.modalities import Spec
from ganzfeld.modalities.image import tensors
from ganzfeld.models.directions import directions_of
from ganzfeld.models.model import Model, load
from ganzfeld.models.translator import Translator
from ganzfeld.shipping.engine import TorchEngine
from ganzfeld.shipping.onnx_reference import every_word
from ganzfeld.shipping.page_facts import facts
from ganzfeld.shipping.page_graph import Array, Graph, graph_of
from ganzfeld.shipping.page_html import document
from ganzfeld.shipping.page_numpy import run
from ganzfeld.shipping.page_wasm import product
from ganzfeld.shipping.suited import need_shown

Precision = Literal["float16", "float32", "int8"]
LIMITS = {
    "float32": 2e-5,
    "float16": 5e-3,
    "int8": 0.126,
}  # of |page - PyTorch|, by the range of the samples
CHECKED = 16  # samples that are compared before a page is written, all classes among them
HELD = 3  # of them whose pixels the page holds, to check itself
HELD_BYTES = 160_000  # of these pixels, at most
JUMPED = 0.02  # of samples that are chosen by chance: so many may be others by a rounding
DIRECTIONS = 5  # of the latent, that a page has sliders for
MOST_BYTES = 64 << 20  # of weights in a page
SCALES = " scales"  # behind the name of a tensor of int8
SERVE = "ganzfeld serve MODEL, whose app draws every kind"


@dataclass(frozen=True)
class Page:
    """A page as text; error: the greatest difference from PyTorch in the samples compared; about:
    what it says of its model, without the weights."""

    text: str
    error: float
    compared: int
    precision: Precision
    about: dict[str, Any]


def export_page(
    path: str | Path,
    out: str | Path,
    *,
    precision: Precision = "float16",
    with_discriminator: bool = False,
    which: str = "best",
    trust_code: bool = False,
) -> Page:
    """Write the page of a run or a model folder: whole, or not at all.

    precision: of the weights. float16 halves the file; images then differ from PyTorch's by at
        most a level or two of 256. int8 quarters it, with a scale for each row of a weight's first
        axis: some values differ by several levels, by 16 at most.
    with_discriminator: the page can keep the best of many, too.
    which: of a run, "best" or "last".
    Raises UsageError for a model that a page cannot draw, CheckpointError where the check fails.

    Example::

        from ganzfeld.shipping.page import export_page

        page = export_page("runs/avatars-default", "faces.html")
    """
    out = Path(out)
    files.need_place(out)
    loaded = load(path, which=which, trust_code=trust_code)
    page = page_of(loaded, precision=precision, with_discriminator=with_discriminator)
    out.parent.mkdir(parents=True, exist_ok=True)
    files.replace(out, page.text.encode())
    return page


def page_of(
    model: Model | Translator, *, precision: Precision = "float16", with_discriminator: bool = False
) -> Page:
    """The page of a model that is loaded."""
    need_shown(model, "a page")
    model.to("cpu")
    if isinstance(model, Translator):
        graphs = {way: graph_of(n, picture(model, way)) for way, n in model.networks.items()}
    else:
        refuse(model)
        graphs = {"G": graph_of(model.generator, inputs_of(model, 0, 0))}
        if with_discriminator:
            graphs["D"] = judge_graph(model)
    if any(graph.chooses for graph in graphs.values()):
        precision = "float32"  # a rounding more, and a choice is another one
    check: Callable[..., Any] = check_translator if isinstance(model, Translator) else check_model
    if precision == "int8":  # a wrong graph must not pass for an inexact one
        check(model, graphs, {n: graph.state for n, graph in graphs.items()}, LIMITS["float32"])
    tensors_, weights, rounded = packed(graphs, precision)
    compared_, error, held = check(model, graphs, rounded, LIMITS[precision])
    about = facts(model) | {
        "graphs": {name: graph.to_json() for name, graph in graphs.items()},
        "tensors": tensors_,
        "precision": precision,
        "score": "D" in graphs,
        "check": held,
        "directions": None if isinstance(model, Translator) else leading(model),
        "wasm": base64.b64encode(product()).decode(),
    }
    text = document({"model": about}, weights, str(about["title"]))
    return Page(text, error, compared_, precision, about)


def leading(model: Model) -> str | None:
    """The first directions of a model, float32, as text; None where it has none."""
    try:
        vectors = directions_of(model).vectors[:DIRECTIONS]
    except UsageError:
        return None
    return base64.b64encode(vectors.numpy().astype("<f4").tobytes()).decode()


# What a page can draw


def refuse(model: Model) -> None:
    """UsageError for a kind that the page's script does not show."""
    spec, noun = model.spec, model.modality.noun
    if model.latents != PORTABLE:
        raise UsageError(
            "a page cannot draw this model's samples: its latents are PyTorch's own generator's",
            fix=f"train it again with this release, or {SERVE}",
        )
    if spec.modality not in DRAWN:
        raise UsageError(f"a page does not draw {noun}", fix=SERVE)
    if not DRAWN[spec.modality](spec):
        raise UsageError(f"a page cannot make {noun} of what this network makes", fix=SERVE)
    rows = model.conditions.get("rows", [])
    if sum(map(len, rows)) > 200_000:
        raise UsageError("a page does not hold so many conditions of the data", fix=SERVE)


DRAWN: dict[str, Callable[[Spec], bool]] = {  # kinds, and which of them
    "image": lambda spec: spec.shape[0] in (1, 2, 3, 4),
    "audio": lambda spec: len(spec.shape) == 2,  # spectrograms need Griffin-Lim
    "field": lambda spec: 2 <= len(spec.shape) <= 4,
    "series": lambda spec: len(spec.shape) == 2,
    "text": lambda spec: len(spec.shape) == 1,
    "table": lambda spec: "schema" in spec.extra,
}


def inputs_of(model: Model, seed: int, index: int) -> dict[str, torch.Tensor]:
    """What the generator takes for one sample, one row of each."""
    given = {"z": model.latents_of([index], seed)}
    if (y := model.labels_of([index], seed, [])) is not None:
        given["y"] = torch.tensor(y)
    if (c := model.numbers_of([index], seed, None)) is not None:
        given[slot_of(model.conditions)] = c.long() if is_captioned(model.conditions) else c
    return given


def judge_graph(model: Model) -> Graph:
    if model.discriminator is None:
        raise CheckpointError(
            "this model has no discriminator for the page", fix="leave out --with-discriminator"
        )
    given = inputs_of(model, 0, 0)
    given.pop("z")
    return graph_of(model.discriminator, {"x": torch.zeros(1, *model.shape)} | given)


def picture(model: Translator, way: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """An image of the size of training: soft shapes, so that no border is like another."""
    height, width = model.size
    draws = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    waves = [
        np.sin(6 * draws.uniform(1, 3) * rows + 6 * draws.uniform(1, 3) * columns + turn)
        for turn in draws.uniform(0, 6, model.channels[way[0]])
    ]
    levels = tensors.to_bytes(torch.from_numpy(np.stack(waves)))
    return {"x": tensors.to_network(levels[None])}


# Weights


def packed(
    graphs: Mapping[str, Graph], precision: Precision
) -> tuple[list[list[Any]], bytes, dict[str, dict[str, Array]]]:
    """Where each tensor lies, all their bytes, and the tensors as they were rounded.

    Tensors of one dimension stay float32: they are few; so do tables of phrases, whose errors add
    up. An encoder of captions has float16 for int8. Those of four bytes come first, then two,
    then one. A tensor of int8 has its scales, one for each row, under its name and SCALES.
    """
    kept: dict[int, list[tuple[str, str, NDArray[Any]]]] = {
        4: [],
        2: [],
        1: [],
    }  # by bytes of a number
    rounded: dict[str, dict[str, Array]] = {name: {} for name in graphs}
    for network, graph in graphs.items():
        for name, value in graph.state.items():
            own = value
            read = name.startswith("text.")  # what reads captions: a small error, another sentence
            if name.startswith("body.table."):
                kept[4].append((network, name, value))
            elif precision == "int8" and value.ndim > 1 and not read:
                levels, scale = as_int8(value)
                kept[1].append((network, name, levels))
                kept[4].append((network, name + SCALES, scale))
                own = levels.astype(np.float32) * scale.reshape(-1, *[1] * (value.ndim - 1))
            elif precision != "float32" and value.ndim > 1 and np.abs(value).max(initial=0) < 65504:
                kept[2].append((network, name, value.astype(np.float16)))
                own = value.astype(np.float16).astype(np.float32)
            else:  # float16 has no such numbers
                kept[4].append((network, name, value))
            rounded[network][name] = own
    kinds = {4: "<f4", 2: "<f2", 1: "i1"}
    found = [[n, name, int(v.size), width] for width, all_ in kept.items() for n, name, v in all_]
    data = b"".join(v.astype(kinds[w]).tobytes() for w, all_ in kept.items() for *_, v in all_)
    if len(data) > MOST_BYTES:
        raise UsageError(
            f"a page of {len(data) / 1e6:,.0f} MB of weights would be too large for a browser",
            fix=SERVE,
        )
    return found, data, rounded


def as_int8(value: Array) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A tensor in 255 levels from -127, and the size of a level for each row of its first axis."""
    rows = value.reshape(len(value), -1)
    most = np.abs(rows).max(1, initial=0)
    scale = (np.where(most > 0, most, 1) / 127).astype(np.float32)
    levels = np.rint(rows / scale[:, None]).clip(-127, 127).astype(np.int8)
    return levels.reshape(value.shape), scale


# The check


def check_model(
    model: Model, graphs: Mapping[str, Graph], state: Any, limit: float
) -> tuple[int, float, list[dict[str, Any]]]:
    """How many samples were compared, the greatest difference from `Model.sample`, and what the
    page holds to check itself."""
    chooses, jumped = graphs["G"].chooses, 0
    count = max(4 * CHECKED if chooses else CHECKED, min(len(model.classes), 64))
    labels = [i % len(model.classes) for i in range(count)] if model.classes else [None] * count
    wanted = [(i // 4, i, label) for i, label in enumerate(labels)]
    expected = model.draw_exact(wanted)
    span = max(float(expected.abs().max()), 1e-6)
    graph, worst = graphs["G"].to_json(), 0.0
    for (seed, index, label), x in zip(wanted, expected, strict=True):
        given = inputs_of(model, seed, index)
        if label is not None:
            given["y"] = torch.tensor([label])
        found = run(graph, state["G"], {k: v.numpy() for k, v in given.items()})
        if chooses and float(np.abs(found[0] - x.numpy()).max()) > limit * span:
            jumped += 1
        else:
            worst = max(worst, compared(found[0], x.numpy(), limit, span))
        if "D" in graphs:
            given["x"] = x[None]
            given.pop("z")
            judge = run(graphs["D"].to_json(), state["D"], {k: v.numpy() for k, v in given.items()})
            score(model, given, float(judge.reshape(-1)[0]), limit)
    if is_captioned(model.conditions):
        rows = every_word(model.conditions["columns"][0])
        drawn = TorchEngine(model).samples([(3, i) for i in range(len(rows))], None, rows)
        for index, (row, wanted_) in enumerate(zip(rows, drawn, strict=True)):
            given = inputs_of(model, 3, index) | {captions.KIND: torch.tensor([row])}
            found = run(graph, state["G"], {k: v.numpy() for k, v in given.items()})
            worst = max(worst, compared(found[0], wanted_, limit, span))
    if jumped > max(1, JUMPED * count):
        raise CheckpointError(
            f"the page would draw other samples than the model: {jumped} of {count}",
            safe="no file was written",
            fix="please report it",
        )
    held = []
    width = 1 if model.spec.dtype == "uint8" else 4
    room = max(1, min(HELD, HELD_BYTES // (width * math.prod(model.shape))))
    for (seed, index, label), x in list(zip(wanted, expected, strict=True))[:room]:
        one = {"seed": str(seed), "index": str(index), "label": label}
        held.append(one | as_held(model, x))
    return count, worst, held


def as_held(model: Model, x: torch.Tensor) -> dict[str, Any]:
    """A sample as the page holds it: pixels, or else float32 numbers and their largest size."""
    if model.spec.dtype == "uint8":
        return {"pixels": coded(tensors.to_bytes(x).numpy())}
    numbers = base64.b64encode(x.float().numpy().astype("<f4").tobytes()).decode()
    return {"numbers": numbers, "span": max(float(x.abs().max()), 1e-6)}


def score(model: Model, given: Mapping[str, torch.Tensor], found: float, limit: float) -> None:
    assert model.discriminator is not None
    with torch.inference_mode():
        expected = float(model.discriminator(**given)[0])
    compared(np.array([found]), np.array([expected]), limit, 1 + abs(expected))


def check_translator(
    model: Translator, graphs: Mapping[str, Graph], state: Any, limit: float
) -> tuple[int, float, list[dict[str, Any]]]:
    """The same of a translator, on images made up."""
    worst, held = 0.0, []
    for way, graph in graphs.items():
        for seed in (1, 2):
            given = picture(model, way, seed)
            expected = model.translate(given["x"], to=way[1])[0].numpy()
            found = run(graph.to_json(), state[way], {"x": given["x"].numpy()})
            worst = max(worst, compared(found[0], expected, limit, 1.0))
        levels = coded(tensors.to_bytes(given["x"][0]).numpy())
        pixels = coded(tensors.to_bytes(torch.from_numpy(expected)).numpy())
        if len(levels) + len(pixels) < 4 * HELD_BYTES:
            held.append({"way": way, "x": levels, "pixels": pixels})
    return 2 * len(graphs), worst, held


def compared(found: NDArray[Any], expected: NDArray[Any], limit: float, span: float) -> float:
    """The greatest difference in parts of the span; CheckpointError beyond the limit, or NaN."""
    apart = float(np.abs(found - expected).max()) / span
    if not apart <= limit:
        raise CheckpointError(
            f"the page would draw other samples than the model: they differ by {apart:.2g} of "
            f"their range, and {limit:g} is allowed",
            safe="no file was written",
            fix="--precision float32; where that fails too, please report it",
        )
    return apart


def coded(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
