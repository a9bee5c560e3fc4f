"""Scripts lose what only people need, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from page_node import NODE, needs_node

from ganzfeld.shipping import page_html
from ganzfeld.shipping.squeeze import squeezed

HARD = r"""
// a comment with 'quotes' and a `
const a = 4 / 2 / 1; /* another */
const text = "// no comment" + 'it\'s', b = a + +a - -a;
const found = /[/"'`]\/+/.test(text) ? `${[1].map((x) => `${x} /* kept */`)}  two` : null;
const o = { in: 1, of: [a] }
const more = text.replace(/\s+/g, " ")
let c = a
++c
console.log(JSON.stringify([a, b, c, text, found, more, o, typeof a, "a" in o]));
"""


def test_what_is_left_is_short() -> None:
    code = "// why\nconst a = 1;\n\nif (a) {\n  go(a, `x  y`);\n}\n"
    assert squeezed(code) == "const a=1;if(a){go(a,`x  y`);}"
    assert squeezed("const s = 'a  b'; // end") == "const s='a  b';"
    whole, left = (
        sum(len(turn(page_html.static(name))) for name in page_html.file_names(True))
        for turn in (str, squeezed)
    )
    assert left < 0.8 * whole


@needs_node
def test_a_script_does_the_same_as_before(tmp_path: Path) -> None:
    told = []
    for name, code in (("long.js", HARD), ("short.js", squeezed(HARD))):
        (tmp_path / name).write_text(code, "utf-8")
        done = subprocess.run([str(NODE), str(tmp_path / name)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert told[0] == told[1] and len(told[0]) > 50


@needs_node
@pytest.mark.parametrize("engine", [False, True])
def test_the_scripts_of_pages_can_be_read(engine: bool, tmp_path: Path) -> None:
    file = tmp_path / "page.js"
    file.write_text(page_html.script(engine), "utf-8")
    assert subprocess.run([str(NODE), "--check", str(file)]).returncode == 0
