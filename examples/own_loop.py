"""Your own loop over ganzfeld's trainer, on data that is no image: a ring of Gaussians.

python examples/own_loop.py
"""

import math

import torch

from ganzfeld import Adversarial, Average, Trainer
from ganzfeld.networks.mlp import MLPDiscriminator, MLPGenerator


def main(images: int = 128_000) -> int:
    torch.manual_seed(0)
    angle = torch.arange(8) * 2 * math.pi / 8
    centres = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    data = centres[torch.randint(8, (20_000,))] + 0.05 * torch.randn(20_000, 2)

    widths = (64, 64, 64)
    G = MLPGenerator((2,), latent=2, widths=widths, norm="none", output="linear")
    D = MLPDiscriminator((2,), widths=widths)
    game = Adversarial(G, D, r1=0.02, r2=0.02)
    optimisers = {
        "discriminator": torch.optim.Adam(D.parameters(), 2e-3, betas=(0.5, 0.99)),
        "generator": torch.optim.Adam(G.parameters(), 2e-3, betas=(0.5, 0.99)),
    }
    average = Average(game, half_life_images=6_400)

    for report in Trainer(game, optimisers, data, batch_size=128, average=average):
        if report.step % 250 == 0:
            losses = {name: round(float(value), 3) for name, value in report.losses.items()}
            print(f"{report.images:>8,} samples  {losses}", flush=True)
        if report.images >= images:
            break

    with torch.no_grad(), average.applied(game):
        x = game.sample(torch.randn(2500, game.latent))
    distance, mode = torch.cdist(x, centres).min(1)
    found = len(set(mode[distance < 0.2].tolist()))
    print(f"modes found: {found} of 8; {(distance < 0.2).float().mean():.0%} of samples near one")
    return found


if __name__ == "__main__":
    main()
