"""How far two small images are apart once one has been shifted, scaled and mirrored to fit.

Candidates are looked up by *sketches*: histograms of gradient directions in 4 x 4 cells (as in Lowe
2004 and Dalal and Triggs 2005), which brightness does not change and small shifts hardly do. Then
one image is fitted to the other by Gauss-Newton steps on the difference of their pixels (Lucas and
Kanade 1981), with brightness and contrast free.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, pad

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)

CELLS, DIRECTIONS = 4, 8  # of a sketch: 128 numbers
FLAT = 0.3  # grey levels of mean gradient that count as nothing
STRONG = 0.25  # of a sketch's length: the most that one number may have
# How a copy may lie in its original, (scale, shift right, shift down), in halves of a side: as it
# is, with its edges cropped, and shifted. What lies between is near enough for a sketch
SHIFTS = ((-0.15, -0.15), (-0.15, 0.15), (0.15, -0.15), (0.15, 0.15))
PLACES = ((1.0, 0.0, 0.0), (0.88, 0.0, 0.0), *((1.0, right, down) for right, down in SHIFTS))
COARSE, FINE = (2, 3), (1, 3)  # px to one, and steps: of all candidates, and then of the BEST
SMALL = 24  # px: smaller images are not halved
BEST, RIVAL = 8, 6  # by the distance of the sixth nearest a copy's is measured
CLEAR = 0.9  # of the sixth least distance: beyond it no copy is, and nothing is fitted further
LONGEST = 0.1  # a step, of half a side
SCALES, SHIFT = (0.78, 1.25), 0.3  # what a fit may do: to each side, and in halves of it
FAINT = 0.05  # squared grey levels of variance that count as nothing
CHUNK = 4_096  # pairs fitted together
PRINTS = 1_024  # prints sketched together

Floats = NDArray[np.float32]
Prints = NDArray[np.uint8]


def sketches(prints: Prints) -> list[Floats]:
    """Sketches (N, 128) of prints (N, h, w): at each of PLACES, then mirrored at each."""
    found = {place: sketch(placed(prints, place)) for place in PLACES}
    turned = [mirrored(found[scale, -right, down]) for scale, right, down in PLACES]
    return [*found.values(), *turned]


def mirrored(numbers: Floats) -> Floats:
    """Sketches of mirrored images: cells and directions change sides."""
    x = numbers.reshape(-1, DIRECTIONS, CELLS, CELLS)[..., ::-1]
    other = (DIRECTIONS // 2 - np.arange(DIRECTIONS)) % DIRECTIONS
    return np.ascontiguousarray(x[:, other]).reshape(numbers.shape)


def sketch(prints: NDArray[Any]) -> Floats:
    """Histograms (N, 128) of gradient directions, each the square root of its share."""
    parts = [sketched(prints[low : low + PRINTS]) for low in range(0, len(prints), PRINTS)]
    return np.concatenate(parts) if parts else np.zeros((0, CELLS**2 * DIRECTIONS), np.float32)


def sketched(prints: NDArray[Any]) -> Floats:
    x = torch.from_numpy(np.ascontiguousarray(prints)).float()[:, None]
    x = pad(smooth(x), (1, 1, 1, 1), mode="replicate")[:, 0]
    right = x[:, 1:-1, 2:] - x[:, 1:-1, :-2]
    down = x[:, 2:, 1:-1] - x[:, :-2, 1:-1]
    strength = torch.sqrt(right * right + down * down)
    turn = torch.atan2(down, right) * (DIRECTIONS / (2 * math.pi)) % DIRECTIONS
    lower = turn.floor()
    part, first = turn - lower, lower.long() % DIRECTIONS
    n, h, w = strength.shape
    found = torch.zeros(n, DIRECTIONS, h * w)
    for which, share in ((first, 1 - part), ((first + 1) % DIRECTIONS, part)):
        found.scatter_add_(1, which.flatten(1)[:, None], (strength * share).flatten(1)[:, None])
    found = found.reshape(n, DIRECTIONS, h, w)
    found = torch.einsum("nohw,ch,dw->nocd", found, cells(h), cells(w)).flatten(1)
    least = FLAT * h * w / CELLS
    unit = found / (found.norm(dim=1, keepdim=True) + least)
    numbers: Floats = unit.clamp(max=STRONG).sqrt().numpy()
    return numbers


def cells(count: int) -> Tensor:
    """How much each of so many pixels counts for each cell, (CELLS, count)."""
    place = (torch.arange(count) + 0.5) / count * CELLS - 0.5
    return (1 - (place[None] - torch.arange(CELLS)[:, None]).abs()).clamp(min=0)


def placed(prints: Prints, place: tuple[float, float, float]) -> NDArray[Any]:
    """Each print at this scale in a frame of its size, at this place; its edges are repeated."""
    scale, right, down = place
    if place == PLACES[0] or not len(prints):
        return prints
    x = torch.from_numpy(np.ascontiguousarray(prints)).float()[:, None]
    matrix = torch.tensor([[1 / scale, 0, -right / scale], [0, 1 / scale, -down / scale]])
    grid = affine_grid(matrix.expand(len(x), 2, 3), list(x.shape), align_corners=False)
    found: NDArray[Any] = grid_sample(x, grid, align_corners=False, padding_mode="border").numpy()
    return found[:, 0]


def apart(
    ours: Prints, theirs: Prints, looks: NDArray[np.int64], left: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Distances (N, K) of prints (N, h, w) to K others each: sqrt(1 - r^2), r their correlation.

    theirs: (N, K, h, w). looks: (N, K), number of the sketch of ours that was near, which says
    from where to fit. left: (N, K), which to leave out. Only the nearest eight or fewer are
    measured; the rest is infinite. Those of prints that are clearly no copies are measured at half
    their size.
    """
    count, tried = looks.shape
    starts = torch.tensor([[scale, scale, right, down] for scale, right, down in PLACES])
    which = torch.from_numpy(looks).flatten()
    place = torch.arange(count).repeat_interleave(tried)
    straight = torch.from_numpy(np.ascontiguousarray(ours))
    both = torch.cat([straight, straight.flip(2)]), torch.from_numpy(theirs).flatten(0, 1)
    fits, view = starts[which % len(PLACES)], place + count * (which >= len(PLACES))
    pairs = torch.arange(len(which))
    away, fits = in_chunks(both, pairs, view, fits, COARSE)
    away = away.reshape(count, tried)
    if left is not None:
        away[torch.from_numpy(left)] = torch.inf
    least, chosen = torch.topk(away, min(BEST, tried), dim=1, largest=False)
    found = torch.full_like(away, torch.inf).scatter_(1, chosen, least)
    close = least[:, 0] < CLEAR * least[:, min(RIVAL, tried) - 1]
    pairs = (torch.arange(count)[:, None] * tried + chosen)[close].flatten()
    pairs = pairs[away.flatten()[pairs].isfinite()]
    found.view(-1)[pairs] = in_chunks(both, pairs, view, fits, FINE)[0]
    distances: NDArray[np.float64] = found.double().numpy()
    return distances


