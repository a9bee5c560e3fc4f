"""Find the latent whose sample is most like a given image (projection, "GAN inversion").

Optimisation over z, as in Zhu et al. 2016 (section 3.2) and Creswell and Bharath 2018: from the
best of many random samples, Adam on the squared error of the pixels at several scales. The latent
is held near the sphere where normal latents lie, since the generator has seen no others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ganzfeld.core import border
from ganzfeld.core.names import shown
from ganzfeld.core.optimizers import Adam
from ganzfeld.errors import DataError, UsageError
from ganzfeld.models.draws import Labels
from ganzfeld.models.latent_file import Latents, draw

if TYPE_CHECKING:
    from ganzfeld.data.pack import Pack

Model = Any  # a `ganzfeld.Model`

STARTS = 8  # latents that are optimised for an image, of as many classes; the best is kept
CANDIDATES = 512  # samples that the starts are the best of
STEPS = 300
RATE = 0.1  # of Adam at its first step; it falls to 0 along a cosine
OTHER = 1_000_003  # seed of the model's own samples that are projected for comparison
SHELL = 2.0  # deviations of |z|^2 from that of normal latents, within which z is free
LENGTH = 0.02  # weight of the squared deviations beyond


@dataclass(frozen=True)
class Projection:
    """What was found for images (n, C, H, W).

    latents: one for each. samples: (n, C, H, W) in [-1, 1], which `latent_file.draw` gives.
    errors: root mean square error of each, of pixels in [0, 1]. starts: the same of the best
    random sample, before any step.
    """

    latents: Latents
    samples: Tensor
    errors: list[float]
    starts: list[float]


def project(
    model: Model,
    images: Tensor,
    *,
    steps: int = STEPS,
    candidates: int = CANDIDATES,
    labels: Labels = None,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    breathe: Callable[[], None] = lambda: None,
) -> Projection:
    """The latents of images (n, C, H, W) in [-1, 1], in the size of the model's.

    Each image is projected by itself: what is found depends on it, on the model and on the other
    arguments alone.

    candidates: samples of `seed`, from the best of which it starts. labels: a class for each image,
    or one for all; None: that of the classes of the best candidates which comes nearest.
    breathe: called between two steps; what it raises ends the search.

    Example::

        import ganzfeld
        from ganzfeld.models.project import project

        model = ganzfeld.load("runs/avatars-default")
        found = project(model, model.sample(2, seed=1))
        print(found.errors)
    """
    border.whole(steps, "--steps", 0, 100_000)
    border.whole(candidates, "--candidates", 1, 1_000_000)
    model.modality.need_images("projection")
    if images.ndim != 4 or tuple(images.shape[1:]) != tuple(model.shape):
        raise UsageError(f"images must be (N, {model.shape}), not {tuple(images.shape)}")
    asked = model.label_numbers(labels)
    if asked and len(asked) not in (1, len(images)):
        raise UsageError(f"{len(asked)} labels for {len(images)} images: one for each, or one")
    found: list[tuple[Latents, float]] = []
    for number, image in enumerate(images):
        own = asked[number % len(asked)] if asked else None
        found.append(one(model, image.float(), own, steps, candidates, seed, breathe))
        progress("projecting", number + 1, len(images))
    latents = Latents(*(stacked([getattr(one, name) for one, _ in found]) for name in "zyc"))
    samples = draw(model, latents)
    errors = [rmse(x, image) for x, image in zip(samples, images, strict=True)]
    return Projection(latents, samples, errors, [start for _, start in found])


def stacked(parts: Sequence[Tensor | None]) -> Any:
    return None if parts[0] is None else torch.cat([part for part in parts if part is not None])


def one(
    model: Model,
    image: Tensor,
    label: int | None,
    steps: int,
    candidates: int,
    seed: int,
    breathe: Callable[[], None],
) -> tuple[Latents, float]:
    """The latent of one image (C, H, W), and the error of the best candidate."""
    start, error = best_starts(model, image, label, candidates, seed)
    breathe()
    z = start.z.clone().requires_grad_()
    optimiser = Adam([z], RATE, betas=(0.9, 0.99))
    classes = None if start.y is None else start.y.tolist()
    scales = pyramid(image[None])
    with torch.enable_grad():
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
            losses = apart(model.draw(z, classes, start.c), scales)
            losses = losses + LENGTH * (odd(z) - SHELL).clamp(min=0).square()
            (z.grad,) = torch.autograd.grad(losses.sum(), z)
            optimiser.step()
            breathe()
    end = Latents(torch.cat([z.detach(), start.z[:1]]), *twice_first(start))
    with torch.inference_mode():  # among them the best candidate: it is never worse than that
        place = int(apart(draw(model, end), scales).argmin())
    return at(end, place), error


def odd(z: Tensor) -> Tensor:
    """How unusual the lengths of latents (N, d) are, (N,), in deviations of |z|^2.

    For normal latents it has the mean d and the variance 2 d.
    """
    d = z.shape[1]
    return (z.square().sum(1) - d).abs() / math.sqrt(2 * d)


def twice_first(latents: Latents) -> tuple[Tensor | None, Tensor | None]:
    y, c = latents.y, latents.c
    return (
        None if y is None else torch.cat([y, y[:1]]),
        None if c is None else torch.cat([c, c[:1]]),
    )


def at(latents: Latents, place: int) -> Latents:
    row = slice(place, place + 1)
    y, c = latents.y, latents.c
    return Latents(latents.z[row], None if y is None else y[row], None if c is None else c[row])


@torch.inference_mode()
def best_starts(
    model: Model, image: Tensor, label: int | None, candidates: int, seed: int
) -> tuple[Latents, float]:
    """The STARTS samples of a seed that are most like an image, and the error of the best."""
    losses, best, error = [], math.inf, math.inf
    wanted = [] if label is None else [label]
    scales = pyramid(image[None])
    given = None if label is None else label
    for x in model.chunks(candidates, seed=seed, labels=given):
        some = apart(x, scales)
        if float(some.min()) < best:
            best, error = float(some.min()), rmse(x[int(some.argmin())], image)
        losses.append(some)
    order = torch.cat(losses).argsort(stable=True).tolist()
    classes = model.labels_of(order, seed, wanted) or [0] * len(order)
    first = {label: number for number, label in zip(order[::-1], classes[::-1], strict=True)}
    heads = sorted(first.values(), key=order.index)  # the best of each class
    rest = [number for number in order if number not in set(heads)]
    numbers = [*heads, *rest][:STARTS]
    numbers = [*numbers, *numbers[:1] * (STARTS - len(numbers))]
    y = model.labels_of(numbers, seed, wanted)
    z = model.latents_of(numbers, seed)
    c = model.numbers_of(numbers, seed, None)
    clone = None if c is None else c.clone()
    return Latents(z.clone(), None if y is None else torch.tensor(y), clone), error


def pyramid(x: Tensor) -> list[Tensor]:
    """Images (N, C, H, W), and halves of them down to about 8 pixels a side."""
    found = [x]
    while min(found[-1].shape[2:]) >= 16:
        found.append(avg_pool2d(found[-1], 2))
    return found


def apart(x: Tensor, scales: Sequence[Tensor]) -> Tensor:
    """Mean squared error (N,) of images against an image's pyramid, each scale counting alike."""
    each = [
        (own - given).square().mean((1, 2, 3))
        for own, given in zip(pyramid(x), scales, strict=True)
    ]
    return torch.stack(each).mean(0)


