"""Recurrent networks for rows of symbols: a generator, and a discriminator of every symbol.

A row has T symbols, numbers from 0 to V - 1; 0 is END, which closes a line and fills its row
(`modalities.symbols`).

The recurrent cell is written out. PyTorch's own has no second derivative on a GPU (cuDNN), and none
of its exports stands for one step at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganzfeld.networks.layers import initialise, need_labels

END = 0
NEVER = -1e9  # a logit that no softmax shows
Choose = Callable[[int, Tensor], tuple[Tensor, Tensor]]  # (place, logits) to (symbol, kept)


class Places(NamedTuple):
    """The places of lines that count, up to and with their ENDs: place by place, rows in order.

    rows: (M,) numbers of lines. columns: (M,) places in them. tokens: (M,) symbols there.
    """

    rows: Tensor
    columns: Tensor
    tokens: Tensor


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

    def read(self, cell: Cell, x: Tensor, state: Tensor, always: Tensor) -> tuple[Tensor, Places]:
        """The states (M, width) before each symbol of tokens x (N, T), and which these are.

        Lines that have ended are not computed on: most of a batch of names is behind an END.

        state: (N, width). always: (1 or N, 3 width), what all inputs have in common.
        """
        table = self.table()
        alive = torch.arange(len(x), device=x.device)
        before = torch.zeros_like(alive)
        states: list[Tensor] = []
        rows: list[Tensor] = []
        for t in range(x.shape[1]):
            if t:
                keep = (before != END).nonzero()[:, 0]
                if not len(keep):
                    break
                alive, before, state = alive[keep], before[keep], state[keep]
            common = always if len(always) == 1 else always[alive]
            state = cell(self(before, table) + common, state)
            before = x[alive, t]
            states.append(state)
            rows.append(alive)
        return torch.cat(states), places_of(rows, x)


def places_of(rows: list[Tensor], x: Tensor) -> Places:
    """rows: for each place, the lines that have not ended before."""
    numbers = torch.cat(rows)
    columns = torch.cat([torch.full_like(alive, t) for t, alive in enumerate(rows)])
    return Places(numbers, columns, x[numbers, columns])


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
        """Tokens (N, T), int64. Every row takes all T steps, so that its bits are its own."""
        uniforms = self.uniforms(z)
        tokens: list[Tensor] = []

        def choose(t: int, logits: Tensor) -> tuple[Tensor, Tensor]:
            tokens.append(inverse(logits.softmax(1), uniforms[:, t]))
            return tokens[-1], tokens[-1]

        return self.unroll(choose, z, y, c, self.length)

    def uniforms(self, z: Tensor) -> Tensor:
        """The numbers in [0, 1) that choose the symbols, (N, T): Phi of a latent's tail."""
        u = (1 + torch.erf(z[:, self.noise :] / math.sqrt(2))) / 2
        return u.clamp_max(1 - 2**-24)  # a symbol without any probability is never chosen

    def write(
        self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None, *, cap: int | None = None
    ) -> tuple[Tensor, Places, Tensor]:
        """Tokens (N, T), their places, and log probabilities (M, V) of all symbols there.

        They have a gradient, and lines that have ended are not computed on.

        cap: a line ends at place `cap` - 1 at the latest; None: T.
        """
        uniforms, cap = self.uniforms(z), cap or self.length
        state, always, table = self.begin(z, y, c)
        x = torch.zeros(len(z), self.length, dtype=torch.long, device=z.device)
        alive = torch.arange(len(z), device=z.device)
        before = torch.zeros_like(alive)
        found: list[Tensor] = []
        rows: list[Tensor] = []
        for t in range(cap):
            if t:
                keep = (before != END).nonzero()[:, 0]
                if not len(keep):
                    break
                alive, before, state = alive[keep], before[keep], state[keep]
            common = always if len(always) == 1 else always[alive]
            state = self.cell(self.inputs(before, table) + common, state)
            logits = self.spoken(state, None if c is None else c[alive])
            if t == cap - 1:
                logits = logits.masked_fill(self.others(logits), NEVER)
            logged = logits.log_softmax(1)
            before = inverse(logged.detach().exp(), uniforms[alive, t])
            x[alive, t] = before
            found.append(logged)
            rows.append(alive)
        return x, places_of(rows, x), torch.cat(found)

    def log_probabilities(
        self,
        x: Tensor,
        z: Tensor,
        y: Tensor | None = None,
        c: Tensor | None = None,
        *,
        cap: int | None = None,
    ) -> tuple[Places, Tensor]:
        """The places of tokens x (N, T), and log probabilities (M, V) of all symbols there.

        z: latents, whose noise counts and whose tail does not. cap: as `write` has it.
        """
        state, always, _ = self.begin(z, y, c)
        states, places = self.inputs.read(self.cell, x.long(), state, always)
        logits = self.spoken(states, None if c is None else c[places.rows])
        last = places.columns == (cap or self.length) - 1
        logits = logits.masked_fill(last[:, None] & self.others(logits), NEVER)
        return places, logits.log_softmax(1)

    def spoken(self, states: Tensor, c: Tensor | None) -> Tensor:
        """Logits (M, V) behind states (M, hidden), and what is known at each, (M, k)."""
        return cast(Tensor, self.logits(self.dropout(states)))

    def begin(self, z: Tensor, y: Tensor | None, c: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """The first state (N, hidden), what all inputs have in common, and those of symbols."""
        noise = z[:, : self.noise] if self.noise else None
        state = torch.tanh(self.start(noise, y, c).to(z)).expand(len(z), -1)
        return state, self.always(noise, y, c).to(z), self.inputs.table()

    def others(self, like: Tensor) -> Tensor:
        """True for all symbols but END, (V,)."""
        return torch.arange(self.symbols, device=like.device) != END

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
        self, choose: Choose, z: Tensor, y: Tensor | None, c: Tensor | None, cap: int
    ) -> Tensor:
        """What `choose` gives at each place, (N, cap, ...), from logits; a line stays ended."""
        state, always, table = self.begin(z, y, c)
        symbol: Tensor = torch.zeros(len(z), dtype=torch.long, device=z.device)
        over = torch.zeros(len(z), 1, dtype=torch.bool, device=z.device)
        found: list[Tensor] = []
        for t in range(cap):
            state = self.cell(self.inputs(symbol, table) + always, state)
            logits = self.spoken(state, c)
            closed = over if t < cap - 1 else torch.ones_like(over)
            symbol, kept = choose(t, logits.masked_fill(closed & self.others(logits), NEVER))
            number = symbol.detach().argmax(1) if symbol.is_floating_point() else symbol
            over = over | (number == END)[:, None]
            found.append(kept)
        return torch.stack(found, 1)


