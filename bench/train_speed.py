"""Training steps of ganzfeld against the classic loop, on the same networks and batches.

    python bench/train_speed.py                    # all cases
    python bench/train_speed.py --cases dcgan-28 default-32 --rounds 9

The classic loop is our own plain writing of the arithmetic of the DCGAN tutorials: a pass and a
backward of D for the real images and one for the fakes, one of both networks for G's move with
the same fakes (which also computes D's gradients, and throws them away), probabilities and
`BCELoss`, Adam as PyTorch gives it, images as floats (N, C, H, W) from a `DataLoader`. Where the
recipe has penalties, it has them in the same steps. It keeps no average of G and looks at no
losses; ganzfeld's steps are those of a run, with three averages and the guard against losses that
are not finite.

"as the recipe is" draws fresh fakes for each player: one pass of G more than the classic loop.
"equal arithmetic" keeps the fakes of G's move for D (`generator_first`, `reuse_fakes`). The classic
loop computes in float32; so does ours but where it says bfloat16, and as `default` is where the
processor has instructions for that.
Where keras is installed, its loop takes part with the same networks (keras_loop.py).
"""

from __future__ import annotations

import argparse
import importlib.util
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from timing import Side, Work, in_turns, machine, table
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from ganzfeld.config import Config, with_settings
from ganzfeld.core import runtime
from ganzfeld.games import Adversarial
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training.build import build_game, build_trainer, complete
from ganzfeld.training.plan import settle
from ganzfeld.training.trainer import as_data

PICTURES = 1024
EQUAL = ["game.generator_first=true", "game.reuse_fakes=true"]
FULL, HALF = ["run.precision=float32"], ["run.precision=bfloat16"]


def wide(width: int) -> list[str]:
    parts = {"width": width, "most": 8 * width}
    return [f"networks.{n}.{name}={value}" for n in "GD" for name, value in parts.items()]


# name: recipe, channels, pixels, settings of both sides, images in a turn, variants of ours
Case = tuple[str, int, int, list[str], int, dict[str, list[str]]]
DCGAN = {
    "as the recipe is": [],
    "equal arithmetic": [*FULL, *EQUAL],
    "equal, in bfloat16": [*HALF, *EQUAL],
}
LAZY = {f"penalty_every={k}": [f"game.penalty_every={k}"] for k in (1, 4, 16)}
CASES: dict[str, Case] = {
    "dcgan-28": ("dcgan", 1, 28, [], 1024, DCGAN),
    "dcgan-32": ("dcgan", 3, 32, [], 1024, DCGAN),
    "dcgan-64": ("dcgan", 3, 64, wide(64), 128, DCGAN),
    "default-32": (
        "default",
        3,
        32,
        [],
        512,
        {**DCGAN, "in float32": FULL, "one_stage": ["game.one_stage=true"], **LAZY},
    ),
}


def settings_of(recipe: str, channels: int, pixels: int, settings: list[str]) -> Config:
    facts = Facts(count=PICTURES, channels=channels, height=pixels, width=pixels, classes=0)
    config = complete(with_settings(RECIPES[recipe](facts), settings))
    config.run.images = 10**9  # no schedule moves while steps are timed
    settle(config)
    return config


def pictures(channels: int, pixels: int) -> Tensor:
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 256, (PICTURES, channels, pixels, pixels), dtype=np.uint8)
    return torch.from_numpy(noise)


def ours(recipe: str, channels: int, pixels: int, settings: list[str], turn: int) -> Work:
    runtime.tune()
    config = settings_of(recipe, channels, pixels, settings)
    data = as_data(pictures(channels, pixels))
    trainer = build_trainer(config, data, torch.device("cpu"))

    def work() -> int:
        before = trainer.images
        while trainer.images < before + turn:
            trainer.take_step()
        return trainer.images - before

    return work


def classic(recipe: str, channels: int, pixels: int, settings: list[str], turn: int) -> Work:
    """The same networks with the same first weights, in a loop as tutorials have it."""
    config = settings_of(recipe, channels, pixels, settings)
    game = build_game(config).train()
    assert isinstance(game, Adversarial)
    G, D = game.G, game.D
    floats = pictures(channels, pixels).float() / 127.5 - 1
    loader = DataLoader(TensorDataset(floats), config.run.batch_size, shuffle=True, drop_last=True)
    adam: dict[str, Any] = {"lr": config.optimisers["generator"].lr}
    adam["betas"] = config.optimisers["generator"].betas
    d_adam = torch.optim.Adam(D.parameters(), **adam)
    g_adam = torch.optim.Adam(G.parameters(), **adam)
    criterion = nn.BCELoss()
    gamma, every = float(config.game.options["r1"]), int(config.game.options["penalty_every"])
    ones, zeros = torch.ones(config.run.batch_size), torch.zeros(config.run.batch_size)
    step = 0

    def d_loss(x: Tensor, target: Tensor, penalised: bool) -> Tensor:
        x = x.requires_grad_() if penalised else x
        logits = D(x)
        loss: Tensor = criterion(logits.sigmoid(), target)
        if penalised:
            (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
            loss = loss + every * gamma / 2 * slope.square().flatten(1).sum(1).mean()
        return loss

    def take_step(real: Tensor) -> None:
        nonlocal step
        penalised = gamma > 0 and step % every == 0
        D.zero_grad()
        d_loss(real, ones, penalised).backward()  # type: ignore[no-untyped-call]
        fake = G(torch.randn(len(real), game.latent))
        d_loss(fake.detach(), zeros, penalised).backward()  # type: ignore[no-untyped-call]
        d_adam.step()
        G.zero_grad()
        criterion(D(fake).sigmoid(), ones).backward()
        g_adam.step()
        step += 1

    def work() -> int:
        seen = 0
        while seen < turn:
            for (real,) in loader:
                take_step(real)
                seen += len(real)
                if seen >= turn:
                    break
        return seen

    return work


def compare(name: str, rounds: int) -> str:
    recipe, channels, pixels, settings, turn, variants = CASES[name]
    sides: dict[str, Side] = {"classic loop": (classic, (recipe, channels, pixels, settings, turn))}
    for variant, more in variants.items():
        sides[variant] = (ours, (recipe, channels, pixels, settings + more, turn))
    if recipe == "dcgan" and importlib.util.find_spec("keras"):
        import keras_loop

        rival = f"Keras {version('keras')} on torch"
        sides[rival] = (keras_loop.make, (recipe, channels, pixels, settings, turn))
    return table(name, in_turns(sides, rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Training steps against the classic loop.")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(machine(), end="\n\n", flush=True)
    for case in options.cases:
        print(compare(case, options.rounds), flush=True)
