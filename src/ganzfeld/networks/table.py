"""Networks for rows of a table, as `ganzfeld.modalities.table` encodes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ganzfeld.modalities.table.layout import Layout
from ganzfeld.networks.conditions import JoinNumbers
from ganzfeld.networks.layers import SLOPE, initialise, need_labels
from ganzfeld.networks.onednn_linear import Linear

FEWEST = 1e-20  # a probability below is none


class Choices(nn.Module):
    """The one-hot vectors of a row, head by head: relaxed, drawn, or as log probabilities.

    layout: heads [numbers, choices] of the row (`ganzfeld.modalities.table.layout.Layout`).
    modes: of each number, [first, count] of the choices among its column's that are modes; where
        another one is relaxed, the value is 0, as it is in the data. (): values stay as made.
    """

    places: Tensor  # (choices,) entries of a row
    numbers: Tensor  # (numbers,) entries of a row
    head: Tensor  # (choices,) which one-hot vector each belongs to
    within: Tensor  # (width, numbers)
    single: Tensor  # (numbers,)

    def __init__(
        self, layout: Sequence[Sequence[int]], modes: Sequence[Sequence[int]] = ()
    ) -> None:
        super().__init__()
        self.layout = Layout.of(layout)
        self.modal = bool(modes)
        if modes:
            within, single = self.of_modes(modes)
            self.register_buffer("within", within, persistent=False)
            self.register_buffer("single", single, persistent=False)
        self.lengths = [stop - start for start, stop in self.layout.choices]
        self.heads, self.count = len(self.lengths), len(self.layout.places)
        self.sizes = [size for head in self.layout.heads for size in head if size]
        self.is_number = [
            n == 0 for head in self.layout.heads for n, size in enumerate(head) if size
        ]
        for name, values in (
            ("places", self.layout.places),
            ("numbers", self.layout.numbers),
            ("head", [head for head, n in enumerate(self.lengths) for _ in range(n)]),
        ):
            buffer = torch.tensor(values, dtype=torch.long)
            self.register_buffer(name, buffer, persistent=False)

    def of_modes(self, modes: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Which choices are modes of a number, and which numbers have no choices.

        The first is (width, numbers), 1 or 0; the second (numbers,), boolean.
        """
        owners = [at for at, head in enumerate(self.layout.heads) if head[0]]
        if len(modes) != len(owners):
            raise ValueError(f"modes of {len(modes)} numbers do not fit {len(owners)} numbers")
        within = torch.zeros(self.layout.width, len(owners))
        single = torch.tensor([not self.layout.heads[owner][1] for owner in owners])
        for number, (owner, (first, count)) in enumerate(zip(owners, modes, strict=True)):
            choices = self.layout.heads[owner][1]
            if not 0 <= first <= first + count <= choices:
                raise ValueError(f"choices {first} to {first + count} are not among {choices}")
            start = self.layout.starts[owner] + 1 + first
            within[start : start + count, number] = 1
        return within, single

    def parts(self, row: Tensor) -> Iterator[tuple[bool, Tensor]]:
        """The pieces of rows (N, width) in order, and whether each is a value within a mode."""
        yield from zip(self.is_number, torch.split(row, self.sizes, 1), strict=True)

    def log_probabilities(self, row: Tensor) -> Tensor:
        """(N, choices) from logits in rows (N, width)."""
        parts = [part.log_softmax(1) for number, part in self.parts(row.float()) if not number]
        return torch.cat(parts, 1) if parts else row[:, :0]

    def relaxed(self, row: Tensor, values: Tensor, temperature: float, hard: bool) -> Tensor:
        """Rows from logits by the Gumbel softmax (Jang et al. 2017), and their values.

        hard: one-hot vectors, with the gradient of the relaxed ones.
        """
        noise = -(-torch.rand_like(row).clamp_min(FEWEST).log()).clamp_min(FEWEST).log()
        noisy, found = (row + noise) / temperature, []
        for (number, own), value in zip(
            self.parts(noisy), torch.split(values, self.sizes, 1), strict=True
        ):
            soft = value if number else own.softmax(1)
            if hard and not number:
                one_hot = torch.zeros_like(soft).scatter_(1, soft.argmax(1, keepdim=True), 1.0)
                soft = one_hot - soft.detach() + soft
            found.append(soft)
        return self.where_modes(torch.cat(found, 1))

    def expected(self, row: Tensor, values: Tensor) -> Tensor:
        """The means of rows over what is chosen, from logits in rows (N, width).

        Columns are chosen independently, so products of entries of different columns have the
        products of these as their means.
        """
        found = [
            value if number else own.softmax(1)
            for (number, own), value in zip(
                self.parts(row.float()), torch.split(values, self.sizes, 1), strict=True
            )
        ]
        return self.where_modes(torch.cat(found, 1))

    def where_modes(self, made: Tensor) -> Tensor:
        """Rows whose values are weighted by the share of modes among the choices."""
        if not self.modal:
            return made
        share = torch.where(self.single, 1.0, made @ self.within)
        return made.index_copy(1, self.numbers, made[:, self.numbers] * share)

    def drawn(self, row: Tensor, values: Tensor, uniform: Tensor) -> Tensor:
        """Rows of values and of choices by inverse distribution functions at uniform (N, heads)."""
        found, turn = [], 0
        for (number, own), value in zip(
            self.parts(row.float()), torch.split(values, self.sizes, 1), strict=True
        ):
            if not number:
                passed = own.softmax(1).cumsum(1) < uniform[:, turn : turn + 1]
                chosen = passed.sum(1, keepdim=True).clamp_max(own.shape[1] - 1)
                value, turn = torch.zeros_like(own).scatter_(1, chosen, 1.0), turn + 1
            found.append(value.to(row.dtype))
        return torch.cat(found, 1)


