"""Schemas of the JSON files of runs, models, logs and evaluations.

Names that are not listed are let through: later releases say more.
"""

from __future__ import annotations

from typing import Any

from ganzfeld.core.reader import Unreadable, parse
from ganzfeld.core.schema import (
    Check,
    anything,
    fields,
    flag,
    listing,
    maybe,
    number,
    one_of,
    row,
    table,
    text,
    whole,
    wrong,
)
from ganzfeld.errors import UsageError

Row = dict[str, Any]
COUNT = whole(0, 10**15)
SIDE = whole(1, 1 << 16)
CHANNELS = whole(1, 4_096)
SCORE = maybe(number())
NAMES = listing(text, most=200_000)
VALUES = 1 << 28  # of a sample
MEASURED = 10_000_000  # samples of an evaluation: its report asks for the classes of all of them
DICT: Check = table(anything)

WEIGHTS = fields({"size": whole(0, 2**60), "sha256": text})
PART = fields({"name": text}, {"options": DICT})


def shape(value: Any, where: str) -> None:
    """(C, H, W), or fewer or more sides, of a sample that fits memory."""
    listing(whole(1, VALUES), 1, 4)(value, where)
    size = 1
    for side in value:
        size *= side
    if size > VALUES:
        raise wrong(where, f"the shape of a sample of {VALUES:,} values or fewer", size)


SPEC = fields(
    {"modality": text, "shape": shape},
    {"dtype": one_of("uint8", "int16", "int32", "float32"), "extra": DICT},
)


# config.json of a model

SPOKEN = fields({"name": text, "symbols": NAMES, "length": COUNT})  # words of captions


def column(value: Any, where: str) -> None:
    """A condition: what it is, and of captions their words."""
    fields({"name": text, "kind": text})(value, where)
    if value["kind"] == "caption":
        SPOKEN(value, where)


CONDITIONS = fields(
    {"names": NAMES, "rows": listing(listing(number(), 1, 4_096), 1, 4_096)},
    {"columns": listing(column)},
)

CANDIDATE = fields({"images": COUNT}, {"average": text, "frechet": SCORE, "kernel": SCORE})
CHOSEN = fields(
    {}, {"images": COUNT, "average": text, "by": text, "candidates": listing(CANDIDATE)}
)
TRAINED_ON = {
    "alpha": text,
    "on_bad_image": maybe(text),
    "source": text,
    "fingerprint": text,
    "samples": COUNT,
    "kind": text,
    "limits": maybe(row(number(), number())),
}
TRAINING = fields(
    {},
    {
        "data": fields({}, TRAINED_ON),
        "run": fields({}, {"afford": maybe(COUNT), "seed": number(), "batch_size": COUNT}),
        "game": PART,
    },
)
MODEL = {
    "spec": SPEC,
    "conditions": CONDITIONS,
    "images_seen": COUNT,
    "run_images": COUNT,
    "recipe": text,
    "version": text,
    "averaged": flag,
    "chosen": CHOSEN,
    "training": TRAINING,
    "discriminator": fields({"network": PART}, {"weights": WEIGHTS}),
    "code": table(WEIGHTS, most=100),
}
GENERATION = fields(
    {
        "weights": WEIGHTS,
        "shape": shape,
        "latent": whole(0, 1 << 20),
        "classes": NAMES,
        "generator": PART,
    },
    MODEL,
)
TRANSLATION = fields(
    {
        "weights": WEIGHTS,
        "translators": table(fields({"network": text, "part": PART}), one_of("ab", "ba"), 2),
        "training": fields({"data": fields({"alpha": text}, TRAINED_ON)}),
    },
    MODEL | {"channels": fields({"a": CHANNELS, "b": CHANNELS}), "size": row(SIDE, SIDE)},
)

CAPTIONING = fields(
    {
        "weights": WEIGHTS,
        "shape": shape,
        "latent": whole(1, 1 << 20),
        "writer": PART,
        "conditions": fields({"columns": listing(SPOKEN, 1, 1)}),
    },
    {name: check for name, check in MODEL.items() if name != "conditions"},
)


def translation(about: Any, where: str) -> None:
    TRANSLATION(about, where)
    if not about["translators"]:
        raise Unreadable("is damaged: it has no translators")
    if "spec" not in about and not {"channels", "size"} <= about.keys():
        raise Unreadable("is damaged: it does not say how its samples lie")


TASKS: dict[str, Check] = {
    "generation": GENERATION,
    "translation": translation,
    "captioning": CAPTIONING,
}


def model(about: Any) -> None:
    """Raises Unreadable where a model's description is not what this release ships."""
    fields({"format": anything}, {"task": text})(about, "")
    task = about.get("task", "generation")
    if task not in TASKS:
        raise wrong("task", " or ".join(TASKS), task)
    TASKS[task](about, "")


# config.json of a run

