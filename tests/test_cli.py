"""The command line: what it lists, and that every command parses by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro
from tyro.conf import Positional, arg

from ganzfeld.cli import COMMANDS, GROUPS, main
from ganzfeld.commands.helping import plain


def test_help_lists_every_command_and_group(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--help"], ["-h"]):
        main(words)
        listed = [
            line.split()[0] for line in capsys.readouterr().out.splitlines() if line[:2] == "  "
        ]
        assert {*COMMANDS, *GROUPS} <= set(listed)
    main(["data"])
    out = capsys.readouterr().out
    assert "\n  check " in out and "\n  sheet " in out and "train" not in out.split("usage")[0]


@pytest.mark.parametrize(
    "words",
    [[name] for name in COMMANDS] + [[g, name] for g, (_, own) in GROUPS.items() for name in own],
    ids=" ".join,
)
def test_every_command_has_help_of_its_own(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: ganzfeld {' '.join(words)} [-h]")
    assert "{None" not in out and "(default: None)" not in out, "Python's None helps nobody"


def test_plain_help_passes_values_on_as_before(tmp_path: Path) -> None:
    got: dict[str, object] = {}

    def command(
        data: Positional[str] = "avatars",
        /,
        *,
        other: Annotated[str | None, arg(name="with", metavar="DATA")] = None,
        count: int | None = None,
        out: Path | None = None,
        fit: Literal["crop", "pad"] | None = None,
    ) -> None:
        got.update(data=data, other=other, count=count, out=out, fit=fit)

    tyro.cli(plain(command), args=[])
    assert got == {"data": "avatars", "other": None, "count": None, "out": None, "fit": None}
    words = ["d", "--with", "e", "--count", "3", "--out", str(tmp_path), "--fit", "pad"]
    tyro.cli(plain(command), args=words)
    assert got == {"data": "d", "other": "e", "count": 3, "out": tmp_path, "fit": "pad"}
    for wrong in (["--count", "x"], ["--fit", "stretch"]):
        with pytest.raises(SystemExit):
            tyro.cli(plain(command), args=wrong)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "Did you mean 'train'?"),
        (["data", "chek"], "Did you mean 'check'?"),
        (["data", "train"], "there is no `ganzfeld data train`"),
        (["data", "data"], "there is no `ganzfeld data data`"),
    ],
)
def test_an_unknown_command_is_a_usage_error(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
