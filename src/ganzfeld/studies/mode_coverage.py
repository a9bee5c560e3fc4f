"""Mode counting: how many kinds of sample in the data does a generator make?

Two mixtures of Gaussians in the plane, and digits stacked into 1,000 kinds of image. The
conventions are those of VEEGAN (Srivastava et al. 2017, arXiv:1705.07761) and PacGAN (Lin et al.
2018, arXiv:1712.04086): 8 Gaussians of standard deviation 0.01 on a circle of radius 1, or 25 of
0.05 at (-4 + 2i, -4 + 2j); 2,500 samples; a sample is of high quality within 3 standard
deviations of the nearest mode, and a mode is found if it is the nearest of at least one such
sample. Stacked digits: 128,000 images of three random digits, 26,000 samples, a mode is found
if the classifier sees one sample in it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzfeld.config import Config, Part, with_settings
from ganzfeld.core import latents, runtime
from ganzfeld.core.plugins import call
from ganzfeld.core.progress import silent
from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import DataError, UsageError
from ganzfeld.metrics.label_classifier import domain_classifier
from ganzfeld.metrics.learning import learning_rows
from ganzfeld.modalities.image import tensors
from ganzfeld.modalities.image.draw import to_pixels
from ganzfeld.recipes.find import find_generation
from ganzfeld.recipes.gan import Facts
from ganzfeld.studies.mixtures import MIXTURES as MIXTURES
from ganzfeld.studies.mixtures import Mixture as Mixture
from ganzfeld.studies.mixtures import ModeCount as ModeCount
from ganzfeld.studies.mixtures import count_modes as count_modes
from ganzfeld.studies.mixtures import grid as grid
from ganzfeld.studies.mixtures import ring as ring
from ganzfeld.text import several
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.plan import settle, sized
from ganzfeld.training.speed import affordable
from ganzfeld.training.trainer import Data, Trainer, as_data

SAMPLES = 2_500
DRAWN = 100_000  # points that a mixture is trained on
BATCH = 128  # points; they cost little
WIDTHS = (128, 128, 128)  # of the hidden layers of both networks
STACKED = 128_000  # images that are trained on
STACKED_SAMPLES = 26_000
CHUNK = 500  # samples drawn together

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Progress = Callable[[str, int, int], None]


# Points in the plane


def plane_config(
    mixture: Mixture, recipe: str = "default", seed: int = 0, settings: Sequence[str] = ()
) -> Config:
    """The recipe for two numbers, with fully connected networks in place of its own.

    Losses, penalties, optimisers, learning rates and averaging stay as the recipe has them for
    an image of two numbers; so does spectral normalisation, which hinge losses lean on. What is
    set here: three hidden layers of 128, no batch normalisation, z of two numbers, batches of 128,
    float32, since bfloat16 is coarser than a mode is wide.
    settings: as of `ganzfeld train --set`, on top of all that.
    """
    facts = Facts(count=DRAWN, channels=2, height=1, width=1, classes=0)
    config: Config = call(f"recipe {recipe}", find_generation(recipe), facts)
    if set(config.networks) != {"G", "D"}:
        raise UsageError(
            f"the recipe {recipe} is not a game of G against D, which the mixtures need",
            safe="nothing was trained",
            fix="an adversarial recipe, or the digits: --only stacked --data MNIST",
        )
    spectral = bool(config.networks["D"].options.get("spectral"))
    shared = {"shape": [2], "widths": list(WIDTHS)}
    config.networks = {
        "G": Part(
            name="mlp-generator",
            options={**shared, "latent": 2, "norm": "none", "output": "linear"},
        ),
        "D": Part(name="mlp-discriminator", options={**shared, "spectral": spectral}),
    }
    config.run.images, config.run.batch_size = mixture.images, BATCH
    config.run.seed, config.run.precision = seed, "float32"
    return complete(with_settings(config, settings))


def bench_mixture(
    mixture: Mixture,
    recipe: str = "default",
    seed: int = 0,
    *,
    settings: Sequence[str] = (),
    images: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train on a mixture and count the modes of 2,500 samples of the averaged generator.

    images: to see in all, in place of the mixture's own.
    """
    config = plane_config(mixture, recipe, seed, settings)
    config.run.images = images or config.run.images
    data = as_data(torch.from_numpy(mixture.draw(DRAWN)))
    trainer, seconds = played(config, data, f"{mixture.name}, seed {seed}", progress)
    samples = np.concatenate(list(drawn(trainer, SAMPLES, seed)))
    counted = count_modes(samples, mixture.centres, mixture.sigma)
    return {
        "data": mixture.name,
        "recipe": recipe,
        "settings": list(settings),
        "seed": seed,
        **counted._asdict(),
        "samples": SAMPLES,
        "images": trainer.images,
        "cpu_seconds": round(seconds, 1),
    }


