"""Data stay as they are: no command writes over what it reads, or over what a run learned from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ganzfeld.core.names import quoted, shown, suffix
from ganzfeld.errors import GanzfeldError, UsageError

WRITES = ("--out", "--grid", "--sheet", "--json", "--html")
OF_DATA = frozenset(("csv", "tsv", "jsonl", "ndjson", "txt", "parquet", "npy", "npz", "zip"))
OF_DATA |= {"wav", "png", "jpg", "jpeg", "webp", "gif", "tif", "tiff", "bmp"}


def spare_data(targets: Mapping[str, Path], words: list[str], *, folders: bool = True) -> None:
    """UsageError where a command would write over data.

    targets: the paths to write, by option. words: what else was typed: data, runs and models.
    folders: False: the command writes no folder, and says itself that one was named.
    """
    for option, target in targets.items():
        if not target.exists() or (target.is_dir() and not folders):
            continue
        for word in words:
            for place, whose in data_in(Path(word)):
                check(option, target, place, whose)


def check(option: str, target: Path, place: Path, whose: str) -> None:
    """UsageError where a target is a place of data, or an older file of data in that folder.

    A file in a folder of data that this package made, as its mark says, may be made again.
    """
    if target.samefile(place):
        does = "put samples among" if target.is_dir() else "write over"
    elif place.is_dir() and target.is_file() and target.resolve().is_relative_to(place.resolve()):
        if suffix(target.name) not in OF_DATA or is_marked(target):
            return
        does = "write over"
    else:
        return
    other = target.with_name(f"{target.stem}-made{target.suffix}")
    raise UsageError(
        f"{option} {shown(str(target))} would {does} {whose}",
        safe="nothing was written",
        fix=f"{option} {quoted(other)}",
    )


def data_in(path: Path) -> Iterator[tuple[Path, str]]:
    """Places of data that a word of a command names, and whose they are: its own, or a run's."""
    try:
        if not path.exists():
            return
    except (OSError, ValueError):  # a name that no path can have
        return
    if not (path / "config.json").is_file():
        yield path, "what the command reads"
        return
    from ganzfeld.core.runfolder import read_config
    from ganzfeld.data.whereabouts import located

    run = path.resolve().parent if (path / "model.safetensors").is_file() else path
    try:
        data = located(read_config(run).data, run)
    except (GanzfeldError, OSError):  # a model alone, or what the command itself will refuse
        return
    for name in (data.source, data.other):
        if name and Path(name).exists():
            yield Path(name), f"the data of {shown(str(path))}"


def is_marked(path: Path) -> bool:
    """Whether a file says that it was generated; a damaged mark says nothing."""
    from ganzfeld.core import marks

    try:
        return marks.read(path) is not None
    except (GanzfeldError, OSError):
        return False
