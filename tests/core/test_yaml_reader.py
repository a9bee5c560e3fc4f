"""YAML of a configuration: plain values as people mean them, and nothing that a file can abuse."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import ganzfeld
from ganzfeld.core.reader import Unreadable
from ganzfeld.core.yaml_reader import BYTES, parse, read_yaml
from ganzfeld.errors import UsageError

pytest.importorskip("yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("2E4", 2e4),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("50_000", 50_000),
        ("no", "no"),
        ("off", "off"),
        ("true", True),
        ("1:30", "1:30"),
        ("2026-11-29", "2026-11-29"),
        ("007", "007"),
        ("0x10", "0x10"),
        (".inf", ".inf"),
        ("~", None),
        ("", None),
        ("[0.5, 0.999]", [0.5, 0.999]),
        ("{a: 1}", {"a": 1}),
        ('{"a": [1, null, false]}', {"a": [1, None, False]}),
        ("'1'", "1"),
        ("人脸", "人脸"),
    ],
)
def test_words_are_what_people_mean_by_them(text: str, value: Any) -> None:
    found = parse(f"x: {text}".encode())["x"]
    assert found == value and isinstance(found, type(value))
    assert isinstance(found, bool) == isinstance(value, bool)


BOMB = "a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "alias in line 2"),
        ("base: &b {x: 1}\nnext:\n  <<: *b", "alias in line 3"),
        ("a: " + "[" * 3000, "nests deeper than 40"),
        ("x: 1\nx: 2", "twice in one object"),
        ("3: x", "a name that is no text in line 1"),
        ("? [1, 2]\n: x", "a name that is no text"),
        ("x: !!python/object/apply:os.system ['true']", "is not YAML: line 1"),
        ("x: !!binary aGVsbG8=", "is not YAML: line 1"),
        ("x: !!set {a, b}", "is not YAML"),
        ("x: [1, 2\ny: 3", "is not YAML: line 2"),
        ("x: 1\n---\ny: 2", "is not YAML: line 2"),
        ("x: \x00", "is not YAML"),
        ("x: 1e999", "too large"),
        ("x: 1" + "0" * 30, "too large"),
        ("x:\n\t- 1", "is not YAML: line 2"),
    ],
)
def test_what_a_file_could_abuse_is_refused(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        parse(text.encode())


def test_a_long_file_and_other_characters_name_the_file(tmp_path: Path) -> None:
    for data in (b"x: 1\n" + b"#" * BYTES, b"x: \xff\xfe", b"x: 1" + b"0" * 5000):
        (tmp_path / "long.yaml").write_bytes(data)
        with pytest.raises(UsageError, match=r"long\.yaml"):
            read_yaml(tmp_path / "long.yaml", UsageError)


YAML = """\
recipe: hinge            # a comment
run:
  images: 64
  batch_size: 16
optimisers:
  generator: {lr: 1e-3}
networks:
  G:
    options:
      width: 4
      latent: 16
"""


def test_a_configuration_may_be_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = tmp_path / "wanted.yaml"
    wanted.write_text(YAML, encoding="utf-8")
    out = tmp_path / "run"
    ganzfeld.train("avatars:64", size=16, config=wanted, out=out, quiet=True)
    found = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert [found["recipe"], found["run"]["images"], found["run"]["batch_size"]] == [
        "hinge",
        64,
        16,
    ]
    assert found["optimisers"]["generator"]["lr"] == 1e-3
    assert found["networks"]["G"]["options"]["latent"] == 16
    monkeypatch.setitem(sys.modules, "yaml", None)  # as if it were not installed
    with pytest.raises(UsageError, match="needs PyYAML"):
        ganzfeld.train("avatars:64", size=16, config=wanted, out=tmp_path / "next", quiet=True)
    assert not (tmp_path / "next").exists()
