"""Pages of studies in Chinese: every sentence and every word of a table has its translation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ganzfeld.core.language import language
from ganzfeld.data.pack import open_pack
from ganzfeld.metrics.features import COARSE
from ganzfeld.report import html
from ganzfeld.studies import augmentation, findings, mirror, side_by_side
from ganzfeld.studies.cells import Study
from ganzfeld.studies.page import Page
from ganzfeld.studies.tuning import FIRST, TRIALS

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[a-z]{3,}")
# What is no language: names of recipes and data, protocols, formulas
NAMES = re.compile(
    r"dcgan|mlp|default|Frechet|Inception|avatars|protocol|JPEG|[rR]andom|grids|ganzfeld|Holm|[0-9a-f]{16}|--\S+"
)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Takes the texts of pages that stay English."""
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    found: list[str] = []
    tr = html.tr

    def watched(text: str) -> str:
        told = tr(text)
        if ENGLISH.search(NAMES.sub("", told)):
            found.append(text)
        return told

    monkeypatch.setattr(html, "tr", watched)
    assert language() == "zh"
    return found


def cell(recipe: str = "dcgan", **more: Any) -> dict[str, Any]:
    found = {
        "recipe": recipe,
        "rate": 1.0,
        "width": 1.0,
        "frechet": 2.5,
        "kernel": 0.5,
        **dict.fromkeys(("precision", "recall", "density", "coverage", "diversity"), 0.5),
        **dict.fromkeys(("memorisation", "memorisation_copies"), 0.1),
        "parameters": 1000,
        "steps": 10,
        "images": 320,
        "seconds": 12.0,
        "batch": 16,
        "widths": {"G": 8, "D": 8},
        "rates": {"discriminator": (0.1, 0.01), "generator": (0.1, 0.1)},
        "real": {"frechet": 1.0, "coverage": 0.9, "marginals": 0.1},
        "own": {"marginals": 0.2},
    }
    return found | more


class Cells(Study):
    """A study whose runs are made up."""

    def measured(self, name: str, seed: int, trial: Any) -> dict[str, Any]:
        if name == "mlp":
            lost = {"recipe": name, "rate": trial.rate, "width": 1.0, "images": 32}
            return lost | {"diverged": True}
        slow = 2.0 if name == "default" else 1.0
        return cell(name, frechet=slow + seed, seconds=12 * slow, rate=trial.rate)


@pytest.mark.parametrize("source", ["avatars:20", "table:60"])
@pytest.mark.parametrize("seeds", [[0], [0, 1], [0, 1, 2, 3]])
@pytest.mark.parametrize("tune", [0, 3])
def test_families(
    source: str, seeds: Sequence[int], tune: int, tmp_path: Path, left: list[str]
) -> None:
    pack = open_pack(source)
    about = {"source": "avatars", "minutes": 2, "count": 20, "settings": []}
    study = Cells(ledger=None, folder=tmp_path, pack=pack, source=source, about=about)  # type: ignore[arg-type]
    names = ["dcgan", "default", "mlp"]
    page = side_by_side.report(
        study, names, seeds, TRIALS[:tune], dict.fromkeys(names, FIRST)
    ).read_text("utf-8")
    assert 'lang="zh-CN"' in page and left == []


def test_what_families_say(left: list[str]) -> None:
    page = Page("Families of generators, side by side")
    few = [[{"frechet": value} for value in found] for found in ((1, 2), (4, 5), (1.5, 9))]
    for cells in (
        {},
        {"dcgan": few[0]},
        {"dcgan": few[0], "mlp": few[1]},
        {"dcgan": few[0], "mlp": few[2]},
        {"dcgan": few[0], "mlp": few[1], "default": few[2]},
        {"dcgan": few[0][:1], "mlp": few[1][:1]},
        {"dcgan": [few[0][0] | {"real": {"frechet": 1.0}}]},
    ):
        page.text(findings.verdict(cells))
    warned = cell(protocol="protocol a", extractor_warning=COARSE)
    both = {"dcgan": [warned], "mlp": [cell(protocol="protocol b", images=30, seconds=99)]}
    busy = {"dcgan": [cell(images=10)]}
    for note in findings.notes(both, busy, [0], []):
        page.text(note)
    page.text(findings.how(None, both, [0, 1]))  # type: ignore[arg-type]
    page.cards([("dcgan", None, side_by_side.card([{"diverged": True}]))])
    assert left == []


@pytest.mark.parametrize("seeds", [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3, 4]])
@pytest.mark.parametrize(("flips", "dropped"), [(False, 0), (True, 3)])
def test_augmentation(
    seeds: Sequence[int], flips: bool, dropped: int, tmp_path: Path, left: list[str]
) -> None:
    names = [arm for arm, _, _ in augmentation.arms([1, 3])]

    def find(*, real: int, seed: int, arm: str) -> dict[str, Any]:
        accuracy = 0.5 + 0.1 * names.index(arm) * (-1 if real == 50 else 1) + 0.001 * seed
        return {"accuracy": accuracy, "classifier_images": 640, "seconds": 2.0} | (
            {"generator_seconds": 5.0} if "synthetic" in arm else {}
        )

    ledger: Any = SimpleNamespace(find=find)
    parts: Any = SimpleNamespace(test_labels=np.array([0, 1, 1]), dropped=dropped)
    about = {"data": "0123456789abcdef", "recipe": "default", "flips": flips}
    page = augmentation.results(
        ledger, tmp_path, about, open_pack("avatars:20"), parts, [50, 200], seeds, names
    )
    augmentation.costs(page, ledger, [50, 200], seeds, names)
    page.write(tmp_path)
    assert left == []


def test_why_images_are_mirrored(left: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.zeros((100, 3, 8, 8), np.uint8)
    both = {"x": pixels, "y": np.arange(100) % 2}
    few = "there are too few images to tell whether mirrored ones look right"
    found = [mirror.Mirror(False, few)]
    for shares in ((0.9, 0.9), (0.55, 0.9), (0.45, 0.9), (0.45, 0.5)):
        each = iter(shares)
        monkeypatch.setattr(mirror, "told_apart", lambda *_, axis, each=each: next(each))
        found.append(mirror.by_sight(pixels, pixels))
    monkeypatch.setattr(mirror, "trained", lambda *_, **__: None)
    for right in (100, 94, 50):
        answers = iter([np.ones(100), np.arange(100) < right])
        monkeypatch.setattr(mirror, "right", lambda *_, answers=answers: next(answers))
        told = mirror.by_class(both, both, 2)
        assert told is not None
        found.append(told)
    page = Page("Do synthetic images help a classifier?")
    for text in map(str, found):
        page.text(f"{text[0].upper()}{text[1:]}.")
    assert left == [] and len(set(map(str, found))) == len(found)
