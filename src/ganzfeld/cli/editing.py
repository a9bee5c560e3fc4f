"""Commands that edit samples: directions of the latent, projection of images, mixtures of two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from ganzfeld.core.language import tell

STEPS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)  # of a direction's sheet


def directions(
    model: Positional[Path],
    /,
    *,
    out: Path,
    count: int = 6,
    samples: int = 4,
    seed: int = 0,
    label: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    mark: bool = True,
    trust_code: bool = False,
) -> None:
    """Find directions of the latent along which samples change most, and show what each does.

    They come in closed form from the weights of the layers that take the latent (SeFa, Shen and
    Zhou 2021), without data. `ganzfeld sample MODEL --direction 0=2.5` uses them.

    Args:
        model: A run's folder or a model's folder.
        out: Folder for a sheet of each direction, one of all, and directions.safetensors.
        count: Directions to show, the strongest first. The file holds all.
        samples: Samples in a sheet, a row each, from step -3 to 3.
        seed: Seed of these samples.
        label: Class names, repeated over the samples. Default: a random class for each.
        mark: Say in each sheet, for machines, that it was generated, by which model, and from what.
        trust_code: Allow the model's own Python code to run.
    """
    import torch

    from ganzfeld.core import border, files
    from ganzfeld.core.console import Screen
    from ganzfeld.models import directions as editing
    from ganzfeld.models import model as generate
    from ganzfeld.models.marking import weights_of

    border.whole(count, "--count", 1, 64)
    border.whole(samples, "--samples", 1, 16)
    border.whole(seed, "--seed", 0, border.MOST_SEED)
    loaded: Any = generate.load(model, task="generation", trust_code=trust_code)
    found = editing.directions_of(loaded)
    count = min(count, len(found.vectors))
    screen = Screen()
    first, told = [], []
    says: dict[str, Any] = {"seed": seed, "indices": [[0, samples - 1]]}
    says |= {"labels": list(label) or None}
    for number in range(count):
        x = editing.along(loaded, number, STEPS, count=samples, seed=seed, labels=label or None)
        steps = {str(number): list(STEPS)}
        place = out / f"direction-{number}{loaded.modality.sheet_suffix}"
        show(loaded, x, len(STEPS), place, mark, directions=steps, **says)
        first.append(x[: len(STEPS)])
        told.append(editing.effect(loaded, number))
        screen.progress("drawing", number + 1, count)
    sheet = out / f"directions{loaded.modality.sheet_suffix}"
    steps = {str(number): list(STEPS) for number in range(count)}
    says["indices"] = [[0, 0]]  # of each direction the first row
    show(loaded, torch.cat(first), len(STEPS), sheet, mark, directions=steps, **says)
    found.save(out / "directions.safetensors", {"weights": weights_of(loaded)})
    rows = [
        {"direction": number, "strength": strength, "share": share, "effect": effect}
        for number, (strength, share, effect) in enumerate(
            zip(found.strengths.tolist(), found.share.tolist(), told, strict=False)
        )
    ]
    files.replace(
        out / "directions.json",
        files.as_json({"weights": weights_of(loaded), "layers": found.layers, "directions": rows}),
    )
    tell(f"{len(found.vectors)} directions, by the weights of {', '.join(found.layers)}")
    tell(f"  {'direction':<11}{'share':>8}{'effect':>9}")
    for row in rows:
        tell(f"  {row['direction']:<11}{row['share']:>8.1%}{row['effect']:>9.2f}")
    tell("share: of the variance behind these layers")
    tell("effect: the change from step -3 to 3, where 1 is as much as another seed")
    tell(f"sheets in {out}, from step -3 to 3")


def show(loaded: Any, samples: Any, columns: int, place: Path, mark: bool, **says: Any) -> None:
    """Write a sheet of samples with a mark of what they were drawn from."""
    from ganzfeld.core import marks
    from ganzfeld.models.marking import of_model

    with marks.marking(place, of_model(loaded, **says) if mark else None) as hidden:
        loaded.modality.sheet(loaded.store(samples), columns, hidden, loaded.spec)


def project(
    model: Positional[Path],
    images: Positional[tuple[Path, ...]],
    /,
    *,
    out: Path,
    steps: int = 300,
    candidates: int = 512,
    label: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    seed: int = 0,
    data: str | None = None,
    compare: int = 4,
    mark: bool = True,
    trust_code: bool = False,
) -> None:
    """Find the latents whose samples are most like given images, by optimisation.

    Draw what was found with `ganzfeld sample MODEL --latent OUT/latents.safetensors`, and edit
    it with `--direction`.

    Args:
        model: A run's folder or a model's folder.
        images: Images, or folders of such. They are cut and scaled to the model's size.
        out: Folder for the images beside their reconstructions, and latents.safetensors.
        steps: Steps of optimisation for each image.
        candidates: Random samples, from the best of which it starts.
        label: The class of each image, or one for all. Default: the one that comes nearest.
        seed: Seed of the candidates.
        data: Data whose images are projected for comparison. Default: those of the run, if there.
        compare: How many of the model's own samples, and of the data, to compare with; 0 for none.
        mark: Say in each file, for machines, that it was generated.
        trust_code: Allow the model's own Python code to run.
    """
    import torch

    from ganzfeld.core import border, files
    from ganzfeld.core.console import Screen
    from ganzfeld.core.names import shown
    from ganzfeld.models import latent_file
    from ganzfeld.models import model as generate
    from ganzfeld.models import project as projecting
    from ganzfeld.models.directions import digest

    border.whole(compare, "--compare", 0, 1000)
    loaded: Any = generate.load(model, task="generation", trust_code=trust_code)
    loaded.modality.need_images("projection")
    names, x = projecting.read_images(loaded, images)
    screen = Screen()
    options: dict[str, Any] = {"steps": steps, "candidates": candidates, "seed": seed}
    found = projecting.project(
        loaded, x, labels=list(label) or None, progress=screen.progress, **options
    )
    classes = latent_file.names(loaded, found.latents)
    rows: list[dict[str, Any]] = []
    for number, (name, error, start, own) in enumerate(
        zip(names, found.errors, found.starts, classes, strict=True)
    ):
        place = out / f"{number:03d}-{Path(name).stem[:80]}.png"
        pair = torch.stack([x[number], found.samples[number]])
        latent = digest(found.latents.z[number])
        show(loaded, pair, 2, place, mark, latent=latent, label=own, seed=seed)
        rows.append({"file": name, "error": error, "start": start, "label": own})
    pairs = torch.stack([x, found.samples], 1).flatten(0, 1)[:128]
    show(loaded, pairs, 8, out / "projected.png", mark, latent=digest(found.latents.z), seed=seed)
    latent_file.save(out / "latents.safetensors", found.latents, loaded, {"images": names})
    tell("root mean square error of the reconstruction, of pixels in [0, 1]:")
    for row in rows[:40]:
        named = f", class {row['label']}" if row["label"] is not None else ""
        tell(f"  {row['error']:.4f}  {shown(row['file'])}, from {row['start']:.4f}{named}")
    beside = compared(loaded, model, data, compare, options)
    for name, error in beside.items():
        tell(f"  {error:.4f}  {name}, the median of {compare}")
    files.replace(
        out / "projected.json", files.as_json({"images": rows, "beside": beside, **options})
    )
    tell(f"{len(rows)} images beside their reconstructions, and latents.safetensors, in {out}")
    tell(f"continue with: ganzfeld sample {model} --latent {out / 'latents.safetensors'} --out OUT")


def compared(
    loaded: Any, folder: Path, data: str | None, count: int, options: dict[str, Any]
) -> dict[str, float]:
    """What projection gives for the model's own samples, and for images of the data."""
    from ganzfeld.core.console import Screen
    from ganzfeld.errors import DataError
    from ganzfeld.models import project as projecting
    from ganzfeld.models.export_dataset import source_of
    from ganzfeld.models.open import open_data

    if not count:
        return {}
    found = {"samples of the model itself": projecting.own_error(loaded, count, **options)}
    source = data or source_of(folder)
    if source is None:
        return found
    try:
        pack = open_data(source, loaded, Screen().progress)
    except DataError:
        if data is not None:
            raise
        tell(f"note: the run's data, {source}, are not here: --data PATH compares with others")
        return found
    images = projecting.images_of(loaded, pack, count)
    errors = sorted(projecting.project(loaded, images, **options).errors)
    return found | {"images of the data": errors[(len(errors) - 1) // 2]}


def mix(
    model: Positional[Path],
    first: Positional[str],
    second: Positional[str],
    /,
    *,
    out: Path,
    columns: int = 7,
    label: str | None = None,
    mark: bool = True,
    trust_code: bool = False,
) -> None:
    """Mix two samples: the way between them, and the layers of one with those of the other.

    Layers can be mixed where several of them take the latent; otherwise one sentence says so.

    Args:
        model: A run's folder or a model's folder.
        first: A sample, as SEED or SEED:NUMBER.
        second: Another one.
        out: A sheet, in one row from the first sample to the second. Where layers can be mixed,
            NAME-layers beside it: its columns take one layer more from the first sample in the
            upper row, and from the second in the lower one.
        columns: Samples from one to the other.
        label: One class for all. Default: that of the first.
        mark: Say in the file, for machines, that it was generated, by which model, and from what.
        trust_code: Allow the model's own Python code to run.
    """
    from ganzfeld.cli.drawing import check_sheet
    from ganzfeld.models import mix as mixing
    from ganzfeld.models import model as generate

    a, b = mixing.parse(first), mixing.parse(second)
    loaded: Any = generate.load(model, task="generation", trust_code=trust_code)
    check_sheet(out, loaded, "--out")
    there = mixing.mix(loaded, a, b, columns=columns, label=label)
    says = {"seeds": [a[0], b[0]], "indices": [[a[1]] * 2, [b[1]] * 2], "label": label}
    show(loaded, there.between, columns, out, mark, **says)
    tell(f"{columns} {loaded.modality.noun} from {first} to {second} in {out}")
    if there.crossed is None:
        tell(
            "layers are not mixed: fewer than two layers of this generator take the latent as it is"
        )
        return
    own = mixing.class_of(loaded, a) if label is None else label
    back = mixing.mix(loaded, b, a, columns=2, label=own).crossed
    place = out.with_name(f"{out.stem}-layers{out.suffix}")
    show(loaded, mixing.rows(there.crossed, back), len(there.crossed), place, mark, **says)
    tell(f"layers of one with layers of the other in {place}: {', '.join(there.layers)}")


def draw_latents(
    loaded: Any,
    source: Path,
    out: Path | None,
    grid: Path | None,
    columns: int | None,
    labels: Sequence[str],
    steps: dict[int, float],
    *,
    mark: bool,
) -> None:
    """`ganzfeld sample --latent`: draw the samples of a file of latents, moved along directions."""
    import numpy as np

    from ganzfeld.cli.drawing import check_grid
    from ganzfeld.core import marks
    from ganzfeld.errors import UsageError
    from ganzfeld.models import latent_file
    from ganzfeld.models.directions import digest, directions_of
    from ganzfeld.models.marking import of_model

    kind = loaded.modality
    if kind.one_file or (out is None and grid is None):
        raise UsageError(
            f"--latent draws samples that are files of their own, not {kind.noun}"
            if kind.one_file
            else f"where should the {kind.noun} go?",
            fix="--out FOLDER",
        )
    latents = latent_file.read(source, loaded, list(labels) or None)
    if grid:
        check_grid(len(latents.z), loaded, grid)
    shift = directions_of(loaded).shift(steps) if steps else None
    moved = {str(number): step for number, step in steps.items()} or None
    names = latent_file.names(loaded, latents)
    everything: list[Any] = []
    number = 0
    for chunk in latent_file.chunks(loaded, latents, shift):
        for stored in loaded.store(chunk):
            says: dict[str, Any] = {"latent": digest(latents.z[number]), "label": names[number]}
            if out is not None:
                place = out / f"{source.stem}-{number:06d}{kind.suffix}"
                own = of_model(loaded, directions=moved, **says) if mark else None
                kind.save_marked(stored, place, loaded.spec, own)
            if grid:
                everything.append(stored)
            number += 1
    if grid:
        own = of_model(loaded, directions=moved, latent=digest(latents.z)) if mark else None
        with marks.marking(grid, own) as place:
            kind.sheet(np.stack(everything), columns, place, loaded.spec)
    where = " and ".join(str(place) for place in (out, grid) if place is not None)
    tell(f"{number:,} {kind.noun} in {where}")
