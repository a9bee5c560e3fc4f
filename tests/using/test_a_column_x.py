"""A column of a table that is called x, as the samples of a pack are, is asked for by its name."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.data.conditions import row_of
from ganzfeld.errors import DataError, UsageError


def table(home: Path, kind: str) -> Path:
    values = np.random.default_rng(0).normal(size=60).round(2)
    cells = [
        ("red", "green")[i % 2] if kind == "class" else value for i, value in enumerate(values)
    ]
    rows = [
        f"{cell},{i % 7},{value}" for i, (cell, value) in enumerate(zip(cells, values, strict=True))
    ]
    (home / "t.csv").write_text("\n".join(["x,a b,v", *rows]), encoding="utf-8")
    return home / "t.csv"


def trained(home: Path, kind: str, **more: Any) -> ganzfeld.Run:
    return ganzfeld.train(
        table(home, kind), out=home / "run", images=64, batch=32, quiet=True, **more,
        settings=["run.evaluate_final=false"],
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), [("number", "0.5"), ("class", "red")])
def test_it_is_asked_for_by_its_own_name(
    kind: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(tmp_path, kind, condition="x")
    main(["sample", str(tmp_path / "run"), "--count", "4", "--given", f"x={value}"])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head == "x,a b,v" and len(rows) == 4
    if kind == "class":
        assert all(row.startswith("red,") for row in rows)
    else:
        model = ganzfeld.load(tmp_path / "run")
        assert row_of(model.conditions, {"x": value}) == row_of(
            model.conditions, {"x (column)": value}
        )
        main(["sample", str(tmp_path / "run"), "--count", "2", "--sweep", "x=-1:1"])
        capsys.readouterr()
        main(["sample", str(tmp_path / "run"), "--count", "2", "--given", "x=1000"])
        told = capsys.readouterr()  # the table alone goes where a pipe takes it
        assert "lies outside" in told.err and told.out.startswith("x,a b,v\n")
    assert run is not None


def test_what_helps_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its columns: x \\(column\\), a b, v") as told:
        trained(tmp_path, "number", condition="nope")
    assert told.value.fix == "--condition with one of these"
    trained(tmp_path, "number", condition=("a b",))
    model = ganzfeld.load(tmp_path / "run")
    for given in ({"v": "1"}, {"a b": "many"}):
        with pytest.raises(UsageError) as said:
            row_of(model.conditions, given)
        words = shlex.split(str(said.value.fix).partition(", or")[0])
        assert words[0] == "--given" and words[1].startswith("a b=") and len(words) == 2
