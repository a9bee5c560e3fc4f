"""Every random draw is a function of (seed, salt, images seen, purpose[, sample]).

No generator's state is ever stored, so a resumed run needs none: it asks for the same keys.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def key(*parts: int | str) -> int:
    """A 63-bit number that depends on every part, on its kind and on the order.

    It is a blake2b hash, so it is the same on every machine and in every release.
    """
    text = "\0".join(f"s{part}" if isinstance(part, str) else f"i{int(part)}" for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def numpy_generator(*parts: int | str) -> np.random.Generator:
    """A fresh NumPy generator for this key (Philox, a counter-based stream)."""
    return np.random.Generator(np.random.Philox(key=key(*parts)))


def torch_generator(*parts: int | str) -> torch.Generator:
    """A fresh PyTorch generator for this key, on the CPU, so that every device draws alike."""
    import torch

    return torch.Generator().manual_seed(key(*parts))
