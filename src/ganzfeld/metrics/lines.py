"""Metrics of text, as evaluations take them: entries of `registry.FAMILIES` and `TABLE`.

What real lines score in place of the generated ones stands beside each number. So does a Markov
chain of order 3, fitted to the data: an opponent that a text model must beat.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.text_sets import english
from ganzfeld.metrics.family import Family, Metric, Sets
from ganzfeld.metrics.markov import MarkovChain
from ganzfeld.metrics.text_metrics import (
    JUDGE,
    ORDERS,
    distinct,
    js_divergence,
    share_in,
    share_once,
)
from ganzfeld.modalities.text import lines_of

ACROSS = f"by a Markov chain of order {JUDGE}"


def text(sets: Sets) -> dict[str, Any]:
    """n-grams, both language-model scores and variety, at equal counts; the chain's beside."""
    samples, data = sets.samples, sets.data_samples
    assert sets.spec is not None and samples is not None and data is not None
    symbols = len(sets.spec.extra["symbols"]) + 1  # one for what the data's vocabulary lacks
    found = compared(samples, data, symbols)
    if sets.among is not None:  # a line is new where no other line of the data is the same
        found["novel"] = share_once(samples, all_rows(sets.among))
    if sets.everything is None:
        return found
    rows = all_rows(sets.everything)
    found["novel"] = 1 - share_in(samples, rows)
    chain = MarkovChain(rows, order=JUDGE, symbols=symbols)
    uniforms = numpy_generator("markov", sets.spec.modality).random(samples.shape)
    beside = chain.sample(uniforms)
    found |= {f"markov_{name}": value for name, value in compared(beside, data, symbols).items()}
    return found


def compared(samples: NDArray[Any], data: NDArray[Any], symbols: int) -> dict[str, float]:
    count = min(len(samples), len(data))
    samples, data = samples[:count], data[:count]
    found = {f"js_{n}": js_divergence(samples, data, n, symbols) for n in ORDERS}
    found["forward"] = MarkovChain(data, order=JUDGE, symbols=symbols).per_symbol(samples)
    found["reverse"] = MarkovChain(samples, order=JUDGE, symbols=symbols).per_symbol(data)
    found["distinct"] = distinct(samples)
    return found


def all_rows(pack: Any) -> NDArray[Any]:
    rows: NDArray[Any] = pack.rows(np.arange(len(pack)))["x"]
    return rows


def grammar(sets: Sets) -> dict[str, Any]:
    """Against the known truth, where the data are sentences of the embedded grammar."""
    if sets.spec is None or sets.samples is None or "grammar" not in sets.spec.extra:
        return {}
    truth = english()
    found = truth.measure([line.split() for line in lines_of(sets.samples, sets.spec)])
    some = found["acceptance"] > 0  # of no sentence there is no entropy, and no divergence
    return {
        "acceptance": found["acceptance"],
        "entropy_share": found["entropy"] / found["entropy_true"] if some else None,
        "grammar_kl": found["kl"] if some else None,
    }


FAMILIES: dict[str, Family] = {
    "text": Family(text, modality="text", keeps=True),
    "grammar": Family(grammar, "needs the embedded data `grammar`", modality="text", keeps=True),
}

NGRAMS = {2: "pairs", 3: "triples", 4: "fours"}
COMPARED = (
    *(
        Metric(
            f"js_{n}",
            "text",
            f"between the shares of {NGRAMS[n]} of symbols, in bits",
            "min",
            f"JS divergence of {NGRAMS[n]}",
            said=f"divergence of {NGRAMS[n]} of symbols" if n == JUDGE else "",
        )
        for n in ORDERS
    ),
    Metric(
        "forward",
        "text",
        f"nats a symbol of samples, {ACROSS} of the data; low is dull",
        None,
        "forward cross-entropy",
    ),
    Metric(
        "reverse",
        "text",
        f"nats a symbol of the data, {ACROSS} of the samples",
        "min",
        "reverse cross-entropy",
    ),
    Metric("distinct", "text", "different lines among the samples", "max", "distinct lines"),
)
TABLE = (
    *COMPARED,
    Metric("novel", "text", "lines that the data do not hold", None, "new lines"),
    *(
        Metric(
            f"markov_{one.name}",
            "text",
            f"what a Markov chain of order {JUDGE} scores in {one.name}",
            None,
            f"Markov chain: {one.words}",
        )
        for one in COMPARED
    ),
    Metric("acceptance", "grammar", "share of the samples that the grammar accepts", "max"),
    Metric("entropy_share", "grammar", "-log probability of those over the entropy", "one"),
    Metric(
        "grammar_kl",
        "grammar",
        "divergence of the rules used, in nats a sentence",
        "min",
        "KL divergence of rules",
    ),
)
