"""What draws for a server gives what `Model.sample` gives, whatever is asked for beside it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ganzfeld.errors import UsageError
from ganzfeld.modalities import MODALITIES
from ganzfeld.modalities.field import scaling
from ganzfeld.models.model import Model
from ganzfeld.networks.dcgan import DCGANGenerator
from ganzfeld.shipping.engine import TorchEngine
from ganzfeld.shipping.inputs import Inputs

PORTABLE = "threefry4x32-20/box-muller-1"


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    generator = DCGANGenerator((3, 16, 12), latent=8, classes=3, width=8, conditions=2)
    rows = np.random.default_rng(0).normal(size=(20, 2)).round(3).tolist()
    column = {"name": "age", "kind": "number", "mean": 40.0, "spread": 10.0}
    other = {"name": "size", "kind": "number", "mean": 0.0, "spread": 1.0}
    about = {
        "shape": [3, 16, 12],
        "latent": 8,
        "classes": ["a", "b", "c"],
        "latents": PORTABLE,
        "conditions": {"names": ["age", "size"], "columns": [column, other], "rows": rows},
    }
    return Model(about, generator)


def test_a_batch_of_any_seeds_has_the_bits_of_single_samples(model: Model) -> None:
    pairs = [(0, 5), (2**64 - 1, 2**40), (0, 6), (9, 0)] * 12  # more than one chunk
    labels = [None, "b", 2, "1"] * 12
    numbers = [None, [0.5, -1.0], {"age": 60}, None] * 12
    spread = [1.0, 0.7, 1.0, 1.5] * 12
    got = TorchEngine(model).samples(pairs, labels, numbers, std=spread)
    for row in (0, 1, 2, 3, 45, 46):
        seed, index = pairs[row]
        told: Any = numbers[row]
        if isinstance(told, dict):
            told = model.given(told, 1, seed=seed, start=index)
        one = model.sample(
            1, seed=seed, start=index, labels=labels[row], numbers=told, std=spread[row]
        )
        assert np.array_equal(got[row], one[0].numpy()), row


def test_one_dictionary_asks_for_a_class_and_for_numbers(model: Model) -> None:
    wanted = model.sample(3, seed=5, labels="b", numbers=model.given({"age": 60}, 3, seed=5))
    told = {"label": "b", "age": 60}
    assert torch.equal(model.sample(3, seed=5, numbers=told), wanted)
    assert torch.equal(next(iter(model.chunks(3, seed=5, numbers=told))), wanted)
    pairs = [(5, i) for i in range(3)]
    assert np.array_equal(TorchEngine(model).samples(pairs, None, [told] * 3), wanted.numpy())
    alone = model.sample(2, numbers={"class": "c"})
    assert torch.equal(alone, model.sample(2, labels="c"))
    assert np.array_equal(
        TorchEngine(model).samples([(0, 0), (0, 1)], None, [{"class": "c"}, {"y": 2}]),
        alone.numpy(),
    )
    for twice in ({"numbers": told, "labels": "a"}, {"numbers": {"label": "a", "class": "b"}}):
        with pytest.raises(UsageError, match="both name the class"):
            model.sample(1, **twice)
    with pytest.raises(UsageError, match="both name the class"):
        TorchEngine(model).samples([(0, 0)], ["a"], [told])
    with pytest.raises(UsageError, match="label is the class") as refused:
        model.given({"label": "a"}, 2)
    assert "numbers={'label': 'a'}" in refused.value.fix
    with pytest.raises(UsageError, match="no class"):
        model.sample(1, numbers={"label": "z"})


def test_a_row_of_samples_is_what_sample_gives(model: Model) -> None:
    got = TorchEngine(model).samples([(3, i) for i in range(40)], std=0.8, mean=0.1)
    assert np.array_equal(got, model.sample(40, seed=3, std=0.8, mean=0.1).numpy())


def test_what_is_drawn_is_what_is_stored(model: Model) -> None:
    engine = TorchEngine(model)
    assert engine.draw([]).shape == (0, 3, 16, 12)
    assert np.array_equal(engine.draw([(1, 2)]), model.store(model.sample(1, seed=1, start=2)))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"labels": ["d"]}, "no class 'd'"),
        ({"labels": ["a", "b"]}, "give one for each"),
        ({"numbers": [[1.0]]}, "age, size"),
        ({"numbers": [{"height": 1}]}, "not conditioned on"),
        ({"std": [1.0, 2.0]}, "give one for each"),
    ],
)
def test_what_the_model_has_not_is_refused(model: Model, asked: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Inputs(model.about).of([(0, 0)], **asked)


def test_seeds_that_are_no_uint64_are_refused(model: Model) -> None:
    for pair in ((-1, 0), (0, 2**64)):
        with pytest.raises(UsageError):
            Inputs(model.about).of([pair])


def samples_of(name: str) -> tuple[Any, np.ndarray[Any, Any]]:
    """A spec of a kind, and what a network could make of it."""
    kind = MODALITIES[name]
    spec = kind.examples()[0][0]
    rng = np.random.default_rng(0)
    if name == "field":
        spec = kind.fitted(spec, rng.normal(3, 2, (20, *spec.shape)))
    if name == "text":
        return spec, rng.integers(0, 20, (4, *spec.shape))
    return spec, (2 * rng.normal(size=(4, *spec.shape))).astype(np.float32)


@pytest.mark.parametrize("name", [*MODALITIES])
def test_an_array_is_stored_as_a_tensor_is(name: str) -> None:
    if not (MODALITIES[name].examples()):
        pytest.skip("has no examples")
    spec, x = samples_of(name)
    kind = MODALITIES[name]
    got, wanted = kind.stored(x, spec), kind.to_store(torch.from_numpy(x), spec)
    assert got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)


def test_every_half_step_of_a_pixel_rounds_as_with_torch() -> None:
    x = ((np.arange(-8, 520, dtype=np.float32) / 2) / 127.5 - 1).reshape(1, 1, 1, -1)
    kind, spec = MODALITIES["image"], MODALITIES["image"].examples()[0][0]
    assert np.array_equal(kind.stored(x, spec), kind.to_store(torch.from_numpy(x), spec))


@pytest.mark.parametrize("whole", [True, False])
def test_deposits_are_stored_as_with_torch(whole: bool) -> None:
    extra = {"scaling": "log", "unit": [0.25], "scale": [2.0], "least": [0.25], "whole": whole}
    x = np.random.default_rng(1).normal(1, 1, (8, 1, 6, 6)).astype(np.float32)
    got, wanted = scaling.stored(x, extra), scaling.to_store(torch.from_numpy(x), extra)
    np.testing.assert_allclose(got, wanted, rtol=2e-6)


def test_an_engine_of_onnx_needs_no_torch() -> None:
    code = (
        "import sys; import ganzfeld.shipping.engine, ganzfeld.shipping.onnx_folder;"
        "import ganzfeld.shipping.run_py; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_to_the_bit_means_other_samples_differ(model: Model) -> None:
    make: Callable[..., Any] = TorchEngine(model).samples
    assert not np.array_equal(make([(0, 5)]), make([(0, 6)]))
    assert not np.array_equal(make([(0, 5)], ["a"]), make([(0, 5)], ["b"]))
