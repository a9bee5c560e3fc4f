"""torchgan: its Trainer, its DCGAN networks and its minimax losses.

Published is the example of `Trainer`'s own documentation: step_channels 16, Adam 2e-4 with betas
0.5 and 0.999; it leaves the batch open, which is 64 here. Its networks take powers of two alone:
other images are padded, and samples cropped.
"""

from __future__ import annotations

import contextlib
import tempfile

import torch
from common import Loader, begin, declare_torchvision, finish, weights
from torch import Tensor
from torch.nn import functional as F


def main() -> None:
    job, clock = begin()
    declare_torchvision()
    from torchgan.losses import MinimaxDiscriminatorLoss, MinimaxGeneratorLoss
    from torchgan.models import DCGANDiscriminator, DCGANGenerator
    from torchgan.trainer import Trainer

    x = job.images()
    channels, pixels = x.shape[1], x.shape[-1]
    edge = ((1 << (pixels - 1).bit_length()) - pixels) // 2
    x = F.pad(x, (edge,) * 4, value=-1.0)
    batch, rate, width = job.batch or 64, job.rate or 2e-4, job.width or 16
    adam = {"name": torch.optim.Adam, "args": {"lr": rate, "betas": (0.5, 0.999)}}
    shared = {"step_channels": width}
    networks = {
        "generator": {
            "name": DCGANGenerator,
            "args": {**shared, "out_channels": channels, "out_size": x.shape[-1]},
            "optimizer": adam,
        },
        "discriminator": {
            "name": DCGANDiscriminator,
            "args": {**shared, "in_channels": channels, "in_size": x.shape[-1]},
            "optimizer": {**adam, "var": "optimizer_discriminator"},
        },
    }
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stdout(None):
        trainer = Trainer(
            networks,
            [MinimaxGeneratorLoss(), MinimaxDiscriminatorLoss()],
            device=torch.device("cpu"),
            epochs=1,
            checkpoints=f"{place}/model",
            recon=place,
        )
        loader = Loader(x, batch, clock)
        clock.start()
        with contextlib.suppress(TypeError):  # at the end, of its grid, in today's torchvision
            trainer(loader)
    g = trainer.generator.eval()

    def sample(count: int) -> Tensor:
        made: Tensor = g(torch.randn(count, g.encoding_dims))
        return made[:, :, edge : edge + pixels, edge : edge + pixels]

    sizes = {"rate": rate, "batch": batch, "width": width, "pixels": x.shape[-1]}
    finish(job, clock, sample, package="torchgan", parameters=weights(g), **sizes)


if __name__ == "__main__":
    main()
