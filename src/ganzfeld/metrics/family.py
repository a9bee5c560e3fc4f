"""What metrics are computed from, and how one is described: `Sets`, `Family`, `Metric`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.metrics.features import Extractor, Features
from ganzfeld.modalities.base import Spec

BIASED = 5_000  # below it, the Frechet distance says more about N than about the images
PIXEL_COUNT = 2_000  # samples of the comparison of plain pixels

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Thumbnails:
    """What the search for copies takes, see `metrics.memorisation` and `metrics.registered`.

    generated, data, fresh: `Modality.thumbnails`, or prints where the kind has a `fitting`.
    numbers: which samples the generated ones are. rows: which images of the data these are.
    whole: images of the data in all. repeated: share of fresh samples that the data hold already,
    of a kind that repeats itself, as lines do.
    """

    generated: NDArray[Any]
    variants: list[Features]
    data: NDArray[Any]
    fresh: NDArray[Any] | None
    fresh_variants: list[Features]
    numbers: Labels
    rows: Labels
    whole: int
    repeated: float = 0.0


@dataclass(frozen=True)
class Sets:
    """Both sides of a comparison, as features (N, D), small pixels (n, d) and labels.

    generated_pixels, data_pixels: as `Modality.plain` gives them, of PIXEL_COUNT samples or fewer.
    samples, data_samples: as many as they are stored, where a family `keeps` them; and how they
    lie. data_rows: which of the data these are. numbers, data_numbers: of these, (n, k), scaled
    alike, where samples were asked for by numbers that the data have too.

    everything: the data as they were opened, for what looks at all of them; None where real samples
    stand in place of the generated ones. among: the data that these are rows of.

    Both in random order. wanted: the classes of the generated ones, where they are known.
    intervals: whether these are wanted too.
    """

    extractor: Extractor
    generated: Features
    data: Features
    generated_pixels: Features
    data_pixels: Features
    classes: tuple[str, ...]
    wanted: Labels | None
    data_labels: Labels | None
    thumbnails: Thumbnails | None = None
    held_out: Features | None = None
    intervals: bool = True
    spec: Spec | None = None
    samples: NDArray[Any] | None = None
    data_samples: NDArray[Any] | None = None
    everything: Any = None
    among: Any = None
    data_rows: Labels | None = None
    numbers: NDArray[np.float32] | None = None
    data_numbers: NDArray[np.float32] | None = None


Measure = Callable[[Sets], dict[str, Any]]


@dataclass(frozen=True)
class Family:
    """Metrics that one pass finds.

    needs: what to say where it cannot. usual: without asking. modality: the only kind of sample
    that it is for. keeps: whether it looks at stored samples, `Sets.samples`.
    """

    measure: Measure
    needs: str = ""
    also: tuple[str, ...] = ()
    usual: bool = True
    modality: str | None = None
    keeps: bool = False


@dataclass(frozen=True)
class Metric:
    """A number that an evaluation gives.

    name: its key in the results. family: what finds it. title: for people. meaning: in one line.
    best: "min", "max", "one" (as near to 1 as may be), or None where no end is better.
    interval: whether there is one, under `name_interval`.
    said: how the sentence at the end of a run says it, before the number; "" where it does not.
    """

    name: str
    family: str
    meaning: str
    best: str | None
    title: str = ""
    interval: bool = False
    said: str = ""

    @property
    def words(self) -> str:
        return self.title or self.name.replace("_", " ")


def with_floor(metric: Metric, meaning: str) -> tuple[Metric, Metric]:
    """A metric, and the same number of real data by themselves, under its name and "_floor"."""
    return metric, Metric(
        f"{metric.name}_floor", metric.family, meaning, None, f"{metric.words}, floor"
    )
