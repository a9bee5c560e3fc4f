"""What the game of captions computes of sentences and images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganzfeld.core.types import Batch

STRETCH = 4  # words of a caption that are kept or left together, in the mean


def check_twins(I: nn.Module, D: nn.Module) -> None:  # noqa: E741
    """ValueError where the discriminator cannot begin as a copy of the encoder of images."""
    own = [value.shape for value in D.get_submodule("layers").state_dict().values()]
    if own != [value.shape for value in I.get_submodule("layers").state_dict().values()]:
        raise ValueError(
            "the discriminator starts as a copy of the encoder of images (game.knowing): give both "
            "the same networks.*.width and networks.*.most, and networks.I.norm=false"
        )


def one_of(several: Tensor) -> Tensor:
    """One caption (N, T) of several (N, K, T) for each image, by chance."""
    chosen = torch.randint(several.shape[1], (len(several),), device=several.device)
    return several[torch.arange(len(several), device=several.device), chosen]


def some_of(several: Tensor, count: int) -> Tensor:
    """Captions (N, count, T) of several (N, K, T), by chance; all of them where K is less."""
    if count == 1:
        return one_of(several)[:, None]
    order = torch.rand(several.shape[:2], device=several.device).argsort(1)[:, :count]
    return several.gather(1, order[:, :, None].expand(-1, -1, several.shape[2]))


def in_part(caption: Tensor, share: float) -> Tensor:
    """Captions (N, T) of word numbers, a share of which keep some of their stretches alone.

    A stretch has `STRETCH` words in the mean. How many of its stretches a caption keeps is drawn
    for each by chance, from none to all. The other words are 0: a phrase does not go across them.
    """
    at = caption.device
    stretch = (torch.rand(caption.shape, device=at) < 1 / STRETCH).long().cumsum(1)
    stretch = stretch.clamp_max(caption.shape[1] - 1)
    kept = torch.rand(caption.shape, device=at).gather(1, stretch)
    least = torch.rand(len(caption), 2, device=at)
    whole = least[:, :1] >= share
    return caption * (whole | (kept < least[:, 1:]))


def told_apart(images: Tensor, said: Tensor, wrong: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of sentences (N, d) among wrong ones (N, K, d), by vectors of images (N, d)."""
    scale = 1 / (temperature * images.shape[1])
    among = torch.cat([said[:, None], wrong], 1)
    likeness = (among @ images[:, :, None])[:, :, 0].float() * scale
    return cross_entropy(likeness, likeness.new_zeros(len(images), dtype=torch.long))


def contrast(
    images: Tensor, said: Tensor, caption: Tensor, wrong: Tensor | None, temperature: float
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the caption among the captions, and of the image among the images.

    images, said: vectors (N, d) of length sqrt(d). caption: the word numbers (N, T); captions that
    are equal are no opponents. wrong: vectors (N, d) or (N, K, d) of captions that are wrong in
    one thing: these are more opponents for their image. temperature: cosines are divided by it
    (van den Oord et al. 2018; both directions: Radford et al. 2021).
    """
    scale = 1 / (temperature * images.shape[1])
    likeness = (images @ said.T).float() * scale
    same = (caption[:, None] == caption[None]).all(2)
    same = same & ~torch.eye(len(caption), dtype=torch.bool, device=caption.device)
    likeness = likeness.masked_fill(same, -1e4)
    own = torch.arange(len(caption), device=caption.device)
    among = likeness
    if wrong is not None:
        wrong = wrong.view(len(images), -1, images.shape[1])
        hard = (wrong @ images[:, :, None])[:, :, 0].float() * scale
        among = torch.cat([likeness, hard], 1)
    return cross_entropy(among, own), cross_entropy(likeness.T, own)


def twice(batch: Batch) -> Batch:
    """The first half of a batch, and once more."""
    half = (len(batch["caption"]) + 1) // 2
    return {name: torch.cat([rows[:half], rows[:half]]) for name, rows in batch.items()}


def apart(images: Tensor, z: Tensor) -> Tensor:
    """Mean logarithm of how far the images of a caption are apart, in parts of their latents' way.

    images (2 N, ...), z (2 N, latent): those of N captions, and once more.
    """
    (first, second), (here, there) = images.float().chunk(2), z.float().chunk(2)
    way = (first - second).abs().flatten(1).mean(1) / (here - there).abs().mean(1)
    return (way + 1e-4).log().mean()
