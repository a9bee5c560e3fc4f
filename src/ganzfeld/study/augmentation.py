"""Do synthetic pictures help a classifier? Measured against what is free: shifts and flips."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzfeld import generate, pictures, shipping
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import UsageError
from ganzfeld.plan import find_generation
from ganzfeld.progression import grids_of
from ganzfeld.randomness import key
from ganzfeld.report.embed import open_picture
from ganzfeld.run import train
from ganzfeld.screen import Screen
from ganzfeld.study.classifier import accuracy_of
from ganzfeld.study.intervals import Interval, t_interval
from ganzfeld.study.ledger import Ledger, opened
from ganzfeld.study.page import Page
from ganzfeld.study.split import Split, real_rows, split

REAL, MOVED = "real", "real + moves"
Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


def study_augmentation(
    data: str | os.PathLike[str],
    *,
    recipe: str = "default",
    real: Sequence[int] = (200, 1_000, 5_000),
    synthetic: Sequence[int] = (0, 1, 3),
    seeds: int = 5,
    images: int | None = None,
    minutes: float | None = None,
    classifier_images: int | None = None,
    flips: bool = True,
    out: str | os.PathLike[str] = "runs/study-augmentation",
    held_out: str | os.PathLike[str] | None = None,
    settings: Sequence[str] = (),
    screen: Screen | None = None,
) -> Path:
    """For each number of real pictures and each seed: train a generator on only those, then
    the same classifier on every mixture, and test it on pictures that neither has seen.

    real: numbers of real pictures. synthetic: pictures drawn for each real one; 0 is always done.
    images, minutes: that each generator trains; by default `generator_images`.
    classifier_images: that each classifier sees in training, in every mixture the same; by
        default `default_classifier_images`.
    flips: mirrored pictures are pictures of the same class. False for digits and writing.
    held_out: labelled pictures to test on; by default a quarter of the data, at most 5,000.
    settings: of the generators, as `train` takes them.

    The mixtures of one seed share their real pictures, initial weights and order of training,
    so differences are paired. The folder gets cells.jsonl (a line for each finished cell, so
    that the same call goes on where it was stopped; more seeds or sizes may be added), the
    generators' runs, report.md and report.html. Returns the latter's path.
    """
    if min(real, default=0) < 1 or seeds < 1 or min(synthetic, default=0) < 0:
        raise UsageError("--real and --seeds take numbers from 1 on, --synthetic from 0 on")
    if images is not None and minutes is not None:
        raise UsageError("--images and --minutes exclude each other", fix="give one of them")
    find_generation(recipe)
    screen, folder = screen or Screen(quiet=True), Path(out)
    pack = open_pack(data, progress=screen.progress)
    other = None
    if held_out is not None:
        shape = PackOptions(size=(pack.height, pack.width), channels=pack.channels)
        other = open_pack(held_out, shape, progress=screen.progress)
    parts = split(pack, other)
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
        total, done = len(real) * seeds * len(arms(ratios)), 0
        for seed in range(seeds):
            for count in real:
                work = Work(folder, pack, parts, recipe, count, seed, settings)
                work.images, work.minutes = images, minutes
                for arm, ratio, moves in arms(ratios):
                    seen = classifier_images or default_classifier_images(count)
                    compute = partial(work.cell, ratio, moves and flips, moves, seen)
                    cell = ledger.cell(compute, real=count, seed=seed, arm=arm)
                    done += 1
                    screen.say(
                        f"{done:>4} of {total}: {count:,} real, seed {seed}, {arm}: "
                        f"{100 * cell['accuracy']:.2f} % right"
                    )
        names = [arm for arm, _, _ in arms(ratios)]
        return report(ledger, folder, about, pack, parts, sorted(set(real)), seeds, names)


def arms(ratios: Sequence[int]) -> list[tuple[str, int, bool]]:
    """Mixtures: name, synthetic pictures for each real one, whether pictures are moved."""
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
    """One seed's real pictures of one number, and what is trained on them."""

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

    def cell(self, ratio: int, flips: bool, shifts: bool, seen: int) -> dict[str, Any]:
        """Train the classifier on a mixture and test it. seconds: of CPU time, generator aside."""
        pixels, labels = self.pixels, self.labels
        if ratio:
            more, own = self.drawn(ratio * self.count)
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
        }

    def drawn(self, count: int) -> tuple[Pixels, Labels]:
        """Synthetic pictures with labels in the proportions of the real ones."""
        if self.model is None:
            self.model = self.generator()
        wanted = np.resize(self.labels, count)
        names = [self.pack.classes[label] for label in wanted]
        chunks = self.model.chunks(count, seed=self.seed, labels=names)
        return np.concatenate([pictures.to_pixels(x) for x in chunks]), wanted

    def generator(self) -> generate.Model:
        """Trained on the real pictures of this seed and on nothing else; or found finished."""
        self.folder.mkdir(parents=True, exist_ok=True)
        source = self.folder / "real.npz"
        if not source.exists():
            part = self.folder / ".tmp-real.npz"
            names = np.array(self.pack.classes)[self.labels]
            np.savez(part, x=self.pixels.transpose(0, 2, 3, 1), y=names)
            os.replace(part, source)
        images = self.images
        if images is None and self.minutes is None:
            images = generator_images(self.count)
        run = train(
            source,
            recipe=self.recipe,
            out=self.folder / "run",
            size=(self.pack.height, self.pack.width),
            images=images,
            minutes=self.minutes,
            alpha="keep" if self.pack.channels in (2, 4) else "white",
            seed=self.seed,
            settings=self.settings,
            quiet=True,
        )
        own = shipping.of_own(run.path, shipping.read_config(run.path))  # which has just been run
        model = generate.load(run.path, trust_code=own, task="generation")
        if not model.classes:
            raise UsageError(
                f"the recipe {self.recipe} makes generators without labels",
                fix="a conditional recipe: see `ganzfeld recipes`",
            )
        return model


