"""Do synthetic images help a classifier, compared with free shifts and flips?"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.core import border, runfolder, system, temporary
from ganzfeld.core.console import Screen
from ganzfeld.core.metrics_log import append
from ganzfeld.core.randomness import key
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import UsageError
from ganzfeld.modalities.image import draw
from ganzfeld.models import folder as shipping
from ganzfeld.models import model as generate
from ganzfeld.recipes.find import find_generation
from ganzfeld.report.embed import open_picture
from ganzfeld.report.progress import grids_of
from ganzfeld.studies.budget import UNMEASURED
from ganzfeld.studies.classifier import accuracy_of
from ganzfeld.studies.differences import MOVED, REAL, REAL_ALONE, accuracy, difference, verdicts
from ganzfeld.studies.ledger import Ledger, opened, seconds_in
from ganzfeld.studies.mirror import mirror_safe
from ganzfeld.studies.page import Page
from ganzfeld.studies.split import Split, real_rows, split
from ganzfeld.training.run import train

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


def study_augmentation(
    data: str | os.PathLike[str],
    *,
    recipe: str = "default",
    real: Sequence[int] = (200, 1_000, 5_000),
    synthetic: Sequence[int] = (0, 1, 3),
    seeds: int | Sequence[int] = 5,
    images: int | None = None,
    minutes: float | None = None,
    classifier_images: int | None = None,
    flips: bool | None = None,
    out: str | os.PathLike[str] = "runs/study-augmentation",
    held_out: str | os.PathLike[str] | None = None,
    settings: Sequence[str] = (),
    screen: Screen | None = None,
) -> Path:
    """For each number of real images and each seed: train a generator on only those, then
    the same classifier on every mixture, and test it on images that neither has seen.

    real: numbers of real images. synthetic: images drawn for each real one; 0 is always done.
    images, minutes: that each generator trains; by default `generator_images`.
    classifier_images: that each classifier sees in training, in every mixture the same; by
        default `default_classifier_images`.
    flips: mirror images, too; None: where the data say that they may be mirrored
        (`ganzfeld.study.mirror`), which digits and writing may not.
    held_out: labelled images to test on; by default a quarter of the data, at most 5,000.
    settings: of the generators, as `train` takes them.

    The mixtures of one seed share their real images, initial weights and order of training,
    so differences are paired. The folder gets cells.jsonl (a line for each finished cell, so
    that the same call goes on where it was stopped; more seeds or sizes may be added), the
    generators' runs, report.md and report.html. Returns the latter's path.
    """
    numbers = list(range(seeds)) if isinstance(seeds, int) else list(dict.fromkeys(seeds))
    if min(real, default=0) < 1 or not numbers or min([*synthetic, *numbers]) < 0:
        raise UsageError("--real takes numbers from 1 on, --synthetic and --seeds from 0 on")
    if images is not None and minutes is not None:
        raise UsageError("--images and --minutes exclude each other", fix="give one of them")
    for name, value in (("--images", images), ("--classifier-images", classifier_images)):
        if value is not None:
            border.whole(value, name, 1, border.MOST_IMAGES)
    if minutes is not None:
        border.real(minutes, "--minutes", 0, border.MOST_MINUTES, above=True)
    find_generation(recipe)
    screen, folder = screen or Screen(quiet=True), Path(out)
    pack = open_pack(data, progress=screen.progress)
    other = None
    if held_out is not None:
        shape = PackOptions(size=(pack.height, pack.width), channels=pack.channels)
        other = open_pack(held_out, shape, progress=screen.progress)
    parts = split(pack, other)
    mirror = mirror_safe(pack, parts.pool) if flips is None else None
    if mirror is not None:
        flips = mirror.safe
        screen.say(str(mirror))
    for count in real:  # before anything is trained
        real_rows(pack, parts.pool, count, 0)
    about = {
        "study": "augmentation",
        "recipe": recipe,
        "data": pack.fingerprint,
        "held_out": None if other is None else other.fingerprint,
        "images": images,
        "minutes": minutes,
        "classifier_images": classifier_images,
        "flips": flips,
        "settings": list(settings),
    }
    ratios = sorted({k for k in synthetic if k})
    with opened(folder, about) as ledger:
        total, done = len(real) * len(numbers) * len(arms(ratios)), 0
        for seed in numbers:
            for count in real:
                work = Work(folder, pack, parts, recipe, count, seed, settings)
                work.images, work.minutes = images, minutes
                for arm, ratio, moves in arms(ratios):
                    seen = classifier_images or default_classifier_images(count)
                    compute = partial(work.cell, ratio, moves and bool(flips), moves, seen)
                    cell = ledger.cell(compute, real=count, seed=seed, arm=arm)
                    done += 1
                    screen.say(
                        f"{done:>4} of {total}: {count:,} real, seed {seed}, {arm}: "
                        f"{100 * cell['accuracy']:.2f} % right"
                    )
        names = [arm for arm, _, _ in arms(ratios)]
        page = results(ledger, folder, about, pack, parts, sorted(set(real)), numbers, names)
        if mirror is not None:
            text = str(mirror)
            page.text(f"{text[0].upper()}{text[1:]}.")
        costs(page, ledger, sorted(set(real)), numbers, names)
        return page.write(folder)


def arms(ratios: Sequence[int]) -> list[tuple[str, int, bool]]:
    """Mixtures: name, synthetic images for each real one, whether images are moved."""
    found = [(REAL, 0, False), (MOVED, 0, True)]
    found += [(f"real + {k}x synthetic", k, False) for k in ratios]
    if ratios:
        found.append((f"real + moves + {ratios[-1]}x synthetic", ratios[-1], True))
    return found


def generator_images(count: int) -> int:
    """Images that a generator sees: a hundred epochs, at least 20,000, at most 60,000."""
    return min(max(100 * count, 20_000), 60_000)


def default_classifier_images(count: int) -> int:
    """Images that a classifier sees: 20 epochs of the real, at least 12,800, at most 51,200."""
    return min(max(20 * count, 12_800), 51_200)


class Work:
    """One seed's real images of one number, and what is trained on them."""

    images: int | None = None
    minutes: float | None = None

    def __init__(
        self,
        folder: Path,
        pack: Pack,
        parts: Split,
        recipe: str,
        count: int,
        seed: int,
        settings: Sequence[str],
    ) -> None:
        self.folder = folder / "generators" / f"real-{count}-seed-{seed}"
        self.pack, self.parts, self.recipe = pack, parts, recipe
        self.count, self.seed, self.settings = count, seed, settings
        found = pack.rows(np.sort(real_rows(pack, parts.pool, count, seed)))
        self.pixels, self.labels = found["x"], found["y"]
        self.model: generate.Model | None = None
        self.draws = 0.0  # CPU seconds of drawing the last samples

    def cell(self, ratio: int, flips: bool, shifts: bool, seen: int) -> dict[str, Any]:
        """Train the classifier on a mixture and test it.

        seconds: of CPU time, generator aside. generator_seconds: of training it and drawing,
        0 where the mixture has nothing of it.
        """
        pixels, labels, spent = self.pixels, self.labels, 0.0
        if ratio:
            more, own = self.drawn(ratio * self.count)
            spent = self.cost() + self.draws
            pixels, labels = np.concatenate([pixels, more]), np.concatenate([labels, own])
        started = time.process_time()
        accuracy = accuracy_of(
            pixels,
            labels,
            self.parts.test_pixels,
            self.parts.test_labels,
            classes=len(self.pack.classes),
            images=seen,
            seed=key("augmentation", self.seed) % 2**31,
            shifts=shifts,
            flips=flips,
        )
        return {
            "accuracy": accuracy,
            "tested": len(self.parts.test_labels),
            "trained_on": len(pixels),
            "classifier_images": seen,
            "seconds": round(time.process_time() - started, 2),
            "generator_seconds": round(spent, 2),
        }

    def drawn(self, count: int) -> tuple[Pixels, Labels]:
        """Synthetic images with labels in the proportions of the real ones."""
        if self.model is None:
            self.model = self.generator()
        started = time.process_time()
        wanted = np.resize(self.labels, count)
        names = [self.pack.classes[label] for label in wanted]
        chunks = self.model.chunks(count, seed=self.seed, labels=names)
        found = np.concatenate([draw.to_pixels(x) for x in chunks])
        self.draws = time.process_time() - started
        return found, wanted

    def cost(self) -> float:
        """CPU seconds that the generator's training took, over all calls that it took."""
        return math.fsum(seconds_in(self.folder / "cost.jsonl"))

    def kept_out(self) -> tuple[int | None, list[str]]:
        """Images that the generator does not train on, and its settings.

        None, and it is not measured at its end: the cell has so many real images, and the
        generator is charged with what it takes to train. A run of before goes on as it was.
        """
        place = self.folder / "run"
        if not (place / "config.json").exists():
            return 0, [UNMEASURED, *self.settings]
        before = runfolder.read_config(place)
        measured = before.run.evaluate_final
        return before.data.held_out, [*([] if measured else [UNMEASURED]), *self.settings]

    def generator(self) -> generate.Model:
        """Trained on the real images of this seed and on nothing else; or found finished."""
        self.folder.mkdir(parents=True, exist_ok=True)
        source = self.folder / "real.npz"
        if not source.exists():
            names = np.array(self.pack.classes)[self.labels]
            with temporary.hidden(source) as part:
                with part.open("wb") as file:
                    np.savez(file, x=self.pixels.transpose(0, 2, 3, 1), y=names)
                system.replace(part, source)
        held_out, settings = self.kept_out()
        images = self.images
        if images is None and self.minutes is None:
            images = generator_images(self.count)
        started = time.process_time()
        run = train(
            source,
            recipe=self.recipe,
            out=self.folder / "run",
            size=(self.pack.height, self.pack.width),
            images=images,
            minutes=self.minutes,
            alpha="keep" if self.pack.channels in (2, 4) else "white",
            seed=self.seed,
            held_out=held_out,
            settings=settings,
            quiet=True,
        )
        append(self.folder / "cost.jsonl", {"seconds": time.process_time() - started})
        own = shipping.of_own(run.path, runfolder.read_config(run.path))  # which has just been run
        model = generate.load(run.path, trust_code=own, task="generation")
        if not model.classes:
            raise UsageError(
                f"the recipe {self.recipe} makes generators without labels",
                fix="a conditional recipe: see `ganzfeld recipes`",
            )
        return model