class TableGenerator(nn.Module):
    """Latents (N, latent), and a choice that is given, to rows (N, width).

    layout: heads [numbers, choices] of a row.
    shares: of each choice in the training part, in order; by them a sample's condition is drawn.
    shape: of a row, to be checked. classes, condition: how many labels y there are, and the column
        whose choices they are; 0 and -1: no labels are taken.
    conditions: numbers c (N, conditions) that rows depend on. With them the only choice that is
        given is a label: others, drawn by their shares alone, would not go with the numbers.
    noise: entries of z that the layers see. Behind them, z has an entry for the column that is
        given, one for its choice, and one for every column with choices: each is drawn by its
        inverse distribution function at Phi(z_t), so that z decides all of a sample.
    embedding: numbers that stand for the given choice.
    widths: of the hidden layers, each of which passes its input on (Xu et al. 2019, section 4.4).
    temperature: of the Gumbel softmax in training.
    hard: what the discriminator sees are one-hot vectors, not relaxed ones.
    modes: see `Choices`.
    spread: a value within a mode is drawn around the layers' output, with a deviation that is
        learned, by an entry of z for each; else the layers' output is the value.
    """

    shares: Tensor  # (choices,)

    def __init__(
        self,
        layout: Sequence[Sequence[int]],
        *,
        shares: Sequence[float],
        shape: Sequence[int] | None = None,
        classes: int = 0,
        condition: int = -1,
        conditions: int = 0,
        noise: int = 64,
        embedding: int = 64,
        widths: Sequence[int] = (256, 256),
        temperature: float = 0.2,
        hard: bool = False,
        modes: Sequence[Sequence[int]] = (),
        spread: bool = False,
    ) -> None:
        super().__init__()
        self.choices = Choices(layout, modes)
        self.noise, self.temperature, self.hard = noise, temperature, hard
        if len(shares) != self.choices.count:
            raise ValueError(f"{len(shares)} shares do not fit {self.choices.count} choices")
        self.latent = noise + 2 + self.choices.heads
        self.spread, numbers = spread, len(self.choices.layout.numbers)
        if spread:
            self.latent += numbers
            self.log_deviation = nn.Parameter(torch.full((numbers,), -1.5))
        self.given = label_column(self.choices, condition, classes)
        check_shape(shape, self.choices.layout)
        self.numbers = JoinNumbers(conditions)
        self.conditions = conditions
        given = self.choices.count and (classes or not conditions)
        self.embedding = nn.Embedding(self.choices.count, embedding) if given else None
        layers: list[nn.Module] = []
        before = noise + (embedding if self.embedding is not None else 0) + self.numbers.width
        for width in widths:
            layers.append(Residual(before, width))
            before += width
        self.layers = nn.Sequential(*layers)
        self.last = initialise(Linear(before, self.choices.layout.width), gain=1.0)
        self.register_buffer("shares", torch.tensor(shares, dtype=torch.float32), persistent=False)
        starts = [sum(self.choices.lengths[:head]) for head in range(self.choices.heads)]
        self.register_buffer("starts", torch.tensor(starts, dtype=torch.long), persistent=False)

    def raw(self, z: Tensor, given: Tensor, c: Tensor | None = None) -> Tensor:
        """Logits and values (N, width) for a given choice (N,), its place among all choices.

        c: numbers (N, conditions), where there are any.
        """
        entries = z[:, : self.noise]
        if self.embedding is not None:
            entries = torch.cat([entries, self.embedding(given)], 1)
        out: Tensor = self.last(self.layers(self.numbers(entries, c)))
        return out

    def relaxed(self, z: Tensor, given: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Rows that have a gradient, and their logits, (N, width) each."""
        raw = self.raw(z, given, c)
        values = self.values(raw, z)
        return self.choices.relaxed(raw, values, self.temperature, self.hard), raw

    def expected(self, raw: Tensor, z: Tensor) -> Tensor:
        """Rows by the probabilities of choices, see `Choices.expected`."""
        return self.choices.expected(raw, self.values(raw, z))

    def values(self, raw: Tensor, z: Tensor) -> Tensor:
        """Values within modes, where numbers lie in rows (N, width)."""
        if not self.spread:
            return raw.tanh()
        noise = self.log_deviation.exp() * z[:, self.noise + 2 + self.choices.heads :]
        return raw.index_add(1, self.choices.numbers, noise.to(raw.dtype)).tanh()

    def condition(self, z: Tensor, y: Tensor | None) -> Tensor:
        """The given choice of each sample (N,): y, or a column at random, a choice by its share.

        0, which counts for nothing, where none is given.
        """
        if self.embedding is None:
            return torch.zeros(len(z), dtype=torch.long, device=z.device)
        starts: Tensor = self.get_buffer("starts")
        if self.given >= 0 and y is not None:
            return starts[self.given] + need_labels(y)
        uniform = torch.special.ndtr(z[:, self.noise : self.noise + 2].float())
        head = (uniform[:, 0] * self.choices.heads).long().clamp_max(self.choices.heads - 1)
        own = self.shares * (self.choices.head == head[:, None])  # (N, choices)
        steps = own.cumsum(1) / own.sum(1, keepdim=True)
        passed = (steps < uniform[:, 1:]).sum(1)
        last = starts[head] + torch.tensor(self.choices.lengths, device=z.device)[head] - 1
        return torch.minimum(passed, last)

    def forward(self, z: Tensor, y: Tensor | None = None, c: Tensor | None = None) -> Tensor:
        raw = self.raw(z, self.condition(z, y), c)
        tail = z[:, self.noise + 2 : self.noise + 2 + self.choices.heads]
        uniform = torch.special.ndtr(tail.float())
        return self.choices.drawn(raw, self.values(raw, z), uniform)


def label_column(choices: Choices, condition: int, classes: int) -> int:
    """Which one-hot vector the labels are the choices of; -1 for none. ValueError for too few."""
    if not classes:
        return -1
    given = choices.layout.choice_of(condition)
    if classes > choices.lengths[given]:
        raise ValueError(f"column {condition} has fewer choices than {classes} labels")
    return given


def check_shape(shape: Sequence[int] | None, layout: Layout) -> None:
    """ValueError where a row is not of this shape."""
    if shape is not None and list(shape) != [layout.width]:
        raise ValueError(f"rows of the shape {list(shape)} do not have {layout.width} entries")


class Residual(nn.Module):
    """A hidden layer whose input goes on beside its output: (N, inputs) to (N, inputs + width)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear = initialise(Linear(inputs, width))
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.norm(self.linear(x)).relu(), x], 1)


