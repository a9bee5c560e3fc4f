"""Commands about data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from ganzfeld.cli.options import Kind, data_request
from ganzfeld.core.language import speak_of, tell


def data_check(
    data: Positional[str],
    /,
    *,
    quarantine: bool = False,
    html: Path | None = None,
    json: bool = False,
    size: str | None = None,
    labels: Annotated[str, arg(metavar="auto|none|folders|names|FILE")] = "auto",
    modality: Annotated[Kind, arg(name="as")] = "auto",
    window: int | None = None,
    range: Annotated[str | None, arg(metavar="LOW:HIGH")] = None,
    frames: Literal["first", "all"] = "first",
    splits: Literal["train", "all"] = "train",
    follow_links: bool = False,
    max_megapixels: float = 64.0,
    alpha: Literal["white", "black", "keep"] = "white",
    on_bad_image: Literal["fail", "skip"] | None = None,
) -> None:
    """Say what is wrong with data: bad files, near copies, odd samples, leaks. Exit 3 if bad.

    Args:
        data: Data as `train` takes it.
        quarantine: Move bad files (not links) into a folder beside the data. Nothing is deleted.
        html: Also write a page that shows the samples it is about; one file, open it anywhere.
        json: Print JSON, for scripts.
        size: Size in pixels: N for a square, or HEIGHTxWIDTH. Default: chosen from the data.
        labels: As for `train`.
        modality: As for `train`.
        window: As for `train`.
        range: Values that become black and white, such as 0:4095 or p1:p99. Default: from the data.
        frames: all: every frame of animations and every page of documents.
        splits: all: also test and validation images.
        follow_links: Follow links that lead out of the folder.
        max_megapixels: Larger images count as bad.
        alpha: Colour behind transparent pixels, or keep: alpha stays as a channel.
        on_bad_image: As for `train`; decides the verdict.
    """
    asked = data_request(locals())
    from ganzfeld.core.console import Screen
    from ganzfeld.core.files import as_json
    from ganzfeld.data.check import check_data, describe
    from ganzfeld.modalities import MODALITIES

    shown: dict[int, Any] | None = {} if html is not None else None
    report = check_data(
        asked.source,
        asked.options,
        quarantine=quarantine,
        progress=None if json else Screen().progress,
        gallery=shown,
    )
    noun = str(report.get("noun", "images"))
    kind = MODALITIES.get(str(report.get("modality")))
    speak_of(noun, noun.removesuffix("s") if kind is None else kind.one)
    if json:
        print(as_json(report).decode(), end="")
    else:
        tell(describe(report))
    if html is not None and shown is not None:
        from ganzfeld.report.data_page import write

        page = write(report, shown, html)
        None if json else tell(f"page: {page}")
    left = len(report["skipped"]) - len(report.get("quarantined", []))
    if left or (report["unreadable"] and not quarantine) or (report["verdict"] and not quarantine):
        raise SystemExit(3)


def data_sheet(
    data: Positional[str],
    /,
    *,
    out: Path,
    size: str | None = None,
    labels: Annotated[str, arg(metavar="auto|none|folders|names|FILE")] = "auto",
    modality: Annotated[Kind, arg(name="as")] = "auto",
    window: int | None = None,
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
        data: Data as `train` takes it.
        out: The PNG file to write.
        size: Size in pixels: N for a square, or HEIGHTxWIDTH. Default: chosen from the data.
        labels: As for `train`.
        modality: As for `train`.
        window: As for `train`.
        range: Values that become black and white, such as 0:4095 or p1:p99. Default: from the data.
        frames: all: every frame of animations and every page of documents.
        splits: all: also test and validation images.
        follow_links: Follow links that lead out of the folder.
        max_megapixels: Larger images count as bad.
        alpha: Colour behind transparent pixels, or keep: alpha stays as a channel.
        on_bad_image: As for `train`.
    """
    asked = data_request(locals())
    from ganzfeld.cli.drawing import check_picture
    from ganzfeld.core.console import Screen
    from ganzfeld.data.pack import open_pack
    from ganzfeld.data.sheet import data_sheet as draw
    from ganzfeld.modalities import modality_of

    pack = open_pack(asked.source, asked.options, progress=Screen().progress)
    if modality_of(pack.spec).sheet_suffix == ".png":
        check_picture(out, "--out")
    drawn = draw(pack, out)
    tell(f"sheet of {pack.count:,} {pack.report.get('noun', 'images')} in {drawn}")
