"""Keras on PyTorch: the DCGAN and the WGAN-GP of its examples, written anew in their arithmetic.

A `keras.Model` with a `train_step` of its own, trained by `fit`.

- DCGAN: latents of 128, convolutions of width 64 and 128, dropout 0.2, labels with a little noise,
  Adam 1e-4, batches of 32.
- WGAN-GP: latents of 128, 5x5 convolutions of width 64 to 512 in D, upsampling in G, dropout in D,
  Adam 2e-4 with betas 0.5 and 0.9, three moves of D a step, penalty 10, batches of 512.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from common import Loader, begin, finish, ups_of
from torch import Tensor

os.environ["KERAS_BACKEND"] = "torch"
LATENT = 128


def main(penalty: bool = False) -> None:
    job, clock = begin()
    import keras

    keras.utils.set_random_seed(job.seed)
    layers, ops = keras.layers, keras.ops
    x = job.images().permute(0, 2, 3, 1).contiguous()
    pixels, channels = x.shape[2], x.shape[3]
    width = job.width or 64
    batch = job.batch or (512 if penalty else 32)
    rate = job.rate or (2e-4 if penalty else 1e-4)

    def dcgan() -> tuple[Any, Any]:
        ups = ups_of(pixels)
        first = pixels >> ups
        g = [keras.Input((LATENT,)), layers.Dense(first * first * 2 * width)]
        g += [layers.Reshape((first, first, 2 * width))]
        for level in range(ups):
            out = width << min(level + 1, 3)
            g += [layers.Conv2DTranspose(out, 4, strides=2, padding="same")]
            g += [layers.LeakyReLU(negative_slope=0.2)]
        g += [layers.Conv2D(channels, 5, padding="same", activation="sigmoid")]
        g += [layers.Rescaling(2.0, -1.0)]
        d: list[Any] = [keras.Input((pixels, pixels, channels))]
        for level in range(ups):
            d += [layers.Conv2D(width << min(level, 1), 4, strides=2, padding="same")]
            d += [layers.LeakyReLU(negative_slope=0.2)]
        d += [layers.Flatten(), layers.Dropout(0.2), layers.Dense(1)]
        return keras.Sequential(g), keras.Sequential(d)

    def wgan() -> tuple[Any, Any]:
        padded = 1 << (pixels - 1).bit_length()
        edge, ups = (padded - pixels) // 2, ups_of(padded)
        g = [keras.Input((LATENT,)), layers.Dense(16 * width << (ups - 1), use_bias=False)]
        g += [layers.BatchNormalization(), layers.LeakyReLU(negative_slope=0.2)]
        g += [layers.Reshape((4, 4, width << (ups - 1)))]
        for level in range(ups)[::-1]:
            g += [layers.UpSampling2D(2)]
            out = width << (level - 1) if level else channels
            g += [
                layers.Conv2D(out, 3, padding="same", use_bias=False),
                layers.BatchNormalization(),
            ]
            g += [layers.LeakyReLU(negative_slope=0.2) if level else layers.Activation("tanh")]
        g += [layers.Cropping2D(edge)]
        d: list[Any] = [keras.Input((pixels, pixels, channels)), layers.ZeroPadding2D(edge)]
        for level in range(ups + 1):
            d += [layers.Conv2D(width << level, 5, strides=2, padding="same")]
            d += [layers.LeakyReLU(negative_slope=0.2)]
            d += [layers.Dropout(0.3)] if level in (1, 2) else []
        d += [layers.Flatten(), layers.Dropout(0.2), layers.Dense(1)]
        return keras.Sequential(g), keras.Sequential(d)

    generator, discriminator = wgan() if penalty else dcgan()
    betas = {"beta_1": 0.5, "beta_2": 0.9} if penalty else {}
    criterion = keras.losses.BinaryCrossentropy(from_logits=True)

    class GAN(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.generator, self.discriminator = generator, discriminator
            self.d_adam = keras.optimizers.Adam(rate, **betas)
            self.g_adam = keras.optimizers.Adam(rate, **betas)
            self.built = True  # its networks are

        def update(self, network: Any, optimiser: Any, loss: Tensor) -> None:
            self.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            found = network.trainable_weights
            with torch.no_grad():
                optimiser.apply([w.value.grad for w in found], found)

        def fakes(self, count: int) -> Any:
            return self.generator(keras.random.normal((count, LATENT)), training=True)

        def slope(self, real: Tensor, fake: Tensor) -> Tensor:
            between = torch.rand(len(real), 1, 1, 1)
            mixed = (real + between * (fake - real)).requires_grad_()
            verdict = self.discriminator(mixed, training=True)
            (found,) = torch.autograd.grad(verdict.sum(), mixed, create_graph=True)
            return (found.square().sum((1, 2, 3)).sqrt() - 1).square().mean()

        def train_step(self, data: tuple[Tensor]) -> dict[str, Any]:
            (real,) = data
            count = len(real)
            if penalty:
                for _ in range(3):
                    fake = self.fakes(count).detach()
                    judged = self.discriminator(fake, training=True).mean()
                    judged = judged - self.discriminator(real, training=True).mean()
                    loss = judged + 10 * self.slope(real, fake)
                    self.update(self.discriminator, self.d_adam, loss)
                loss = -self.discriminator(self.fakes(count), training=True).mean()
            else:
                both = ops.concatenate([self.fakes(count).detach(), real])
                wanted = ops.concatenate([ops.ones((count, 1)), ops.zeros((count, 1))])
                wanted = wanted + 0.05 * keras.random.uniform(wanted.shape)
                verdict = self.discriminator(both, training=True)
                self.update(self.discriminator, self.d_adam, criterion(wanted, verdict))
                verdict = self.discriminator(self.fakes(count), training=True)
                loss = criterion(ops.zeros((count, 1)), verdict)
            self.update(self.generator, self.g_adam, loss)
            return {"loss": loss}

    gan = GAN()
    gan.compile()
    loader = Loader(x, batch, clock, lambda rows: (rows,))
    clock.start()
    gan.fit(loader, epochs=1, verbose=0)

    def sample(count: int) -> Tensor:
        made: Tensor = generator(keras.random.normal((count, LATENT)), training=False)
        return made.permute(0, 3, 1, 2)

    sizes = {"rate": rate, "batch": batch, "width": width, "pixels": pixels}
    finish(job, clock, sample, package="keras", parameters=generator.count_params(), **sizes)


if __name__ == "__main__":
    main()
