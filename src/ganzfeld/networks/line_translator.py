"""A network that writes lines for lines: it reads all of a line, and looks back while it writes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ganzfeld.networks.layers import initialise
from ganzfeld.networks.recurrent import END
from ganzfeld.networks.text_critic import sinusoids

PLACES = 16  # sines and cosines that tell a network in which place it is


class LineTranslator(nn.Module):
    """Tokens (N, T) to tokens (N, T): the likeliest symbol, one after another, up to END.

    A recurrent encoder reads the line both ways; a recurrent decoder writes, and at each place
    attends to what was read (Bahdanau et al. 2015; by inner products, Luong et al. 2015). Lines may
    become shorter or longer, and their parts may change places.

    shape: (T,) of a row. symbols: V, END among them. hidden: width of all states. embedding: of a
    symbol. dropout: of what logits are made from, while it trains.

    Example::

        import torch
        from ganzfeld.networks import NETWORKS

        network = NETWORKS["line-translator"]((8,), symbols=5, hidden=16)
        assert network(torch.ones(2, 8, dtype=torch.int64)).shape == (2, 8)
    """

    def __init__(
        self,
        shape: Sequence[int],
        *,
        symbols: int,
        hidden: int = 128,
        embedding: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        (self.length,) = shape
        if hidden % 2:
            raise ValueError(f"hidden is an even number, not {hidden}")
        self.symbols = symbols
        self.register_buffer("places", sinusoids(self.length, PLACES), persistent=False)
        self.read = nn.Embedding(symbols, embedding)
        self.written = nn.Embedding(symbols, embedding)
        before = embedding + PLACES
        self.encoder = nn.GRU(before, hidden // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(before, hidden, batch_first=True)
        self.start = initialise(nn.Linear(hidden, hidden), 1.0)
        self.question = initialise(nn.Linear(hidden + PLACES, hidden, bias=False), 1.0)
        self.key = initialise(nn.Linear(hidden + PLACES, hidden, bias=False), 1.0)
        self.joined = initialise(nn.Linear(2 * hidden, hidden), 1.0)
        self.dropout = nn.Dropout(dropout)
        self.logits = initialise(nn.Linear(hidden, symbols), 1.0)

    def encoded(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What lines x (N, T) are remembered as, (N, T, hidden): values, keys, what is no part.

        The last is (N, T), true behind the END of a line.
        """
        x = x.long()
        places = cast(Tensor, self.places).expand(x.shape[0], -1, -1)
        memory, _ = self.encoder(torch.cat([self.read(x), places], 2))
        ends = (x == END).long()
        behind = (ends.cumsum(1) - ends) > 0
        return memory, self.key(torch.cat([memory, places], 2)), behind

    def first(self, memory: Tensor, behind: Tensor) -> Tensor:
        """The decoder's first state, (1, N, hidden)."""
        kept = (~behind).to(memory.dtype)[:, :, None]
        state: Tensor = self.start((memory * kept).sum(1) / kept.sum(1)).tanh()
        return state[None].contiguous()

    def shown(self, states: Tensor, places: Tensor, known: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Logits (N, t, V) from the decoder's states (N, t, hidden)."""
        memory, keys, behind = known
        asked = self.question(torch.cat([states, places], 2))
        scores = asked @ keys.transpose(1, 2) / math.sqrt(keys.shape[2])
        weights = scores.masked_fill(behind[:, None], -torch.inf).softmax(2)
        joined = self.joined(torch.cat([states, weights @ memory], 2)).tanh()
        return cast(Tensor, self.logits(self.dropout(joined)))

    def log_probabilities(self, x: Tensor, y: Tensor) -> Tensor:
        """Of every next symbol (N, T, V) of lines y (N, T), the translations of x."""
        known = self.encoded(x)
        places = cast(Tensor, self.places).expand(x.shape[0], -1, -1)
        before = nn.functional.pad(y.long()[:, :-1], (1, 0))
        given = torch.cat([self.written(before), places], 2)
        states, _ = self.decoder(given, self.first(known[0], known[2]))
        return self.shown(states, places, known).float().log_softmax(2)

    def forward(self, x: Tensor) -> Tensor:
        known = self.encoded(x)
        state = self.first(known[0], known[2])
        symbol = x.new_zeros(x.shape[0], dtype=torch.long)
        over = torch.zeros_like(symbol, dtype=torch.bool)
        found = []
        for t in range(self.length):
            places = cast(Tensor, self.places)[t].expand(x.shape[0], 1, -1)
            given = torch.cat([self.written(symbol)[:, None], places], 2)
            states, state = self.decoder(given, state)
            symbol = self.shown(states, places, known)[:, 0].argmax(1).masked_fill(over, END)
            over = over | (symbol == END)
            found.append(symbol)
        line = torch.stack(found, 1)
        line[:, -1] = END
        return line
