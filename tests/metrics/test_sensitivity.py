"""Do the numbers move as the images get worse? On the embedded data; the table is printed.

pytest -m slow -s tests/metrics/test_sensitivity.py
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d

from ganzfeld import metrics
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.metrics.features import Extractor, Features, extract, make_extractor

Pixels = NDArray[np.uint8]
HALF = 2_000

pytestmark = pytest.mark.slow


def silent(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def pack() -> Pack:
    return open_pack(f"avatars:{2 * HALF}", PackOptions(size=(32, 32)), workers=0)


@pytest.fixture(scope="module", params=["random", "domain"])
def extractor(request: pytest.FixtureRequest, pack: Pack) -> Extractor:
    return make_extractor(request.param, pack, progress=silent)


def features(extractor: Extractor, pixels: Pixels) -> Features:
    return extract(extractor, np.array_split(pixels, -(-len(pixels) // 64)), len(pixels))


def blurred(pixels: Pixels, level: int, draw: np.random.Generator) -> Pixels:
    x = torch.from_numpy(pixels).float()
    for _ in range(level):
        x = avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    return x.round().byte().numpy()


def noisy(pixels: Pixels, level: int, draw: np.random.Generator) -> Pixels:
    noise = draw.standard_normal(pixels.shape) * (0, 12, 30, 75)[level]
    return (pixels + noise).round().clip(0, 255).astype(np.uint8)


def test_the_numbers_follow_the_damage(extractor: Extractor, pack: Pack) -> None:
    assert pack.labels is not None
    data, fresh = np.array(pack.images[:HALF]), np.array(pack.images[HALF:])
    labels, number = pack.labels[HALF:], len(pack.classes)
    draw = np.random.default_rng(0)
    reference = features(extractor, data)

    def fewer_classes(pixels: Pixels, level: int, draw: np.random.Generator) -> Pixels:
        kept = (number, number * 3 // 4, number // 2, 1)[level]
        return pixels[np.resize(np.flatnonzero(labels < kept), HALF)]

    def repeated(pixels: Pixels, level: int, draw: np.random.Generator) -> Pixels:
        return pixels[np.arange(HALF) % (HALF, 200, 40, 8)[level]]

    def memorised(pixels: Pixels, level: int, draw: np.random.Generator) -> Pixels:
        share = (0, 0.1, 0.5, 1)[level]
        return np.concatenate([data[: int(share * HALF)], pixels[int(share * HALF) :]])

    damage: dict[str, Callable[[Pixels, int, np.random.Generator], Pixels]] = {
        "blur": blurred,
        "noise": noisy,
        "fewer classes": fewer_classes,
        "repeated": repeated,
        "memorised": memorised,
    }
    names = ("frechet", "kernel", "mmd", "precision", "recall", "density", "coverage")
    names += ("diversity", "memorised", "copies")
    print(f"\n{extractor.name:<14} {'level':>5}", *(f"{name:>9}" for name in names))
    table: dict[str, list[dict[str, float]]] = {}
    for kind, change in damage.items():
        for level in range(4):
            row = measure(features(extractor, change(fresh, level, draw)), reference)
            table.setdefault(kind, []).append(row)
            print(f"{kind:<14} {level:>5}", *(f"{row[name]:9.4f}" for name in names))

    def rises(kind: str, name: str) -> bool:
        values = [row[name] for row in table[kind]]
        return values == sorted(values) and values[-1] > values[0]

    for kind in ("blur", "noise", "fewer classes", "repeated"):
        assert rises(kind, "frechet"), kind
        assert rises(kind, "kernel"), kind
        assert rises(kind, "mmd"), kind
    assert rises("memorised", "copies")
    assert table["memorised"][1]["copies"] > 0.08, "a tenth that is copied is seen"
    assert table["memorised"][3]["memorised"] == 0
    for kind in ("fewer classes", "repeated"):
        first, *_, last = table[kind]
        assert last["precision"] > first["precision"] - 0.1, f"{kind} is not less precise"
        assert last["recall"] < first["recall"] / 2, kind
        assert last["coverage"] < first["coverage"] / 2, kind
    for kind in ("blur", "noise"):
        assert table[kind][3]["precision"] < table[kind][0]["precision"] / 2, kind
    assert table["repeated"][3]["diversity"] < 1.05
    assert table["blur"][0]["coverage"] > 0.9, "fresh data cover the data"
    low, high = table["blur"][0]["low"], table["blur"][0]["high"]
    assert low <= 0 <= high, "fresh data are at no distance, and the interval says so"


def measure(generated: Features, data: Features) -> dict[str, float]:
    kernel = metrics.kernel_distance(generated, data)
    memory = metrics.memorisation(generated, data)
    return {
        "frechet": metrics.frechet_distance(generated, data),
        "kernel": kernel.value,
        "low": kernel.interval[0],
        "high": kernel.interval[1],
        "mmd": metrics.mmd(generated, data).value,
        **metrics.precision_recall(generated, data)._asdict(),
        **metrics.density_coverage(generated, data)._asdict(),
        "diversity": metrics.diversity(generated, data),
        "memorised": memory.ratio,
        "copies": memory.copies,
    }