class TableDiscriminator(nn.Module):
    """Rows (N, width), `pack` at a time, to logits (N / pack,).

    A discriminator that sees several rows at once sees that they are all alike (Lin et al. 2018).
    given: the place of the choice (N,) that each row was drawn for. Of it the column is seen, the
    choice itself being in the row.
    conditions: numbers c (N, conditions) that are seen beside each row.
    """

    def __init__(
        self,
        layout: Sequence[Sequence[int]],
        *,
        pack: int = 8,
        conditions: int = 0,
        widths: Sequence[int] = (256, 256),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.pack, self.choices = pack, Choices(layout)
        layers: list[nn.Module] = []
        self.numbers = JoinNumbers(conditions)
        before = pack * (self.choices.layout.width + self.choices.heads + self.numbers.width)
        for width in widths:
            layers += [initialise(Linear(before, width)), nn.LeakyReLU(SLOPE)]
            if dropout:
                layers.append(nn.Dropout(dropout))
            before = width
        self.layers = nn.Sequential(*layers, initialise(nn.Linear(before, 1), gain=1.0))

    def forward(self, x: Tensor, given: Tensor, c: Tensor | None = None) -> Tensor:
        if len(x) % self.pack:
            raise ValueError(f"{len(x)} rows do not make packs of {self.pack}")
        if self.choices.heads:
            column = nn.functional.one_hot(self.choices.head[given], self.choices.heads)
            x = torch.cat([x, column.to(x.dtype)], 1)
        x = self.numbers(x, c)
        logits: Tensor = self.layers(x.view(len(x) // self.pack, -1))
        return logits.squeeze(1)