# Stacked digits


def open_digits(source: str, progress: Progress = silent) -> Pack:
    """The user's digits, labelled, as `train` would pack them."""
    return open_pack(source, PackOptions(), progress=progress)


class Stacked:
    """Three grey images in the three channels of one: as many modes as classes cubed.

    Sample i is made of the images `triples[i]`, which depend on the seed alone.
    """

    def __init__(self, pack: Pack, count: int, seed: int) -> None:
        self.pack, self.count = pack, count
        draw = numpy_generator(seed, "stacked")
        self.triples: Labels = draw.integers(len(pack), size=(count, 3))

    def __len__(self) -> int:
        return self.count

    def rows(self, indices: Labels) -> dict[str, NDArray[np.uint8]]:
        """Images "x", uint8 (n, 3, H, W)."""
        triples = self.triples[indices]
        x = self.pack.rows(triples.reshape(-1))["x"]
        return {"x": x.reshape(len(triples), 3, self.pack.height, self.pack.width)}


def stacked(pack: Pack, count: int = STACKED, seed: int = 0) -> Stacked:
    """Random triples of a pack's images, which must be grey and labelled: else DataError."""
    if pack.channels != 1 or pack.labels is None:
        raise DataError(
            f"digits to stack are grey and labelled; these have "
            f"{several(pack.channels, 'channel')} and "
            f"{'no labels' if pack.labels is None else 'labels'}",
            fix="--data with a folder of MNIST's IDX files",
        )
    return Stacked(pack, count, seed)


class StackedCount(NamedTuple):
    """modes: found, out of `of`. kl_uniform, kl_data: of the samples' shares of the modes, from
    equal shares and from those of random triples of the data, in nats.
    """

    modes: int
    of: int
    kl_uniform: float
    kl_data: float


def count_stacked(kinds: Labels, shares: Floats) -> StackedCount:
    """Modes of triples of classes (N, 3), where the data have classes in these shares (K,).

    Even N perfect samples have a divergence of about (K^3 - 1) / 2N: 0.019 for 26,000 of digits.
    Infinite where samples are of a class that the data have not.
    """
    of = len(shares) ** 3
    numbers = (kinds * len(shares) ** np.arange(2, -1, -1)).sum(1)
    found = np.bincount(numbers, minlength=of) / len(numbers)
    expected = np.einsum("i,j,k->ijk", shares, shares, shares).reshape(-1)
    return StackedCount(
        int((found > 0).sum()),
        of,
        divergence(found, np.full(of, 1 / of)),
        divergence(found, expected),
    )


def divergence(p: Floats, q: Floats) -> float:
    """The sum of p log(p / q) over where p is more than zero."""
    some = p > 0
    with np.errstate(divide="ignore"):
        return float((p[some] * np.log(p[some] / q[some])).sum())


def classes_of(pixels: NDArray[np.uint8], classifier: torch.nn.Module) -> Labels:
    """What the classifier of single images sees in each channel: uint8 (N, C, H, W) to (N, C)."""
    n, channels, height, width = pixels.shape
    x = torch.from_numpy(np.ascontiguousarray(pixels)).reshape(n * channels, 1, height, width)
    with torch.inference_mode():
        features = classifier(tensors.to_network(x))
        logits: Tensor = classifier.head(features)  # type: ignore[operator]
    found: Labels = logits.argmax(1).reshape(n, channels).numpy()
    return found


class Floor(NamedTuple):
    """What real images get: modes counted where there are only `of`, at most over the classes that
    may be missing; and the divergence `kl_data` of triples of all kinds.
    """

    modes: int
    of: int
    kl_data: float


def confusion_floor(
    pack: Pack, classifier: torch.nn.Module, shares: Floats, samples: int, seed: int = 0
) -> Floor:
    """Count real images that the classifier has not learned from as if they were samples.

    A classifier that is wrong in one image of a hundred sees kinds that are not there: triples
    without one class in the first channel are of K^3 - K^2 kinds, and more are counted. So a
    generator that leaves out a class may seem to leave out less.
    """
    rows = unseen(pack)
    found = pack.rows(rows)
    told, labels = classes_of(found["x"], classifier)[:, 0], found["y"]
    draw, classes = numpy_generator(seed, "stacked", "floor"), len(shares)
    triples = draw.integers(len(rows), size=(samples, 3))
    counted = []
    for left_out in range(classes):
        first = np.flatnonzero(labels != left_out)
        red = first[triples[:, 0] % len(first)] if len(first) else triples[:, 0]
        kinds = told[np.stack([red, triples[:, 1], triples[:, 2]], 1)]
        counted.append(count_stacked(kinds, shares).modes)
    whole = count_stacked(told[triples], shares)
    return Floor(max(counted), classes**3 - classes**2, whole.kl_data)


