"""A whole GAN in one page, without ganzfeld's trainer: only its drawings are borrowed.

python examples/beautiful_gan.py        # a few minutes on a laptop; writes beautiful_gan.png
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganzfeld.data.avatars.scene import avatars
from ganzfeld.modalities.image.draw import grid, to_pixels

LATENT, BATCH, STEPS = 64, 64, 1500


def up(before: int, behind: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(before, behind, 4, 2, 1), nn.BatchNorm2d(behind), nn.ReLU()]


def down(before: int, behind: int) -> list[nn.Module]:
    return [nn.Conv2d(before, behind, 4, 2, 1), nn.LeakyReLU(0.2)]


def main(steps: int = STEPS) -> None:
    torch.manual_seed(0)
    G = nn.Sequential(
        nn.Linear(LATENT, 128 * 16), nn.Unflatten(1, (128, 4, 4)), nn.BatchNorm2d(128), nn.ReLU(),
        *up(128, 64), *up(64, 32), nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    D = nn.Sequential(*down(3, 32), *down(32, 64), *down(64, 128), nn.Flatten(), nn.Linear(2048, 1))
    step_G = torch.optim.Adam(G.parameters(), 1e-3, betas=(0.0, 0.99))
    step_D = torch.optim.Adam(D.parameters(), 1e-3, betas=(0.0, 0.99))
    pictures, _ = avatars(4000, 32, 32)
    data = torch.from_numpy(pictures)

    def batch() -> Tensor:
        return data[torch.randint(len(data), (BATCH,))].float() / 127.5 - 1

    for step in range(steps):
        # the discriminator learns to tell real from fake, with gentle slopes (R1)
        real, fake = batch().requires_grad_(), G(torch.randn(BATCH, LATENT)).detach()
        logits = D(real)
        (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
        penalty = slope.square().sum((1, 2, 3)).mean()
        loss_D = (softplus(-logits) + softplus(D(fake))).mean() + 0.5 * penalty
        step_D.zero_grad()
        torch.autograd.backward(loss_D)
        step_D.step()
        # the generator learns to be taken for real
        loss_G = softplus(-D(G(torch.randn(BATCH, LATENT)))).mean()
        step_G.zero_grad()
        torch.autograd.backward(loss_G)
        step_G.step()
        if step % 100 == 0:
            print(f"step {step:>5}  discriminator {loss_D:.3f}  generator {loss_G:.3f}", flush=True)

    with torch.no_grad():
        grid(to_pixels(G.eval()(torch.randn(64, LATENT)))).save("beautiful_gan.png")


if __name__ == "__main__":
    main()
