"""Latents and labels of samples: a portable function of (seed, number), defined in docs/latents.md.

`threefry` is Threefry 4x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy
as 1, 2, 3"). Normal numbers come from its words by Box and Muller (1958), whose logarithm, sine and
cosine are made here of + - * / and sqrt in float64 alone. IEEE 754 fixes each of these to the bit,
so that any processor and any language finds the same latents. Needs NumPy only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core import border
from ganzfeld.core.randomness import NARROW, key, torch_generator
from ganzfeld.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

PORTABLE = "threefry4x32-20/box-muller-1"  # as a model's config.json has it
OF_TORCH = "torch-mt19937-32"  # of runs and models that do not say: draws by torch.Generator
NAMES = (PORTABLE, OF_TORCH)

LATENT, LABEL = 1, 2  # purposes, the third word of the key
TAG = 0x67616E7A  # "ganz", the fourth
LIMIT = 1 << 64  # seeds and numbers lie below

PARITY = np.uint32(0x1BD11BDA)  # of Threefish
ROTATIONS = ((10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20))
SHIFTS = [  # of words 1 and 3, to the left and to the right
    (up, np.uint32(32) - up)
    for up in (
        np.array(pair[::-1] if turn % 2 else pair, dtype=np.uint32)[:, None]
        for turn, pair in enumerate(ROTATIONS)
    )
]
ORDER = [[(group + i) % 5 for i in range(4)] for group in range(6)]  # of the key's words
LN2 = (0.693147180369123816490, 1.90821492927058770002e-10)  # in two parts, as in fdlibm
ATANH = [1.0 / n for n in range(23, 0, -2)]  # atanh(s) / s in s^2, the highest power first
SINE = [(-1.0) ** n / math.factorial(2 * n + 1) for n in range(8, -1, -1)]  # sin(a) / a in a^2
COSINE = [(-1.0) ** n / math.factorial(2 * n) for n in range(8, -1, -1)]

Words = NDArray[np.uint32]
Floats = NDArray[np.float64]
Numbers = NDArray[np.float32]


def threefry(counter: Words, key: Words) -> Words:
    """Four words (4, n) for counters (4, n) under keys (4, 1) or (4, n), all uint32."""
    schedule = np.concatenate([key, np.bitwise_xor.reduce(key, axis=0, keepdims=True) ^ PARITY])
    keys = schedule[ORDER]  # (6, 4, ...)
    keys[:, 3] += np.arange(6, dtype=np.uint32)[:, None]
    x: Words = counter + keys[0]
    even, odd = x[0::2], x[1::2]  # words 0 and 2; words 1 and 3
    targets = even, even[::-1]  # words 1 and 3 go to 0 and 2, and to 2 and 0, in turns
    left = np.empty_like(odd)
    for number in range(20):
        target, (up, down) = targets[number % 2], SHIFTS[number % 8]
        target += odd
        np.left_shift(odd, up, out=left)
        np.right_shift(odd, down, out=odd)
        odd |= left
        odd ^= target
        if number % 4 == 3:
            x += keys[number // 4 + 1]
    return x


def halves(numbers: Sequence[int]) -> Words:
    """The lower and the upper 32 bits of numbers, (2, n); UsageError for what is no uint64."""
    for number in numbers:
        if not 0 <= number < LIMIT:
            border.whole(number, "a seed, or the number of a sample,", 0, LIMIT - 1)
    whole = np.array([int(i) for i in numbers], dtype=np.uint64)
    return np.stack([whole & np.uint64(0xFFFFFFFF), whole >> np.uint64(32)]).astype(np.uint32)


def words_of(purpose: int, seed: int | Sequence[int], indices: Sequence[int], blocks: int) -> Words:
    """The words (4, n, blocks) of samples; one seed for all of them, or one for each."""
    counter = np.zeros((4, len(indices), blocks), dtype=np.uint32)
    counter[0] = np.arange(blocks, dtype=np.uint32)
    counter[1:3] = halves(indices)[:, :, None]
    seeds = halves([int(seed)] if isinstance(seed, int | np.integer) else seed)
    key = np.empty((4, seeds.shape[1]), dtype=np.uint32)
    key[:2], key[2], key[3] = seeds, purpose, TAG
    if not isinstance(seed, int | np.integer):
        key = np.repeat(key, blocks, axis=1)
    return threefry(counter.reshape(4, -1), key).reshape(counter.shape)


def normals(size: int, seed: int | Sequence[int], indices: Sequence[int]) -> NDArray[np.float32]:
    """Latents (n, size) of the samples with these numbers: standard normal, to the bit.

    seed: from 0 to 2^64 - 1, of all samples, or one for each. indices: likewise, one for each.
    Raises UsageError for others.
    """
    blocks = -(-size // 4)
    z = box_muller(words_of(LATENT, seed, indices, blocks).reshape(4, -1))
    whole = np.ascontiguousarray(z.T).reshape(len(indices), 4 * blocks)
    return np.ascontiguousarray(whole[:, :size])


def choice(seed: int | Sequence[int], indices: Sequence[int], n: int) -> NDArray[np.int64]:
    """A number below n for each of these samples, (len(indices),), all equally likely.

    seed, indices: as for `normals`. n: at most 2^31.
    """
    words = words_of(LABEL, seed, indices, 1)[0, :, 0]
    chosen: NDArray[np.int64] = (words.astype(np.uint64) * np.uint64(n) >> np.uint64(32)).astype(
        np.int64
    )
    return chosen


def draw(
    name: str, size: int, seed: int | Sequence[int], indices: Sequence[int]
) -> NDArray[np.float32]:
    """Latents (n, size) as a run or a model with `latents` of this name draws them."""
    if name == PORTABLE:
        return normals(size, seed, indices)
    import torch

    z = np.empty((len(indices), size), dtype=np.float32)
    for row, (own, index) in enumerate(zip(spread(seed, indices), indices, strict=True)):
        generator = torch_generator(own, "sample", index, noise=NARROW)
        torch.randn(size, generator=generator, out=torch.from_numpy(z[row]))
    return z


def scaled(
    z: NDArray[np.float32], mean: float | Numbers = 0.0, std: float | Numbers = 1.0
) -> NDArray[np.float32]:
    """Latents (n, size) with another mean and deviation: of all, or one for each, (n, 1).

    Example::

        from ganzfeld.core import latents

        z = latents.draw(latents.PORTABLE, 8, seed=0, indices=range(4))
        assert (latents.scaled(z, std=0.5) == 0.5 * z).all()
    """
    # plain numbers, so that the result has the precision of z
    by, times = (float(v) if isinstance(v, float | int) else v for v in (mean, std))
    if isinstance(by, float) and isinstance(times, float) and (by, times) == (0.0, 1.0):
        return z
    found: NDArray[np.float32] = by + times * z
    return found


def tensor(name: str, size: int, seed: int | Sequence[int], indices: Sequence[int]) -> Tensor:
    """`draw` as a tensor."""
    import torch

    return torch.from_numpy(draw(name, size, seed, indices))


def labels(name: str, classes: int, seed: int | Sequence[int], indices: Sequence[int]) -> list[int]:
    """Numbers of random classes, one for each sample, drawn likewise."""
    if name == PORTABLE:
        return [int(one) for one in choice(seed, indices, classes)]
    own = zip(spread(seed, indices), indices, strict=True)
    return [key(one, "label", index) % classes for one, index in own]


def spread(seed: int | Sequence[int], indices: Sequence[int]) -> Sequence[int]:
    return [int(seed)] * len(indices) if isinstance(seed, int | np.integer) else seed


def check(name: Any, where: str) -> str:
    """The name of a way to draw latents; CheckpointError for one that this release does not know.

    where: what says so, for the message.
    """
    if name in NAMES:
        return str(name)
    raise CheckpointError(
        f"{where} draws its latents by {name!r}; this release knows {', '.join(NAMES)}",
        fix="install a newer ganzfeld: pip install --upgrade ganzfeld",
    )


def box_muller(words: Words) -> NDArray[np.float32]:
    """Four normal numbers (4, n) from four words (4, n): pairs of words 0 and 1, and 2 and 3."""
    u: Floats = (words.astype(np.float64) + 0.5) * 2.0**-32  # exact, in (0, 1)
    radius = np.sqrt(-2.0 * logarithm(u[0::2]))
    cosine, sine = circle(u[1::2])
    z = np.empty(words.shape, dtype=np.float32)
    z[0::2] = radius * cosine
    z[1::2] = radius * sine
    return z


def polynomial(coefficients: Sequence[float], x: Floats) -> Floats:
    """By Horner's rule, the highest power first."""
    y = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        y *= x
        y += c
    return y


