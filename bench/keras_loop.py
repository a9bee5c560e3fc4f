"""Keras on PyTorch, as its documentation writes a GAN, on networks equal to ours.

For train_speed.py, where keras is installed (`pip install keras`, KERAS_BACKEND=torch). A step is
that of Keras's guide to overriding `train_step`: one pass of D over fakes and real images
together, a gradient step, fresh fakes, a gradient step of G. Channels come last, as Keras has them.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from timing import Work
from torch import Tensor

from ganzfeld.networks.layers import SLOPE, pyramid

BATCH = 64


def make(recipe: str, channels: int, pixels: int, settings: list[str], turn: int) -> Work:
    """Work of `turn` images. Only for the networks of the recipe dcgan; settings are its."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    from train_speed import pictures, settings_of

    keras.config.disable_interactive_logging()
    layers, ops = keras.layers, keras.ops
    config = settings_of(recipe, channels, pixels, settings)
    width, most = (config.networks["G"].options[name] for name in ("width", "most"))
    latent, rate = config.networks["G"].options["latent"], config.optimisers["generator"]
    sizes = pyramid(pixels, pixels)
    ups = len(sizes) - 1
    widths = [min(width * 2 ** (ups - 1 - level), most) for level in range(ups)]

    g: list[Any] = [keras.Input((latent,)), layers.Dense(widths[0] * sizes[0][0] * sizes[0][1])]
    g.append(layers.Reshape((*sizes[0], widths[0])))
    for behind in [*widths[1:], channels]:
        g += [layers.BatchNormalization(), layers.LeakyReLU(SLOPE)]
        g.append(layers.Conv2DTranspose(behind, 4, strides=2, padding="same"))
    generator = keras.Sequential([*g, layers.Activation("tanh")])
    d: list[Any] = [keras.Input((pixels, pixels, channels))]
    for level, behind in enumerate(widths[::-1]):
        d.append(layers.Conv2D(behind, 4, strides=2, padding="same"))
        d += [layers.BatchNormalization()] if level else []
        d.append(layers.LeakyReLU(SLOPE))
    discriminator = keras.Sequential([*d, layers.Flatten(), layers.Dense(1)])

    adam = {"learning_rate": rate.lr, "beta_1": rate.betas[0], "beta_2": rate.betas[1]}
    d_adam, g_adam = keras.optimizers.Adam(**adam), keras.optimizers.Adam(**adam)
    criterion = keras.losses.BinaryCrossentropy(from_logits=True)
    real = (pictures(channels, pixels).float() / 127.5 - 1).permute(0, 2, 3, 1).contiguous()
    ones, zeros = ops.ones((BATCH, 1)), ops.zeros((BATCH, 1))

    def update(model: Any, optimiser: Any, loss: Tensor) -> None:
        generator.zero_grad()
        discriminator.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        weights = model.trainable_weights
        with torch.no_grad():
            optimiser.apply([w.value.grad for w in weights], weights)

    def take_step(x: Tensor) -> None:
        fake = generator(keras.random.normal((BATCH, latent)), training=True)
        both = ops.concatenate([fake.detach(), x])
        verdict = discriminator(both, training=True)
        update(discriminator, d_adam, criterion(ops.concatenate([zeros, ones]), verdict))
        fake = generator(keras.random.normal((BATCH, latent)), training=True)
        update(generator, g_adam, criterion(ones, discriminator(fake, training=True)))

    def work() -> int:
        order = torch.randperm(len(real))
        seen = 0
        for low in range(0, turn, BATCH):
            take_step(real[order[low % len(real) : low % len(real) + BATCH]])
            seen += BATCH
        return seen

    return work
