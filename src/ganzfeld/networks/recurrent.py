"""Recurrent networks for rows of symbols: a generator, and two discriminators.

A row has T symbols, numbers from 0 to V - 1; 0 is END, which closes a line and fills its row
(`modalities.symbols`). Discriminators take tokens (N, T), integers, or what stands for them, (N, T,
V) numbers that sum to 1 over V.

The recurrent cell is written out. PyTorch's own has no second derivative on a GPU (cuDNN), and none
of its exports stands for one step at a time.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganzfeld.networks.layers import SLOPE, Verdict, initialise, need_labels

END = 0
NEVER = -1e9  # a logit that no softmax shows


class Cell(nn.Module):
    """A gated recurrent unit (Cho et al. 2014), with its inputs multiplied beforehand."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.recurrent = nn.Linear(width, 3 * width)
        bound = 1 / math.sqrt(width)
        nn.init.uniform_(self.recurrent.weight, -bound, bound)
        nn.init.zeros_(self.recurrent.bias)

    def forward(self, given: Tensor, state: Tensor) -> Tensor:
        """The next state (N, width) from inputs (N, 3 width), already multiplied."""
        reset_in, keep_in, new_in = given.chunk(3, 1)
        reset_h, keep_h, new_h = self.recurrent(state).chunk(3, 1)
        keep = torch.sigmoid(keep_in + keep_h)
        new = torch.tanh(new_in + torch.sigmoid(reset_in + reset_h) * new_h)
        return new + keep * (state - new)


class Given(nn.Module):
    """What a whole row depends on, as one vector: noise, a class, numbers."""

    def __init__(self, noise: int, classes: int, conditions: int, width: int) -> None:
        super().__init__()
        self.conditions = conditions
        self.embedding = nn.Embedding(classes, 32) if classes else None
        before = noise + 32 * bool(classes) + conditions
        self.linear = nn.Linear(before, width) if before else None
        self.width = width

    def forward(self, noise: Tensor | None, y: Tensor | None, c: Tensor | None) -> Tensor:
        """(N, width); zeros (1, width), on the CPU, where rows depend on nothing."""
        parts = [] if noise is None else [noise]
        if self.embedding is not None:
            parts.append(self.embedding(need_labels(y)))
        if self.conditions:
            if c is None:
                raise ValueError("this network was built for conditions: it needs c, (N, k)")
            parts.append(c)
        if self.linear is None:
            return torch.zeros(1, self.width)
        return cast(Tensor, self.linear(torch.cat(parts, 1)))


class Symbols(nn.Module):
    """Symbols as the inputs of a cell: an embedding, multiplied by the cell's weights."""

    def __init__(self, symbols: int, embedding: int, width: int) -> None:
        super().__init__()
        self.symbols = symbols
        self.embedding = nn.Embedding(symbols, embedding)
        self.linear = nn.Linear(embedding, 3 * width)
        bound = 1 / math.sqrt(width)
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def table(self) -> Tensor:
        """The inputs of every symbol, (V, 3 width)."""
        return cast(Tensor, self.linear(self.embedding.weight))

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        """Inputs (..., 3 width) of tokens (...), or of rows (..., V) of numbers."""
        return x @ table if x.is_floating_point() else nn.functional.embedding(x.long(), table)