def logarithm(u: Floats) -> Floats:
    """The natural logarithm of numbers in (0, 1), within 3.3e-16 of its value or of 1."""
    m, e = np.frexp(u)  # m in [1/2, 1)
    small = m < math.sqrt(0.5)
    m = np.where(small, m + m, m)  # in [sqrt(1/2), sqrt(2))
    power = e - small.astype(np.float64)
    s = (m - 1.0) / (m + 1.0)
    of_m = (s + s) * polynomial(ATANH, s * s)
    return power * LN2[0] + (power * LN2[1] + of_m)


def circle(v: Floats) -> tuple[Floats, Floats]:
    """Cosine and sine of 2 pi v, v in (0, 1), within 7e-16."""
    quarter = np.floor(4.0 * v + 0.5)
    a = (v - quarter * 0.25) * (2.0 * math.pi)  # at most an eighth of a turn
    square = a * a
    s, c = a * polynomial(SINE, square), polynomial(COSINE, square)
    q = quarter.astype(np.int64)
    odd = (q & 1).astype(bool)
    cosine, sine = np.where(odd, s, c), np.where(odd, c, s)
    cosine *= 1.0 - 2.0 * (((q + 1) & 2) >> 1)  # minus in quarters 1 and 2
    sine *= 1.0 - (q & 2)  # minus in quarters 2 and 3
    return cosine, sine
