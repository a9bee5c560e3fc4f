"""What draws samples for a server: PyTorch, or onnxruntime with an exported model and no torch.

Both take any (seed, number) pairs in one batch and give stored samples, such as uint8 pixels. A
sample depends on its own pair, class, numbers and spread alone, to the bit, whatever is drawn
beside it: `TorchEngine` gives what `Model.sample` gives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import formats, reader
from ganzfeld.core.names import quoted
from ganzfeld.core.schema import fields, listing, maybe, number, one_of, row, table, text, whole
from ganzfeld.data.conditions import slot_of
from ganzfeld.errors import CheckpointError, GanzfeldError
from ganzfeld.shipping.inputs import Floats, Inputs, Labels, Numbers, Pairs
from ganzfeld.shipping.onnx_guard import run, session
from ganzfeld.text import shown

if TYPE_CHECKING:
    from ganzfeld.models.model import Model

MOST_CLASSES = 200_000
SIZE = whole(0, 1 << 31)  # bytes of a graph: protobuf takes no more
PAIR = row(text, text)  # a seed and a sample's number
DRAWN = row(listing(PAIR), maybe(listing(whole(0, MOST_CLASSES))), number(0, 1e6))
EXPORT = fields(
    {
        "graphs": table(
            fields({"file": text, "size": SIZE, "sha256": text}, {"operators": listing(text)}),
            one_of("model", "model-ab", "model-ba", "discriminator"),
        )
    },
    {"precision": one_of("float32", "float16", "int8"), "drawn": table(DRAWN), "ganzfeld": text},
)
AT_ONCE = 32  # samples that are computed together, at most: as many as `Model.sample` does


class Engine(Protocol):
    """What draws the samples of one generator.

    about: the content of the model's config.json. inputs: its kind, spec, classes, conditions.
    name: "torch" or "onnx".
    """

    name: str
    about: Mapping[str, Any]
    inputs: Inputs

    def draw(
        self,
        pairs: Pairs,
        labels: Labels = None,
        numbers: Numbers = None,
        std: Floats = 1.0,
        mean: Floats = 0.0,
    ) -> NDArray[Any]:
        """Stored samples (n, ...) of (seed, number) pairs, one row each.

        labels, numbers: one for each, or None; see `Inputs.of`. std, mean: of the latents, one
        for all or one for each.
        """


class Batched:
    """What all engines share: rows are computed `AT_ONCE` together, and filled up with `pad`."""

    inputs: Inputs
    pad: bool = True  # whether every batch has AT_ONCE rows

    def compute(self, part: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """What the network makes of one batch of inputs, (n, ...)."""
        raise NotImplementedError

    def store(self, x: NDArray[Any]) -> NDArray[Any]:
        """What the network makes, (n, ...), as stored samples."""
        raise NotImplementedError

    def samples(
        self,
        pairs: Pairs,
        labels: Labels = None,
        numbers: Numbers = None,
        std: Floats = 1.0,
        mean: Floats = 0.0,
    ) -> NDArray[Any]:
        """What the network makes, (n, ...), before it is stored."""
        given = self.inputs.of(pairs, labels, numbers, std, mean)
        found = []
        for low in range(0, len(pairs), AT_ONCE):
            part = {name: v[low : low + AT_ONCE] for name, v in given.items()}
            if self.pad:
                part = {name: padded(v, AT_ONCE) for name, v in part.items()}
            found.append(self.compute(part)[: len(pairs) - low])
        return np.concatenate(found)

    def draw(
        self,
        pairs: Pairs,
        labels: Labels = None,
        numbers: Numbers = None,
        std: Floats = 1.0,
        mean: Floats = 0.0,
    ) -> NDArray[Any]:
        """See `Engine`."""
        if not pairs:
            return self.inputs.kind.blank(self.inputs.spec)[None][:0]
        return self.store(self.samples(pairs, labels, numbers, std, mean))


class TorchEngine(Batched):
    """Samples by PyTorch, with the bits of `Model.sample`.

    Example::

        import ganzfeld
        from ganzfeld.shipping.engine import TorchEngine

        engine = TorchEngine(ganzfeld.load("runs/avatars-default"))
        pixels = engine.draw([(0, 5), (7, 0)], std=[1.0, 0.8])  # uint8 (2, C, H, W)
    """

    name = "torch"
    pad = False  # `draw_few` fills up what it must

    def __init__(self, model: Model) -> None:
        self.model = model
        self.about: Mapping[str, Any] = model.about
        self.inputs = Inputs(model.about)

    def compute(self, part: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        import torch

        y, c = part.get("y"), part.get(slot_of(self.inputs.conditions))
        with torch.inference_mode():
            x = self.model.draw_few(
                torch.from_numpy(part["z"]),
                None if y is None else y.tolist(),
                None if c is None else torch.from_numpy(c),
            )
        found: NDArray[Any] = x.numpy()
        return found

    def store(self, x: NDArray[Any]) -> NDArray[Any]:
        import torch

        return self.model.store(torch.from_numpy(x))


class OnnxEngine(Batched):
    """Samples by onnxruntime, from a folder that `ganzfeld export` wrote. Imports no torch.

    They differ from PyTorch's by rounding, as the folder's README.md says. A single sample costs
    what one costs: on the processors tried, onnxruntime gives it the same bits as among 32. Where
    it does not, which is tried once, batches are filled up to 32 as `TorchEngine` does it.

    threads: of onnxruntime. Raises CheckpointError where the folder is damaged or holds no
    generator, UsageError where onnxruntime is not installed.

    Example::

        from ganzfeld.shipping.engine import OnnxEngine

        engine = OnnxEngine("avatars-onnx")
        pixels = engine.draw([(0, 5), (7, 0)])  # uint8 (2, C, H, W)
    """

    name = "onnx"

    def __init__(self, folder: str | Path, *, threads: int = 1) -> None:
        self.folder = folder = Path(folder)
        self.about: Mapping[str, Any] = read_export(folder)
        if "model" not in self.about["export"]["graphs"]:
            raise CheckpointError(f"{folder} holds no generator: it translates")
        self.inputs = Inputs(self.about)
        data = graph_bytes(folder, self.about, "model")
        self.pad = False
        try:
            self.session = session(data, threads=threads)
            several = self.samples([(0, index) for index in range(AT_ONCE)])
        except GanzfeldError:
            raise
        except Exception as error:  # onnxruntime's are of many kinds
            raise unusable(folder, first_line(error)) from error
        kind = np.int64 if self.inputs.kind.symbols else np.float32
        if several.shape != (AT_ONCE, *self.inputs.spec.shape) or several.dtype != kind:
            raise unusable(folder, f"it makes {several.dtype} {several.shape[1:]} of its samples")
        # where a batch of one is computed in another way than one of many, all are of 32
        self.pad = not np.array_equal(self.samples([(0, 0)])[0], several[0])

    def compute(self, part: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return run(self.session, part)

    def store(self, x: NDArray[Any]) -> NDArray[Any]:
        return self.inputs.kind.stored(x, self.inputs.spec)


def unusable(folder: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"{shown(folder)} is damaged: its graph cannot draw: {why}",
        fix=f"ganzfeld export --check {quoted(folder)}",
    )


def first_line(error: BaseException) -> str:
    text = re.sub(r"\s+", " ", str(error)).strip()
    return shown(text or type(error).__name__, 300)


def padded(values: NDArray[Any], count: int) -> NDArray[Any]:
    """Rows, and the first one again until there are so many."""
    if len(values) == count:
        return values
    return np.concatenate([values, np.repeat(values[:1], count - len(values), 0)])


def read_export(folder: Path) -> dict[str, Any]:
    """The config.json of a folder that `ganzfeld export` wrote; CheckpointError for others."""
    path = folder / "config.json"
    about = reader.read_json(path)
    with reader.refused(path):
        formats.model(about)
        if not isinstance(about.get("export"), dict) or not about["export"].get("graphs"):
            raise CheckpointError(
                f"{shown(folder)} is no exported model: its config.json has no export section",
                fix=f"ganzfeld export {quoted(folder)} --to onnx --out FOLDER",
            )
        EXPORT(about["export"], "export")
    return dict(about)


def graph_bytes(folder: Path, about: Mapping[str, Any], name: str) -> bytes:
    """A graph of an exported folder, as its config.json has it by size and SHA-256."""
    from ganzfeld.core.files import mismatch

    expected = about["export"]["graphs"][name]
    if Path(expected["file"]).name != expected["file"]:
        raise CheckpointError(f"{folder / 'config.json'} is damaged: export.graphs.{name}.file")
    with reader.refused(folder / expected["file"]):
        data = reader.read_whole(folder / expected["file"], int(expected["size"]))
    if problem := mismatch(expected["file"], data, expected):
        raise CheckpointError(
            f"{folder} is damaged: {problem}", fix="copy the folder again from its source"
        )
    return data
