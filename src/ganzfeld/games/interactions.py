"""How far rows of a table are from others in what their columns have to do with each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

AT_ONCE = 4  # third entries whose tables are compared in one step
TINY = 1e-9  # a variance, so that something can be drawn where there is none


class Interactions(nn.Module):
    """Distances of the tables of two and of three columns, between fake and real rows.

    They are squared distances of the mean products of two or three entries that lie in different
    columns: maximum mean discrepancies (Gretton et al. 2012) whose kernels are the sums of such
    products. Terms of a row with itself, or with the row drawn for the same choice, are left out:
    the mean over batches is the distance itself. Each pair counts twice, for both orders.

    sizes: entries of each column, which lie one after the other in a row.
    numbers: of each column, whether its first entry is a number.

    Example::

        import torch
        from ganzfeld.games.interactions import Interactions

        one = torch.eye(2).repeat(8, 1)
        same, crossed = torch.cat([one, one], 1) - 0.5, torch.cat([one, one.flip(1)], 1) - 0.5
        there = Interactions([2, 2], [0, 0])
        assert there.pairs(crossed, same) > 1.0
    """

    column: Tensor  # (width,) of each entry
    within: Tensor  # (width, width): 1 where two entries are in one column that holds a number

    def __init__(self, sizes: Sequence[int], numbers: Sequence[int]) -> None:
        super().__init__()
        self.columns = len(sizes)
        column = torch.tensor([k for k, size in enumerate(sizes) for _ in range(size)])
        same = (column[:, None] == column).float()
        holds = torch.tensor([bool(numbers[k]) for k in column.tolist()])
        self.register_buffer("column", column, persistent=False)
        self.register_buffer("within", same * holds, persistent=False)
        self.register_buffer("across", 1 - same, persistent=False)

    def pairs(self, fake: Tensor, real: Tensor) -> Tensor:
        """Of two entries in different columns of rows (N, width), less what is common."""
        return self.apart(fake, real, fake[None], real[None], self.get_buffer("across"))[0]

    def in_columns(self, fake: Tensor, real: Tensor) -> Tensor:
        """Of two entries in one column that holds a number."""
        return self.apart(fake, real, fake[None], real[None], self.within)[0]

    def triples(self, fake: Tensor, real: Tensor) -> Tensor:
        """Of three entries in different columns.

        The third is one of a few that are drawn at each call, by their variance among real rows:
        the mean over calls is the distance, weighted so.
        """
        weight = real.var(0) + TINY
        third = torch.multinomial(weight, AT_ONCE, replacement=True)
        others = (self.column != self.column[third][:, None]).to(fake.dtype)[:, None]  # (k, 1, W)
        f, r = (x * others * x[:, third].T[:, :, None] for x in (fake, real))
        across = self.get_buffer("across") * others
        return self.apart(fake, real, f, r, across).sum() * (weight.sum() / AT_ONCE)

    def apart(self, fake: Tensor, real: Tensor, f: Tensor, r: Tensor, counted: Tensor) -> Tensor:
        """Squared distances (k,) of the mean products of entries of `fake` and of f (k, N, W).

        counted: (W, W) or (k, W, W), 1 where a product counts.
        """
        n = len(fake)
        off = (f.transpose(1, 2) @ fake - r.transpose(1, 2) @ real) * counted
        whole = off.square().sum((1, 2))
        own = (
            alone(f, fake, f, fake, counted)
            - 2 * alone(f, fake, r, real, counted)
            + alone(r, real, r, real, counted)
        )
        return (whole - own) / (n * (n - 1))


def alone(a: Tensor, b: Tensor, c: Tensor, d: Tensor, counted: Tensor) -> Tensor:
    """Sum over rows of what each gives with itself: of a b' times c d' where it counts, (k,)."""
    return ((a * c) @ counted * (b * d)).sum((1, 2))
