"""What an evaluation says of tables: every metric of `table_metrics`, with its floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ganzfeld.core.store import digest
from ganzfeld.metrics import table_metrics as metrics
from ganzfeld.metrics.family import Metric, Sets, with_floor
from ganzfeld.metrics.features import Extractor
from ganzfeld.modalities import modality_of, spec_of_data
from ganzfeld.modalities.table import rows, schema, show
from ganzfeld.modalities.table.schema import Schema

if TYPE_CHECKING:
    from ganzfeld.data.pack import Pack

MOST = 20_000  # rows of either side: more cost time and say little more
FEWEST = 50  # rows of either side, below which nothing is said
OFF = 1 / 3  # by which the share of a rare level may differ


def target_of(known: Schema) -> str | None:
    """What classifiers predict: the last column with levels, as tables usually have it."""
    named = [column.name for column in known.columns if column.levels > 1 and not column.blank]
    return named[-1] if named else None


def halves(columns: metrics.Columns) -> tuple[metrics.Columns, metrics.Columns]:
    """The first and the second half of the rows, which are in random order."""
    count = len(next(iter(columns.values()))) // 2
    first = {name: values[:count] for name, values in columns.items()}
    return first, {name: values[count : 2 * count] for name, values in columns.items()}


def first(columns: metrics.Columns, count: int) -> metrics.Columns:
    return {name: values[:count] for name, values in columns.items()}


def measure(sets: Sets) -> dict[str, Any]:
    """All that there is to say of stored rows against the data's.

    Half of the data trains classifiers, the other half tests them, and both against each other
    are the floors. Where the data were never learned from, the schema is made of them.
    """
    assert sets.samples is not None and sets.data_samples is not None and sets.spec is not None
    if min(len(sets.samples), len(sets.data_samples) // 2) < FEWEST:
        return {}
    spec = sets.spec
    if "schema" in spec.extra:
        known = Schema.from_json(spec.extra["schema"])
    else:
        known = schema.fit(sets.data_samples, spec.extra["columns"])
    levels = metrics.levels_of(known)
    real = metrics.plain(sets.data_samples[: 2 * MOST], known)
    made = metrics.plain(sets.samples[:MOST], known)
    train, test = halves(real)
    made = first(made, len(next(iter(train.values()))))  # as many as the real ones
    own, floor = metrics.marginals(real, made, levels), metrics.marginals(train, test, levels)
    pairs, pairs_floor = metrics.pairs(test, made, levels), metrics.pairs(test, train, levels)
    found: dict[str, Any] = {
        "marginals": max(own.values()),
        "marginals_mean": float(np.mean(list(own.values()))),
        "marginals_floor": max(floor.values()),
        "marginals_by_column": own,
        "shares": show.shares_of(sets.samples[:MOST], known),
        "pair_spearman": pairs["spearman"],
        "pair_spearman_floor": pairs_floor["spearman"],
        "pair_tables": pairs["contingency"],
        "pair_tables_floor": pairs_floor["contingency"],
        "told_apart": metrics.discriminative(test, made, levels),
        "told_apart_floor": metrics.discriminative(test, train, levels),
    }
    rare = metrics.rare(real, made, levels)
    if rare:
        found["rare_off"] = float(np.mean([abs(share - 1) > OFF for share in rare.values()]))
    private = metrics.copied(train, test, made, levels)
    found |= {f"record_{name}": value for name, value in private.items()}
    if (target := target_of(known)) is not None and len(real) > 1:
        ours, theirs = (metrics.scores(t, test, levels, target) for t in (made, train))
        found |= {f"synthetic_{name}": value for name, value in ours.items()}
        found |= {f"real_{name}": value for name, value in theirs.items()}
        known_ones = test[target][test[target] >= 0]
        found["real_commonest"] = float(np.bincount(known_ones).max() / len(test[target]))
        found["target"] = target
    return {k: v for k, v in found.items() if not (isinstance(v, float) and np.isnan(v))}


class Vectors(nn.Module):
    """Stored rows as networks see them: one-hot choices and values within their modes."""

    def __init__(self, pack: Pack) -> None:
        super().__init__()
        spec = spec_of_data(pack)
        if "schema" in spec.extra:
            self.known = modality_of(spec).schema(spec)  # type: ignore[attr-defined]
        else:
            everything = pack.rows(np.arange(len(pack)))["x"]
            self.known = schema.fit(everything, spec.extra["columns"])

    def forward(self, stored: Tensor) -> Tensor:
        vectors = rows.encode(stored.cpu().numpy(), self.known)
        return torch.from_numpy(vectors).to(stored.device)


def extractor(name: str, pack: Pack, protocol: str | None, progress: Any) -> Extractor:
    """The extractor "rows": its Frechet distance compares shares, means and all dependences."""
    from ganzfeld.errors import UsageError
    from ganzfeld.metrics.features import users_own

    if protocol is not None:
        raise UsageError("--protocol is for the inception extractor, which sees images")
    if name not in ("rows", "plain"):
        return users_own(name)
    network = Vectors(pack)
    shape = np.array([c.head for c in network.known.columns], dtype=np.int64)
    means = np.array([m for c in network.known.columns for m in (*c.means, *c.atoms)])
    return Extractor(
        name="rows",
        network=network,
        prepare=lambda stored: stored,
        weights=digest({"heads": shape, "modes": means}),
        values="as stored",
    )


HALVES = "the same between two halves of the data"
OTHERS = "the same of rows of the data, of others"
TABLE = (
    *with_floor(
        Metric("marginals", "table", "largest KS or TV distance of a column", "min"), HALVES
    ),
    *with_floor(
        Metric(
            "pair_spearman",
            "table",
            "mean error of rank correlations of numbers",
            "min",
            "rank correlations",
        ),
        HALVES,
    ),
    *with_floor(
        Metric(
            "pair_tables",
            "table",
            "mean TV distance of tables of two columns",
            "min",
            "tables of two columns",
        ),
        HALVES,
    ),
    Metric(
        "synthetic_trees",
        "table",
        "accuracy of trees trained on samples, on data",
        "max",
        "trees of samples",
    ),
    Metric("real_trees", "table", "the same of trees trained on data", None, "trees of data"),
    Metric(
        "synthetic_logistic",
        "table",
        "accuracy of a regression on samples, on data",
        "max",
        "regression of samples",
    ),
    Metric(
        "real_logistic",
        "table",
        "the same of one trained on data",
        None,
        "regression of data",
    ),
    Metric(
        "real_commonest",
        "table",
        "the same of always naming the commonest value",
        None,
        "commonest value",
    ),
    *with_floor(
        Metric(
            "told_apart",
            "table",
            "|accuracy - 1/2| of trees that tell samples from data",
            "min",
            said="told from the data by trees (0 never, 0.5 always)",
        ),
        HALVES,
    ),
    Metric(
        "rare_off",
        "table",
        "share of rare levels off by more than a third",
        "min",
        "rare levels off",
    ),
    Metric("record_copies", "table", "share of rows that are a row of the data", "min", "copies"),
    Metric("record_copies_held", "table", OTHERS, None, "copies, of data"),
    Metric(
        "record_distance",
        "table",
        "median distance to the nearest row of the data",
        None,
        "distance to the data",
    ),
    Metric("record_distance_held", "table", OTHERS, None, "distance to the data, of data"),
)