def in_chunks(
    both: tuple[Tensor, Tensor],
    pairs: Tensor,
    view: Tensor,
    fits: Tensor,
    how: tuple[int, int],
) -> tuple[Tensor, Tensor]:
    """Distances of these pairs and their fits. 0 where both images are the same.

    both: our prints, straight and then mirrored, and theirs. view: of each pair, which of ours.
    """
    factor, steps = how
    small, found = reduced(both[0], factor), []
    for low in range(0, len(pairs), CHUNK):
        part = pairs[low : low + CHUNK]
        a, b = view[part], both[1][part]
        same = (both[0][a] == b).flatten(1).all(1)
        away, fit = fitted(small[a], reduced(b, factor), fits[part], steps)
        found.append((torch.where(same, 0.0, away), fit))
    if not found:
        return torch.zeros(0), fits[:0]
    return torch.cat([away for away, _ in found]), torch.cat([fit for _, fit in found])


def reduced(x: Tensor, factor: int) -> Tensor:
    """Evenly, since a fit would take uneven pixels for a shift; and smoothed before, since fine
    stripes that are shifted by half of a pixel would no longer look alike."""
    if factor == 1 or min(x.shape[1:]) < SMALL:
        return x.float()
    return avg_pool2d(smooth(x.float()[:, None]), factor, ceil_mode=True)[:, 0]


