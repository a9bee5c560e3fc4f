"""The command that draws samples from a trained generator."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.cli.drawing import (
    by_class,
    check_grid,
    check_room,
    class_names,
    given_rows,
    need_used,
    with_class,
    write_captions,
)
from ganzfeld.core import marks
from ganzfeld.core.language import tell


def sample(
    model: Positional[Path | None] = None,
    /,
    *,
    source: Annotated[Path | None, arg(name="from", metavar="FILE")] = None,
    out: Path | None = None,
    count: int = 16,
    seed: int = 0,
    grid: Path | None = None,
    columns: int | None = None,
    label: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    given: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME=VALUE")] = (),
    text: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="CAPTION")] = (),
    sweep: Annotated[str | None, arg(metavar="NAME=FROM:TO")] = None,
    direction: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NUMBER=STEP")] = (),
    latent: Annotated[Path | None, arg(metavar="FILE")] = None,
    of: int | None = None,
    rank: Literal["discriminator"] | None = None,
    mean: float = 0.0,
    std: float = 1.0,
    show_price: bool = False,
    data: str | None = None,
    which: Literal["best", "last"] = "best",
    format: Literal["png", "png16", "tiff16", "tiff32"] = "png",
    range: Annotated[str | None, arg(metavar="LOW:HIGH")] = None,
    mark: bool = True,
    trust_code: bool = False,
) -> None:
    """Draw samples from a run or a model. Sample i of a seed is always the same.

    Args:
        model: A run's folder or a model's folder. With --from it may be left out.
        source: Draw the sample again that this file came from, by the mark in it.
        out: Folder for images (PNG) or sounds (WAV), one file each: SEED-NUMBER.png, or
            SEED-NUMBER-CLASS.png. Lines of text, and rows of a table as CSV, go into one file;
            without --out they are printed. Fields are .npy files, or one such file if you name one.
            Series are .csv files, or all in one .csv or .npy if you name one.
        count: Number of samples.
        seed: Seed of the samples.
        grid: Write one file that shows all of them; with several --label, one class a row. Files
            of their own are written only with --out.
        columns: Samples in a row of the grid. Default: as many as rows, or as a class has.
        label: Class names, repeated over the samples. Default: a random class for each.
        given: Values of the columns that the model is conditioned on, in the data's units, such as
            age=30 or tags=red|small, or a class by its column, kind=cat. Default: those of a
            random sample of the data for each.
        text: Captions, repeated over the samples, for a model that was trained with such. Default:
            captions of the data. What was drawn for which is in --out as metadata.csv.
        sweep: Let one condition go from one end to the other, such as slope=1:3, in --columns steps
            (default 8): --count samples, one a row of --grid.
        direction: Move each latent along a direction of `ganzfeld directions`, such as 0=2.5.
        latent: Draw the latents of a file that `ganzfeld project` wrote, or of a NumPy file.
        of: Draw this many and keep the best --count. Default with --rank: 8 times --count.
        rank: What scores the candidates. Default with --of: the discriminator.
        mean: Mean of the latents.
        std: Standard deviation of the latents. Below 1: cleaner samples, less variety.
        show_price: Also measure what the selection, or --std, costs in variety.
        data: Data for --show-price. Default: the data of the run.
        which: For a run: its best-scoring checkpoint, or its last.
        format: Of images. png has 8 bits. The others hold numbers in the units of the data: 16-bit
            PNG or TIFF, or TIFF of 32-bit floats.
        range: For these: the values of black and white. Default: those of the data.
        mark: Say in each file, for machines, that it was generated, by which model, and from what.
        trust_code: Allow the model's own Python code to run.
    """
    import numpy as np

    from ganzfeld.cli.editing import draw_latents
    from ganzfeld.cli.marking import Marker, again, limits_of
    from ganzfeld.core import border, marks
    from ganzfeld.core.console import Screen
    from ganzfeld.errors import UsageError
    from ganzfeld.modalities.image import units
    from ganzfeld.models import model as generate
    from ganzfeld.models.directions import directions_of, parse

    border.whole(count, "--count", 1, border.MOST_IMAGES)
    border.whole(seed, "--seed", 0, border.MOST_SEED)
    if columns is not None:
        border.whole(columns, "--columns", 1, border.MOST_IMAGES)
    border.real(mean, "--mean", -1e6, 1e6)
    border.real(std, "--std", 0, 1e6)
    if of is not None:
        border.whole(of, "--of", 1, border.MOST_IMAGES)
    need_used(
        {"--from": source, "--latent": latent, "--sweep": sweep, "--of": of, "--rank": rank}
        | {"--grid": grid, "--columns": columns, "--count": count, "--seed": seed, "--data": data}
        | {"--label": label, "--given": given, "--text": text, "--direction": direction}
        | {"--mean": mean, "--std": std, "--show-price": show_price}
        | {"--format": format, "--range": range}
    )
    if source is not None:
        again(source, model, out, which, mark=mark, trust_code=trust_code)
        return
    if model is None:
        raise UsageError("which run or model should draw?", fix="ganzfeld sample MODEL --out OUT")
    steps = parse(direction)
    if steps and sweep is not None:
        raise UsageError("--sweep draws along a number, not along --direction", fix="one of them")
    if show_price and of is None and rank is None and (mean, std) == (0.0, 1.0):
        raise UsageError(
            "--show-price measures what --of, --rank, --std or --mean costs: none is given",
            safe="nothing was drawn",
            fix="--std 0.7 --show-price",
        )
    loaded = generate.load(model, which=which, task="generation", trust_code=trust_code)
    if latent is not None:
        draw_latents(loaded, latent, out, grid, columns, label, steps, mark=mark)
        return
    if grid:
        check_grid(count, loaded, grid)
    label, given = with_class(loaded, label, given)
    if sweep is not None:
        shape = (columns or 8, min(count, 8))
        sweep_sheet(loaded, sweep, given, grid or out, shape, seed, label, std, mark=mark)
        return
    kind = loaded.modality
    out = place_of(out, kind, seed, grid)
    encode = None
    if format != "png":
        kind.need_images(f"--format {format}")
        encode = units.encoder(format, limits_of(loaded), range)
    elif range is not None:
        raise UsageError("--range is for --format png16, tiff16 and tiff32", fix="--format png16")
    suffix = ".tif" if format.startswith("tiff") else kind.suffix
    screen = Screen(quiet=out is None and (kind.one_file or not grid))
    rows = given_rows(loaded, given, count, seed, text)
    form = {} if encode is None else {"format": format, "range": range}
    marker = Marker(loaded, seed, mean, std, rows, mark, steps, form)
    shift = directions_of(loaded).shift(steps) if steps else None
    if of is None and rank is None:
        numbers: builtins.range | list[int] = builtins.range(count)
        chunks = loaded.chunks(
            count, seed=seed, labels=label or None, mean=mean, std=std, numbers=rows, shift=shift
        )
    else:
        from ganzfeld.models.rank import best

        found = best(
            loaded,
            count,
            of=of,
            rank=rank,
            seed=seed,
            labels=label or None,
            mean=mean,
            std=std,
            numbers=rows,
            shift=shift,
            progress=screen.progress,
        )
        numbers, chunks = found.numbers, iter([found.samples])
    whole = out is not None and kind.holds_all(out)
    everything: list[Any] = []
    many = marker.many(numbers, label, given)
    if kind.one_file:
        kept = everything if grid else None
        blocks = stored_blocks(loaded, chunks, kept, count, screen.progress)
        together(kind, blocks, loaded.spec, out, many)
        chunks = iter(())
    names = class_names(loaded, count, seed, label)
    files_of: list[tuple[int, str]] = []
    named = zip(numbers, names, strict=False)
    done = written = 0
    for chunk in chunks:
        for one, stored in zip(chunk, loaded.store(chunk), strict=True):
            number, (name, own) = next(named)
            if grid or whole:
                everything.append(stored)
            if out is None or whole:
                continue
            path = out / f"{seed}-{number:06d}{name and '-'}{name}{suffix}"
            if encode is None:
                kind.save_marked(stored, path, loaded.spec, marker.one(number, own))
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                marks.write(path, encode(one), marker.one(number, own))
            written += path.stat().st_size
            files_of.append((number, path.name))
        if not done and out is not None and not whole:
            check_room(out, written / len(chunk), count - len(chunk))
        done += len(chunk)
        screen.progress("drawing", done, count)
    if whole and out is not None:
        with marks.marking(out, many) as place:
            kind.sheet(np.stack(everything), None, place, loaded.spec)
    if grid:
        asked = label or text
        several = columns is None and len({*asked}) > 1
        everything = by_class(everything, len(asked), loaded) if several else everything
        wide = len(everything) // len(asked) if several else columns
        with marks.marking(grid, many) as place:
            kind.sheet(np.stack(everything), wide, place, loaded.spec)
    if out is not None and not whole:
        write_captions(loaded, files_of, rows, seed, out)
    if out is not None:
        tell(f"{count:,} {kind.noun} in {out}" + (f", grid in {grid}" if grid else ""))
    elif grid and not kind.one_file:
        tell(f"{count:,} {kind.noun} in {grid}")
    if show_price:
        drawn = 8 * count if of is None and rank is not None else of
        print_price(loaded, model, data, count, drawn, seed, label or None, mean, std)


LEAST_TO_PRICE = 500  # samples: precision and recall of fewer are mostly chance


def print_price(
    loaded: Any,
    folder: Path,
    data: str | None,
    count: int,
    of: int | None,
    seed: int,
    labels: Any,
    mean: float,
    std: float,
) -> None:
    """Print what `sample --of` or --std costs, measured on at least 500 kept samples."""
    from ganzfeld.core.console import Screen
    from ganzfeld.errors import UsageError
    from ganzfeld.metrics.price import describe_price, price
    from ganzfeld.models.export_dataset import source_of
    from ganzfeld.models.open import open_data

    source = data or source_of(folder)
    if source is None:
        raise UsageError("--show-price compares with data", fix="--data PATH")
    screen = Screen()
    larger = max(count, LEAST_TO_PRICE)
    found = price(
        loaded,
        open_data(source, loaded, screen.progress),
        larger,
        None if of is None else round(of * larger / count),
        seed=seed,
        labels=labels,
        mean=mean,
        std=std,
        progress=screen.progress,
    )
    for line in describe_price(found):
        screen.say(line)


def place_of(out: Path | None, kind: Any, seed: int, grid: Path | None) -> Path | None:
    """Where samples go: a folder, or one file of a kind that has one; None: to the screen.

    A path with an ending is that file; one without is a folder for it. With a grid alone there is
    no folder. Raises UsageError where samples can only go to a folder, and there is neither.
    """
    from ganzfeld.core.names import quoted
    from ganzfeld.errors import UsageError
    from ganzfeld.modalities.endings import FORMATS

    if out is None and not kind.one_file and grid is None:
        raise UsageError(
            f"where should the {kind.noun} go?", fix="--out FOLDER, or --grid FILE for one sheet"
        )
    if out is not None and kind.one_file and (out.is_dir() or not out.suffix):
        return out / f"{kind.noun}-{seed}{kind.sheet_suffix}"
    if out is None or kind.one_file or kind.holds_all(out) or out.is_dir():
        return out
    if out.suffix.lower() in FORMATS:
        sheet = quoted(out.with_suffix(kind.sheet_suffix))
        raise UsageError(
            f"{out} would be a folder: {kind.noun} are a file each",
            safe="nothing was written",
            fix=f"--out {quoted(out.with_suffix(''))}, or --grid {sheet} for one sheet of all",
        )
    return out


def together(
    kind: Any, blocks: Iterable[Any], spec: Any, out: Path | None, mark: Any = None
) -> None:
    """Write samples of a kind that go into one file, or print them where there is none.

    blocks: stored samples, a few at a time; no more than these are held.
    """
    if out is not None:
        with marks.marking(out, mark) as place:
            kind.write(blocks, place, spec)
        return
    for piece in kind.pieces(blocks, spec):
        for line in piece.removesuffix("\n").split("\n"):
            tell(line)


def stored_blocks(
    loaded: Any, chunks: Iterable[Any], kept: list[Any] | None, count: int, progress: Any
) -> Iterator[Any]:
    """Samples as they are stored, a few at a time. kept: takes each of them, for a grid."""
    done = 0
    for chunk in chunks:
        stored = loaded.store(chunk)
        if kept is not None:
            kept.extend(stored)
        yield stored
        done += len(stored)
        progress("drawing", done, count)


def sweep_sheet(
    loaded: Any,
    asked: str,
    given: Sequence[str],
    to: Path | None,
    shape: tuple[int, int],
    seed: int,
    labels: Sequence[str],
    std: float,
    *,
    mark: bool,
) -> None:
    """Write, or print, samples while one thing goes from one end to the other.

    shape: steps, and samples that each have a row of so many. given: what stays as it is.
    """
    from ganzfeld.cli.drawing import check_sheet
    from ganzfeld.cli.marking import Marker
    from ganzfeld.cli.options import parse_given
    from ganzfeld.core import border, marks
    from ganzfeld.errors import UsageError
    from ganzfeld.models import sweep as sweeping

    (steps, count), fixed = shape, parse_given(given)
    name, low, high = sweeping.parse(asked)
    border.whole(steps, "--columns", 2, 64)
    if to is None and not loaded.modality.one_file:
        raise UsageError("where should the sheet go?", fix="--grid sweep.png")
    if to is not None:
        check_sheet(to, loaded, "--out")
    x, values = sweeping.sweep(
        loaded,
        name,
        low,
        high,
        steps=steps,
        count=count,
        seed=seed,
        labels=labels or None,
        std=std,
        given=fixed,
    )
    for sentence in sweeping.notes(loaded, name, low, high):
        tell(f"note: {sentence}: expect less of it", aside=True)
    if to is None:
        print(*loaded.modality.pieces([loaded.store(x)], loaded.spec), sep="", end="")
        return
    marker = Marker(loaded, seed, 0.0, std, None, mark)
    with marks.marking(to, marker.many(range(count), labels, [asked, *given])) as place:
        loaded.modality.sheet(loaded.store(x), steps, place, loaded.spec)
    way = f"{name} {low} to {high}: " if values[0].endswith("%") else f"{name} "
    along = ", ".join(values)
    noun = loaded.modality.noun
    if loaded.modality.one_file:  # whose lines are no sheet
        tell(f"{steps * count:,} {noun} in {to}, {count} times with {way}{along}")
    else:
        tell(f"{count} {noun} in {to}, a row each, with {way}{along}")
