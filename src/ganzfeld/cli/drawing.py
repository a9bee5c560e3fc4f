"""What `ganzfeld sample` needs around the drawing: names of files, room on the disk, a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganzfeld.cli.options import GRID_PIXELS, parse_given
from ganzfeld.core.language import tell

ALONE = {  # options that say what to draw, with those that then mean nothing
    "--from": (
        "--from draws one sample again",
        {"--grid", "--columns", "--count", "--seed", "--label", "--given", "--text", "--sweep"}
        | {"--direction", "--latent", "--of", "--rank", "--mean", "--std", "--show-price", "--data"}
        | {"--format", "--range"},
    ),
    "--latent": (
        "--latent says what to draw",
        {"--sweep", "--of", "--rank", "--given", "--text", "--format", "--range", "--seed"}
        | {"--show-price", "--mean", "--std"},
    ),
    "--sweep": (
        "--sweep draws each sample along a condition",
        {"--of", "--rank", "--text", "--format", "--range", "--show-price", "--mean"},
    ),
}
PARTS = {"--columns": ("--grid", "--sweep"), "--data": ("--show-price",)}  # of others


USUAL = {"--count": 16, "--seed": 0, "--mean": 0.0, "--std": 1.0, "--format": "png"}


def need_used(values: Mapping[str, Any]) -> None:
    """UsageError where an option of `ganzfeld sample` would change nothing. values: by option."""
    from ganzfeld.errors import UsageError

    given = {
        name: not (value is None or value is False or value in ((), USUAL.get(name)))
        for name, value in values.items()
    }
    for option, (what, nothing) in ALONE.items():
        if not given[option]:
            continue
        for other, on in given.items():
            if on and other in nothing:
                raise UsageError(f"{what}: it takes no {other}", fix="leave one out")
    for option, (first, *others) in PARTS.items():
        if given[option] and not any(given[other] for other in (first, *others)):
            raise UsageError(
                f"{option} is for {first}, which is not given",
                safe="nothing was drawn",
                fix=f"leave {option} out, or add {first}",
            )


def with_class(
    loaded: Any, label: tuple[str, ...], given: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """--label and --given, where a class that --given asks for by its column is among the first."""
    if not given:
        return label, given
    from ganzfeld.data.label_names import class_of
    from ganzfeld.errors import UsageError

    name, left = class_of(loaded.about, parse_given(given))
    if name is None:
        return label, given
    if label:
        raise UsageError("--label and --given both name the class", fix="one of them")
    return (name,), tuple(f"{key}={value}" for key, value in left.items())


def given_rows(
    loaded: Any, given: Sequence[str], count: int, seed: int, text: Sequence[str] = ()
) -> Any:
    """Conditions of --given or --text; None where there are none. Says what the data never had."""
    if text:
        from ganzfeld.errors import UsageError
        from ganzfeld.models.asked import rows_of

        if given:
            raise UsageError("--text and --given both say what to draw", fix="one of them")
        return rows_of(loaded.conditions, None, list(text))
    if not given:
        return None
    from ganzfeld.data.conditions import beyond, row_of

    values = parse_given(given)
    row_of(loaded.conditions, values)
    for sentence in beyond(loaded.conditions, values):
        tell(f"note: {sentence}: expect less of it", aside=True)
    return loaded.given(values, count, seed=seed)


def write_captions(
    loaded: Any, names: Sequence[tuple[int, str]], rows: Any, seed: int, out: Path
) -> None:
    """metadata.csv beside samples of a model of captions: file_name,caption.

    names: numbers and names of the files. rows: the captions that were asked for, or None.
    """
    import csv
    import io

    from ganzfeld.core import files
    from ganzfeld.data.conditions import is_captioned
    from ganzfeld.models.asked import told

    if not is_captioned(loaded.conditions) or not names:
        return
    own = loaded.numbers_of([number for number, _ in names], seed, rows)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file_name", "caption"])
    table.writerows(
        [name, line] for (_, name), line in zip(names, told(loaded.conditions, own), strict=True)
    )
    files.replace(out / "metadata.csv", files.utf8(text.getvalue()))


NAME_BYTES = 200  # of a class in a file's name, which may have 255


def class_names(
    loaded: Any, count: int, seed: int, label: Sequence[str]
) -> Iterator[tuple[str, str | None]]:
    """The class of each sample as a part of its file's name, and as the model has it; "" and None
    where there are no classes."""
    from ganzfeld.models.export_dataset import folders_of

    wanted = loaded.label_numbers(label or None)
    short = [n.encode("utf-8", "ignore")[:NAME_BYTES] for n in folders_of(loaded.classes).values()]
    plain = [name.decode("utf-8", "ignore") for name in short]
    for low in range(0, count, BLOCK):  # for as many as there are
        block = range(low, min(low + BLOCK, count))
        own = loaded.labels_of(block, seed, wanted)
        if own is None:
            yield from (("", None) for _ in block)
        else:
            yield from ((plain[number], loaded.classes[number]) for number in own)


def by_class(everything: list[Any], labels: int, model: Any) -> list[Any]:
    """Samples of classes in turn as rows of a class each, the last row's end filled with blanks."""
    blank = model.modality.blank(model.spec)
    each = -(-len(everything) // labels)
    rows = [everything[first::labels] for first in range(labels)]
    return [image for row in rows for image in [*row, *[blank] * (each - len(row))]]


BLOCK = 4096  # labels drawn at once


PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")


def check_sheet(place: Path, model: Any, option: str) -> None:
    """`check_picture` of a sheet, where sheets of the model's samples are pictures; of others,
    UsageError for the name of a picture."""
    from ganzfeld.errors import UsageError

    kind = model.modality
    if kind.sheet_suffix == ".png":
        check_picture(place, option)
    elif place.suffix.lower() in PICTURES:
        raise UsageError(
            f"{place} would be no picture: {kind.noun} are written as {kind.sheet_suffix}",
            safe="nothing was drawn",
            fix=f"{option} {place.with_suffix(kind.sheet_suffix)}",
        )


def check_picture(place: Path, option: str) -> None:
    """UsageError where a picture would get the name of something else."""
    from ganzfeld.errors import UsageError

    if place.suffix.lower() not in PICTURES:
        raise UsageError(
            f"{place} should end in .png, .jpg or .webp: it is a picture",
            safe="nothing was drawn",
            fix=f"{option} {place.with_suffix('.png')}",
        )


def check_grid(count: int, model: Any, place: Path) -> None:
    """UsageError where a sheet of so many would not fit, or is none; it says how many do."""
    from ganzfeld.errors import UsageError

    check_sheet(place, model, "--grid")
    most = model.modality.most_in_sheet(model.spec, GRID_PIXELS)
    if most is not None and count > most:
        raise UsageError(
            f"--grid with {count:,} {model.modality.noun} is too large for one: {most:,} fit",
            safe="nothing was drawn",
            fix=f"omit --grid, or use a second command for it with --count {min(most, 100)}",
        )


def check_room(out: Path, each: float, left: int) -> None:
    """ResourceError where the disk cannot take the rest; it says how many fit."""
    import shutil

    from ganzfeld.core.memory import amount
    from ganzfeld.errors import ResourceError

    free = shutil.disk_usage(out).free
    block = 4096  # a disk gives whole ones
    needed = left * max(each, block)
    if needed > free:
        raise ResourceError(
            f"{left:,} more images need about {amount(needed)}, and {out} has {amount(free)}",
            safe=f"the first ones are in {out}",
            fix=f"--count {int(0.9 * free / max(each, block)):,}".replace(",", "")
            + " fits, or another disk with --out",
        )
