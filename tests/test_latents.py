"""Latents and labels are the same bits everywhere, and no two samples of a seed are alike."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.core import latents, runfolder
from ganzfeld.core.latents import OF_TORCH, PORTABLE, choice, normals, threefry
from ganzfeld.core.randomness import key
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.modalities.image.tensors import channels_last
from ganzfeld.models import model as generate
from ganzfeld.models.model import Model
from ganzfeld.networks.build import build_network
from ganzfeld.recipes.find import data_kind
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training.build import complete

SEEDS = (0, 1, 7, 2**32, 2**53 - 1, 2**64 - 1)
FAR = (2**31, 2**32 - 1, 2**32, 2**40 + 5, 2**53, 2**64 - 1)
# of 500 latents of each seed, of six numbers far away, and of labels below 10: see `digest`
DIGEST = "477fd35c1ae4317fb7781a32262f7e4aa18f9888603b894e7124d50b3fe684c1"


def digest() -> str:
    """SHA-256 of latents of 100 and of 6 numbers, little-endian float32, and of labels, int64."""
    found = hashlib.sha256()
    for seed in SEEDS:
        numbers = [*range(500), *FAR]
        found.update(normals(100, seed, numbers).astype("<f4").tobytes())
        found.update(normals(6, seed, numbers).astype("<f4").tobytes())
        found.update(choice(seed, numbers, 10).astype("<i8").tobytes())
    return found.hexdigest()


@pytest.mark.parametrize(
    ("counter", "under", "words"),
    [  # of Random123 (Salmon et al. 2011), kat_vectors
        ("0 0 0 0", "0 0 0 0", "9c6ca96a e17eae66 fc10ecd4 5256a7d8"),
        (
            "ffffffff ffffffff ffffffff ffffffff",
            "ffffffff ffffffff ffffffff ffffffff",
            "2a881696 57012287 f6c7446e a16a6732",
        ),
        (
            "243f6a88 85a308d3 13198a2e 03707344",
            "a4093822 299f31d0 082efa98 ec4e6c89",
            "59cd1dbb b8879579 86b5d00c ac8b6d84",
        ),
    ],
)
def test_published_answers_of_threefry(counter: str, under: str, words: str) -> None:
    def column(text: str) -> np.ndarray:
        return np.array([int(word, 16) for word in text.split()], dtype=np.uint32)[:, None]

    assert threefry(column(counter), column(under)).tolist() == column(words).tolist()
    many = np.repeat(column(counter), 3, 1), np.repeat(column(under), 3, 1)
    assert threefry(*many).T.tolist() == [column(words)[:, 0].tolist()] * 3


def test_the_bits_are_those_of_the_definition() -> None:
    assert digest() == DIGEST


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="NumPy names its features by processor")
def test_a_processor_without_vectors_draws_the_same() -> None:
    config = np.show_config(mode="dicts")["SIMD Extensions"]  # type: ignore[index]
    found = [name for name in config.get("found", []) if name != "VSX"]
    if not found:
        pytest.skip("this NumPy uses no vectors that could be switched off")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_latents as t; print(t.digest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        env=os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(found)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == DIGEST, done.stderr


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_the_javascript_of_the_documentation_draws_the_same(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "latents.md").read_text()
    program = page.partition("```js\n")[2].partition("```")[0]
    numbers = [0, 1, 499, *FAR]
    wanted = {
        "latents": [normals(6, seed, numbers).ravel().tolist() for seed in SEEDS],
        "labels": [choice(seed, numbers, 10).tolist() for seed in SEEDS],
    }
    script = tmp_path / "latents.mjs"
    script.write_text(
        program
        + f"const seeds = {[str(s) for s in SEEDS]}.map(BigInt);"
        + f"const numbers = {[str(n) for n in numbers]}.map(BigInt);"
        + "console.log(JSON.stringify({"
        + "latents: seeds.map((s) => numbers.flatMap((n) => [...latent(6, s, n)])),"
        + "labels: seeds.map((s) => numbers.map((n) => label(s, n, 10)))}));"
    )
    done = subprocess.run(["node", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == wanted


def test_they_are_normal_and_labels_are_even() -> None:
    z = normals(100, 3, range(10_000)).astype(np.float64)
    assert abs(z.mean()) < 0.005 and abs(z.var() - 1) < 0.01
    assert abs((z**4).mean() - 3) < 0.05 and 4.5 < abs(z).max() < 6.5
    across = np.corrcoef(z[:, :8].T)[np.triu_indices(8, 1)]
    along = np.corrcoef(z[:-1, 0], z[1:, 0])[0, 1]
    assert abs(across).max() < 0.05 and abs(along) < 0.05
    counts = np.bincount(choice(3, range(70_000), 7), minlength=7)
    assert counts.min() > 9_700 and counts.max() < 10_300


def test_logarithm_sine_and_cosine_are_accurate() -> None:
    edges = np.array([2.0**-33, 1 - 2.0**-33, math.sqrt(0.5), 0.125, 0.375, 0.5, 0.625, 0.875])
    u = np.concatenate([np.random.default_rng(0).random(20_000) + 2.0**-54, edges])
    assert np.all(abs(latents.logarithm(u) - np.log(u)) <= 4e-16 * np.maximum(abs(np.log(u)), 1))
    cosine, sine = latents.circle(u)
    assert abs(cosine - np.cos(2 * np.pi * u)).max() < 1e-15
    assert abs(sine - np.sin(2 * np.pi * u)).max() < 1e-15


def test_a_latent_depends_on_seed_number_and_place_alone() -> None:
    whole = normals(10, 5, range(40))
    assert np.array_equal(normals(10, 5, [7, 3]), whole[[7, 3]])
    assert np.array_equal(normals(7, 5, range(40)), whole[:, :7])
    assert np.array_equal(normals(10, [5, 6, 5], [1, 1, 2])[[0, 2]], whole[[1, 2]])
    assert choice([5, 6], [1, 1], 100).tolist() == [
        choice(5, [1], 100)[0],
        choice(6, [1], 100)[0],
    ]
    others = [normals(10, 6, [7]), normals(10, 5 + 2**32, [7]), normals(10, 5, [7 + 2**32])]
    assert not any(np.array_equal(whole[7:8], other) for other in others)


def repeats(count: int, seed: int = 0) -> int:
    """Pairs of equal latents among so many."""
    heads = np.concatenate(
        [
            np.ascontiguousarray(normals(4, seed, range(low, min(low + 20_000, count)))[:, :2])
            for low in range(0, count, 20_000)
        ]
    )
    return count - len(np.unique(heads.view(np.uint64)))


def test_no_two_of_200_000_latents_are_equal() -> None:
    assert repeats(200_000) == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_no_two_of_a_million_latents_are_equal(seed: int) -> None:
    assert repeats(1_000_000, seed) == 0


def test_the_pair_that_was_equal_is_so_no_more() -> None:
    old = [latents.draw(OF_TORCH, 100, 0, [number]) for number in (3144, 43690)]
    assert np.array_equal(*old), "the fault that this is about"
    assert not np.array_equal(*(normals(100, 0, [number]) for number in (3144, 43690)))


@pytest.mark.parametrize("wrong", [-1, 2**64])
def test_seeds_and_numbers_out_of_range_are_named(wrong: int, tmp_path: Path) -> None:
    for seed, number in ((wrong, 0), (0, wrong)):
        with pytest.raises(UsageError, match=r"from 0 to 18,446,744,073,709,551,615"):
            normals(4, seed, [number])
    with pytest.raises(UsageError, match="seed is "):
        ganzfeld.train("avatars:64", out=tmp_path / "run", images=64, seed=wrong, quiet=True)


def test_speed() -> None:
    """60,000 latents of 100 a CPU second in chunks of 32; a fifth of it on whatever this is."""
    started = time.process_time()
    for low in range(0, 3200, 32):
        normals(100, 0, range(low, low + 32))
    assert 3200 / (time.process_time() - started) > 12_000


# Models


def facts(channels: int, side: int) -> Facts:
    return Facts(count=64, channels=channels, height=side, width=side, classes=3)


def model(about: dict[str, object]) -> Model:
    torch.manual_seed(0)
    part = complete(RECIPES["default"](facts(1, 16))).networks["G"]
    part.options["width"] = 4
    network = build_network(part)
    channels_last(network)
    size = network.latent
    return Model(
        {"shape": [1, 16, 16], "latent": size, "classes": ["a", "b", "c"]} | about, network
    )


def test_a_model_without_the_key_draws_as_before() -> None:
    old = model({})
    z = torch.stack(
        [
            torch.randn(old.latent, generator=torch.Generator().manual_seed(key(7, "sample", i)))
            for i in range(32)
        ]
    )
    y = [key(7, "label", i) % 3 for i in range(32)]
    assert torch.equal(old.sample(5, seed=7), old.draw(z, y)[:5])
    new = model({"latents": PORTABLE})
    z = torch.from_numpy(normals(new.latent, 7, range(32)))
    y = choice(7, range(32), 3).tolist()
    assert torch.equal(new.sample(5, seed=7), new.draw(z, y)[:5])
    assert not torch.equal(new.sample(5, seed=7), old.sample(5, seed=7))


def test_latents_of_a_later_release_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"latents by 'threefry4x32-20/box-muller-9'"):
        model({"latents": "threefry4x32-20/box-muller-9"})


@pytest.mark.parametrize("about", [{}, {"latents": PORTABLE}], ids=["before", "now"])
def test_any_samples_in_one_batch_have_the_bits_of_sample(about: dict[str, object]) -> None:
    drawn = model(about)
    wanted = [(s, n, label) for s in (0, 2**40) for n in (0, 77, 33) for label in (None, "b", 2)]
    wanted = wanted * 2 + [(5, 1, None)]  # more than a batch
    found = drawn.draw_exact(wanted, std=0.8)
    assert found.shape == (len(wanted), 1, 16, 16)
    for x, (seed, number, label) in zip(found, wanted, strict=True):
        assert torch.equal(x, drawn.sample(1, seed=seed, start=number, labels=label, std=0.8)[0])
    assert len(drawn.draw_exact([])) == 0


@pytest.mark.parametrize(
    "recipe",
    [
        r
        for r in RECIPES
        if RECIPES[r].modality == "image"
        and data_kind(RECIPES[r]) == "pictures"
        and "-text" not in r  # they need captions: training/test_image_to_text_runs.py
        and "text-to" not in r  # training/test_caption_runs.py
    ],
)
def test_a_sample_does_not_depend_on_its_place_in_the_batch(recipe: str) -> None:
    """What `draw_exact` and `interpolate` rest on."""
    side = {"tutorial-dcgan-anime": 24, "tutorial-dcgan-mnist": 28, "tutorial-cgan-mnist": 28}
    size = side.get(recipe, 32)
    part = complete(RECIPES[recipe](facts(3, size))).networks["G"]
    for width in {"width", "most"} & set(part.options):
        part.options[width] = 16
    network = build_network(part)
    channels_last(network)
    network.eval()
    classes = bool(part.options.get("classes"))
    z, order = torch.from_numpy(normals(network.latent, 0, range(32))), torch.randperm(32)
    y = torch.arange(32) % 3 if classes else None
    with torch.inference_mode():
        first = network(z, y)
        assert torch.equal(network(z[order], None if y is None else y[order]), first[order])


# Runs


def test_a_run_and_its_model_say_how_latents_are_drawn(tmp_path: Path) -> None:
    run = ganzfeld.train(
        "avatars:64",
        out=tmp_path / "run",
        size=16,
        images=64,
        batch=32,
        seed=2**64 - 1,
        settings=["networks.*.width=4"],
        quiet=True,
    )
    stored = json.loads((run.path / "config.json").read_text())["run"]
    shipped = json.loads((run.path / "model" / "config.json").read_text())
    assert stored["latents"] == shipped["latents"] == run.model.latents == PORTABLE
    assert shipped["training"]["run"]["noise"] == stored["noise"]
    assert stored["seed"] == 2**64 - 1
    assert torch.equal(run.model.sample(3), ganzfeld.load(run.path / "model").sample(3))
    assert torch.equal(
        ganzfeld.load(run.path, which="last").latents_of([5], 1),
        generate.latent(run.model.latent, 1, 5)[None],
    )
    as_before(run.path)
    assert runfolder.read_config(run.path).run.latents == OF_TORCH
    assert ganzfeld.load(run.path, which="last").latents == OF_TORCH


def as_before(run: Path) -> None:
    """Take from a run's configuration what runs of before did not have."""
    stored = json.loads((run / "config.json").read_text())
    for name in ("latents", "noise", "deterministic"):
        del stored["run"][name]
    (run / "config.json").write_text(json.dumps(stored))
