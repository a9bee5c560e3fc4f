"""What the pages' JavaScript writes of series, lines and rows: Python's files, and its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_node import needs_node, node

from ganzfeld.core.names import place_of
from ganzfeld.modalities import Spec, modality_of
from ganzfeld.modalities.series import table as series_table
from ganzfeld.modalities.table import cells, schema
from ganzfeld.modalities.text import lines_of

pytestmark = needs_node

TEXTS = (
    *("engine.js", "words.js", "sources.js", "cells.js", "lines.js", "rows.js", "series.js"),
    *("rows_text.js", "series_text.js"),
)
WRITE = """
const found = given.samples.map((x) => TEXTS[given.kind].text(given.model, Float32Array.from(x)));
console.log(JSON.stringify(found));
"""


def written(kind: str, model: dict[str, Any], samples: Any) -> list[str]:
    flat = [np.asarray(one, np.float64).ravel().tolist() for one in samples]
    given = {"kind": kind, "model": model, "samples": flat}
    found: list[str] = node(WRITE, *TEXTS, given=given)
    return found


def test_numbers_are_written_as_numpy_writes_them() -> None:
    draws = np.random.default_rng(0)
    bits = draws.integers(0, 2**32, 4000, dtype=np.uint64).astype(np.uint32)
    exponents = (bits >> 23) & 255  # neither infinity nor what training takes for 0
    bits = bits[(exponents > 0) & (exponents < 255)].view(np.float32)
    plain = (draws.normal(size=2000) * 10.0 ** draws.integers(-9, 9, 2000)).astype(np.float32)
    edges = np.float32([0.0, -0.0, 1.0, 1e-4, 9.9e-5, 1e16, 1e6, 999999, 0.1, 3e38])
    values = np.concatenate([bits, plain, edges])
    script = "console.log(JSON.stringify(given.map((v) => single(Number(v)))));"
    numbers = ("words.js", "sources.js", "cells.js", "series.js", "series_text.js")
    given = [repr(float(v)) for v in values]
    for text, value in zip(node(script, *numbers, given=given), values, strict=True):
        assert np.float32(text) == value
        if abs(value) < 1e6:  # where NumPy's own releases agree
            assert text == str(value)
    script = "console.log(JSON.stringify(given.map((v) => general(Number(v), 7))));"
    assert node(script, "cells.js", given=given) == [f"{float(v):.7g}" for v in values]


def test_a_csv_file_is_read_as_it_was_written() -> None:
    rows = [["a", 'say "x"', "b,c"], ["", "1\n2", "é"], ["=1", " ", ""]]
    script = """
    const text = given.map(lineOf).join("");
    console.log(JSON.stringify([text, parsed(text)]));
    """
    text, once = node(script, "cells.js", given=rows)
    assert once == rows
    assert text == 'a,"say ""x""","b,c"\n,"1\n2",é\n=1, ,\n'


@pytest.mark.parametrize(
    "more", [{}, {"names": ["step", "wind, m/s"]}, {"decimals": [0, None]}, {"decimals": [2, 6]}]
)
def test_series_are_pythons_csv(more: dict[str, Any]) -> None:
    extra: dict[str, Any] = {"mean": [0.5, -1e-6], "deviation": [2.5, 3e-7], **more}
    x = np.random.default_rng(1).normal(size=(3, 2, 9)).astype(np.float32)
    spec = Spec("series", (2, 9), "float32", extra)
    stored = modality_of(spec).stored(x, spec)
    wanted = [series_table.as_csv(one[None], extra, first=None) for one in stored]
    assert written("series", {"shape": [2, 9], "extra": extra}, x) == wanted


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_lines_are_pythons(unit: str) -> None:
    extra = {"unit": unit, "symbols": ["", "a", "é", "</b>", "字", "\U0001f600"]}
    x = np.random.default_rng(2).integers(0, 6, (20, 7)).astype(np.int16)
    x[0] = 1
    spec = Spec("text", (7,), "int16", extra)
    wanted = [f"{line}\n" for line in lines_of(x, spec)]
    assert written("text", {"extra": extra}, x) == wanted and len(set(wanted)) > 10


