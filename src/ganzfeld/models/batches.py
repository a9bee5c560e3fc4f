"""How few samples may be computed together, so that each has the bits that it has among 32.

The kernels of a processor sum in an order that may depend on how many rows there are: of one row
a product of matrices is another routine, and convolutions choose their blocks by the batch. So
samples are computed 32 at a time, or in the smallest batch that was seen to give the same bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ganzfeld.models.draws import CHUNK

SIZES = (1, 2, 4, 8, 16)  # that are tried, the smallest first
PATIENCE = 1  # small batches that are filled up to 32 before it is tried: most programs draw once

Draw = Callable[[int, int], Tensor]  # the samples of so many rows of 32, from a row on


class Batches:
    """What is known of one network on this machine.

    A size is tried once: the last rows of a batch of 32 are computed again in a batch of that
    size. Not only the samples must be the same, but also what each layer gives: where a sample is
    the likeliest letter, or a saturated pixel, equal samples prove nothing of the next ones.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.same: dict[tuple[int, int], bool] = {}  # by threads and size
        self.asked = 0

    def size(self, count: int, draw: Draw) -> int:
        """The rows to compute for `count` samples, `count` to CHUNK of them."""
        sizes = [size for size in SIZES if size >= count]
        where = next(self.network.parameters(), torch.empty(0)).device.type
        if not sizes or where != "cpu":
            return CHUNK
        threads = torch.get_num_threads()
        self.asked += 1
        for size in sizes:
            if self.same.get((threads, size)):
                return size
        if self.asked > PATIENCE and any((threads, size) not in self.same for size in sizes):
            self.prove(sizes, threads, draw)
            return self.size(count, draw)
        return CHUNK

    def few(
        self,
        draw: Callable[[Tensor, Sequence[int] | None, Tensor | None], Tensor],
        z: Tensor,
        classes: Sequence[int] | None,
        numbers: Tensor | None,
    ) -> Tensor:
        """Samples of latents (n, latent), n up to 32, in as few rows as serve."""
        count = len(z)

        def rows(first: int, size: int) -> Tensor:
            places = [place % count for place in range(first, first + size)]
            y = None if classes is None else [classes[place] for place in places]
            return draw(z[places], y, None if numbers is None else numbers[places])

        return rows(0, self.size(count, rows))[:count]

    def prove(self, sizes: list[int], threads: int, draw: Draw) -> None:
        """Try these sizes, up to the first that serves."""
        whole = self.traced(draw, CHUNK)
        for size in sizes:
            if (threads, size) not in self.same:
                found = self.traced(draw, size)
                self.same[threads, size] = len(found) == len(whole) > 1 and all(
                    few is not None and many is not None and few == many[-size:]
                    for few, many in zip(found, whole, strict=True)
                )
            if self.same[threads, size]:
                return

    def traced(self, draw: Draw, size: int) -> list[list[bytes] | None]:
        """What each layer gives for each of the last rows of 32, as hashes, and the samples."""
        found: list[list[bytes] | None] = []

        def keep(layer: nn.Module, given: object, made: object) -> None:
            found.append(hashes(made, size))

        own = [*self.network.modules()][1:]
        layers = [module for module in own if not any(True for _ in module.children())]
        hooks = [layer.register_forward_hook(keep) for layer in layers]
        try:
            made = draw(CHUNK - size, size)
        finally:
            for hook in hooks:
                hook.remove()
        return [*found, hashes(made, size)]


def hashes(made: object, rows: int) -> list[bytes] | None:
    """One for each row; None for what is not laid out in rows."""
    if not isinstance(made, Tensor) or not made.dim() or len(made) % rows:
        return None
    lines = made.detach().reshape(rows, -1).contiguous()
    if not lines.shape[1]:
        return None
    return [hashlib.blake2b(line.numpy().tobytes(), digest_size=16).digest() for line in lines]
