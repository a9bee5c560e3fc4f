"""The marks of what `ganzfeld sample` writes, and the sample of a mark, drawn again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganzfeld.core import border, marks, reader
from ganzfeld.core.language import tell
from ganzfeld.core.names import quoted, shown
from ganzfeld.core.runfolder import weights_in
from ganzfeld.errors import CheckpointError, UsageError

RUNS = Path("runs")  # where `ganzfeld train` puts runs


@dataclass(frozen=True)
class Marker:
    """What samples of one command were drawn with. on: whether their files say so."""

    model: Any
    seed: int
    mean: float
    std: float
    rows: Any  # conditions (k, n) that were asked for, or None
    on: bool
    directions: dict[int, float] = field(default_factory=dict)  # steps of --direction
    form: dict[str, str | None] = field(default_factory=dict)  # --format and --range, if not PNG

    @property
    def moved(self) -> dict[str, float] | None:
        """The steps along directions as a mark has them; None for none."""
        return {str(number): step for number, step in self.directions.items()} or None

    def one(self, index: int, label: str | None) -> marks.Mark | None:
        """The mark of sample `index`. label: the name of its class."""
        if not self.on:
            return None
        from ganzfeld.models.marking import mark_of

        own = None if self.rows is None else self.rows[index % len(self.rows)].tolist()
        said = mark_of(
            self.model,
            seed=self.seed,
            index=index,
            label=label,
            mean=self.mean,
            std=self.std,
            numbers=own,
            directions=self.moved,
        )
        return said | {name: value for name, value in self.form.items() if value is not None}

    def many(
        self, indices: range | list[int], labels: Sequence[str], given: Sequence[str] = ()
    ) -> marks.Mark | None:
        """The mark of one file that holds or shows all of them."""
        if not self.on:
            return None
        from ganzfeld.models.marking import of_model

        return of_model(
            self.model,
            mean=self.mean,
            std=self.std,
            seed=self.seed,
            indices=marks.ranges(indices),
            labels=list(labels) or None,
            given=list(given) or None,
            directions=self.moved,
        )


def again(
    picture: Path, model: Path | None, out: Path | None, which: str, *, mark: bool, trust_code: bool
) -> None:
    """Draw the sample that a marked file came from; say whether it is the same to the bit.

    model: None looks among the runs here for the one that the mark names. out: a folder or a file
    for the sample; None writes nothing.
    """
    said = marks.read(picture)
    if said is None:
        raise UsageError(
            f"{shown(str(picture))} has no mark: `ganzfeld sample` did not write it, or another "
            "program has saved it since",
            fix="ganzfeld sample MODEL --seed N --count N --out FOLDER",
        )
    request = asked(said, picture)
    steps = request.pop("directions")
    form, limits = request.pop("form")
    loaded, where = of_mark(str(said.get("model")), model, which, trust_code=trust_code)
    if steps:
        from ganzfeld.models.directions import directions_of

        request["shift"] = directions_of(loaded).shift(steps)
    x = loaded.sample(1, **request)
    stored, kind = loaded.store(x)[0], loaded.modality
    if form is None:
        data = kind.encoded(stored, loaded.spec)
    else:
        from ganzfeld.modalities.image import units

        kind.need_images(f"--format {form}")
        data = units.encoder(form, limits_of(loaded), limits)(x[0])
    name = f"sample {request['start']:,} of seed {request['seed']} from {shown(str(where))}"
    if out is not None:
        place = (
            out if out.suffix else out / f"{picture.stem}{picture.suffix if form else kind.suffix}"
        )
        if place.resolve() == picture.resolve():
            raise UsageError(f"--out {shown(str(out))} is the file itself", fix="--out elsewhere")
        place.parent.mkdir(parents=True, exist_ok=True)
        marks.write(place, data, said if mark else None)
        tell(f"{name} in {place}")
    same = same_sample(picture, data, said, None if form else stored, loaded)
    tell(f"{picture} is {name}" + (", equal to the bit" if same else ", but not equal to the bit"))
    if not same:
        raise CheckpointError(
            f"{shown(str(picture))} differs from what this model draws",
            safe="the file is untouched",
            fix="it may have been edited; samples also differ by rounding from machine to machine",
        )


def asked(said: marks.Mark, picture: Path) -> dict[str, Any]:
    """The arguments of `Model.sample` that a mark asks for. It may be anybody's: all is checked."""
    if said["digital_source_type"] == marks.TRANSLATED:
        raise UsageError(
            f"{shown(str(picture))} is a translation, and what it was made from is not in it",
            fix="ganzfeld translate MODEL IMAGES --out FOLDER",
        )
    if "latent" in said:
        raise UsageError(
            f"{shown(str(picture))} comes from a file of latents, and these are not in it",
            fix="ganzfeld sample MODEL --latent FILE --out FOLDER",
        )
    if "index" not in said:
        raise UsageError(
            f"{shown(str(picture))} shows many samples: --from draws a single one again",
            fix=f"ganzfeld sample MODEL --seed {shown(str(said.get('seed', 0)))} --out FOLDER",
        )
    label, numbers = said.get("label"), said.get("numbers")
    if numbers is not None and not isinstance(numbers, list):
        raise UsageError(f"the mark of {shown(str(picture))} is damaged: numbers")
    from ganzfeld.modalities.image.units import FORMATS
    from ganzfeld.models.directions import parse

    form, limits = said.get("format"), said.get("range")
    if form not in (None, *FORMATS) or not isinstance(limits, str | None):
        raise UsageError(f"the mark of {shown(str(picture))} is damaged: format")
    moved = said.get("directions") or {}
    if not isinstance(moved, dict):
        raise UsageError(f"the mark of {shown(str(picture))} is damaged: directions")
    return {
        "form": (form, limits),
        "directions": parse([f"{number}={step}" for number, step in moved.items()]),
        "seed": border.whole(said.get("seed"), "the mark's seed", 0, border.MOST_SEED),
        "start": border.whole(said["index"], "the mark's index", 0, border.MOST_SEED),
        "labels": None if label is None else str(label),
        "mean": border.real(said.get("mean", 0.0), "the mark's mean", -1e6, 1e6),
        "std": border.real(said.get("std", 1.0), "the mark's std", 0, 1e6),
        "numbers": numbers,
    }


