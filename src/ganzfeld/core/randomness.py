"""Every random draw is a function of (seed, salt, images seen, purpose[, sample]).

No generator's state is ever stored, so a resumed run needs none: it asks for the same keys.
Latents and labels of samples are in `ganzfeld.core.latents`.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.errors import UsageError

if TYPE_CHECKING:
    import torch

WIDE = "shake128-mt19937-1"  # noise of training: every word of the generator's state from the key
NARROW = "mt19937-32"  # of runs that do not say: PyTorch's CPU generator keeps 32 bits of a seed
NOISES = (WIDE, NARROW)

BYTES, FIRST, WORDS = 5056, 3, 624  # of a CPU generator's state; its words as 64-bit numbers


def key(*parts: int | str) -> int:
    """A 63-bit number that depends on every part, on its kind and on the order.

    It is a blake2b hash, so it is the same on every machine and in every release.

    Any two keys are equal with probability 2^-63, whatever their purposes. Among n of them a pair
    is equal with probability n^2 / 2^64: 5e-8 for a million, 5 % for a billion. What takes keys
    by the million (the noise of training, latents) does not take them from here, since they would
    be cut: see `state`, `wide_key` and `ganzfeld.core.latents`.
    """
    digest = hashlib.blake2b(text_of(parts), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def wide_key(*parts: int | str) -> int:
    """A 128-bit number likewise: no two of a billion are equal but with probability 2^-69."""
    digest = hashlib.blake2b(text_of(parts), digest_size=16).digest()
    return int.from_bytes(digest, "little")


def text_of(parts: tuple[int | str, ...]) -> bytes:
    """Other parts, other text."""
    text = "\0".join(f"s{part}" if isinstance(part, str) else f"i{int(part)}" for part in parts)
    return text.encode()


def numpy_generator(*parts: int | str) -> np.random.Generator:
    """A fresh NumPy generator for this key (Philox, a counter-based stream)."""
    return np.random.Generator(np.random.Philox(key=key(*parts)))


def state(*parts: int | str) -> torch.Tensor:
    """The state of a CPU generator of PyTorch, (5056,) uint8: all of its words from these parts.

    `manual_seed` keeps 32 bits: of 100,000 seeds two are alike with probability 0.7. Here each of
    the 624 words of the Mersenne twister comes from SHAKE-128 of the parts, so that two states
    are alike with probability 2^-128 or less. It takes 8 microseconds.

    UsageError where this PyTorch lays its state out otherwise.
    """
    import torch

    text = text_of(parts)
    found = layout().copy()
    words = np.frombuffer(hashlib.shake_128(text).digest(4 * WORDS), dtype="<u4")
    found.view(np.uint64)[FIRST : FIRST + WORDS] = words
    return torch.from_numpy(found)


@functools.cache
def layout() -> NDArray[np.uint8]:
    """The state of a generator that has just been seeded, after a check of where its words are."""
    import torch

    generator = torch.Generator().manual_seed(1)
    found: NDArray[np.uint8] = generator.get_state().numpy()
    twister: Any = np.random.RandomState(1).get_state(legacy=False)  # seeded by the same rule
    words = twister["state"]["key"]
    if len(found) == BYTES and np.array_equal(found.view(np.uint64)[FIRST:][:WORDS], words):
        return found
    raise UsageError(
        f"PyTorch {torch.__version__} keeps its random state in another way than this release "
        "of ganzfeld knows",
        safe="nothing was changed",
        fix='pip install "torch==2.13.*"',
    )


def torch_generator(*parts: int | str, noise: str = WIDE) -> torch.Generator:
    """A fresh PyTorch generator for this key, on the CPU, so that every device draws alike."""
    import torch

    generator = torch.Generator()
    if noise == NARROW:
        return generator.manual_seed(key(*parts))
    generator.set_state(state(*parts))
    return generator


def seed_globally(*parts: int | str, noise: str = WIDE, device: str | None = None) -> None:
    """Seed the global generator of the CPU, and those of other devices but for device "cpu"."""
    import torch

    if device != "cpu":  # "cpu": 100 times quicker, since nothing asks for absent devices
        torch.manual_seed(key(*parts))  # a GPU's own generator takes 64 bits
    elif noise == NARROW:
        torch.default_generator.manual_seed(key(*parts))
    if noise != NARROW:
        torch.default_generator.set_state(state(*parts))
