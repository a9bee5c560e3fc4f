"""Metrics of sounds: known answers, and what damage does to them."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ganzfeld.data.audio_sets import NAMES, RATE, vowels
from ganzfeld.data.columns import Column
from ganzfeld.metrics import audio_metrics as metrics
from ganzfeld.metrics.audio_classifier import (
    Listener,
    accuracy,
    heard,
    listener,
    mel_bands,
    moved_by,
    targets_of,
    train_listener,
)
from ganzfeld.metrics.family import Sets
from ganzfeld.metrics.features import Extractor
from ganzfeld.metrics.learning import hastily
from ganzfeld.modalities import Spec


def test_entropy_of_known_shares() -> None:
    assert metrics.entropy(np.arange(6), 6) == pytest.approx(math.log(6))
    assert metrics.entropy(np.zeros(9, np.int64), 6) == 0
    assert metrics.entropy(np.array([0, 0, 0, 1]), 2) == pytest.approx(0.5623, abs=1e-4)


def test_levels_of_known_sounds() -> None:
    square = np.full((2, 1600), 16384, np.int16)
    square[:, 800:] = 0
    assert metrics.loudness(square) == pytest.approx(0.5 / math.sqrt(2), rel=1e-3)
    assert metrics.silence(square, 8000) == 0.5
    hush = np.concatenate([square, np.full((2, 1600), 100, np.int16)])
    assert metrics.silent_share(hush) == 0.5


def test_copies_are_nearest_to_their_originals() -> None:
    data = vowels(40).x
    noise = np.random.default_rng(0).integers(-300, 300, (5, data.shape[1]))
    distance, which = metrics.nearest((data[10:15] + noise).astype(np.int16), data)
    fresh, _ = metrics.nearest(vowels(5, seed=9).x, data)
    assert [*which] == [10, 11, 12, 13, 14] and distance.max() < 0.5 * np.median(fresh)


def test_a_shift_is_its_wasserstein_distance() -> None:
    x = np.random.default_rng(1).normal(size=4000)
    assert metrics.wasserstein(x, x + 0.7) == pytest.approx(0.7)
    assert metrics.wasserstein(x, x) == 0


def test_voices_of_another_pitch_and_of_one_vowel_are_far() -> None:
    real, fresh = vowels(240), vowels(240, seed=1)
    fine = metrics.voices(fresh.x, real.x, RATE)
    assert fine["voiced"] == 1 and fine["pitch"] < 3 * fine["pitch_floor"]
    high = metrics.voices(fresh.x[fresh.pitch > 160], real.x, RATE)
    assert high["pitch"] > 5 * fine["pitch"]
    one = metrics.voices(fresh.x[fresh.y == 0], real.x, RATE)
    assert one["formant_2"] > 5 * fine["formant_2"]


def test_mel_bands_cover_all_frequencies_once() -> None:
    bands = mel_bands(8000, 256)
    assert bands.shape == (40, 129) and np.allclose(bands.sum(1), 1)
    assert (np.diff(bands.argmax(1)) >= 0).all()


def test_sounds_move_both_ways() -> None:
    wave = np.arange(5, dtype=np.float32)
    assert [*moved_by(wave, 2)] == [0, 0, 0, 1, 2] and [*moved_by(wave, -2)] == [2, 3, 4, 0, 0]


def test_what_a_listener_learns_beside_the_labels() -> None:
    def column(names: list[str], values: list[int]) -> Column:
        spec = Spec("class", (), "int32", {"names": names})
        return Column(spec=spec, stored=np.array(values, np.int32))

    pack: Any = SimpleNamespace(
        labels=np.array([0, 1, 1]),
        columns={
            "who": column(["ann", "bob"], [0, 0, 1]),
            "same": column(["a", "b"], [0, 1, 1]),  # the labels themselves
            "gap": column(["a", "b"], [0, -1, 1]),
            "number": column([str(n) for n in range(50)], [0, 1, 2]),
            "no.name": column(["a", "b"], [0, 0, 1]),
            "rate": Column(spec=Spec("number", (), "int32"), stored=np.array([1, 2, 3])),
        },
    )
    assert list(targets_of(pack)) == ["label", "by_who"]


def test_a_listener_for_timing_takes_no_time_and_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANZFELD_CACHE", str(tmp_path))
    made = vowels(100)

    class Few(SimpleNamespace):
        def __len__(self) -> int:
            return 100

        def rows(self, rows: Any) -> dict[str, Any]:
            return {"x": made.x[rows][:, None]}

    pack: Any = Few(labels=made.y, classes=NAMES, columns={}, fingerprint="0" * 64, report={})
    pack.spec = Spec("audio", (1, 2048), "int16", {"rate": RATE})
    steps: list[int] = []
    with hastily(True):
        found = listener(pack, lambda stage, done, total: steps.append(total))
    assert steps == [1] and found.learned_from is not None
    assert not [*tmp_path.glob("listener-*")]


def test_an_evaluation_says_what_is_heard_beside_chance_and_the_data() -> None:
    own, data = vowels(50), vowels(100, seed=1)
    waves = own.x.copy()
    waves[:10] = 0
    net = Listener(RATE, {"label": 5, "by_who": 2}).eval()
    none = np.zeros((1, 1), np.float32)
    extractor = Extractor("domain", net, lambda x: x, "", facts={"accuracy": 0.97})
    sets = Sets(
        extractor=extractor, generated=none, data=none, generated_pixels=none, data_pixels=none,
        classes=NAMES, wanted=own.y, data_labels=None, spec=Spec("audio", (1, 2048), "int16",
        {"rate": RATE}), samples=waves[:, None], data_samples=data.x[:, None],
    )  # fmt: skip
    found = metrics.sound(sets)
    assert found["silent"] == 0.2 and found["silent_of_data"] == 0
    _, logits = heard(net, waves)
    assert found["heard"] == accuracy(logits["label"], own.y)
    assert found["heard_of_data"] == 0.97 and found["heard_by_chance"] == 0.2
    assert 0 <= found["by_who_entropy"] <= math.log(2)


@pytest.mark.slow
def test_a_listener_learns_vowels_and_is_always_the_same() -> None:
    made, fresh = vowels(400), vowels(100, seed=5)
    labels = {"label": made.y, "by_high": (made.pitch > 140).astype(np.int64)}
    first, again = (train_listener(made.x, labels, RATE, steps=80) for _ in range(2))
    features, logits = heard(first, fresh.x)
    assert np.array_equal(features, heard(again, fresh.x)[0])
    assert accuracy(logits["label"], fresh.y) > 0.9
    assert accuracy(logits["by_high"], (fresh.pitch > 140).astype(np.int64)) > 0.8
