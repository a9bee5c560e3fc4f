"""What numbers are called: a title for every metric of every kind, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ganzfeld.core.language import tr
from ganzfeld.games.translation import compare
from ganzfeld.metrics import captioning, translation
from ganzfeld.metrics.family import Metric
from ganzfeld.metrics.registry import NOTED, TABLE, title_of
from ganzfeld.metrics.summary import table

NAMES = [*(metric.name for metric in TABLE), *NOTED]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
KEY = re.compile(r"_|\b(js|ks|kl|auc|f1|mmd|tstr|trtr|frechet)\b")  # of a key, and no word


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_has_a_title_in_english_and_in_chinese(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = title_of(name)
    assert not KEY.search(english), f"{english!r} is a key and no title"
    assert len(english) < 45  # a column of a table
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    assert CHINESE.search(tr(english)), f"{english!r} has no entry in messages.zh.json"


def test_titles_of_one_kind_differ() -> None:
    by_kind: dict[str, list[str]] = {}
    for metric in TABLE:
        kind = metric.family.split("_")[0]
        by_kind.setdefault(kind, []).append(metric.words)
    for kind, titles in by_kind.items():
        assert len(set(titles)) == len(titles), kind


def test_a_key_without_an_entry_is_shown_in_words() -> None:
    assert title_of("made_up_number") == "made up number"
    assert Metric("made_up", "none", "nothing", None).words == "made up"


def test_what_training_notes_of_captions_has_titles() -> None:
    source = Path(captioning.__file__).read_text("utf-8")
    noted = set(re.findall(r'"(\w+)": round\(', source))
    assert {"nats_a_word", "agreement"} <= noted <= set(NAMES)


class Both(nn.Module):
    """Two translators that change nothing."""

    directions = {"ab": "there", "ba": "back"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.there, self.back = nn.Identity(), nn.Identity()

    @staticmethod
    def error(x: Tensor, y: Tensor) -> float:
        return float((x - y).abs().mean())


def test_what_training_notes_of_translations_has_titles() -> None:
    found = compare(Both(), {"a": torch.zeros(2, 1), "b": torch.ones(2, 1)}, paired=True)  # type: ignore[arg-type]
    assert len(found) == 4 and set(found) <= set(NAMES)
    source = Path(translation.__file__).read_text("utf-8")
    assert '"baseline_identity"' in source and 'f"baseline_mean_{' in source
    assert {"baseline_identity", "baseline_mean_a", "baseline_mean_b"} <= set(NAMES)


def test_a_table_of_a_chinese_evaluation_has_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANZFELD_LANG", "zh")
    result = dict.fromkeys((metric.name for metric in TABLE), 0.5)
    result |= {"protocol": {"extractor": "rows", "generated": 10, "reference": 10, "id": "one"}}
    for row in table(result):
        assert CHINESE.search(tr(row[0])), row
