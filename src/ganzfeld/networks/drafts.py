"""Drafts: what images look like on average, given their sentence."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

SIDE = 32  # pixels of a draft at most; larger images get it enlarged
AXES = 32  # of a sentence, whose products count beside its numbers
RANK = 64  # images that a draft is a sum of
MOST = 30_000  # images that are looked at
FIRST = 512  # images after which there is a draft
AMOUNTS = tuple(10 ** (k / 4) for k in range(-12, 9))  # of shrinkage, beside a variance of one


class Draft(nn.Module):
    """Sentences (N, width) to drafts (N, C, h, w): the mean image, by regression.

    What a sentence says changes an image by itself and in pairs: a color of hair colors other
    pixels with long hair than with short hair. So the regression is linear in a sentence's numbers
    and in the products of two of them, along the axes that change images most.

    Nothing in it is learned by gradients: it is what `DraftSums` found, and 0 before.
    """

    first: Tensor
    second: Tensor
    center: Tensor
    axes: Tensor
    middle: Tensor
    inward: Tensor
    outward: Tensor
    mean: Tensor

    def __init__(self, width: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, *sides = shape
        self.size = (channels, *(min(side, SIDE) for side in sides))
        self.width, pixels = width, channels * self.size[1] * self.size[2]
        count = min(AXES, width)
        self.features = width + count * (count + 1) // 2
        rank = min(RANK, self.features, pixels)
        first, second = torch.triu_indices(count, count)
        self.register_buffer("first", torch.eye(count)[:, first], persistent=False)
        self.register_buffer("second", torch.eye(count)[:, second], persistent=False)
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("axes", torch.zeros(width, count))
        self.register_buffer("middle", torch.zeros(self.features))
        self.register_buffer("inward", torch.zeros(self.features, rank))
        self.register_buffer("outward", torch.zeros(rank, pixels))
        self.register_buffer("mean", torch.zeros(pixels))

    def sums(self, images: int) -> DraftSums:
        """What finds it, in data of so many images."""
        return DraftSums(self, images)

    def seen(self, sentence: Tensor) -> Tensor:
        """What images are regressed on (N, features)."""
        own = sentence - self.center
        along = own @ self.axes
        return torch.cat([own, (along @ self.first) * (along @ self.second)], 1)

    def forward(self, sentence: Tensor) -> Tensor:
        with torch.autocast(sentence.device.type, enabled=False):
            found = (self.seen(sentence.float()) - self.middle) @ self.inward @ self.outward
            return (found + self.mean).view(-1, *self.size)


class DraftSums(nn.Module):
    """Moments of sentences and images, of which a draft is made.

    images: of the data. Three times as many are looked at, MOST at most. The first quarter finds
        how images depend on each number of a sentence, and so the axes whose products count; the
        others find the regression on both, where they are enough for it.
    """

    gram: Tensor
    cross: Tensor
    square: Tensor
    count: Tensor
    due: Tensor  # images after which the draft is next found

    def __init__(self, draft: Draft, images: int) -> None:
        super().__init__()
        self.different, self.images = images, min(3 * images, MOST)
        pixels = draft.mean.numel()
        self.register_buffer("gram", torch.zeros(draft.features + 1, draft.features + 1))
        self.register_buffer("cross", torch.zeros(draft.features + 1, pixels))
        self.register_buffer("square", torch.zeros(()))
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("due", torch.zeros(()))

    @torch.no_grad()
    def watch(self, draft: Draft, sentence: Tensor, x: Tensor) -> None:
        """Take sentences (N, width) and their images (N, C, H, W) into account.

        All that changes the draft is found of what was there before: of the mean over processes.
        """
        first, before = not draft.axes.any(), float(self.count)
        due = max(float(self.due), FIRST if first else 4 * draft.features)
        if not first and due > self.images:
            return
        if before >= due:
            axes = self.settle(draft)
            self.due.fill_(2 * before)
            if first and before >= self.images / 4:
                draft.center.copy_(draft.middle[: draft.width])
                draft.middle.zero_()  # of what lies around the center, as it was fitted
                draft.inward[draft.width :] = 0
                draft.axes.copy_(axes)
                self.count.zero_()
                self.due.zero_()
                before = 0.0
        size = draft.size[1:]
        y = x if x.shape[2:] == size else interpolate(x, size, mode="area")
        with torch.autocast(x.device.type, enabled=False):
            y, own = y.flatten(1).float(), draft.seen(sentence.float())
            one = torch.cat([own, own.new_ones(len(own), 1)], 1)
            part = len(y) / (before + len(y))
            self.gram.lerp_(one.T @ one / len(y), part)
            self.cross.lerp_(one.T @ y / len(y), part)
            self.square.lerp_(y.square().sum(1).mean(), part)
        self.count += len(y)

    def settle(self, draft: Draft) -> Tensor:
        """Make the draft the ridge regression of what was seen. Gives the axes (width, AXES).

        How much it shrinks is found by generalised cross-validation (Golub et al. 1979). Of the
        images that it is a sum of, those are kept that differ most.
        """
        gram, cross = self.gram.double(), self.cross.double()
        count = min(int(self.count), self.different)
        middle, mean = gram[-1, :-1], cross[-1]
        around = gram[:-1, :-1] - torch.outer(middle, middle)
        together = cross[:-1] - torch.outer(middle, mean)
        values, vectors = torch.linalg.eigh(around)
        values, turned = values.clamp_min(0), vectors.T @ together
        power, total = turned.square().sum(1), self.square.double() - mean.square().sum()
        best = min(AMOUNTS, key=lambda amount: left(values, power, total, amount, count))
        by = values.sqrt() / (values + best)
        fitted = turned * by[:, None]
        strength, found = torch.linalg.eigh(fitted @ fitted.T)
        rank = draft.outward.shape[0]
        outward = found[:, -rank:].T @ fitted / strength[-rank:].clamp_min(1e-12).sqrt()[:, None]
        inward = vectors @ (turned @ outward.T / (values + best)[:, None])
        draft.middle.copy_(middle)
        draft.mean.copy_(mean)
        draft.inward.copy_(inward)
        draft.outward.copy_(outward)
        wide = draft.width
        axes: Tensor = torch.linalg.svd(inward[:wide], full_matrices=False)[0]
        return axes[:, : draft.axes.shape[1]].float()


def left(values: Tensor, power: Tensor, total: Tensor, amount: float, count: int) -> float:
    """The generalised cross-validation of a ridge: the error left, for the freedom it takes."""
    kept = values + amount
    error = total - (power * (values + 2 * amount) / kept.square()).sum()
    freedom = 1 + float((values / kept).sum())
    return float(error) / max(1 - freedom / count, 1e-3) ** 2