def limits_of(loaded: Any) -> tuple[float, float] | None:
    """The numbers of the data that became black and white; None where the model has none."""
    limits = loaded.about.get("training", {}).get("data", {}).get("limits")
    return (limits[0], limits[1]) if limits else None


def of_mark(sha256: str, model: Path | None, which: str, *, trust_code: bool) -> tuple[Any, Path]:
    """The model that a mark names, and where it is. UsageError where it is another or not here."""
    from ganzfeld.models import model as generate
    from ganzfeld.models.marking import weights_of

    place = model or next((run for run in runs_here() if weights_in(run) == sha256), None)
    if place is None:
        raise UsageError(
            f"no run in {RUNS} has the model that drew it, whose weights have the SHA-256 "
            f"{shown(sha256[:16])}...",
            fix="ganzfeld sample MODEL --from FILE, with the folder of the model",
        )
    loaded = generate.load(place, which=which, task="generation", trust_code=trust_code)
    own = weights_of(loaded)
    if own != sha256:
        raise UsageError(
            f"{shown(str(place))} is not the model that drew it: its weights have the SHA-256 "
            f"{own[:16]}..., and the mark says {shown(sha256[:16])}...",
            fix=f"ganzfeld sample --from FILE, which looks in {quoted(RUNS)}; or --which last",
        )
    return loaded, place


def runs_here() -> Iterator[Path]:
    """Folders of runs and models within the usual one, within this folder, and of the package."""
    from ganzfeld.models import embedded

    for home in (RUNS, Path(), embedded.HOME):
        if home.is_dir():
            yield from sorted(path for path in home.iterdir() if path.is_dir())


def same_sample(picture: Path, data: bytes, said: marks.Mark, stored: Any, loaded: Any) -> bool:
    """Whether a file holds this very sample: byte for byte, or, of images, pixel for pixel.

    stored: the sample; None where only the bytes can tell.
    """
    old = reader.read_bytes(picture, reader.IMAGE_BYTES)
    if old in (data, marks.stamp(data, said)):
        return True
    if stored is None or not loaded.modality.draws:
        return False
    with reader.refused(picture):
        image = reader.open_image(picture)
    drawn = loaded.modality.to_image(stored, loaded.spec)
    return bool(image.mode == drawn.mode and image.tobytes() == drawn.tobytes())
