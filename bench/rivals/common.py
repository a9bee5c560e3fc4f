"""What the scripts of rivals share. It runs in a rival's environment, which has no ganzfeld.

A script is given the path of a job (JSON, see `Job`) and leaves `samples.npy` (uint8, N, C, H, W)
and `result.json` in the job's folder. The clock counts CPU seconds of training alone: what is
imported, loaded and built before `Clock.start`, and samples that are drawn after it, are free for
everybody.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

ENDLESS = 10**6  # batches that a loader says it has; the clock ends it before


@dataclass
class Job:
    """One run. data: an .npy of uint8 images (N, C, H, W), or a CSV.

    rate, width, batch: None for what the rival publishes.
    """

    data: str
    out: str
    seconds: float
    seed: int
    count: int
    rate: float | None = None
    width: int | None = None
    batch: int | None = None

    def images(self) -> Tensor:
        """All images, floats in [-1, 1]."""
        return torch.from_numpy(np.load(self.data)).float() / 127.5 - 1


class Clock:
    """CPU seconds of this process since `start`."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.used, self.begun = seconds, 0.0, 0.0
        self.steps = self.images = 0

    def start(self) -> None:
        self.begun = time.process_time()

    def over(self) -> bool:
        return time.process_time() - self.begun >= self.seconds

    def stop(self) -> None:
        self.used = time.process_time() - self.begun


class Batches:
    """Batches in a random order, without end until the clock is over."""

    def __init__(self, x: Tensor, batch: int, clock: Clock, wrap: Callable[[Tensor], Any]) -> None:
        self.x, self.batch, self.clock, self.wrap = x, batch, clock, wrap
        self.order = torch.empty(0, dtype=torch.long)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.clock.begun and self.clock.over():
            raise StopIteration
        if len(self.order) < self.batch:
            self.order = torch.randperm(len(self.x))
        rows, self.order = self.order[: self.batch], self.order[self.batch :]
        if self.clock.begun:
            self.clock.steps, self.clock.images = (
                self.clock.steps + 1,
                self.clock.images + len(rows),
            )
        return self.wrap(self.x[rows])

    next = __next__  # vegans 0.4 asks for batches so, as iterators of old PyTorch had it


class Loader(DataLoader):  # type: ignore[type-arg]
    """A DataLoader, for libraries that insist on one, whose batches end with the clock."""

    def __init__(
        self, x: Tensor, batch: int, clock: Clock, wrap: Callable[[Tensor], Any] = lambda x: x
    ) -> None:
        super().__init__(TensorDataset(x), batch_size=batch)
        self.given = (x, batch, clock, wrap)

    def __iter__(self) -> Any:
        return Batches(*self.given)

    def __len__(self) -> int:
        return ENDLESS


def begin() -> tuple[Job, Clock]:
    """The job of the command line, on one thread, from its seed."""
    job = Job(**json.loads(Path(sys.argv[1]).read_text("utf-8")))
    torch.set_num_threads(1)
    random.seed(job.seed)
    np.random.seed(job.seed)
    torch.manual_seed(job.seed)
    return job, Clock(job.seconds)


def finish(
    job: Job,
    clock: Clock,
    sample: Callable[[int], Tensor],
    *,
    package: str,
    parameters: int,
    **settings: Any,
) -> None:
    """Draw samples and write down what was used. sample: so many images in [-1, 1]."""
    clock.stop()
    with torch.no_grad():
        parts = [sample(100) for _ in range(-(-job.count // 100))] if job.count else []
    out = Path(job.out)
    if parts:
        x = torch.cat([torch.as_tensor(part).detach().float() for part in parts])[: job.count]
        pixels = ((x.nan_to_num() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        np.save(out / "samples.npy", pixels.numpy())
    result = {
        "package": f"{package} {version(package)}",
        "torch": torch.__version__,
        "seconds": round(clock.used, 2),
        "steps": clock.steps,
        "images": clock.images,
        "parameters": parameters,
        **settings,
    }
    (out / "result.json").write_text(json.dumps(result) + "\n", "utf-8")


def declare_torchvision() -> None:
    """Let the Python part of torchvision import where its compiled part cannot be loaded.

    PyPI's torchvision is compiled for CUDA builds of PyTorch. The rivals take from it only what
    draws grids of images; it refuses to import because two operators that they never call are
    unknown, so these are declared here, without a body.
    """
    declared = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            declared.define(f"{name}(Tensor dets, Tensor scores, float threshold) -> Tensor")
    globals()["_declared"] = declared  # it holds for as long as it is kept


def weights(*networks: nn.Module) -> int:
    return sum(p.numel() for network in networks for p in network.parameters())


# Radford et al. 2016, in the arithmetic of the tutorials


def ups_of(pixels: int) -> int:
    """How often a side is halved down to a map of 4 to 7."""
    ups = 0
    while pixels >> (ups + 1) >= 4 and pixels % 2 ** (ups + 1) == 0:
        ups += 1
    return ups


def dcgan(
    channels: int, pixels: int, width: int, latent: int = 100, *, critic: bool = False
) -> tuple[nn.Sequential, nn.Sequential]:
    """Generator and discriminator of the paper, with as many layers as the size has halvings.

    At 64 pixels that is width 8, 4, 2, 1 times; at 28 and 32 the last layer is left out. critic:
    without a sigmoid at the end, and without batch normalisation in D, as gradient penalties want
    it (Gulrajani et al. 2017).
    """
    ups = ups_of(pixels)
    first, widths = pixels >> ups, [width << level for level in range(ups)]
    up: list[nn.Module] = [nn.Unflatten(1, (latent, 1, 1))]
    up += [nn.ConvTranspose2d(latent, widths[-1], first, bias=False)]
    for into, out in zip(widths[::-1], [*widths[-2::-1], channels], strict=True):
        up += [nn.BatchNorm2d(into), nn.ReLU(inplace=True)]
        up += [nn.ConvTranspose2d(into, out, 4, 2, 1, bias=False)]
    down: list[nn.Module] = []
    for into, out in zip([channels, *widths[:-1]], widths, strict=True):
        down += [nn.Conv2d(into, out, 4, 2, 1, bias=critic)]
        down += [nn.BatchNorm2d(out)] if into != channels and not critic else []
        down += [nn.LeakyReLU(0.2, inplace=True)]
    down += [nn.Conv2d(widths[-1], 1, first, bias=False), nn.Flatten()]
    down += [nn.Identity() if critic else nn.Sigmoid()]
    networks = nn.Sequential(*up, nn.Tanh()), nn.Sequential(*down)
    for module in [*networks[0], *networks[1]]:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
    return networks
