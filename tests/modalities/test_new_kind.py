"""A kind of sample that nobody has seen goes through training, measuring, showing and sampling.

It is one class, one entry, and a recipe: nothing else is told of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

import ganzfeld
from ganzfeld import modalities
from ganzfeld.cli.main import main
from ganzfeld.core.runfolder import read_config
from ganzfeld.data.pack import Pack
from ganzfeld.errors import UsageError
from ganzfeld.modalities import Modality, Spec
from ganzfeld.training.tasks import WORK

COUNT, SIZE = 240, 12
RECIPE = """
import torch
from torch import nn

from ganzfeld.config import Part
from ganzfeld.recipes import Recipe
from ganzfeld.recipes.base import adversarial


class G(nn.Module):
    latent = 6

    def __init__(self, shape, classes, conditions=0):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(6 + conditions, 16), nn.ReLU(), nn.Linear(16, shape[0])
        )

    def forward(self, z, y=None, c=None):
        return self.layers(z if c is None else torch.cat([z, c], 1))


class D(nn.Module):
    def __init__(self, shape, classes, conditions=0):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(shape[0] + conditions, 16), nn.ReLU(), nn.Linear(16, 1)
        )

    def forward(self, x, y=None, c=None):
        return self.layers(x if c is None else torch.cat([x, c], 1)).squeeze(1)


def make(facts):
    return adversarial(
        facts,
        recipe="steps",
        generator=Part(name=f"{__file__}:G"),
        discriminator=Part(name=f"{__file__}:D"),
        lr=1e-3,
        betas=(0.0, 0.99),
        batch_size=16,
    )


steps = Recipe(make, modality="steps")
"""


class Steps(Modality):
    """Rows of small whole numbers, shown as text."""

    name, noun, suffix, sheet_suffix = "steps", "rows", ".csv", ".txt"

    def to_network(self, stored: Tensor, spec: Spec) -> Tensor:
        return stored.float() / spec.extra["most"]

    def to_store(self, samples: Tensor, spec: Spec) -> NDArray[Any]:
        scaled = (samples.float() * spec.extra["most"]).round().clamp(-999, 999)
        return scaled.cpu().numpy().astype(np.int16)

    def save(self, sample: NDArray[Any], path: Path, spec: Spec) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(",".join(map(str, sample)))

    def sheet(self, samples: NDArray[Any], columns: int | None, path: Path, spec: Spec) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(" ".join(map(str, row)) for row in samples))


class Rows(Pack):
    """Samples with one number beside each, in memory."""

    spec = Spec("steps", (SIZE,), "int16", {"most": 50})  # type: ignore[assignment]
    condition_names = ("slope",)
    labels, classes, report, reused = None, (), {"warnings": []}, False
    fingerprint, path, columns = "5e" * 32, Path("rows.steps"), {}  # type: ignore[var-annotated]

    def __init__(self) -> None:
        draws = np.random.default_rng(0)
        self.slopes = draws.random((COUNT, 1)).astype(np.float32)
        noise = draws.integers(0, 9, (COUNT, SIZE))
        self.x = (self.slopes * 4 * np.arange(SIZE) + noise).astype(np.int16)

    @property
    def count(self) -> int:
        return COUNT

    def rows(self, indices: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        return {"x": self.x[indices], "c": self.slopes[indices]}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ganzfeld.Run:
    monkeypatch.setitem(modalities.PLACES, "steps", f"{__name__}:Steps")
    monkeypatch.setattr(modalities.MODALITIES, "made", {"steps": Steps()}, raising=True)
    monkeypatch.setattr(WORK["generation"], "open", lambda *a, **k: Rows(), raising=True)
    code = tmp_path / "steps.py"
    code.write_text(RECIPE)
    return ganzfeld.train(
        "rows.steps", recipe=f"{code}:steps", images=320, out=tmp_path / "run", quiet=True
    )


def test_a_new_kind_goes_all_the_way(run: ganzfeld.Run, tmp_path: Path) -> None:
    config = read_config(run.path)
    assert config.data.spec == Rows.spec.to_json() and config.data.size is None
    assert config.data.conditions is not None and config.data.conditions["names"] == ["slope"]
    sheets = [p for p in sorted((run.path / "samples").iterdir()) if p.suffix != ".json"]
    assert sheets and all(path.suffix == ".txt" for path in sheets)
    assert len(sheets[-1].read_text().splitlines()) == 64
    scored = [row for row in run.metrics() if "frechet" in row]
    assert scored and "plain" in str(scored[0]["protocol"])
    page = (run.path / "report.html").read_text()
    assert '<pre class="text"' in page and "12 int16" in page
    model = ganzfeld.load(run.path, trust_code=True)
    assert model.about["spec"] == Rows.spec.to_json()
    stored = model.store(model.sample(3, numbers=[0.5]))
    assert stored.shape == (3, SIZE) and stored.dtype == np.int16
    with pytest.raises(UsageError, match="rows of slope"):
        model.sample(3, numbers=[[1.0, 2.0]])
    with pytest.raises(UsageError, match="rows are not images"):
        model.images(1)
    found = ganzfeld.evaluate(model, Rows(), count=64)
    assert found["protocol"]["extractor"] == "plain" and found["frechet"] > 0
    with pytest.raises(SystemExit):
        main(["progress", str(run.path), "--out", str(tmp_path / "strip.png")])
    out = tmp_path / "out"
    main(["sample", str(run.path), "--out", str(out), "--count", "3", "--trust-code"])
    assert sorted(p.name for p in out.glob("*.csv")) == [f"0-00000{n}.csv" for n in range(3)]


def test_a_recipe_of_another_kind_is_refused(run: ganzfeld.Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="hinge is not for rows"):
        ganzfeld.train("rows.steps", recipe="hinge", images=64, out=tmp_path / "no", quiet=True)
