"""vegans: its classes VanillaGAN and WassersteinGANGP, on networks that the user writes.

Published are the defaults of the package: `fit` with batches of 32, Adam at 1e-3 for VanillaGAN
and RMSprop at 1e-2 for WassersteinGANGP; the networks are the DCGAN's of width 64. With a rate of
its own a job has Adam with the betas that are usual for the method.
"""

from __future__ import annotations

import contextlib
import os

import torch
from common import Loader, begin, dcgan, declare_torchvision, finish, weights


def main(penalty: bool = False) -> None:
    job, clock = begin()
    declare_torchvision()
    os.environ["MPLBACKEND"] = "Agg"
    from vegans.GAN import VanillaGAN, WassersteinGANGP

    x = job.images()
    batch = job.batch or 32
    g, d = dcgan(x.shape[1], x.shape[-1], job.width or 64, critic=penalty)
    tuned = {}
    if job.rate:
        each = {"lr": job.rate, "betas": (0.0, 0.9) if penalty else (0.5, 0.999)}
        tuned = {"optim": torch.optim.Adam}
        tuned["optim_kwargs"] = {"Generator": each, "Adversary": each}
    kind = WassersteinGANGP if penalty else VanillaGAN
    gan = kind(g, d, x_dim=tuple(x.shape[1:]), z_dim=100, folder=None, device="cpu", **tuned)
    loader = Loader(x, batch, clock)
    with contextlib.redirect_stdout(None):
        clock.start()
        clock.steps = clock.images = 0
        gan.fit(loader, epochs=1, batch_size=batch, print_every=None, save_losses_every=None)
    sizes = {"rate": job.rate or (1e-2 if penalty else 1e-3), "batch": batch}
    sizes |= {"width": job.width or 64, "pixels": x.shape[-1]}
    finish(
        job,
        clock,
        lambda count: gan.generate(n=count),
        package="vegans",
        parameters=weights(g),
        **sizes,
    )


if __name__ == "__main__":
    main()
