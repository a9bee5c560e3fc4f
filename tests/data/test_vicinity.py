"""Numbers as conditions that also stand for their neighbourhood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import ganzfeld
from ganzfeld.data.conditions import conditioned
from ganzfeld.data.pack import open_pack
from ganzfeld.data.vicinity import vicinal, widths_of
from ganzfeld.errors import UsageError

TINY = ["networks.*.width=4", "run.threads=1", "run.evaluate_final=false"]


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """Fields with one of three numbers: 0, 1 and 3."""
    x = np.random.default_rng(0).standard_normal((96, 1, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "sparse.npz", x=x, age=np.array([0.0, 1.0, 3.0] * 32, np.float32))
    return tmp_path / "sparse.npz"


def test_the_width_is_the_largest_gap_in_units_of_the_spread(sparse: Path) -> None:
    pack = conditioned(open_pack(sparse), ["age"], 0)
    columns = pack.condition_columns  # type: ignore[attr-defined]
    spread = np.std([0.0, 1.0, 3.0])
    assert widths_of(columns, 0.5) == pytest.approx([0.5 * 2 / spread])
    classes = {"kind": "several", "name": "tags", "classes": ["red", "small"]}
    assert widths_of([*columns, classes], 1)[1:] == [0, 0]


def test_what_is_judged_at_a_number_are_the_samples_within_a_width_alike() -> None:
    vary = vicinal([1.0, 0.0])
    assert vary is not None
    c = torch.tensor([0.0, 1.0, 3.0]).repeat(20_000)[:, None].repeat(1, 2)
    moved = vary({"c": c}, 7)["c"]
    assert (moved[:, 1] == c[:, 1]).all() and ((moved - c).abs() <= 1).all()
    near = c[:, 0][(moved[:, 0] > 0.4) & (moved[:, 0] < 0.6)]  # at 0.5: 0 and 1, half and half
    assert set(near.tolist()) == {0.0, 1.0} and abs(near.mean().item() - 0.5) < 0.03
    assert set(c[:, 0][moved[:, 0].sub(2.5).abs() < 0.1].tolist()) == {3.0}
    again = vary({"c": c}, 7)["c"]
    assert torch.equal(moved, again) and not torch.equal(moved, vary({"c": c}, 8)["c"])


def test_nothing_is_moved_where_nothing_is_asked_for() -> None:
    assert vicinal([0.0]) is None and vicinal([]) is None


@pytest.mark.long
def test_a_run_with_vicinity_is_the_same_again_and_another_one_without(
    sparse: Path, tmp_path: Path
) -> None:
    def weights(name: str, vicinity: float) -> bytes:
        ganzfeld.train(
            sparse, condition="age", images=64, batch=8, quiet=True, out=tmp_path / name,
            settings=[*TINY, f"data.vicinity={vicinity}"],
        )  # fmt: skip
        return (tmp_path / name / "model" / "model.safetensors").read_bytes()

    assert weights("one", 1.0) == weights("same", 1.0) != weights("other", 0.0)


def test_without_numbers_there_is_nothing_to_move(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are none"):
        ganzfeld.train(
            "avatars:64", size=16, images=64, batch=16, quiet=True, out=tmp_path / "run",
            settings=[*TINY, "data.vicinity=1"],
        )  # fmt: skip
