"""The command line: what it lists, and that every command parses by itself."""

from __future__ import annotations

import pytest

from ganzfeld.cli.main import COMMANDS, GROUPS, main


def test_help_lists_every_command_and_group(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--help"], ["-h"]):
        main(words)
        listed = [
            line.split()[0] for line in capsys.readouterr().out.splitlines() if line[:2] == "  "
        ]
        assert {*COMMANDS, *GROUPS} <= set(listed)
        assert all(listed.count(name) == 1 for name in (*COMMANDS, *GROUPS)), "once each"
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
