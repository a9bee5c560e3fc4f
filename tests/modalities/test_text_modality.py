"""Lines are saved, shown and described as people read them, and move nothing around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.metrics.kinds import make_extractor
from ganzfeld.modalities.base import Spec
from ganzfeld.modalities.symbols import build_vocabulary, encode_lines
from ganzfeld.modalities.text import Texts, as_list, lines_of, text_spec, vocabulary_of

LINES = ["emma", "牀前明月光", "שלום", "naïve"]
VOCABULARY = build_vocabulary(LINES)
SPEC, ROWS = text_spec(VOCABULARY), encode_lines(LINES, VOCABULARY).tokens


def test_a_vocabulary_goes_through_a_spec_and_json() -> None:
    assert vocabulary_of(SPEC.from_json(SPEC.to_json())) == VOCABULARY
    assert SPEC.shape == (6,) and SPEC.dtype == "int16"


def test_lines_go_to_the_network_and_back() -> None:
    kind = Texts()
    x = kind.to_network(torch.from_numpy(ROWS), SPEC)
    assert x.dtype == torch.int64
    back = kind.to_store(x, SPEC)
    assert back.dtype == np.int16 and lines_of(back, SPEC) == LINES


def test_a_sheet_is_a_file_with_a_line_a_sample(tmp_path: Path) -> None:
    Texts().sheet(ROWS, None, tmp_path / "grid.txt", SPEC)
    assert (tmp_path / "grid.txt").read_bytes() == ("\n".join(LINES) + "\n").encode()
    Texts().save(ROWS[1], tmp_path / "one.txt", SPEC)
    assert (tmp_path / "one.txt").read_text("utf-8") == "牀前明月光\n"


def test_a_page_shows_lines_escaped_and_isolated(tmp_path: Path) -> None:
    bad = ["<script>alert(1)</script>", "שלום", "a\u202eb"]
    page = as_list(bad, 'of "run"')
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<bdi>שלום</bdi>" in page
    assert "\u202e" not in page and "\\u202e" in page
    assert 'aria-label="of &quot;run&quot;"' in page
    Texts().sheet(ROWS, None, tmp_path / "grid.txt", SPEC)
    found = Texts().html(tmp_path / "grid.txt", "samples")
    assert found is not None and found.count("<li>") == 4
    assert found == Texts().show(ROWS, "samples", SPEC)
    assert Texts().html(tmp_path / "none.txt", "samples") is None


def test_a_spec_is_described_in_words() -> None:
    assert Texts().describe(SPEC) == "lines of up to 5 characters, 15 different ones"


def test_plain_numbers_are_alike_for_lines_alike() -> None:
    plain = Texts().plain(encode_lines(["emma", "emma", "naïve"], VOCABULARY).tokens)
    assert plain.shape == (3, 512) and np.array_equal(plain[0], plain[1])
    assert np.abs(plain[0] - plain[2]).sum() > 1


@pytest.mark.parametrize("name", ["e.jsonl", "e.csv", "e.PNG", "e.wav"])
def test_lines_get_no_name_of_another_format(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"lines are written as \.txt, not as") as told:
        Texts().write([ROWS], tmp_path / name, SPEC)
    assert told.value.fix == "--out e.txt" and not list(tmp_path.iterdir())
    for own in ("e.txt", "e", "e.md"):
        Texts().write([ROWS], tmp_path / own, SPEC)
        assert (tmp_path / own).read_text("utf-8").startswith("emma\n")


def test_lines_in_other_symbols_are_the_same_lines() -> None:
    other = build_vocabulary(["emma", "zoe", "naïve days"])
    kind, wanted = Texts(), text_spec(other)
    turn = kind.turned(SPEC, wanted)
    assert turn is not None and kind.turned(SPEC, SPEC) is None
    rows = turn(ROWS)
    assert rows.shape == (4, other.length)
    assert lines_of(rows, wanted)[::3] == ["emma", "naïve"]
    assert lines_of(rows, wanted)[1] == "\ufffd" * 5  # none of its symbols is known there
    words = text_spec(build_vocabulary(["emma goes", "naïve"], unit="words"))
    turn = kind.turned(SPEC, words)
    assert turn is not None and lines_of(turn(ROWS), words)[0] == "emma"


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"unit": "characters", "symbols": "abc"},
        {"unit": "characters", "symbols": ["a", "b"]},
        {"unit": "lines", "symbols": ["", "a"]},
        {"unit": "words", "symbols": ["", 3]},
    ],
)
def test_a_damaged_vocabulary_is_said(extra: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match="a spec of text is damaged"):
        vocabulary_of(Spec("text", (6,), "int16", extra))


def test_lines_are_not_compared_number_by_number(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n".join(f"anna {i}" for i in range(40)))
    pack = open_pack(tmp_path / "names.txt", PackOptions(), workers=0)
    facts = make_extractor("plain", pack, progress=lambda *_: None).facts
    assert "by how often symbols and pairs of symbols occur" in facts["warning"]
