"""Lines of any script become rows of symbols and come back as they were."""

from __future__ import annotations

import numpy as np
import pytest

from ganzfeld.modalities.symbols import (
    END,
    BadLine,
    Vocabulary,
    build_vocabulary,
    cleaned,
    encode_lines,
    lines_of,
    split,
)

SCRIPTS = ["emma", "naïve", "牀前明月光", "שלום", "किताब", "👩‍👩‍👧 🇩🇪 👍🏽", "e\u0301tude"]


@pytest.mark.parametrize("line", SCRIPTS)
def test_a_line_comes_back_from_its_row(line: str) -> None:
    vocabulary = build_vocabulary([line])
    row = vocabulary.encode(line)
    assert row.dtype == np.int16 and row[-1] == END
    assert vocabulary.decode(row) == cleaned(line)


def test_a_symbol_is_what_a_reader_sees_as_one_character() -> None:
    assert split("👩‍👩‍👧🇩🇪👍🏽a\u0324", "characters") == ["👩‍👩‍👧", "🇩🇪", "👍🏽", "a\u0324"]
    assert split("the  old cat", "words") == ["the", "old", "cat"]


def test_both_spellings_of_an_accent_are_one_symbol() -> None:
    assert len(build_vocabulary(["é", "e\u0301"])) == 2  # END and é


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_of_a_file_in_any_unicode_encoding(encoding: str) -> None:
    raw = "emma\r\n牀前\u2028明\n\nolivia\n".encode(encoding)
    assert lines_of(raw) == ["emma", "牀前\u2028明", "", "olivia"]


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(BadLine, match="line 2 "):
        lines_of(b"emma\nol\xffvia\n")


def test_what_a_vocabulary_cannot_write_is_left_out_and_counted() -> None:
    lines = ["aab", "aba", "", "abz", "a" * 9, "a\x07b", "ab"]
    vocabulary = build_vocabulary(lines, limit=2, longest=4)
    assert vocabulary.symbols == ("", "a", "b") and vocabulary.length == 4
    found = encode_lines(lines, vocabulary)
    assert found.rows.tolist() == [0, 1, 6] and found.lengths.tolist() == [3, 3, 2]
    assert found.left_out == {
        "empty": [2],
        "holds one of the rarer characters": [3],
        "longer than 3 characters": [4],
        "holds the control character U+0007": [5],
    }


def test_the_longest_line_fits_with_its_end() -> None:
    vocabulary = build_vocabulary(["abc"])
    assert vocabulary.encode("abc").tolist()[-1] == END
    with pytest.raises(BadLine, match="longer than 3 characters"):
        vocabulary.encode("abca")


def test_nothing_to_learn_is_said() -> None:
    with pytest.raises(BadLine, match="no line of 1 to 64 characters"):
        build_vocabulary(["", "  "])


def test_a_vocabulary_does_not_depend_on_the_order_of_lines() -> None:
    lines = ["ba", "ab", "c", "dd"]
    assert build_vocabulary(lines) == build_vocabulary(lines[::-1])
    assert isinstance(build_vocabulary(lines), Vocabulary)
