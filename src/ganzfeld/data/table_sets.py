"""Embedded tables whose distribution is known exactly: `known` of four columns, `census` of 15.

Row i of a seed is a function of (seed, i): every cell comes from one word of Threefry
(`ganzfeld.core.latents`) by an inverse distribution function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.latents import box_muller, words_of

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]

PURPOSE = 0x7461  # of the words, as latents and labels have theirs


@dataclass(frozen=True)
class Truth:
    """What is true of all rows: P(target is positive), and the accuracy of the best classifier.

    shares: of every level, of columns that have levels; "" is missing. means: of numbers.
    """

    target: str
    positive: str
    probability: float
    bayes: float
    shares: dict[str, dict[str, float]]
    means: dict[str, float]


def uniforms(seed: int, indices: Sequence[int], count: int) -> Floats:
    """Numbers in (0, 1), (count, n), of the rows with these numbers."""
    words = words_of(PURPOSE, seed, indices, -(-count // 4))
    flat = words.transpose(2, 0, 1).reshape(-1, len(indices))[:count]
    return np.asarray((flat.astype(np.float64) + 0.5) * 2.0**-32)


def pick(u: Floats, shares: Floats) -> NDArray[np.int64]:
    """Which of the choices lies at u: shares (k,) of all rows, or (n, k) of each."""
    steps = np.cumsum(shares, axis=-1)
    below = steps / steps[..., -1:] < u[:, None]
    return np.asarray(np.minimum(below.sum(-1), shares.shape[-1] - 1), dtype=np.int64)


def sigmoid(x: Floats) -> Floats:
    """Without an overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


# known: k ~ Cat, x | k ~ N(mean of k, 0.3), w = exp(N(0, 1)), y ~ Bernoulli(sigmoid(2 x - w))
KINDS = ("common", "frequent", "seldom", "rare")
KIND_SHARES = np.array([0.60, 0.30, 0.09, 0.01])
KIND_MEANS, KIND_DEVIATION = np.array([-2.0, 0.0, 2.0, 4.0]), 0.3


def known(seed: int, indices: Sequence[int]) -> Columns:
    """Rows of the table whose answers are known: k, x, w, y.

    Example::

        from ganzfeld.data.table_sets import known, known_truth

        table = known(0, range(1000))
        assert abs((table["k"] == "rare").mean() - 0.01) < 0.01
        assert round(known_truth().probability, 4) == 0.1691
    """
    words = words_of(PURPOSE, seed, indices, 2)
    u = uniforms(seed, indices, 4)
    normal = box_muller(words[:, :, 1]).astype(np.float64)
    kind = pick(u[0], KIND_SHARES)
    x = np.round(KIND_MEANS[kind] + KIND_DEVIATION * normal[0], 4)
    w = np.round(np.exp(normal[1]), 4)
    y = u[1] < sigmoid(2 * x - w)
    return {"k": np.array(KINDS, dtype=object)[kind], "x": x, "w": w, "y": y}


def known_truth() -> Truth:
    """By quadrature over both normal numbers."""
    nodes = np.linspace(-8, 8, 1601)
    weight = np.exp(-0.5 * nodes**2)
    weight /= weight.sum()
    x = KIND_MEANS[:, None, None] + KIND_DEVIATION * nodes[None, :, None]
    p = sigmoid(2 * x - np.exp(nodes)[None, None, :])
    mass = KIND_SHARES[:, None, None] * weight[None, :, None] * weight[None, None, :]
    positive = float((mass * p).sum())
    return Truth(
        target="y",
        positive="True",
        probability=positive,
        bayes=float((mass * np.maximum(p, 1 - p)).sum()),
        shares={
            "k": dict(zip(KINDS, KIND_SHARES.tolist(), strict=True)),
            "y": {"True": positive, "False": 1 - positive},
        },
        means={"x": float(KIND_SHARES @ KIND_MEANS), "w": math.exp(0.5)},
    )


# census: the shape of the census income table (UCI "adult"), with invented probabilities
def table(text: str) -> tuple[tuple[str, ...], Floats]:
    """Levels and shares from "level share, level share, ..."; the shares are made to sum to 1."""
    entries = [entry.rsplit(None, 1) for entry in text.split(",")]
    shares = np.array([float(share) for _, share in entries])
    return tuple(name.strip() for name, _ in entries), shares / shares.sum()


