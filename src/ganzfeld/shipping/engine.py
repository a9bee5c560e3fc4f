"""What draws samples for a server: PyTorch, or onnxruntime with an exported model and no torch.

Both take any (seed, number) pairs in one batch and give stored samples, such as uint8 pixels. A
sample depends on its own pair, class, numbers and spread alone, to the bit, whatever is drawn
beside it: `TorchEngine` gives what `Model.sample` gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import formats, reader
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.shipping.inputs import Floats, Inputs, Labels, Numbers, Pairs

if TYPE_CHECKING:
    from ganzfeld.models.model import Model

AT_ONCE = 32  # samples that onnxruntime computes together, at most
SMALLER = (4, 8, 16)  # batches that may give the same bits at less cost
INSTALL = 'pip install "ganzfeld[onnx]"'


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


class TorchEngine:
    """Samples by PyTorch, with the bits of `Model.sample`, which computes 32 at a time.

    sizes: of batches. Fewer than 32 cost less, and PyTorch may round their sums in another way. How
    it does depends on the size of a batch and not on its numbers, so it is tried once: a size is
    used where it gives all bits of 32 samples again.

    Example::

        import ganzfeld
        from ganzfeld.shipping.engine import TorchEngine

        engine = TorchEngine(ganzfeld.load("runs/avatars-default"))
        pixels = engine.draw([(0, 5), (7, 0)], std=[1.0, 0.8])  # uint8 (2, C, H, W)
    """

    name = "torch"

    def __init__(self, model: Model) -> None:
        self.model = model
        self.about: Mapping[str, Any] = model.about
        self.inputs = Inputs(model.about)
        self.sizes: tuple[int, ...] = (AT_ONCE,)
        # of other kinds, equal samples do not prove equal sums: a symbol is the largest of some
        if self.inputs.kind.draws:
            self.sizes = self.equal_sizes()

    def equal_sizes(self) -> tuple[int, ...]:
        pairs = [(0, index) for index in range(AT_ONCE)]
        whole, found = self.samples(pairs), []
        for size in SMALLER:
            self.sizes = (size, AT_ONCE)
            parts = (slice(0, size), slice(AT_ONCE - size, AT_ONCE))
            if all(np.array_equal(self.samples(pairs[part]), whole[part]) for part in parts):
                found.append(size)
        return (*found, AT_ONCE)

    def samples(
        self,
        pairs: Pairs,
        labels: Labels = None,
        numbers: Numbers = None,
        std: Floats = 1.0,
        mean: Floats = 0.0,
    ) -> NDArray[Any]:
        """What the network makes, (n, ...), before it is stored."""
        import torch

        from ganzfeld.models.draws import CHUNK

        given = self.inputs.of(pairs, labels, numbers, std, mean)
        found: list[NDArray[Any]] = []
        with torch.inference_mode():
            for low in range(0, len(pairs), CHUNK):
                left = min(len(pairs) - low, CHUNK)
                size = next(one for one in self.sizes if one >= left)
                part = {name: padded(v[low : low + CHUNK], size) for name, v in given.items()}
                y, c = part.get("y"), part.get("c")
                x = self.model.draw(
                    torch.from_numpy(part["z"]),
                    None if y is None else y.tolist(),
                    None if c is None else torch.from_numpy(c),
                )
                found.append(x[: len(pairs) - low].numpy())
        return np.concatenate(found)

    def draw(
        self,
        pairs: Pairs,
        labels: Labels = None,
        numbers: Numbers = None,
        std: Floats = 1.0,
        mean: Floats = 0.0,
    ) -> NDArray[Any]:
        if not pairs:
            return self.inputs.kind.blank(self.inputs.spec)[None][:0]
        x = self.samples(pairs, labels, numbers, std, mean)
        import torch

        return self.model.store(torch.from_numpy(x))


class OnnxEngine:
    """Samples by onnxruntime, from a folder that `ganzfeld export` wrote. Imports no torch.

    They differ from PyTorch's by rounding, as the folder's README.md says. A single sample costs
    what one costs: on the processors tried, onnxruntime gives it the same bits as among 32. Where
    it does not, which is tried once, batches are filled up to 32 as `TorchEngine` does it.

    threads: of onnxruntime. Raises CheckpointError where the folder is damaged or holds no
    generator, UsageError where onnxruntime is not installed.

    Example::

        from pathlib import Path
        from ganzfeld.shipping.engine import OnnxEngine

        engine = OnnxEngine(Path("avatars-onnx"))
        pixels = engine.draw([(0, 5), (7, 0)])  # uint8 (2, C, H, W)
    """

    name = "onnx"

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self.folder = folder
        self.about: Mapping[str, Any] = read_export(folder)
        if "model" not in self.about["export"]["graphs"]:
            raise CheckpointError(f"{folder} holds no generator: it translates")
        self.inputs = Inputs(self.about)
        self.session = session(graph_bytes(folder, self.about, "model"), threads=threads)
        self.pad = False
        several = self.samples([(0, index) for index in range(AT_ONCE)])
        # where a batch of one is computed in another way than one of many, all are of 32
        self.pad = not np.array_equal(self.samples([(0, 0)])[0], several[0])

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
            found.append(run(self.session, part)[: len(pairs) - low])
        return np.concatenate(found)

    def draw(
        self,
        pairs: Pairs,
        labels: Labels = None,
        numbers: Numbers = None,
        std: Floats = 1.0,
        mean: Floats = 0.0,
    ) -> NDArray[Any]:
        if not pairs:
            return self.inputs.kind.blank(self.inputs.spec)[None][:0]
        x = self.samples(pairs, labels, numbers, std, mean)
        return self.inputs.kind.stored(x, self.inputs.spec)


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
        export = about.get("export")
        graphs = export.get("graphs") if isinstance(export, dict) else None
        if not isinstance(graphs, dict) or not graphs:
            raise CheckpointError(
                f"{folder} is no exported model: its config.json has no export section",
                fix=f"ganzfeld export {folder} --to onnx --out FOLDER",
            )
        for name, graph in graphs.items():
            if not isinstance(graph, dict) or {"file", "size", "sha256"} - graph.keys():
                raise reader.Unreadable(f"is damaged: export.graphs.{name}")
    return dict(about)


def graph_bytes(folder: Path, about: Mapping[str, Any], name: str) -> bytes:
    """A graph of an exported folder, as its config.json has it by size and SHA-256."""
    from ganzfeld.core.files import mismatch

    expected = about["export"]["graphs"][name]
    if Path(expected["file"]).name != expected["file"]:
        raise CheckpointError(f"{folder / 'config.json'} is damaged: export.graphs.{name}.file")
    data = reader.read_whole(folder / expected["file"], int(expected["size"]))
    if problem := mismatch(expected["file"], data, expected):
        raise CheckpointError(
            f"{folder} is damaged: {problem}", fix="copy the folder again from its source"
        )
    return data


def session(data: bytes, *, threads: int = 1) -> Any:
    """An onnxruntime session on the CPU."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError("onnxruntime is not installed", fix=INSTALL) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run(session: Any, given: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The one output of a session for these inputs; those that its graph does not use stay out."""
    known = {one.name for one in session.get_inputs()}
    feed = {name: np.ascontiguousarray(v) for name, v in given.items() if name in known}
    found: NDArray[Any] = session.run(None, feed)[0]
    return found
