"""How far rows of a table are from others in what their columns have to do with each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor


class Interactions:
    """Distances of the tables of two and of three columns, between fake and real rows.

    They are maximum mean discrepancies (Gretton et al. 2012). With g_k the product of the entries
    of column k of two rows, the kernel of pairs is the sum of g_k g_l over all pairs of columns,
    and that of triples the sum of g_k g_l g_m, both from power sums by Newton's identities. Terms
    of a row with itself, or with the row drawn for the same choice, are left out: the mean over
    batches is the distance itself.

    sizes: entries of each column, which lie one after the other in a row.
    numbers: of each column, whether its first entry is a number.

    Example::

        import torch
        from ganzfeld.games.interactions import Interactions

        one = torch.eye(2).repeat(8, 1)
        same, crossed = torch.cat([one, one], 1) - 0.5, torch.cat([one, one.flip(1)], 1) - 0.5
        pairs, _ = Interactions([2, 2], [0, 0]).apart(crossed, same)
        assert pairs > 0.5
    """

    def __init__(self, sizes: Sequence[int], numbers: Sequence[int]) -> None:
        self.sizes, self.numbers = list(sizes), list(numbers)

    def columns(self, a: Tensor, b: Tensor, *, numbers: bool = False) -> Iterator[Tensor]:
        """g_k of each column, (N, N); of those that hold a number only, where asked so."""
        both = zip(a.split(self.sizes, 1), b.split(self.sizes, 1), strict=True)
        for (x, y), number in zip(both, self.numbers, strict=True):
            if number or not numbers:
                yield x @ y.T

    def kernels(self, a: Tensor, b: Tensor) -> Tensor:
        """Of pairs and of triples of columns, between all rows of a and of b, (2, N, N)."""
        first = second = third = a.new_zeros(len(a), len(b))
        for own in self.columns(a, b):
            square = own.square()
            first, second, third = first + own, second + square, third + square * own
        pairs = (first.square() - second) / 2
        triples = (first.square() * first - 3 * first * second + 2 * third) / 6
        return torch.stack([pairs, triples])

    def apart(self, fake: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """The distances of pairs and of triples, of rows (N, width) less what is common."""
        pairs, triples = discrepancy(self.kernels, fake, real)
        return pairs, triples

    def within(self, fake: Tensor, real: Tensor) -> Tensor:
        """The distance of pairs of entries within the columns that hold a number."""

        def kernel(a: Tensor, b: Tensor) -> Tensor:
            found = a.new_zeros(len(a), len(b))
            for own in self.columns(a, b, numbers=True):
                found = found + own.square()
            return found

        return discrepancy(kernel, fake, real)


def discrepancy(kernel: Callable[[Tensor, Tensor], Tensor], fake: Tensor, real: Tensor) -> Tensor:
    """Squared maximum mean discrepancies of rows (N, width), of each kernel (..., N, N)."""
    n = len(fake)
    others = 1 - torch.eye(n, device=fake.device)

    def mean(a: Tensor, b: Tensor) -> Tensor:
        return (kernel(a, b) * others).sum((-2, -1)) / (n * (n - 1))

    return mean(fake, fake) - 2 * mean(fake, real) + mean(real, real)
