"""The DCGAN of PyTorch's examples: a listing of our own of the same arithmetic.

nz 100, ngf and ndf 64, batch 64, Adam 2e-4 with betas 0.5 and 0.999, binary cross-entropy, images
resized to 64 pixels. A job with sizes of its own trains at the size of its data instead, and so
does `torch_dcgan_native.py`. Samples are drawn with batch statistics, as the example draws them.
"""

from __future__ import annotations

import torch
from common import Batches, begin, dcgan, finish, weights
from torch import Tensor, nn
from torch.nn import functional as F

MOST = 20_000  # images that are resized: more than minutes on a CPU can see


def main(pixels: int | None = 64) -> None:
    job, clock = begin()
    x = job.images()
    height, width = x.shape[2:]
    if pixels and not job.width:
        x = x[torch.randperm(len(x))[:MOST]]
        x = F.interpolate(x, (pixels, pixels), mode="bilinear", align_corners=False)
    batch, rate = job.batch or 64, job.rate or 2e-4
    g, d = dcgan(x.shape[1], x.shape[-1], job.width or 64)
    d_adam, g_adam = (torch.optim.Adam(n.parameters(), rate, (0.5, 0.999)) for n in (d, g))
    criterion, ones, zeros = nn.BCELoss(), torch.ones(batch, 1), torch.zeros(batch, 1)
    clock.start()
    for real in Batches(x, batch, clock, lambda rows: rows):
        d.zero_grad()
        criterion(d(real), ones).backward()
        fake = g(torch.randn(batch, 100))
        criterion(d(fake.detach()), zeros).backward()
        d_adam.step()
        g.zero_grad()
        criterion(d(fake), ones).backward()
        g_adam.step()

    def sample(count: int) -> Tensor:
        made: Tensor = g(torch.randn(count, 100))
        return (
            F.interpolate(made, (height, width), mode="area") if len(made[0, 0]) != height else made
        )

    sizes = {"rate": rate, "batch": batch, "width": job.width or 64, "pixels": x.shape[-1]}
    finish(job, clock, sample, package="torch", parameters=weights(g), **sizes)


if __name__ == "__main__":
    main()
