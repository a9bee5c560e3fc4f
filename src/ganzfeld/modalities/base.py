"""What a kind of sample is: `Spec` says how one data set's samples lie, `Modality` handles them.

Outside this package no code asks which kind it is: it asks the modality to decode, convert, save,
show, describe or compare. A new kind is one file with a subclass and one entry in `MODALITIES`.
"""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import marks, temporary
from ganzfeld.core.files import replace_by
from ganzfeld.core.reader import LINE_BYTES, Unreadable, read_whole
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities.arrays import as_lists, write_array
from ganzfeld.modalities.odd import Odd
from ganzfeld.text import isolated, plain

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ganzfeld.core.types import Batch
    from ganzfeld.modalities.fitting import Fitting

    Vary = Callable[[Batch, int], Batch]  # a batch and a seed to a batch


TEXT = 20_000  # characters of a text that a page shows


@dataclass(frozen=True)
class Spec:
    """How the samples of one column lie; JSON in `config.data.spec` and in a model's config.json.

    modality: a name in `ganzfeld.modalities.MODALITIES`. shape: of one sample as a network sees
    it: (3, 64, 64), (1, 16000), (128,) tokens. dtype: as stored: uint8, int16, int32 or float32.
    extra: what else the modality needs, all JSON: sample rate, vocabulary, axes, mean, deviation.

    Example::

        from ganzfeld.modalities import Spec

        spec = Spec("image", (3, 64, 64), "uint8")
        assert Spec.from_json(spec.to_json()) == spec
    """

    modality: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Numbers in a sample."""
        return math.prod(self.shape)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"shape": list(self.shape)}

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> Spec:
        """From what `to_json` gave and a reader has checked."""
        return Spec(
            str(stored["modality"]),
            tuple(int(side) for side in stored["shape"]),
            str(stored.get("dtype", "float32")),
            dict(stored.get("extra", {})),
        )


class Modality:
    """One kind of sample. What is written here suits arrays of floats; a kind changes the rest.

    Arrays of stored samples are (N, ...) of `spec.dtype`; those of a network are what `to_network`
    gives and what a generator makes. `to_store` takes a generator's samples back to stored ones,
    and everything that is saved, shown or measured is stored samples.
    """

    name: str = ""  # "image"
    noun: str = "samples"  # what several of them are called
    one: str = "sample"  # and one
    suffix: str = ".npy"  # of a file that holds one sample
    sheet_suffix: str = ".npy"  # of a file that shows many
    hub_task: str = "other"  # as model hubs name it
    tags: tuple[str, ...] = ()  # of a model's card
    values: str = "numbers"  # of a network's samples, in words: "in [-1, 1]"
    rescaled: bool = False  # whether files of any size are scaled to the one that is asked for
    draws: bool = False  # whether single samples can be had as PIL images
    repeats: bool = False  # whether equal samples are usual, as lines of text are
    symbols: bool = False  # whether values are symbols: equal or not, at no distance
    one_file: bool = False  # whether `ganzfeld sample` writes all samples into one `sheet`
    by_plain: str = "number by number"  # how `plain` compares samples
    by_thumbnails: str = "by their numbers"  # how near samples are: `thumbnails`, `fitting`
    advice: str = ""  # a sentence for whoever takes that recipe
    recipe: str = "default"  # the recipe of `ganzfeld train` where none is named
    captioned: str = ""  # the recipe that makes such samples from captions
    trained_per_measured: int = 40  # between evaluations in training: measuring costs time too
    learns: bool = False  # whether `fitted` learns something from the training part
    compares: bool = True  # whether near copies are faults: of numbers in a row they are not
    odd: tuple[Odd, ...] = (Odd("spread", "Constant", beyond=1e-3, relative=True),)
    stacks: bool = False  # whether they are where a file is named, of this suffix, for all

    def check(self, spec: Spec) -> None:
        """Raises Unreadable where a spec that a file holds cannot be one of this kind.

        What is learned from the data may be missing: it may not be known yet.
        """

    # What is learned from the data before training

    def fitted(self, spec: Spec, stored: NDArray[Any], c: NDArray[Any] | None = None) -> Spec:
        """The spec with what the training part shows: scales, levels, modes.

        stored: all its samples (N, ...). c: the numbers beside them, (N, k).
        """
        return spec

    def shared(self, spec: Spec, other: Spec) -> Spec:
        """What samples of two specs of this kind can both lie as, for two domains of one kind.

        `turned` brings them there. Raises DataError where there is no such spec.
        """
        if (spec.shape, spec.dtype) != (other.shape, other.dtype):
            raise DataError(
                f"the {self.noun} of domain a are {self.describe(spec)}, those of b "
                f"{self.describe(other)}: they must lie alike",
                safe="nothing was trained",
            )
        return spec

    def reading(self, spec: Spec) -> dict[str, Any]:
        """Options of reading data whose samples shall lie as these do, beside the modality."""
        return {}

    def in_time(self, spec: Spec) -> tuple[str, int] | None:
        """Of samples that lie one behind the other in time, and may share values: the column that
        says in which step each begins, and how many steps it lasts. None: each is one of its own.
        """
        return None

    # From the store to a network and back

    def to_network(self, stored: Tensor, spec: Spec) -> Tensor:
        """Stored samples (N, ...), on any device, as networks take them."""
        return stored.float()

    def to_store(self, samples: Tensor, spec: Spec) -> NDArray[Any]:
        """A generator's samples (N, ...) as stored ones, on the CPU."""
        return self.stored(samples.detach().float().cpu().numpy(), spec)

    def stored(self, samples: NDArray[Any], spec: Spec) -> NDArray[Any]:
        """`to_store` of samples that are arrays, as an exported model makes them, without torch."""
        return samples.astype(spec.dtype, copy=False)

    def layout(self, network: nn.Module) -> None:
        """Lay a network's weights out as they are fastest for such samples."""

    def arrange(self, x: Tensor) -> Tensor:
        """Samples in the memory layout that such a network is fastest with."""
        return x

    def variation(
        self, *, mirror: bool = False, jitter: float = 0.0, together: bool = False, noise: str
    ) -> Vary | None:
        """What changes training batches by chance; None for nothing.

        Raises ValueError for what this kind of sample cannot take.
        """
        if mirror or jitter:
            raise ValueError(f"data.mirror and data.jitter are for images, not for {self.noun}")
        return None

    def turned(self, spec: Spec, wanted: Spec) -> Callable[[NDArray[Any]], NDArray[Any]] | None:
        """What turns stored samples (N, ...) of one spec into those of another of the same kind.

        Such as levels by their names; it raises DataError where they do not fit. None where
        nothing has to be turned, or nothing can.
        """
        return None

    def foreign(self, spec: Spec, wanted: Spec) -> list[str]:
        """What samples of one spec may hold that those of another cannot, in words, quoted."""
        return []

    def from_python(self, samples: Any, spec: Spec) -> NDArray[Any]:
        """Samples as a program holds them, as stored ones (N, ...). DataError where they do not
        fit."""
        found = np.asarray(samples)
        if found.shape[1:] != spec.shape:
            raise DataError(
                f"{self.noun} of the shape {spec.shape} were expected, not {found.shape[1:]}"
            )
        return found.astype(spec.dtype)

    def to_python(self, stored: NDArray[Any], spec: Spec, like: Any) -> Any:
        """Stored samples (N, ...) as a program holds such: as `like` came to `from_python`."""
        return stored

    def received(self, data: bytes, spec: Spec, most: int) -> NDArray[Any]:
        """A file that somebody sends as stored samples (n, ...), n at most `most`; or DataError."""
        raise DataError(f"{self.noun} are not taken as a file")

    # For people

    def save(self, sample: NDArray[Any], path: Path, spec: Spec) -> None:
        """Write one stored sample as a file that people open, whole or not at all."""
        write_array(sample, path)

    def encoded(self, sample: NDArray[Any], spec: Spec) -> bytes:
        """The bytes of the file that `save` writes. Override it where they need no file."""
        with temporary.scratch() as folder:
            path = folder / f"sample{self.suffix}"
            self.save(sample, path, spec)
            return path.read_bytes()

    def save_marked(
        self, sample: NDArray[Any], path: Path, spec: Spec, mark: Mapping[str, Any] | None
    ) -> None:
        """`save`, with a mark in the file or beside it (`ganzfeld.core.marks`); None: without."""
        if mark is None:
            self.save(sample, path, spec)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        marks.write(path, self.encoded(sample, spec), mark)

    def to_json(self, sample: NDArray[Any], spec: Spec) -> Any:
        """One stored sample as JSON: lists of numbers, null for what is none."""
        return as_lists(sample.tolist())

    def sheet(self, samples: NDArray[Any], columns: int | None, path: Path, spec: Spec) -> None:
        """Write one file that shows stored samples (N, ...), so many side by side.

        columns: None chooses.
        """
        write_array(samples, path)

    def holds_all(self, path: Path) -> bool:
        """Whether a file of this name takes all samples together, as `sheet` writes them."""
        return self.stacks and path.suffix.lower() == self.suffix

    def pieces(self, blocks: Iterable[NDArray[Any]], spec: Spec) -> Iterator[str]:
        """The text of the file that holds all samples, of a kind with `one_file`: a piece for each
        block of stored samples (N, ...), so that their number is not bounded by memory."""
        raise NotImplementedError

    def write(self, blocks: Iterable[NDArray[Any]], path: Path, spec: Spec) -> None:
        """Write that file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_by(path, (piece.encode("utf-8") for piece in self.pieces(blocks, spec)))

    def portable(self) -> str:
        """Lines of Python, with NumPy as np, that write one sample for people: `x` is the sample as
        a network makes it, `name` the file's name without an ending, `about` a config.json."""
        return 'np.save(name + ".npy", x)'

    def portable_in(self) -> str:
        """Likewise, that read the file at `path` as `x`, a list of what a network takes."""
        return "x = [np.load(path)]"

    def need_images(self, what: str) -> None:
        """UsageError where samples are no images, which `what` is made of."""
        if not self.draws:
            raise UsageError(
                f"{what} is made of images, and these are {self.noun}",
                safe="nothing was written",
                fix=f"ganzfeld sample RUN --out PLACE, which writes {self.noun}",
            )

    def to_image(self, sample: NDArray[Any], spec: Spec) -> Any:
        """A stored sample as a PIL image; UsageError where such samples are no images."""
        raise UsageError(
            f"{self.noun} are not images", fix="model.sample(...) or model.save(count, folder)"
        )

    def blank(self, spec: Spec) -> NDArray[Any]:
        """A stored sample that shows nothing, to fill a sheet with."""
        return np.zeros(spec.shape, spec.dtype)

    def most_in_sheet(self, spec: Spec, pixels: int) -> int | None:
        """Samples that fit a sheet of so many pixels; None for any number."""
        return None

    def html(
        self, file: Path, alt: str, *, side: int = 640, most: int = 100_000, lazy: bool = False
    ) -> str | None:
        """A file that `sheet` or `save` wrote as HTML that holds it all; None if unreadable.

        Texts, .txt, are shown as they are whatever the kind.

        alt: what it shows, for those who cannot see it, any text. side: px of the longer side.
        most: bytes, about.
        """
        if file.suffix != ".txt":
            return None
        try:
            text = read_whole(file, LINE_BYTES).decode(errors="replace")[:TEXT]
        except (OSError, Unreadable):
            return None
        said = isolated(html.escape(plain(text, keep="\n\t")), "<bdi>", "</bdi>")
        return f'<pre class="text" tabindex="0">{said}</pre>'

    def show(
        self,
        samples: NDArray[Any],
        alt: str,
        spec: Spec,
        *,
        side: int = 640,
        most: int = 100_000,
        lazy: bool = False,
    ) -> str | None:
        """Stored samples (N, ...) side by side as HTML; None where these cannot be shown."""
        return None

    def words(self, samples: NDArray[Any], spec: Spec) -> str | None:
        """Stored samples as text for a terminal; None for what no terminal shows."""
        return None

    def measured(self, result: Mapping[str, Any]) -> str | None:
        """What a page shows of an evaluation beside its table of metrics, as HTML; or None."""
        return None

    def describe(self, spec: Spec) -> str:
        """How one sample lies, for plans and reports: "64x64 pixels, 3 channels"."""
        return f"{' x '.join(map(str, spec.shape))} {spec.dtype}"

    # What plans and metrics ask

    def examples(self, size: tuple[int, int] | None = None) -> list[tuple[Spec, int]]:
        """Data that there could be, each with a number of classes: on them a user's settings are
        tried before the data are read.

        size: that was asked for.
        """
        return []

    def enough(self, spec: Spec) -> int | None:
        """Samples to see until results begin to look right, by a rule of thumb; None: not known."""
        return None

    def too_few(self, spec: Spec) -> str:
        """What fewer samples than `enough` are too few for, and what to expect of them."""
        return f"{self.describe(spec)}: expect rough samples"

    def smaller(self, spec: Spec, share: float) -> str | None:
        """What to ask for where only this share of `enough` can be seen: "--size 64"."""
        return None

    def plain(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Stored samples as numbers (N, d), a few hundred each, without any network."""
        return np.ascontiguousarray(stored).reshape(len(stored), -1).astype(np.float32)

    def thumbnails(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Numbers (N, d) that are near each other where samples look alike: for finding copies."""
        return self.plain(stored)

    def vitals(self, stored: NDArray[Any]) -> dict[str, float]:
        """A few numbers of a set of samples (N, ...), 0 or more, that generated ones should have
        as the data do: loudness, fine detail, different lines. See docs/doctor.md."""
        return {}

    def variants(self, stored: NDArray[Any]) -> list[NDArray[np.float32]]:
        """`thumbnails` of the samples as a copy may hide them, undone: mirrored, shifted."""
        return []

    def fitting(self) -> Fitting | None:
        """How samples are fitted to each other, to find copies; None: they are not, and
        `thumbnails` are compared."""
        return None

    def prints(self, stored: NDArray[Any]) -> NDArray[Any]:
        """What a search for near copies keeps of each sample (N, ...): about a kilobyte."""
        return self.plain(stored)

    def views(
        self, prints: NDArray[Any], *, all_of_them: bool = True
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Prints as numbers to compare (N, d): first as they are, "", then as a copy may hide
        them: (how, numbers). all_of_them: also those that few copies need."""
        yield "", prints.reshape(len(prints), -1).astype(np.float32)

    def traits(self, stored: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Numbers of each sample (N,) by name, by which `odd` finds odd ones."""
        flat = np.asarray(stored, np.float64).reshape(len(stored), -1)
        return {"spread": flat.std(1)}

    def facts(self, stored: NDArray[Any], spec: Spec) -> list[str]:
        """What is odd about a whole set of stored samples (N, ...), in sentences."""
        return []
