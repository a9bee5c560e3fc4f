"""Options of reading data and of packing them, checked."""

from __future__ import annotations

from dataclasses import dataclass

from ganzfeld.core.border import real, told
from ganzfeld.data.candidates import BY_COLUMN
from ganzfeld.data.source import RULES, WORDS, Reading
from ganzfeld.errors import UsageError, did_you_mean
from ganzfeld.modalities import MODALITIES
from ganzfeld.modalities.image.ranges import parse

IMAGES = "image"
KINDS = ("auto", IMAGES, "field", "audio", "text", "table", "series")
MOST_STEPS = 16_384  # of a window
OF_IMAGES = ("size", "alpha", "frames", "max_megapixels")
MOST_MEGAPIXELS = 2000  # a few bytes a pixel must fit into memory


@dataclass(frozen=True, kw_only=True)
class PackOptions:
    """How a data set becomes a pack.

    `size`: (height, width) in px; None: that of the data when all have one with sides up to 128,
    else 64 x 64. `channels`: 1 grey, 3 RGB, with alpha="keep" 2 and 4; None: what the images
    have. `labels`: "auto", "none", "folders", "names", or a table's path; "clusters", which a run
    makes itself (`data.clusters`), is "none" here. `alpha`: lay transparency on "white" or
    "black", or "keep". `on_bad_image`: None skips up to 1 % bad files and says so; "fail" stops at
    one; "skip" never.
    `count`: images to draw, for embedded data only. `part`: "left" or "right" of two images side
    by side in one file. `fit`: of images of another aspect ratio, "crop" takes the centre and
    "pad" adds black. `range`: "LOW:HIGH", or percentiles "p1:p99", that become black and white;
    None: found. `frames`: "first" or "all" of an animation or a file with pages. `splits`: "train"
    leaves test images out, "all" takes them. `follow_links`: out of the data's folder too.
    `masks`: whether folders of masks beside images are left out. `rules`: see `source.RULES`.
    `modality`: "auto" decides by what the data are; else a name in `KINDS`: what to take them for.
    `window`: steps of a series that is cut out of a longer one; None: chosen from the data.
    `least`: images that there must be. `spared`: images not to train on.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    labels: str = "auto"
    alpha: str = "white"
    on_bad_image: str | None = None
    count: int | None = None
    max_megapixels: float = 64.0
    part: str = "whole"
    fit: str = "crop"
    range: str | None = None
    frames: str = "first"
    splits: str = "train"
    follow_links: bool = False
    masks: bool = True
    rules: int = RULES
    modality: str = "auto"
    window: int | None = None
    least: int = 2
    spared: int = 0

    @property
    def reading(self) -> Reading:
        return Reading(
            labels="none" if self.labels == "clusters" else self.labels,
            splits=self.splits,
            frames=self.frames,
            follow_links=self.follow_links,
            range=self.range,
            masks=self.masks,
            rules=self.rules,
            modality=self.modality,
            window=self.window,
        )

    def __post_init__(self) -> None:
        if self.size is not None:
            height, width = self.size
            if min(height, width) < 1 or max(height, width) > 8192:
                raise UsageError(f"size {height} x {width}: each side must be 1 to 8192 px")
        if self.channels not in (None, 1, 2, 3, 4):
            raise UsageError(f"channels {self.channels}: use 1, 2, 3 or 4")
        if not self.labels or "\0" in self.labels:
            raise UsageError("labels: use auto, none, folders, names, or the path of a table")
        _one_of("fit", self.fit, ("crop", "pad"))
        _one_of("frames", self.frames, ("first", "all"))
        _one_of("splits", self.splits, ("train", "all"))
        if self.range is not None:
            parse(self.range)
        _one_of("modality", self.modality, KINDS)
        if self.window is not None and not 4 <= self.window <= MOST_STEPS:
            raise UsageError(f"--window {self.window}: a series has 4 to {MOST_STEPS:,} steps")
        _one_of("alpha", self.alpha, ("white", "black", "keep"))
        if self.on_bad_image is not None:
            _one_of("on_bad_image", self.on_bad_image, ("fail", "skip"))
        if self.count is not None and self.count < 1:
            raise UsageError(f"count {self.count}: at least one image is needed")
        real(self.max_megapixels, "max_megapixels", 0, MOST_MEGAPIXELS, above=True)


def unused(options: PackOptions, modality: str, embedded: bool) -> str:
    """What to say of options that change nothing for data of this kind; "" where all count.

    Example::

        from ganzfeld.data.options import PackOptions, unused

        asked = PackOptions(size=(32, 32), window=8)
        assert unused(asked, "table", False) == "without effect on rows: --size, --window"
    """
    usual = PackOptions()
    files = ("range", "alpha", "frames", "splits", "max_megapixels", "follow_links")
    idle = {"window"} if embedded or modality != "series" else set()
    idle |= set(files if embedded else ()) | set(() if modality == IMAGES else OF_IMAGES)
    if embedded or modality in ("text", "table", "series"):
        idle |= {"labels"} if options.labels in ("folders", "names") or is_path(options) else set()
    set_ = [n for n in vars(usual) if n in idle and getattr(options, n) != getattr(usual, n)]
    names = ", ".join("--" + name.replace("_", "-") for name in set_)
    return f"without effect on {MODALITIES[modality].noun}: {names}" if names else ""


def is_path(options: PackOptions) -> bool:
    """Whether labels are to come from a table."""
    return options.labels not in WORDS and not options.labels.startswith(BY_COLUMN)


def alpha_of(channels: int | None, asked: str = "white") -> str:
    """The option `alpha` for images of so many channels, where `asked` does not fit them."""
    if channels in (2, 4):
        return "keep"
    return "white" if asked == "keep" and channels is not None else asked


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{option} {told(value)} is not known. {did_you_mean(str(value), known)}")