class TextGenerator(nn.Module):
    """Latents (N, noise + T) to tokens (N, T), one symbol after another.

    shape: (T,). symbols: V, END included.
    noise: numbers that the whole row depends on. The other T of a latent choose the symbols:
        symbol t is where the cumulative distribution exceeds Phi(z[noise + t]). Nothing else is
        random, so a row is a function of its latent alone.
    classes, conditions: labels and numbers to depend on; 0 for none.
    hidden, embedding: widths of the state and of a symbol. dropout: of states before the logits.
    """

    def __init__(
        self,
        shape: list[int] | tuple[int, ...],
        *,
        symbols: int,
        noise: int = 0,
        classes: int = 0,
        conditions: int = 0,
        hidden: int = 192,
        embedding: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        (self.length,) = shape
        self.symbols, self.noise, self.latent = symbols, noise, noise + self.length
        self.inputs = Symbols(symbols, embedding, hidden)
        self.cell = Cell(hidden)
        self.start = Given(noise, classes, conditions, hidden)
        self.always = Given(noise, classes, conditions, 3 * hidden)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(hidden, symbols)
        initialise(self.logits, gain=1.0)

    def forward(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Tokens (N, T), int64."""
        return self.write(z, y, c)[0]

    def write(
        self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None, *, cap: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Tokens (N, T), and log probabilities (N, T, V) of all symbols at each place.

        cap: a line ends at place `cap` - 1 at the latest; None: T.
        """
        uniforms = (1 + torch.erf(z[:, self.noise :] / math.sqrt(2))) / 2
        tokens: list[Tensor] = []

        def choose(t: int, logits: Tensor) -> tuple[Tensor, Tensor]:
            logged = logits.log_softmax(1)
            below = logged.detach().exp().cumsum(1) <= uniforms[:, t, None]
            token = below.sum(1).clamp_max(self.symbols - 1)
            tokens.append(token)
            return token, logged

        logged = self.unroll(choose, z, y, c, cap or self.length)
        row = torch.stack(tokens, 1)
        return nn.functional.pad(row, (0, self.length - row.shape[1])), self.padded(logged, NEVER)

    def relaxed(
        self,
        z: Tensor,
        y: Tensor | None = None,
        c: Tensor | None = None,
        *,
        temperature: float = 1.0,
        hard: bool = True,
        sampled: bool = True,
        cap: int | None = None,
    ) -> Tensor:
        """Rows (N, T, V) of numbers through which a gradient reaches the generator.

        sampled: Gumbel noise on the logits (Jang et al. 2017; Maddison et al. 2017), which makes
            them random; else softmax alone. hard: one symbol a place, with the soft one's gradient
            ("straight-through").
        """

        def choose(t: int, logits: Tensor) -> tuple[Tensor, Tensor]:
            if sampled:
                logits = logits + gumbel(logits)
            soft = (logits / temperature).softmax(1)
            if not hard:
                return soft, soft
            chosen = one_hot(soft.argmax(1), self.symbols).to(soft.dtype)
            row = chosen + soft - soft.detach()
            return row, row

        rows = self.unroll(choose, z, y, c, cap or self.length)
        missing = self.length - rows.shape[1]
        end = one_hot(rows.new_zeros((), dtype=torch.long), self.symbols).to(rows.dtype)
        return torch.cat([rows, end.expand(len(rows), missing, -1)], 1) if missing else rows

    def unroll(
        self, choose: object, z: Tensor, y: Tensor | None, c: Tensor | None, cap: int
    ) -> Tensor:
        """What `choose` gives at each place, (N, cap, V), from logits; a line stays ended."""
        n = len(z)
        noise = z[:, : self.noise] if self.noise else None
        table, always = self.inputs.table(), self.always(noise, y, c)
        state = torch.tanh(self.start(noise, y, c).to(z)).expand(n, -1)
        always = always.to(z)
        symbol: Tensor = torch.zeros(n, dtype=torch.long, device=z.device)
        over = torch.zeros(n, 1, dtype=torch.bool, device=z.device)
        others = torch.arange(self.symbols, device=z.device) != END
        found: list[Tensor] = []
        for t in range(cap):
            state = self.cell(self.inputs(symbol, table) + always, state)
            logits = self.logits(self.dropout(state))
            closed = over if t < cap - 1 else torch.ones_like(over)
            logits = logits.masked_fill(closed & others, NEVER)
            symbol, kept = choose(t, logits)  # type: ignore[operator]
            number = symbol.detach().argmax(1) if symbol.is_floating_point() else symbol
            over = over | (number == END)[:, None]
            found.append(kept)
        return torch.stack(found, 1)

    def log_probabilities(
        self, x: Tensor, z: Tensor, y: Tensor | None = None, c: Tensor | None = None
    ) -> Tensor:
        """Of all symbols at each place of tokens x (N, T), after those before: (N, T, V).

        z: latents, whose noise counts and whose tail does not.
        """

        def read(t: int, logits: Tensor) -> tuple[Tensor, Tensor]:
            return x[:, t].long(), logits.log_softmax(1)

        return self.unroll(read, z, y, c, self.length)

    def padded(self, rows: Tensor, value: float) -> Tensor:
        return nn.functional.pad(rows, (0, 0, 0, self.length - rows.shape[1]), value=value)


def gumbel(like: Tensor) -> Tensor:
    """-log(-log u), u uniform: added to logits, its argmax is a draw from their softmax."""
    u = torch.rand_like(like).clamp(1e-9, 1 - 1e-7)
    return -torch.log(-torch.log(u))


class TextJudge(nn.Module):
    """A recurrent discriminator that gives every next symbol a logit: (N, T, V) of tokens (N, T).

    Entry (t, v) is for the line up to place t with symbol v there, so that one pass says of
    every symbol how real it would be. Called like any discriminator, it gives the logits (N,) of
    whole lines: the one at their END.
    """

    def __init__(
        self,
        shape: list[int] | tuple[int, ...],
        *,
        symbols: int,
        classes: int = 0,
        conditions: int = 0,
        hidden: int = 192,
        embedding: int = 32,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        (self.length,) = shape
        self.symbols = symbols
        self.inputs = Symbols(symbols, embedding, hidden)
        self.cell = Cell(hidden)
        self.always = Given(0, classes, conditions, 3 * hidden)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(hidden, symbols)
        initialise(self.logits, gain=0.1)

    def scores(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Logits (N, T, V) of each symbol after those of x, (N, T) or (N, T, V), before it."""
        table = self.inputs.table()
        always = self.always(None, y, c).to(table)
        first = self.inputs(torch.zeros(len(x), dtype=torch.long, device=x.device), table)
        given = self.inputs(x[:, :-1], table)
        state = table.new_zeros(len(x), self.cell.width)
        found: list[Tensor] = []
        for t in range(self.length):
            state = self.cell((first if t == 0 else given[:, t - 1]) + always, state)
            found.append(state)
        return cast(Tensor, self.logits(self.dropout(torch.stack(found, 1))))

    def forward(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        tokens = x.argmax(2) if x.is_floating_point() else x.long()
        end = (tokens != END).sum(1).clamp_max(self.length - 1)
        each = self.scores(x, y, c)[torch.arange(len(x), device=x.device), end]
        return each.gather(1, tokens.gather(1, end[:, None]))[:, 0]


class TextCritic(nn.Module):
    """Convolutions and a recurrent reader over a row, to one logit (N,): for relaxed rows.

    x: tokens (N, T), or rows (N, T, V) that a gradient goes through. No normalisation.
    """

    def __init__(
        self,
        shape: list[int] | tuple[int, ...],
        *,
        symbols: int,
        classes: int = 0,
        conditions: int = 0,
        width: int = 128,
        embedding: int = 48,
        hidden: int = 96,
    ) -> None:
        super().__init__()
        (self.length,) = shape
        self.symbols = symbols
        self.embedding = nn.Parameter(torch.randn(symbols, embedding) / math.sqrt(embedding))
        self.register_buffer("places", sinusoids(self.length, 8), persistent=False)
        self.first = convolution(embedding + 8, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                activation(),
                convolution(width, width),
                activation(),
                convolution(width, width, gain=0.1),
            )
            for _ in range(2)
        )
        self.shrink = convolution(width, width, stride=2)
        self.given = Given(0, classes, conditions, width)
        self.inputs = nn.Linear(width, 3 * hidden)
        self.cell = Cell(hidden)
        self.verdict = Verdict(2 * width + hidden)

    def forward(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        return self.judge(self.embedded(x), y, c)

    def embedded(self, x: Tensor) -> Tensor:
        """Rows (N, T, embedding), on which slopes are measured."""
        if x.is_floating_point():
            return x @ self.embedding
        return nn.functional.embedding(x.long(), self.embedding)

    def judge(self, e: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        """Logits (N,) of embedded rows."""
        places = cast(Tensor, self.places).to(e).expand(len(e), -1, -1)
        v = self.first(torch.cat([e, places], 2).transpose(1, 2))
        v = v + self.given(None, y, c).to(v)[:, :, None]
        for block in self.blocks:
            v = v + block(v)
        v = nn.functional.leaky_relu(self.shrink(nn.functional.leaky_relu(v, SLOPE)), SLOPE)
        given = self.inputs(v.transpose(1, 2))
        state = v.new_zeros(len(v), self.cell.width)
        for t in range(given.shape[1]):
            state = self.cell(given[:, t], state)
        return cast(Tensor, self.verdict(torch.cat([v.mean(2), v.amax(2), state], 1), None))


def activation() -> nn.Module:
    return nn.LeakyReLU(SLOPE)


def convolution(
    before: int, after: int, *, stride: int = 1, gain: float | None = None
) -> nn.Module:
    layer = nn.Conv1d(before, after, 3, stride=stride, padding=1)
    return initialise(layer) if gain is None else initialise(layer, gain=gain)


def sinusoids(length: int, width: int) -> Tensor:
    """Places as (length, width) sines and cosines of falling frequency (Vaswani et al. 2017)."""
    place = torch.arange(length)[:, None]
    rates = 10.0 ** -(torch.arange(width // 2) * 4 / width)
    return torch.cat([torch.sin(place * rates), torch.cos(place * rates)], 1)