SEX, SEX_SHARES = table("Female 33, Male 67")
WORK, WORK_SHARES = table(
    "Private 70, Self-employed 8, Local government 6.5, State government 4, Own company 3.5, "
    "Federal government 3, Unpaid 0.4"
)
SCHOOL, SCHOOL_SHARES = table(
    "None 0.2, Year 4 0.5, Year 6 1, Year 8 2, Year 9 1.6, Year 10 2.9, Year 11 3.6, Year 12 1.3, "
    "High school 32.3, Some college 22.4, Vocational 4.2, Academic 3.3, Bachelor 16.4, "
    "Master 5.3, Professional 1.8, Doctor 1.3"
)
WORKS_IN, WORKS_IN_SHARES = table(
    "Craft 13, Professional 13, Executive 13, Office 12, Sales 11, Service 10, Machines 6, "
    "Transport 5, Cleaning 4, Farming 3, Technician 3, Guard 2, Household 0.5, Army 0.3"
)
MARITAL = ("Married", "Never married", "Divorced", "Widowed", "Separated", "Spouse absent")
MARITAL_SHARES = np.array([  # by age: below 28, to 49, from 50 on
    [16.0, 77.0, 3.5, 0.1, 2.2, 1.2],
    [55.0, 22.0, 16.0, 1.0, 4.5, 1.5],
    [66.0, 6.0, 15.0, 9.0, 2.5, 1.5],
]) / 100  # fmt: skip
HOUSEHOLD = ("Husband", "Wife", "Child", "Not in family", "Other relative", "Alone with children")
REGION, REGION_SHARES = table("North 85.4, South 9.6, East 3.2, West 1, Islands 0.8")
COUNTRY, COUNTRY_SHARES = table(
    "United States 91.5, Mexico 2, Philippines 0.7, Germany 0.5, Canada 0.4, Puerto Rico 0.4, "
    "El Salvador 0.35, India 0.33, Cuba 0.3, England 0.3, Jamaica 0.25, Vietnam 0.2"
)
NO_WORK, NO_COUNTRY = 0.056, 0.018  # shares of rows where these are missing
AGES = np.arange(17, 91)
AGE_SHARES = np.where(AGES < 37, 10 + AGES - 17, np.maximum(30 - 0.62 * (AGES - 37), 0.4))
AGE_SHARES = AGE_SHARES / AGE_SHARES.sum()
HOURS = np.arange(1, 100)
HOUR_SPIKES = {40: 47.0, 50: 8.7, 45: 5.6, 60: 4.5, 35: 4.0, 20: 3.8, 30: 3.5, 55: 2.1, 25: 2.1}
GAINS = np.array([0, 594, 914, 2174, 3103, 3325, 4064, 4386, 5013, 7298, 7688, 10520, 14084,
                  15024, 99999])  # fmt: skip
GAIN_SHARES = np.array([91.7, 0.3, 0.2, 0.4, 0.5, 0.3, 0.2, 0.4, 0.3, 1.2, 1.4, 0.2, 0.2, 2.2,
                        0.5]) / 100  # fmt: skip
LOSSES = np.array([0, 1408, 1485, 1564, 1590, 1602, 1672, 1740, 1848, 1887, 1902, 1977, 2258,
                   2415])  # fmt: skip
LOSS_SHARES = (
    np.array([95.3, 0.2, 0.2, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.6, 1.5, 0.8, 0.1, 0.2]) / 100
)
ANSWERS = ("<=50K", ">50K")


def hour_shares(sex: int) -> Floats:
    """Of 1 to 99 hours a week, for women (0) and for men (1)."""
    middle, width = ((34.0, 11.0), (44.0, 12.0))[sex]
    smooth = np.exp(-0.5 * ((HOURS - middle) / width) ** 2)
    shares = 18.7 * smooth / smooth.sum()
    for hours, share in HOUR_SPIKES.items():
        shares[hours - 1] += share
    return np.asarray(shares / shares.sum())


def marital_row(age: Any) -> Any:
    """The row of `MARITAL_SHARES` for an age."""
    return np.digitize(age, (28, 50))


def income_logit(age: Any, years: Any, married: Any, sex: Any, hours: Any, gain: Any) -> Any:
    """The logit of an income above 50K; years: of school, as in `school_years`."""
    prime = np.exp(-0.5 * ((age - 50.0) / 14.0) ** 2)
    return (
        -4.9 + 2.2 * prime + 0.42 * (years - 10.0) + 2.6 * married + 0.3 * sex
        + 0.035 * (hours - 40.0) + 4.0 * (gain > 5000)
    )  # fmt: skip