def inverse(p: Tensor, uniforms: Tensor) -> Tensor:
    """The symbols (N,) at which cumulative distributions p (N, V) pass these numbers (N,)."""
    below = p.cumsum(1) <= uniforms[:, None]
    return below.sum(1).clamp_max(p.shape[1] - 1)


def gumbel(like: Tensor) -> Tensor:
    """-log(-log u), u uniform: added to logits, its argmax is a draw from their softmax."""
    u = torch.rand_like(like).clamp(1e-9, 1 - 1e-7)
    return -torch.log(-torch.log(u))


class TextJudge(nn.Module):
    """A recurrent discriminator that gives every next symbol a logit, V at each place of a line.

    That of symbol v is for the line up to there with v behind it, so that one pass says of every
    symbol how real it would be. Called like any discriminator, it gives the logits (N,) of
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

    def scores(
        self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None
    ) -> tuple[Places, Tensor]:
        """The places of tokens x (N, T), and logits (M, V) of each symbol there, after those
        before it."""
        always = self.always(None, y, c).to(self.logits.weight)
        state = always.new_zeros(len(x), self.cell.width)
        states, places = self.inputs.read(self.cell, x.long(), state, always)
        return places, cast(Tensor, self.logits(self.dropout(states)))

    def forward(self, x: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        places, scores = self.scores(x, y, c)
        taken = scores.gather(1, places.tokens[:, None])[:, 0]
        last = (places.tokens == END) | (places.columns == self.length - 1)
        return taken[last][places.rows[last].argsort()]