# What it says


def results(
    ledger: Ledger,
    folder: Path,
    about: dict[str, Any],
    pack: Pack,
    parts: Split,
    real: Sequence[int],
    seeds: Sequence[int],
    names: Sequence[str],
) -> Page:
    """The page up to what it all cost."""
    page = Page("Do synthetic images help a classifier?")
    page.text(
        f"Data {about['data'][:16]}, {len(pack.classes)} classes; generators by the recipe "
        f"{about['recipe']}, each trained on the real images of its cell and on nothing else. "
        f"Tested on {len(parts.test_labels):,} held-out images"
        + (
            f"; {parts.dropped:,} equal to one of them were left out of training"
            * (parts.dropped > 0)
        )
        + f". Always the commonest class would be {100 * commonest(parts.test_labels):.1f} % right"
        + f". Moves: shifts{' and flips' * about['flips']}. {len(seeds)} seeds: "
        "other real images, generator and initial weights, but the same test images."
        + " Intervals are Student's, 95 %, over seeds (of an accuracy's logit, so that they stay "
        "below 100 %)."
        * (len(seeds) >= 3)
        + " Fewer than five seeds say little." * (len(seeds) < 5)
    )
    scores = {
        count: {
            arm: [ledger.find(real=count, seed=s, arm=arm)["accuracy"] for s in seeds]  # type: ignore[index]
            for arm in names
        }
        for count in real
    }
    said = verdicts(scores, names)
    for count in real:
        page.heading(f"{count:,} real images")
        seen = ledger.find(real=count, seed=seeds[0], arm=names[0])["classifier_images"]  # type: ignore[index]
        page.text(displaced(seen, count))
        page.table(("trained on", "accuracy %", "against real", f"against {MOVED}"), [
            (REAL_ALONE if arm == REAL else arm, accuracy(values),
             *(difference(scores[count], arm, b) for b in names[:2]))
            for arm, values in scores[count].items()
        ])  # fmt: skip
        for text in said[count]:
            page.text(text)
        if grid := grid_of(folder / "generators" / f"real-{count}-seed-{seeds[0]}" / "run"):
            page.pictures([(f"generator of {count:,} real images, seed {seeds[0]}", grid)])
    page.heading("How to read it")
    many = sum(map(len, said.values()))
    page.text(
        "A gain or a loss is a paired difference whose P, by Student's test and corrected for "
        f"all {many} comparisons of this page (Holm 1979), is below 0.05. The intervals are those "
        "of one comparison alone. Fewer than three seeds get no verdict."
    )
    return page