OPEN = maybe(whole(1, 10**15))
RATE = number(0, 1e30)
PART_OF_RUN = number(0, 1)
OPTIMISER = fields(
    {},
    {
        "lr": RATE,
        "final_lr": maybe(RATE),
        "betas": row(number(0, 1), number(0, 1)),
        "final_beta2": maybe(number(0, 1)),
        "hold": number(0, 1e9),
        "burn_in": number(0, 1e9),
        "hold_steps": maybe(COUNT),
        "burn_in_steps": maybe(COUNT),
        "warm_up": PART_OF_RUN,
        "at_width": maybe(COUNT),
    },
)
GROWN = fields({"images": COUNT, "samples": COUNT, "fingerprint": text})
RUN = fields(
    {
        "game": PART,
        "networks": table(PART, most=100),
        "optimisers": table(OPTIMISER, most=100),
    },
    {
        "ema": fields(
            {},
            {
                "half_life_images": maybe(number(0)),
                "ramp": maybe(number(0)),
                "spans": table(number(0), most=100),
            },
        ),
        "data": fields(
            {},
            {
                "spec": maybe(SPEC),
                "conditions": maybe(CONDITIONS),
                "size": maybe(row(SIDE, SIDE)),
                "channels": maybe(CHANNELS),
                "channels_b": maybe(CHANNELS),
                "samples": COUNT,
                "grown": listing(GROWN, most=10_000),
                "held_out": maybe(COUNT),
                "classes": NAMES,
                "limits": maybe(row(number(), number())),
                "jitter": PART_OF_RUN,
                "vicinity": number(0, 1e6),
                "max_megapixels": number(1e-6, 1e9),
                "rules": whole(1, 1_000),
            },
        ),
        "run": fields(
            {},
            {
                "images": OPEN,
                "minutes": maybe(number(0, 1e9)),
                "afford": maybe(COUNT),
                "batch_size": whole(1, 1 << 24),
                "threads": maybe(whole(1, 4_096)),
                "precision": one_of("auto", "float32", "bfloat16"),
                "save_every": OPEN,
                "save_minutes": number(0, 1e9),
                "sample_every": OPEN,
                "evaluate_every": OPEN,
                "evaluate_count": OPEN,
                "inception_count": maybe(whole(0, 10**6)),
                "latents": maybe(text),
                "noise": maybe(text),
                "log_every": OPEN,
                "doctor": maybe(text),
                "looks": whole(1, 1_000),
                "patience": OPEN,
                "planned": OPEN,
                "log_to": listing(text, most=100),
                "keep": whole(1, 10**9),
            },
        ),
    },
)


def run(stored: Any) -> None:
    """Raises Unreadable where a run's configuration is out of range; types are the dataclasses'."""
    RUN(stored, "")
    spans = stored.get("ema", {}).get("spans", {"medium": 1.0})
    if not spans or any(not name or "." in name for name in spans):
        raise wrong("ema.spans", "averages by names without dots", spans)
    data = stored.get("data", {})
    held, samples = data.get("held_out"), data.get("samples")
    if held and samples is not None and held >= samples:
        raise wrong("data.held_out", f"less than the {samples:,} samples", held)


# A line of metrics.jsonl

LOGGED = fields(
    {"kind": text, "images": COUNT},
    {
        "step": COUNT,
        "images_per_second": SCORE,
        "losses": table(SCORE, most=10_000),
        "signals": table(SCORE, most=1_000),
        "rollbacks": COUNT,
        "seconds": SCORE,
        "count": COUNT,
        "protocol": maybe(text),
    },
)
DOSE = fields(  # of a treatment: see `ganzfeld.doctor.treat`
    {
        "rates": table(number(0, 1), most=10),
        "penalties": number(0, 1e6),
        "augment": anything,
        "back": anything,
    },
    {"fresh": anything},
)
SCORES = ("frechet", "kernel", "precision", "recall", "density", "coverage", "diversity")


def logged(line: bytes) -> Row | None:
    """A line of a log; None where it is cut off or is nothing that training wrote."""
    try:
        found = parse(line)
        LOGGED(found, "")
        for name in SCORES:
            SCORE(found.get(name), name)
        if found["kind"] == "treatment":
            maybe(DOSE)(found.get("dose"), "dose")
            maybe(COUNT)(found.get("back"), "back")
    except Unreadable:
        return None
    return dict(found)


# What `ganzfeld evaluate` found

ENDS = row(SCORE, SCORE)
RESULT = fields(
    {
        "protocol": fields(
            {
                "id": text,
                "extractor": text,
                "generated": whole(1, MEASURED),
                "reference": whole(0, MEASURED),
                "data": text,
            },
            {"seed": whole(0, 2**64 - 1), "protocol": maybe(text), "library": text, "shape": shape},
        )
    },
    {
        "count": COUNT,
        "frechet_biased": flag,
        "frechet_parts": listing(number()),
        "memorisation_pairs": listing(row(COUNT, COUNT, number()), most=100_000),
        "memorisation_of": COUNT,
        "class_shares": table(SCORE),
        "class_shares_of_data": table(SCORE),
        "intra_class_frechet_by_class": table(SCORE),
        "extractor_accuracy": maybe(number()),
        "extractor_note": maybe(text),
    },
)


def result(found: Any, singles: tuple[str, ...]) -> None:
    """Raises Unreadable where this is not what `ganzfeld.evaluate` gives.

    singles: metrics that are one number each.
    """
    RESULT(found, "")
    for name in ("kernel", "frechet", *singles):
        SCORE(found.get(name), name)
        if f"{name}_interval" in found:
            maybe(ENDS)(found[f"{name}_interval"], f"{name}_interval")
    needs = {"kernel": "kernel_interval", "frechet": "frechet_biased"}
    for name, other in needs.items():
        if name in found and other not in found:
            raise Unreadable(f"is damaged: it has no {other}")


HOLDER = fields({"pid": COUNT, "host": text, "since": text})


def told(error: UsageError) -> Unreadable:
    """A setting that no dataclass takes, as what is wrong with the file that has it."""
    return Unreadable(f"is damaged: {error.what}")