# What it says


def report(
    ledger: Ledger,
    folder: Path,
    about: dict[str, Any],
    pack: Pack,
    parts: Split,
    real: Sequence[int],
    seeds: int,
    names: Sequence[str],
) -> Path:
    page = Page("Do synthetic pictures help a classifier?")
    page.text(
        f"Data {about['data'][:16]}, {len(pack.classes)} classes; generators by the recipe "
        f"{about['recipe']}, each trained on the real pictures of its cell and on nothing else. "
        f"Tested on {len(parts.test_labels):,} held-out pictures"
        + (f"; {parts.dropped:,} equal to one of them were not learned from" * (parts.dropped > 0))
        + f". Moves: shifts{' and flips' * about['flips']}. {seeds} seeds; intervals are "
        "Student's, 95 %, over seeds: other real pictures, generator and initial weights, but "
        "the same test pictures." + " Fewer than five seeds say little." * (seeds < 5)
    )
    for count in real:
        scores = {
            arm: [ledger.find(real=count, seed=s, arm=arm)["accuracy"] for s in range(seeds)]  # type: ignore[index]
            for arm in names
        }
        page.heading(f"{count:,} real pictures")
        page.table(("trained on", "accuracy %", "against real", f"against {MOVED}"), [
            (arm, figure(t_interval(values)), *(difference(scores, arm, b) for b in names[:2]))
            for arm, values in scores.items()
        ])  # fmt: skip
        for sentence in verdicts(scores, names):
            page.text(sentence)
        if grid := grid_of(folder / "generators" / f"real-{count}-seed-0" / "run"):
            page.pictures([(f"generator of {count:,} real pictures, seed 0", grid)])
    page.text(
        "A gain is where the whole interval of the paired differences is above zero, a loss "
        "where it is below. Several comparisons are made: one in twenty would show something "
        "where there is nothing."
    )
    return page.write(folder)


def verdicts(scores: dict[str, list[float]], names: Sequence[str]) -> list[str]:
    """Plain sentences: what synthetic pictures add to real ones, with and without moves."""
    found = []
    for arm in names[2:]:
        base = MOVED if "moves" in arm else REAL
        found.append(sentence(arm, base, paired(scores[arm], scores[base])))
        if base == REAL:
            found.append(sentence(arm, MOVED, paired(scores[arm], scores[MOVED])))
    return found


def sentence(arm: str, base: str, found: Interval) -> str:
    if found.n < 2:
        return f"{arm} against {base}: one seed cannot tell ({signed(found)})."
    text = {
        "gain": "a gain",
        "loss": "a loss",
        "no gain": "no gain: the difference may be chance",
    }[found.verdict]
    return f"{arm} against {base}: {text} ({signed(found)} points)."


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """The difference seed by seed, in points of percentage."""
    return t_interval([100 * (a - b) for a, b in zip(ours, theirs, strict=True)])


def difference(scores: dict[str, list[float]], arm: str, base: str) -> str:
    return "" if arm == base else signed(paired(scores[arm], scores[base]))


def figure(found: Interval) -> str:
    text = f"{100 * found.mean:.2f}"
    return text if found.n < 2 else f"{text} ± {100 * (found.high - found.mean):.2f}"


def signed(found: Interval) -> str:
    text = f"{found.mean:+.2f}"
    return text if found.n < 2 else f"{text} ({found.low:+.2f} to {found.high:+.2f})"


def grid_of(run: Path) -> Image.Image | None:
    """The last grid that a generator drew."""
    grids = grids_of(run)
    if not grids:
        return None
    return open_picture(grids[-1])