def displaced(seen: int, count: int) -> str:
    """What every classifier saw, however many images its mixture has."""
    return (
        f"Each classifier saw {seen:,} images, which are {seen / count:.3g} epochs of the real "
        "ones alone: in a mixture synthetic ones take the place of real ones."
    )


def commonest(labels: Labels) -> float:
    """The share of the largest class: what a classifier has that sees nothing."""
    return float(np.bincount(labels).max() / len(labels))


def costs(
    page: Page, ledger: Ledger, real: Sequence[int], seeds: Sequence[int], names: Sequence[str]
) -> None:
    """CPU seconds of each mixture, generator included: what is free and what is not."""
    page.heading("What it cost")
    page.text(
        "CPU seconds for each seed, on average. A generator is trained once and serves all "
        "mixtures of its real images; each mixture is charged with all of it, because it "
        "needs the generator."
    )
    rows = []
    for count in real:
        for arm in names:
            cells = [ledger.find(real=count, seed=s, arm=arm) or {} for s in seeds]
            parts = [
                [cell[name] for cell in cells if cell.get(name) is not None]
                for name in ("seconds", "generator_seconds")
            ]
            own, other = (float(np.mean(part)) if part else math.nan for part in parts)
            shown = REAL_ALONE if arm == REAL else arm
            rows.append((f"{count:,}", shown, *map(cpu, (own, other, own + other))))
    page.table(("real images", "trained on", "classifier", "generator", "together"), rows)


def cpu(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{seconds:,.1f}"


def grid_of(run: Path) -> Image.Image | None:
    """The last grid that a generator drew."""
    grids = grids_of(run)
    if not grids:
        return None
    return open_picture(grids[-1])