def unseen(pack: Pack) -> Labels:
    """Rows that the domain classifier of `metrics.domain` has not learned from, at most 2,000."""
    order = numpy_generator("modes", "unseen").permutation(len(pack))
    rows: Labels = np.sort(order[~np.isin(order, learning_rows(pack))][:2_000])
    return rows


def bench_stacked(
    pack: Pack,
    recipe: str = "default",
    seed: int = 0,
    *,
    settings: Sequence[str] = (),
    minutes: float = 5.0,
    images: int | None = None,
    samples: int = STACKED_SAMPLES,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train a recipe, without labels, on stacked digits, and count the modes of its samples.

    minutes: of CPU time for training, converted to images by a few throw-away steps.
    images: to see in all, in place of that.
    """
    data = stacked(pack)
    classifier, _, accuracy = domain_classifier(pack, progress)
    facts = Facts(count=len(data), channels=3, height=pack.height, width=pack.width, classes=0)

    def fitted(afford: int | None) -> Config:
        mine = dataclasses.replace(facts, afford=afford)
        config: Config = call(f"recipe {recipe}", find_generation(recipe), mine)
        config.run.seed, config.run.threads = seed, torch.get_num_threads()
        return complete(with_settings(config, settings))

    def affordable_by(config: Config) -> int:
        return affordable(config, data, torch.device("cpu"), 60 * minutes, time.process_time)

    config = fitted(None) if images else sized(fitted, affordable_by)
    config.run.images = images or affordable_by(config)
    trainer, seconds = played(config, data, f"stacked digits, seed {seed}", progress)
    kinds = [
        classes_of(to_pixels(torch.from_numpy(x)), classifier)
        for x in drawn(trainer, samples, seed, progress)
    ]
    assert pack.labels is not None
    shares = np.bincount(pack.labels, minlength=len(pack.classes)) / len(pack)
    return {
        "data": "stacked",
        "recipe": recipe,
        "settings": list(settings),
        "seed": seed,
        **count_stacked(np.concatenate(kinds), shares)._asdict(),
        "samples": samples,
        "images": trainer.images,
        "cpu_seconds": round(seconds, 1),
        "classifier_accuracy": accuracy,
        "floor": confusion_floor(pack, classifier, shares, samples, seed)._asdict(),
    }


# Both


def describe(found: dict[str, Any]) -> str:
    """A line for people."""
    about = ", ".join([f"seed {found['seed']}", *found["settings"]])
    line = f"{found['data']:<7} {about}: {found['modes']:,} of {found['of']:,} modes"
    if "high_quality" in found:
        line += f", {100 * found['high_quality']:.1f} % of {found['samples']:,} samples near one"
    else:
        line += (
            f" in {found['samples']:,} samples, divergence {found['kl_data']:.3f} from the data, "
            f"{found['kl_uniform']:.3f} from equal shares"
        )
    if floor := found.get("floor"):
        line += (
            f" (real images of {floor['of']:,} kinds are counted as {floor['modes']:,}, and real "
            f"ones of all kinds have a divergence of {floor['kl_data']:.3f})"
        )
    return f"{line}; {found['images']:,} images in {found['cpu_seconds']:.0f} CPU s"


def played(config: Config, data: Data, stage: str, progress: Progress) -> tuple[Trainer, float]:
    """The trainer after all its images, and the CPU seconds that they took."""
    settle(config)
    total = config.run.images
    assert total is not None
    runtime.tune()
    start = time.process_time()
    trainer = build_trainer(config, data, torch.device("cpu"))
    for report in trainer:
        done = report.images >= total
        if done or report.step % 50 == 0:
            progress(f"training on the {stage}", min(report.images, total), total)
        if done:
            break
    return trainer, time.process_time() - start


@torch.no_grad()
def drawn(
    trainer: Trainer, count: int, seed: int, progress: Progress = silent
) -> Iterator[NDArray[np.float32]]:
    """Samples of the averaged generator in chunks (n, ...), float32."""
    assert trainer.average is not None
    with trainer.average.applied(trainer.game) as game:
        for low in range(0, count, CHUNK):
            numbers = range(low, min(low + CHUNK, count))
            z = latents.tensor(latents.PORTABLE, game.latent, seed, numbers)
            yield game.sample(z).numpy()
            progress("drawing samples", numbers.stop, count)
