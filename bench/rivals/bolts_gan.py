"""lightning-bolts: its GAN (fully connected), trained by pytorch-lightning's Trainer.

Published: Adam 2e-4, latents of 32, batches of 32. The widths of its networks are not options.
"""

from __future__ import annotations

import logging
import warnings

import torch
from common import Loader, begin, declare_torchvision, finish, weights

warnings.simplefilter("ignore")


def main() -> None:
    job, clock = begin()
    declare_torchvision()
    from pl_bolts.models.gans import GAN
    from pytorch_lightning import Trainer

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    x = job.images()
    batch, rate = job.batch or 32, job.rate or 2e-4
    gan = GAN(*x.shape[1:], learning_rate=rate)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loader = Loader(x, batch, clock, lambda rows: (rows, torch.zeros(len(rows))))
    clock.start()
    trainer.fit(gan, loader)
    gan.eval()
    latent = gan.hparams.latent_dim
    sizes = {"rate": rate, "batch": batch, "width": None, "pixels": x.shape[-1]}
    finish(
        job,
        clock,
        lambda count: gan(torch.randn(count, latent)),
        package="lightning-bolts",
        parameters=weights(gan.generator),
        **sizes,
    )


if __name__ == "__main__":
    main()
