"""Embedded sounds: samples are functions of their number, and their truth is true."""

from __future__ import annotations

import numpy as np

from ganzfeld.data.audio_sets import LENGTH, NAMES, RATE, VOWELS, response, vowels
from ganzfeld.metrics import voice


def test_a_vowel_depends_on_its_number_alone() -> None:
    some = vowels(12, seed=3)
    assert np.array_equal(vowels(3, seed=3, start=7).x, some.x[7:10])
    assert some.x.shape == (12, LENGTH) and [*some.y[:6]] == [0, 1, 2, 3, 4, 0]
    assert not np.array_equal(vowels(1, seed=4).x, some.x[:1])


def test_pitch_and_formants_are_found_as_they_were_made() -> None:
    made = vowels(200)
    error = np.abs(voice.pitches(made.x, RATE) / made.pitch - 1)
    assert np.median(error) < 0.001 and error.max() < 0.005
    low = made.pitch < 120  # harmonics lie close enough to show the formants
    off = np.abs(voice.formants(made.x[low], RATE) / made.formants[low, :2] - 1)
    assert np.all(np.median(off, 0) < [0.03, 0.02])


def test_resonators_have_their_peaks_at_the_formants() -> None:
    grid = np.arange(50.0, 3800.0, 1.0)
    for name in NAMES:
        gain = np.abs(response(grid, np.array(VOWELS[name])))
        peaks = grid[1:-1][(gain[1:-1] > gain[:-2]) & (gain[1:-1] > gain[2:])]
        for formant in VOWELS[name][:2]:
            assert np.abs(peaks - formant).min() < 0.05 * formant, name


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, (3, LENGTH)).astype(np.int16)
    assert np.isnan(voice.pitches(noise, RATE)).all()
    assert np.isnan(voice.pitches(np.zeros((1, LENGTH), np.int16), RATE)).all()
    assert np.isnan(voice.formants(np.zeros((1, LENGTH), np.int16), RATE)).all()


def test_linear_prediction_finds_the_weights_of_a_known_process() -> None:
    draws = np.random.default_rng(1).standard_normal(60_000)
    x = np.zeros(60_000)
    for n in range(2, len(x)):
        x[n] = 1.2 * x[n - 1] - 0.7 * x[n - 2] + draws[n]
    r = np.array([x[: len(x) - k] @ x[k:] for k in range(3)]) / len(x)
    assert np.allclose(voice.levinson(r), [1.2, -0.7], atol=0.02)
