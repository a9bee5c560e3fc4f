"""Commands about data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from ganzfeld.commands.common import parse_size
from ganzfeld.text import tell


def data_check(
    data: Positional[str],
    /,
    *,
    quarantine: bool = False,
    size: str | None = None,
    labels: Annotated[str, arg(metavar="auto|none|folders|FILE")] = "auto",
    range: Annotated[str | None, arg(metavar="LOW:HIGH")] = None,
    frames: Literal["first", "all"] = "first",
    splits: Literal["train", "all"] = "train",
    follow_links: bool = False,
    max_megapixels: float = 64.0,
    alpha: Literal["white", "black", "keep"] = "white",
    on_bad_image: Literal["fail", "skip"] | None = None,
) -> None:
    """Decode every image and list what is bad, by name and reason. Exit 3 if any is.

    Args:
        data: What would be trained on.
        quarantine: Move bad files of a folder, but no links, into a folder beside it. Nothing is
            deleted.
        size: Pixels: N for a square, or HEIGHTxWIDTH. Default: what suits the data.
        labels: As `train` takes them.
        range: What becomes black and white, such as 0:4095, or p1:p99. Default: found.
        frames: all: every frame of animations and files with pages.
        splits: all: test and validation images too.
        follow_links: Also links that lead out of the folder.
        max_megapixels: Larger images count as bad.
        alpha: What shows through transparent pixels, or keep it as a channel.
        on_bad_image: As `train` takes it, for the verdict.
    """
    from ganzfeld.data.check import check_data, describe
    from ganzfeld.data.pack import PackOptions
    from ganzfeld.screen import Screen

    options = PackOptions(
        size=parse_size(size),
        labels=labels,
        range=range,
        frames=frames,
        splits=splits,
        follow_links=follow_links,
        max_megapixels=max_megapixels,
        alpha=alpha,
        on_bad_image=on_bad_image,
    )
    report = check_data(data, options, quarantine=quarantine, progress=Screen().progress)
    tell(describe(report))
    left = len(report["skipped"]) - len(report.get("quarantined", []))
    if left or (report["unreadable"] and not quarantine) or (report["verdict"] and not quarantine):
        raise SystemExit(3)


def data_sheet(
    data: Positional[str],
    /,
    *,
    out: Path,
    size: str | None = None,
    labels: Annotated[str, arg(metavar="auto|none|folders|FILE")] = "auto",
    range: Annotated[str | None, arg(metavar="LOW:HIGH")] = None,
    frames: Literal["first", "all"] = "first",
    splits: Literal["train", "all"] = "train",
    follow_links: bool = False,
    max_megapixels: float = 64.0,
    alpha: Literal["white", "black", "keep"] = "white",
    on_bad_image: Literal["fail", "skip"] | None = None,
) -> None:
    """Draw a contact sheet of the data as training would see it.

    Args:
        data: What would be trained on.
        out: The PNG file to write.
        size: Pixels: N for a square, or HEIGHTxWIDTH. Default: what suits the data.
        labels: As `train` takes them.
        range: What becomes black and white, such as 0:4095, or p1:p99. Default: found.
        frames: all: every frame of animations and files with pages.
        splits: all: test and validation images too.
        follow_links: Also links that lead out of the folder.
        max_megapixels: Larger images count as bad.
        alpha: What shows through transparent pixels, or keep it as a channel.
        on_bad_image: As `train` takes it.
    """
    from ganzfeld.data.pack import PackOptions, open_pack
    from ganzfeld.data.sheet import data_sheet as draw
    from ganzfeld.screen import Screen

    options = PackOptions(
        size=parse_size(size),
        labels=labels,
        range=range,
        frames=frames,
        splits=splits,
        follow_links=follow_links,
        max_megapixels=max_megapixels,
        alpha=alpha,
        on_bad_image=on_bad_image,
    )
    pack = open_pack(data, options, progress=Screen().progress)
    draw(pack, out)
    tell(f"sheet of {pack.count:,} pictures in {out}")
