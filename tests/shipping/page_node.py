"""Run the page's JavaScript in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.resources import files
from typing import Any

import pytest

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(not NODE, reason="node is not here: the JavaScript is not tried")


def node(script: str, *names: str, given: Any = None) -> Any:
    """The JSON that a script prints, with files of the page before it and `given` in it."""
    assert NODE is not None
    static = files("ganzfeld.shipping") / "static"
    code = "\n".join((static / name).read_text(encoding="utf-8") for name in names)
    code += f'\nconst given = JSON.parse(require("fs").readFileSync(0, "utf8"));\n{script}'
    done = subprocess.run(
        [NODE, "-e", code], input=json.dumps(given), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
