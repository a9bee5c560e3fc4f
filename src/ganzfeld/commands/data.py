"""Commands about data."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from ganzfeld.commands.common import parse_size
from ganzfeld.text import tell


def data_check(data: Positional[str], /, *, quarantine: bool = False) -> None:
    """Decode every picture and list what is bad, by name and reason. Exit 3 if any is.

    Args:
        data: What would be trained on.
        quarantine: Move bad files of a folder into a folder beside it. Nothing is deleted.
    """
    from ganzfeld.data.check import check_data, describe
    from ganzfeld.screen import Screen

    report = check_data(data, quarantine=quarantine, progress=Screen().progress)
    tell(describe(report))
    if (report["skipped"] or report["unreadable"]) and not report.get("quarantined"):
        raise SystemExit(3)


def data_sheet(data: Positional[str], /, *, out: Path, size: str | None = None) -> None:
    """Draw a contact sheet of the data as training would see it.

    Args:
        data: What would be trained on.
        out: The PNG file to write.
        size: Pixels: N for a square, or HEIGHTxWIDTH. Default: what suits the data.
    """
    from ganzfeld.data.pack import PackOptions, open_pack
    from ganzfeld.data.sheet import data_sheet as draw
    from ganzfeld.screen import Screen

    pack = open_pack(data, PackOptions(size=parse_size(size)), progress=Screen().progress)
    draw(pack, out)
    tell(f"sheet of {pack.count:,} pictures in {out}")
