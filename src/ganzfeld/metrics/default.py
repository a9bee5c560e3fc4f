"""Choose the default extractor and image count, and estimate the cost."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

import numpy as np

from ganzfeld.core import runtime
from ganzfeld.data.pack import Pack
from ganzfeld.metrics import label_classifier, learned
from ganzfeld.metrics.features import extract, inception
from ganzfeld.metrics.inception import SIDE, installed, like_photographs

COUNTS = (2_000, 1_000, 500)  # so that runs of about one length have one count


@dataclass(frozen=True)
class Choice:
    """name: as `make_extractor` takes it. count: generated images, and as many of the data.

    seconds: of one CPU thread, for both sides. cost: a sentence that says so.
    """

    name: str
    count: int
    seconds: float
    cost: str


def candidates(pack: Pack) -> list[str]:
    """Extractors that the data allow, the best first.

    Colour images of 32 pixels or more: "inception" where it is installed, since it is the measure
    that others publish and the one nearest to the eye. Other images: "domain", the classifier of
    their own labels, where there are any. Without either: "learned", and "random" for fewer than
    16 images.
    """
    found = ["inception"] if installed() and like_photographs(pack) else []
    if pack.labels is not None and len(pack.classes) > 1 and len(pack) >= label_classifier.LEAST:
        found.append("domain")
    return [*found, "learned" if len(pack) >= learned.LEAST else "random"]


def default_extractor(
    pack: Pack, *, count: int = COUNTS[0], budget_seconds: float | None = None
) -> Choice:
    """The first of `candidates` whose cost is within a budget of CPU seconds of one thread.

    count: images wanted; Inception takes 2,000, 1,000 or 500 in place of more than fit. Without a
    budget it takes at most 2,000.
    """
    *_, last = candidates(pack)
    for name in candidates(pack):
        if name != "inception":
            continue
        each = inception_seconds()
        sizes = [n for n in COUNTS if n < count]
        for number in [count, *sizes] if count <= COUNTS[0] else sizes:
            seconds = 2 * number * each
            if budget_seconds is None or seconds <= budget_seconds:
                cost = (
                    f"Inception looks at {number:,} generated images and as many of the data: "
                    f"about {seconds:.0f} s of one CPU thread ({1e3 * each:.0f} ms an image; the "
                    "data's half is kept for the next time)"
                )
                return Choice(name, number, seconds, cost)
    name = "domain" if "domain" in candidates(pack) else last
    return Choice(name, count, 0.0, f"{name}: {COSTS[name]}")


COSTS = {
    "domain": "a classifier of the data's labels, learned once in one to two CPU minutes; "
    "under 1 ms an image of 64 pixels",
    "learned": "features of the data, learned once in about ten CPU seconds; "
    "2 ms an image of 64 pixels",
    "random": "nothing is learned; about 1 ms an image of 64 pixels",
}


@functools.cache
def inception_seconds() -> float:
    """CPU seconds an image on one thread, measured on four images."""
    network = inception("tf1")
    images = np.zeros((4, 3, SIDE, SIDE), np.uint8)
    with runtime.threads(1):
        extract(network, [images[:1]], 1)  # the first call is slower
        start = time.thread_time()
        extract(network, [images], len(images))
        return (time.thread_time() - start) / len(images)