def test_rows_are_pythons_csv(tmp_path: Path) -> None:
    draws = np.random.default_rng(3)
    n = 600
    about = [
        {"name": "age", "whole": True},
        {"name": 'town, "x"', "names": ["Bonn", "Köln, am Rhein", "Ulm"]},
        {"name": "price"},
        {"name": "free"},
        {"name": "born", "whole": True, "unit": "day"},
        {"name": "seen", "whole": True, "unit": "minute"},
        {"name": "sold", "names": ["false", "true"], "boolean": True},
        {"name": "same", "whole": True},
        {"name": "level"},
        {"name": "signup", "whole": True, "unit": "day", "form": "M/D/YY"},
        {"name": "sent", "whole": True, "unit": "second", "form": "DD.MM.YYYY hh:mm"},
        {"name": "left", "whole": True, "unit": "second", "form": "MM/DD/YYYY h:mm:ss AM"},
        {"name": "member", "names": ["false", "true"], "boolean": True, "form": "No|Yes"},
        {"name": "sworn", "whole": True, "unit": "day", "form": "Month D, YYYY"},
        {"name": "paid", "whole": True, "unit": "day", "form": "DD-MON-YY"},
        {"name": "seen on", "whole": True, "unit": "second", "form": "YYYY年M月D日 hh:mm"},
        {"name": "shut", "whole": True, "unit": "second", "form": "hh:mm"},
    ]
    table = np.stack(
        [
            draws.normal(40, 12, n).round(),
            draws.integers(0, 3, n),
            draws.gamma(2, 30, n).round(2),
            draws.normal(0, 1e-3, n),
            draws.integers(-4000, 9000, n),
            draws.integers(20_000_000, 30_000_000, n),
            draws.integers(0, 2, n),
            np.full(n, 7.0),
            draws.integers(0, 4, n) / 2,
            draws.integers(-4000, 19000, n),
            draws.integers(0, 1_900_000_000, n),
            draws.integers(0, 1_900_000_000, n),
            draws.integers(0, 2, n),
            draws.integers(-4000, 19000, n),
            draws.integers(-300, 19000, n),
            draws.integers(0, 1_900_000_000, n),
            60 * draws.choice([1320, 1380, 1440], n),
        ],
        axis=1,
    )
    table[::7, 0] = table[::5, 1] = table[::9, 2] = np.nan
    known = schema.fit(table, about)
    spec = Spec("table", (known.layout.width,), extra={"schema": known.to_json()})
    kind = modality_of(spec)
    made = draws.normal(0, 0.4, (200, known.layout.width)).astype(np.float32)  # as networks make
    stored = kind.stored(made, spec)
    wanted = [cells.as_csv(row[None], known) for row in stored]
    assert written("table", {"extra": spec.extra}, made) == wanted
    assert any(",," in text for text in wanted) and len(set(wanted)) == 200
    assert any(text.endswith(",24:00\n") for text in wanted)


def test_booleans_are_asked_for_by_yes_and_no_as_commands_take_them() -> None:
    asked = [
        *(("yes", ["false", "true"]), ("NO", ["false", "true"]), ("true", ["false", "true"])),
        *(("yes", ["cat", "yes"]), ("yes", ["cat", "dog"]), ("dog", ["cat", "dog"])),
    ]
    script = """
    console.log(JSON.stringify(given.map(([text, classes]) => {
      globalThis.location = { hash: "#class=" + text };
      const app = Object.create(App.prototype);
      Object.assign(app, { model: { classes }, state: {}, source: {} });
      app.read();
      return app.state.label;
    })));
    """
    assert node(script, "app.js", given=asked) == [place_of(*one) for one in asked]