def rmse(x: Tensor, y: Tensor) -> float:
    """Root mean square error of two images in [-1, 1], of pixels in [0, 1]."""
    return float((x.clamp(-1, 1) - y).square().mean().sqrt() / 2)


def own_error(model: Model, count: int = 4, *, seed: int = 0, **more: Any) -> float:
    """The median error of a model's own samples: how well projection does where a latent exists.

    seed: of the candidates; the samples are of another, so that they are none of these.
    """
    x = model.sample(count, seed=OTHER if seed != OTHER else 0)
    return float(torch.tensor(project(model, x, seed=seed, **more).errors).median())


MOST_FILES = 10_000


def read_images(model: Model, sources: Sequence[Path]) -> tuple[list[str], Tensor]:
    """The names of images, and the images (n, C, H, W) in [-1, 1], cut to the model's size.

    sources: files, folders or ZIPs. Raises DataError for the first that cannot be read.
    """
    from ganzfeld.modalities.image.bad import BadPicture
    from ganzfeld.modalities.image.codec import Target, decode
    from ganzfeld.models.translating_files import find_pictures

    channels, height, width = model.shape
    alpha = "white" if channels in (1, 3) else "keep"
    target = Target(height=height, width=width, channels=channels, alpha=alpha)
    names: list[str] = []
    pixels = []
    for source in sources:
        if not source.exists():
            raise DataError(
                f"there is no image at {shown(str(source))}",
                safe="nothing was written",
                fix="ganzfeld project MODEL face.png --out FOLDER",
            )
        inside = f" of {shown(str(source))}" if source.is_dir() else ""
        for found in find_pictures(source):
            try:
                if found.reason:
                    raise BadPicture(found.reason)
                pixels.append(decode(found.data, target, found.name).pixels)
            except BadPicture as error:
                raise DataError(
                    f"{shown(found.name)}{inside} cannot be read: {error}",
                    safe="nothing was written",
                    fix="leave it out, or convert it to PNG",
                ) from None
            names.append(found.name)
            if len(names) > MOST_FILES:
                raise UsageError(f"more than {MOST_FILES:,} images at once", fix="fewer images")
    if not names:
        raise DataError("there are no images to project", fix="ganzfeld project MODEL face.png")
    return names, model.modality.to_network(torch.from_numpy(np.stack(pixels)), model.spec)


def images_of(model: Model, pack: Pack, count: int) -> Tensor:
    """So many images of data that are open, spread over them, (n, C, H, W) in [-1, 1]."""
    rows = np.linspace(0, pack.count - 1, min(count, pack.count)).astype(np.int64)
    found: Tensor = model.modality.to_network(torch.from_numpy(pack.rows(rows)["x"]), model.spec)
    return found