def census(seed: int, indices: Sequence[int]) -> Columns:
    """Rows of an invented census: 6 numbers and 9 categories, with missing cells (None).

    `school_years` follows from `school`; `household` mostly from `marital` and `sex`.

    Example::

        from ganzfeld.data.table_sets import census, census_truth

        table = census(0, range(1000))
        rich = (table["income"] == ">50K").mean()
        assert len(table) == 15 and abs(rich - census_truth().probability) < 0.05
    """
    u = uniforms(seed, indices, 20)
    age = AGES[pick(u[0], AGE_SHARES)]
    sex = pick(u[1], SEX_SHARES)
    school = pick(u[2], SCHOOL_SHARES)
    works_in, work = pick(u[3], WORKS_IN_SHARES), pick(u[4], WORK_SHARES)
    idle, foreign = u[5] < NO_WORK, u[6] < NO_COUNTRY
    marital = pick(u[7], MARITAL_SHARES[marital_row(age)])
    alone = pick(
        u[8], np.where((age < 28)[:, None], [0.5, 0.35, 0.08, 0.07], [0.1, 0.6, 0.06, 0.24])
    )
    married = marital == 0
    household = np.where(married, 1 - sex, 2 + alone)
    region, country = pick(u[9], REGION_SHARES), pick(u[10], COUNTRY_SHARES)
    hour_table = np.stack([hour_shares(0), hour_shares(1)])
    hours = HOURS[pick(u[11], hour_table[sex])]
    gain, loss = GAINS[pick(u[12], GAIN_SHARES)], LOSSES[pick(u[13], LOSS_SHARES)]
    loss = np.where(gain > 0, 0, loss)
    rich = u[14] < sigmoid(income_logit(age, school + 1, married, sex, hours, gain))
    normal = box_muller(words_of(PURPOSE, seed, indices, 5)[:, :, 4])[0]
    weight = np.round(np.exp(12.0 + 0.5 * normal.astype(np.float64))).astype(np.int64)
    return {
        "age": age,
        "work": named(WORK, work, idle),
        "weight": weight,
        "school": named(SCHOOL, school),
        "school_years": school + 1,
        "marital": named(MARITAL, marital),
        "works_in": named(WORKS_IN, works_in, idle),
        "household": named(HOUSEHOLD, household),
        "region": named(REGION, region),
        "sex": named(SEX, sex),
        "gain": gain,
        "loss": loss,
        "hours": hours,
        "country": named(COUNTRY, country, foreign),
        "income": named(ANSWERS, rich.astype(np.int64)),
    }


def named(
    levels: Sequence[str], codes: NDArray[np.int64], gone: NDArray[np.bool_] | None = None
) -> NDArray[Any]:
    found = np.array(levels, dtype=object)[codes]
    if gone is not None:
        found[gone] = None
    return found


def census_truth() -> Truth:
    """By the sum over all values of what the income depends on."""
    age, years = AGES[:, None, None, None], np.arange(1, 17)[None, :, None, None]
    hours = HOURS[None, None, :, None]
    gain = np.array([0, 6000])[None, None, None, :]
    high = GAIN_SHARES[GAINS > 5000].sum()
    positive = bayes = 0.0
    of_age = AGE_SHARES[:, None] * MARITAL_SHARES[marital_row(AGES)]  # (ages, marital)
    for sex, share in enumerate(SEX_SHARES):
        for married in (0, 1):
            wed = of_age[:, :1].sum(1) if married else of_age[:, 1:].sum(1)
            mass = share * wed[:, None, None, None] * SCHOOL_SHARES[None, :, None, None]
            mass = mass * hour_shares(sex)[None, None, :, None] * np.array([1 - high, high])
            p = sigmoid(income_logit(age, years, married, sex, hours, gain))
            positive += float((mass * p).sum())
            bayes += float((mass * np.maximum(p, 1 - p)).sum())
    mean_hours = sum(share * (HOURS @ hour_shares(s)) for s, share in enumerate(SEX_SHARES))
    shares = {
        "work": with_missing(WORK, WORK_SHARES, NO_WORK),
        "school": with_missing(SCHOOL, SCHOOL_SHARES, 0.0),
        "marital": with_missing(MARITAL, of_age.sum(0), 0.0),
        "works_in": with_missing(WORKS_IN, WORKS_IN_SHARES, NO_WORK),
        "region": with_missing(REGION, REGION_SHARES, 0.0),
        "sex": with_missing(SEX, SEX_SHARES, 0.0),
        "country": with_missing(COUNTRY, COUNTRY_SHARES, NO_COUNTRY),
        "income": {"<=50K": 1 - positive, ">50K": positive},
    }
    means = {
        "age": float(AGES @ AGE_SHARES), "hours": float(mean_hours),
        "gain": float(GAINS @ GAIN_SHARES), "weight": math.exp(12.0 + 0.5 * 0.5**2),
    }  # fmt: skip
    return Truth("income", ">50K", positive, bayes, shares, means)


def with_missing(levels: Sequence[str], shares: Floats, gone: float) -> dict[str, float]:
    found = {level: float(share) * (1 - gone) for level, share in zip(levels, shares, strict=True)}
    return found | ({"": gone} if gone else {})


TABLES: dict[str, tuple[Callable[[int, Sequence[int]], Columns], Callable[[], Truth]]] = {
    "known": (known, known_truth),
    "census": (census, census_truth),
}
