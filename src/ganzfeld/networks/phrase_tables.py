"""Captions by their phrases: each has numbers of its own, which a network learns and adds up.

So a network learns of each phrase by itself, as it learns of each class, and no encoder of captions
has to learn before it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzfeld.networks.caption_readers import Reader
from ganzfeld.networks.layers import SLOPE

ROWS = 8191  # of a table; a prime
FACTOR = 257  # a prime. Rows times it are few enough for whole numbers in float32
LONGEST = 4  # words of a phrase
RARE = 0.004  # of the captions: phrases of fewer are passed over
SCALE = 4.0  # of what a table gives: its rows learn so many times faster
FIRST = 0.1  # standard deviation of its first numbers


class Phrases(Reader):
    """Word numbers (N, T) to the table's rows of their phrases, (N, LONGEST * T), whole float32.

    A phrase is up to `LONGEST` words side by side. It is found in a table by its hash, as in
    fastText (Bojanowski et al. 2017), so that no list of phrases is needed; some share a row. 0
    stands for none: beyond the end, and for phrases that few captions have. It has no weights.

    width: of the sentences that networks make of phrases.
    """

    counts: Tensor
    captions: Tensor
    known: Tensor

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("counts", torch.zeros(ROWS))
        self.register_buffer("captions", torch.zeros(()))
        self.register_buffer("known", torch.zeros(ROWS, 1))

    def forward(self, caption: Tensor) -> Tensor:
        rows = rows_of(caption)
        return rows * nn.functional.embedding(rows.long(), self.known)[:, :, 0]

    @torch.no_grad()
    def count(self, caption: Tensor) -> None:
        """Take word numbers (N, T) of the data into account: which phrases are known."""
        found = torch.zeros(len(caption), ROWS, device=caption.device)
        found.scatter_(1, rows_of(caption).long(), 1.0)
        self.counts += found.sum(0)
        self.captions += len(caption)
        self.known.copy_((self.counts >= RARE * self.captions)[:, None])
        self.known[0] = 0


def rows_of(caption: Tensor) -> Tensor:
    """The rows (N, LONGEST * T), whole float32, of the phrases in captions (N, T).

    Those of one word, then those of two. float32 is exact here, and browsers have nothing else.
    """
    words = caption.float()
    there = words.clamp(0, 1)
    rows, whole, found = torch.zeros_like(words), torch.ones_like(words), []
    for length in range(LONGEST):
        late = nn.functional.pad(words, (0, length))[:, length:]
        whole = whole * nn.functional.pad(there, (0, length))[:, length:]
        rows = rows * FACTOR + late + 1
        rows = rows - ROWS * torch.round((rows + 0.5) / ROWS - 0.5)
        found.append(rows * whole)
    return torch.cat(found, 1)


class PhraseTable(nn.Module):
    """Rows of phrases (N, L), whole float32, to sentences (N, width): their sum, and a step."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(FIRST / SCALE * torch.randn(ROWS, width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, phrases: Tensor) -> Tensor:
        there = phrases.clamp(0, 1)[:, None]
        each = nn.functional.embedding(phrases.long(), self.weight).transpose(1, 2)
        found = SCALE * (each * there).sum(2) + self.bias
        return nn.functional.leaky_relu(found, SLOPE)

    def each(self, rows: Tensor) -> Tensor:
        """What each of some rows (K,), whole int64, adds to the sum: (K, width)."""
        return SCALE * self.weight[rows]
