"""Text files become rows of symbols; what cannot be learned is named or counted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ganzfeld.data import held
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.errors import DataError
from ganzfeld.modalities.text import lines_of


def opened(path: Path | str, **options: object) -> Pack:
    return open_pack(path, PackOptions(**options), workers=0)  # type: ignore[arg-type]


def lines_in(pack: Pack) -> list[str]:
    return lines_of(pack.rows(np.arange(len(pack)))["x"], pack.spec)


def test_a_line_is_a_sample_with_its_length(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text("emma\nolivia\n\nava\nemma\n", "utf-8")
    pack = opened(file)
    assert pack.spec.modality == "text" and pack.spec.shape == (7,)
    assert lines_in(pack) == ["emma", "olivia", "ava", "emma"]
    rows = pack.rows(np.array([1, 2]))
    assert rows["x"].dtype == np.int16 and rows["x_length"].tolist() == [6, 3]
    assert pack.report["converted"] == {
        "empty lines passed over": 1,  # the end of the last line is none
        "repeats of other lines, kept": 1,
    }


def test_what_the_vocabulary_cannot_write_is_left_out_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(["short line"] * 3 + ["x" * 65, "fine"]), "utf-8")
    pack = opened(file)
    assert lines_in(pack) == ["short line"] * 3 + ["fine"]
    assert pack.report["converted"]["left out: longer than 64 characters"] == 1
    assert not pack.report["skipped"]
    why = "longer than 64 characters"
    assert f"1 of 5 lines are left out, though not damaged: {why}" in pack.report["warnings"]


def test_damaged_lines_are_bad_samples_with_their_reason(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    good = 20_000  # lines, so that the file is text by its beginning
    file.write_bytes(b"emma\n" * good + b"bad\x01line\nol\xffivia\nava\n")
    pack = opened(file)
    assert len(pack) == good + 1 and lines_in(pack)[-1] == "ava"
    assert dict(pack.report["skipped"]) == {
        f"line {good + 1}": "holds the control character U+0001",
        f"line {good + 2}": "holds bytes that are not UTF-8",
    }


def test_texts_of_json_lines_keep_their_labels(tmp_path: Path) -> None:
    file = tmp_path / "poems.jsonl"
    rows = [("牀前明月光", "a"), ("x" * 70, "b"), ("疑是地上霜", "b"), ("舉頭望明月", "a")]
    file.write_text("\n".join(json.dumps({"text": t, "label": y}) for t, y in rows), "utf-8")
    pack = opened(file)
    assert lines_in(pack) == [rows[0][0], rows[2][0], rows[3][0]]
    assert pack.labels is not None and pack.labels.tolist() == [0, 1, 0]


def test_line_breaks_within_json_texts_become_blanks(tmp_path: Path) -> None:
    file = tmp_path / "poems.jsonl"
    texts = ["牀前明月光\n疑是地上霜", "a\r\n\r\n b", "plain  text\n", "bad\u0001\n", "one", "two"]
    file.write_text("\n".join(json.dumps({"text": text}) for text in texts), "utf-8")
    pack = opened(file, on_bad_image="skip")
    assert lines_in(pack) == ["牀前明月光 疑是地上霜", "a b", "plain  text", "one", "two"]
    assert pack.report["converted"]["line breaks to blanks"] == 2
    assert list(dict(pack.report["skipped"])) == ["line 4"]
    before = opened(file, on_bad_image="skip", rules=9)
    assert lines_in(before) == ["plain  text", "one", "two"], "as runs of before have it"


def test_the_embedded_grammar_is_one_name() -> None:
    pack = opened("grammar:50")
    assert len(pack) == 50 and pack.spec.extra["unit"] == "words"
    assert lines_in(pack)[:3] == lines_in(opened("grammar:3"))
    assert len(opened("grammar", count=70)) == 70


def test_held_out_lines_are_not_among_those_that_are_trained_on(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    rng = np.random.default_rng(0)
    file.write_text("\n".join("abcdefgh"[: n + 1] * 2 for n in rng.integers(0, 8, 40)), "utf-8")
    with file.open("a") as more:
        more.writelines(f"\nonce {i}" for i in range(20))
    pack = opened(file)
    apart = held.held_rows(pack, 15)
    everything = lines_in(pack)
    out = {everything[row] for row in apart}
    rest = [line for i, line in enumerate(everything) if i not in set(apart.tolist())]
    assert len(out) == len(apart) == 15 and not out & set(rest)


def test_a_file_without_a_line_that_can_be_learned_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("\n".join(["word " * 40] * 5), "utf-8")
    with pytest.raises(DataError, match="no line of 1 to 64 characters"):
        opened(file)