def smooth(x: Tensor) -> Tensor:
    """Means of 3 x 3 pixels, edges repeated: `avg_pool2d`, which adds number by number, is slow."""
    (h, w), wide = x.shape[2:], pad(x, (1, 1, 1, 1), mode="replicate")
    parts = [wide[..., i : i + h, j : j + w] for i in range(3) for j in range(3)]
    total = parts[0].clone()
    for part in parts[1:]:
        total += part
    return total.div_(9)


def fitted(ours: Tensor, theirs: Tensor, fit: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """The least distance (N,) on the way of a fit, from images (N, h, w), and where that was.

    fit: where it starts, (N, 4): the scales by which a place in ours, -1 to 1 from edge to edge,
    is multiplied, right and down, and the shifts that are added, for its place in theirs.
    """
    right, down = middles(ours.shape[2]), middles(ours.shape[1])[:, None]
    best, where = torch.ones(len(ours)), fit.clone()
    grid = torch.empty(*ours.shape, 2)
    for step in range(steps + 1):
        u = fit[:, 0, None, None] * right + fit[:, 2, None, None]
        v = fit[:, 1, None, None] * down + fit[:, 3, None, None]
        grid[..., 0], grid[..., 1] = u, v
        seen = grid_sample(theirs[:, None], grid, align_corners=False, padding_mode="border")[:, 0]
        inside = ((u.abs() <= 1) & (v.abs() <= 1)).float()
        count = inside.sum((1, 2))
        a, b = centred(ours, inside, count), centred(seen, inside, count)
        across, squares = (a * b).sum((1, 2)), (b * b).sum((1, 2)) + 1e-3
        nothing = FAINT * count
        product = ((a * a).sum((1, 2)) + nothing) * (squares + nothing)
        alike = (across / product.sqrt()).clamp(0, 1)
        away = torch.sqrt(1 - alike * alike)
        where = torch.where((away < best)[:, None], fit, where)
        best = torch.minimum(best, away)
        if step == steps:
            break
        gain = (across / squares).clamp(min=0.2)[:, None, None]
        fit = stepped(fit, a - gain * b, gain * slopes(seen), right, down, inside)
    return best, where


def middles(count: int) -> Tensor:
    return (torch.arange(count) + 0.5) / count * 2 - 1


def centred(x: Tensor, inside: Tensor, count: Tensor) -> Tensor:
    """Images less their mean inside, of so many pixels, and 0 outside."""
    mean = (x * inside).sum((1, 2)) / count
    return (x - mean[:, None, None]).mul_(inside)


def slopes(x: Tensor) -> Tensor:
    """Derivatives of images (N, h, w) to the right and down, (2, N, h, w), in halves of a side."""
    wide = pad(x[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    right = (wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2]) * (x.shape[2] / 4)
    return torch.stack([right, (wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1]) * (x.shape[1] / 4)])


def stepped(
    fit: Tensor, error: Tensor, slope: Tensor, right: Tensor, down: Tensor, inside: Tensor
) -> Tensor:
    """A Gauss-Newton step, damped, and kept within what a copy may have undergone."""
    ways = torch.empty(len(fit), 4, *inside.shape[1:])
    torch.mul(slope.transpose(0, 1), inside[:, None], out=ways[:, 2:])
    torch.mul(ways[:, 2], right, out=ways[:, 0])
    torch.mul(ways[:, 3], down, out=ways[:, 1])
    ways = ways.flatten(2)
    ways -= ways.mean(2, keepdim=True)
    normal = ways @ ways.transpose(1, 2)
    damping = 1e-2 * normal.diagonal(dim1=1, dim2=2).mean(1) + 1e-3
    normal = normal + torch.eye(4) * damping[:, None, None]
    step = torch.linalg.solve(normal, ways @ error.flatten(1)[:, :, None])[:, :, 0]
    fit = fit + step.clamp(-LONGEST, LONGEST)
    return torch.cat([fit[:, :2].clamp(*SCALES), fit[:, 2:].clamp(-SHIFT, SHIFT)], 1)
