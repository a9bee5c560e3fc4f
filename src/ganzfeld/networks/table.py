"""Networks for rows of a table, as `ganzfeld.modalities.table` encodes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ganzfeld.modalities.table.layout import Layout
from ganzfeld.networks.layers import SLOPE, initialise, need_labels
from ganzfeld.networks.onednn_linear import Linear

FEWEST = 1e-20  # a probability below is none


class Choices(nn.Module):
    """The one-hot vectors of a row, all at once: relaxed, drawn, or as log probabilities.

    layout: heads [numbers, choices] of the row (`ganzfeld.modalities.table.layout.Layout`).
    """

    place: Tensor  # (heads, most) entries of a row
    known: Tensor  # (heads, most) bool: which of them there are
    last: Tensor  # (heads,) the last choice of each
    back: Tensor  # (choices,) where each choice lies in the flattened table above
    places: Tensor  # (choices,) entries of a row
    numbers: Tensor  # (numbers,) entries of a row

    def __init__(self, layout: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.layout = Layout.of(layout)
        spans = self.layout.choices
        most = max((stop - start for start, stop in spans), default=0)
        self.heads, self.most, self.count = len(spans), most, len(self.layout.places)
        self.lengths = [stop - start for start, stop in spans]
        for name, values in (
            ("place", [self.filled(range(start, stop), 0) for start, stop in spans]),
            ("known", [self.filled([True] * length, False) for length in self.lengths]),
            ("last", [length - 1 for length in self.lengths]),
            ("back", [h * most + i for h, n in enumerate(self.lengths) for i in range(n)]),
            ("places", self.layout.places),
            ("numbers", self.layout.numbers),
        ):
            dtype = torch.bool if name == "known" else torch.long
            shape = (self.heads, most) if name in ("place", "known") else (-1,)
            buffer = torch.tensor(values, dtype=dtype).view(shape)
            self.register_buffer(name, buffer, persistent=False)

    def filled(self, values: Sequence[Any], blank: Any) -> list[Any]:
        """As many as the widest head has choices."""
        return [*values, *[blank] * (self.most - len(values))]

    def padded(self, row: Tensor) -> Tensor:
        """Entries (N, heads, most) of rows, -inf where a head has fewer choices."""
        return row[:, self.place].masked_fill(~self.known, -torch.inf)

    def flat(self, padded: Tensor) -> Tensor:
        """(N, heads, most) to (N, choices)."""
        return padded.flatten(1)[:, self.back]

    def log_probabilities(self, row: Tensor) -> Tensor:
        """(N, choices) from logits in rows (N, width)."""
        return self.flat(self.padded(row.float()).log_softmax(2))

    def relaxed(self, row: Tensor, temperature: float, hard: bool) -> Tensor:
        """(N, choices) by the Gumbel softmax (Jang et al. 2017); `hard`: one-hot, and the
        gradient of the relaxed ones."""
        logits = self.padded(row)
        uniform = torch.rand_like(logits).clamp_min(FEWEST)
        gumbel = -(-uniform.log()).clamp_min(FEWEST).log()
        soft = ((logits + gumbel) / temperature).softmax(2)
        if hard:
            one_hot = nn.functional.one_hot(soft.argmax(2), soft.shape[2]).to(soft.dtype)
            soft = one_hot - soft.detach() + soft
        return self.flat(soft)

    def drawn(self, row: Tensor, uniform: Tensor) -> Tensor:
        """One-hot (N, choices) by inverse distribution functions at `uniform` (N, heads)."""
        passed = self.padded(row.float()).softmax(2).cumsum(2) < uniform[:, :, None]
        chosen = torch.minimum(passed.sum(2), self.last)
        one_hot = nn.functional.one_hot(chosen, self.most).to(row.dtype)
        return self.flat(one_hot)

    def row_of(self, values: Tensor, chosen: Tensor) -> Tensor:
        """Rows (N, width) from values within modes (N, numbers) and choices (N, choices)."""
        row = chosen.new_zeros(len(chosen), self.layout.width)
        row = row.index_copy(1, self.numbers, values.to(row.dtype))
        return row.index_copy(1, self.places, chosen)


class TableGenerator(nn.Module):
    """Latents (N, latent), and a choice that is given, to rows (N, width).

    layout: heads [numbers, choices] of a row.
    shares: of each choice in the training part, in order; by them a sample's condition is drawn.
    noise: entries of z that the layers see. Behind them, z has an entry for the column that is
        given, one for its choice, and one for every column with choices: each is drawn by its
        inverse distribution function at Phi(z_t), so that z decides all of a sample.
    shape: of a row, to be checked. classes, condition: how many labels y there are, and the column
        whose choices they are; 0 and -1: no labels are taken.
    widths: of the hidden layers, each of which passes its input on (Xu et al. 2019, section 4.4).
    temperature: of the Gumbel softmax in training.
    hard: what the discriminator sees are one-hot vectors, not relaxed ones.
    """

    weight: Tensor  # (heads, most) shares

    def __init__(
        self,
        layout: Sequence[Sequence[int]],
        *,
        shares: Sequence[float],
        shape: Sequence[int] | None = None,
        classes: int = 0,
        condition: int = -1,
        noise: int = 128,
        widths: Sequence[int] = (256, 256),
        temperature: float = 0.2,
        hard: bool = False,
    ) -> None:
        super().__init__()
        self.choices = Choices(layout)
        self.noise, self.temperature, self.hard = noise, temperature, hard
        heads, count = self.choices.heads, self.choices.count
        if len(shares) != count:
            raise ValueError(f"{len(shares)} shares do not fit {count} choices")
        self.latent = noise + 2 + heads
        self.given = -1
        if classes:
            self.given = self.choices.layout.choice_of(condition)
            if classes > self.choices.lengths[self.given]:
                raise ValueError(f"column {condition} has fewer choices than {classes} labels")
        check_shape(shape, self.choices.layout)
        layers: list[nn.Module] = []
        before = noise + count
        for width in widths:
            layers.append(Residual(before, width))
            before += width
        self.layers = nn.Sequential(*layers)
        self.last = initialise(Linear(before, self.choices.layout.width), gain=1.0)
        own = iter(shares)
        weight = [
            self.choices.filled([float(next(own)) for _ in range(length)], 0.0)
            for length in self.choices.lengths
        ]
        shape = (heads, self.choices.most)
        self.register_buffer("weight", torch.tensor(weight).view(shape), persistent=False)

    def raw(self, z: Tensor, given: Tensor) -> Tensor:
        """Logits and values (N, width) for a given choice, one-hot (N, choices)."""
        out: Tensor = self.last(self.layers(torch.cat([z[:, : self.noise], given], 1)))
        return out

    def relaxed(self, z: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Rows that have a gradient, and their logits, (N, width) each."""
        raw = self.raw(z, given)
        chosen = self.choices.relaxed(raw, self.temperature, self.hard)
        return self.choices.row_of(self.values(raw), chosen), raw

    def values(self, raw: Tensor) -> Tensor:
        return raw[:, self.choices.numbers].tanh()

    def one_hot(self, head: Tensor, choice: Tensor) -> Tensor:
        """The condition (N, choices) that says: this column has this choice."""
        place = head * self.choices.most + choice
        return (self.choices.back == place[:, None]).to(self.weight.dtype)

    def condition(self, z: Tensor, y: Tensor | None) -> Tensor:
        """The condition of each sample: y, or a column at random with a choice by its share."""
        n = len(z)
        if not self.choices.heads:
            return z.new_zeros(n, 0)
        uniform = torch.special.ndtr(z[:, self.noise : self.noise + 2].float())
        if self.given >= 0 and y is not None:
            return self.one_hot(torch.full_like(y, self.given), need_labels(y))
        head = (uniform[:, 0] * self.choices.heads).long().clamp_max(self.choices.heads - 1)
        passed = self.weight[head].cumsum(1) < uniform[:, 1:] * self.weight[head].sum(1, True)
        return self.one_hot(head, torch.minimum(passed.sum(1), self.choices.last[head]))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        raw = self.raw(z, self.condition(z, y))
        uniform = torch.special.ndtr(z[:, self.noise + 2 :].float())
        return self.choices.row_of(self.values(raw), self.choices.drawn(raw, uniform))


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
    """Rows (N, width) with their conditions (N, choices), `pack` at a time, to logits (N / pack,).

    A discriminator that sees several rows at once sees that they are all alike (Lin et al. 2018).
    """

    def __init__(
        self,
        layout: Sequence[Sequence[int]],
        *,
        pack: int = 8,
        widths: Sequence[int] = (256, 256),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        shape = Layout.of(layout)
        self.pack = pack
        layers: list[nn.Module] = []
        before = pack * (shape.width + len(shape.places))
        for width in widths:
            layers += [initialise(Linear(before, width)), nn.LeakyReLU(SLOPE)]
            if dropout:
                layers.append(nn.Dropout(dropout))
            before = width
        self.layers = nn.Sequential(*layers, initialise(nn.Linear(before, 1), gain=1.0))

    def forward(self, x: Tensor, given: Tensor) -> Tensor:
        both = torch.cat([x, given.to(x.dtype)], 1)
        if len(both) % self.pack:
            raise ValueError(f"{len(both)} rows do not make packs of {self.pack}")
        logits: Tensor = self.layers(both.view(len(both) // self.pack, -1))
        return logits.squeeze(1)


class TableEncoder(nn.Module):
    """Rows (N, width) to (N, outputs): the encoder of a variational autoencoder."""

    def __init__(
        self, layout: Sequence[Sequence[int]], *, outputs: int, widths: Sequence[int] = (256, 256)
    ) -> None:
        super().__init__()
        before = Layout.of(layout).width
        layers: list[nn.Module] = []
        for width in widths:
            layers += [initialise(Linear(before, width)), nn.LeakyReLU(SLOPE)]
            before = width
        self.layers = nn.Sequential(*layers, initialise(nn.Linear(before, outputs), gain=1.0))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class TableDecoder(nn.Module):
    """Latents (N, latent) to rows (N, width), with the noise of a variational autoencoder.

    shape, classes: of a row, to be checked; 0, since no labels are taken.
    noise: entries of z that the layers see. Behind them lie one for each column with choices and
        one for each value within a mode: the noise that these have around the layers' output.
    """

    def __init__(
        self,
        layout: Sequence[Sequence[int]],
        *,
        shape: Sequence[int] | None = None,
        classes: int = 0,
        noise: int = 64,
        widths: Sequence[int] = (256, 256),
    ) -> None:
        super().__init__()
        self.choices, self.noise = Choices(layout), noise
        check_shape(shape, self.choices.layout)
        if classes:
            raise ValueError("this network takes no labels: classes is 0")
        self.latent = noise + self.choices.heads + len(self.choices.layout.numbers)
        before = noise
        layers: list[nn.Module] = []
        for width in widths:
            layers += [initialise(Linear(before, width)), nn.LeakyReLU(SLOPE)]
            before = width
        last = initialise(Linear(before, self.choices.layout.width), gain=1.0)
        self.layers = nn.Sequential(*layers, last)
        numbers = len(self.choices.layout.numbers)
        self.log_deviation = nn.Parameter(torch.full((numbers,), -1.5))

    def raw(self, z: Tensor) -> Tensor:
        """Logits, and means of values, (N, width)."""
        out: Tensor = self.layers(z[:, : self.noise])
        return out

    def means(self, raw: Tensor) -> Tensor:
        return raw[:, self.choices.numbers]

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        raw, heads = self.raw(z), self.choices.heads
        uniform = torch.special.ndtr(z[:, self.noise : self.noise + heads].float())
        values = self.means(raw) + self.log_deviation.exp() * z[:, self.noise + heads :]
        return self.choices.row_of(values, self.choices.drawn(raw, uniform))
