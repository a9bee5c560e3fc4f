"""The mark `shipping` for tests that need packages which the plain test command lacks.

The others of this folder run with the plain command, and are not run again.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

EXTRA = re.compile(r"""importorskip\(["'](onnx|uvicorn|huggingface_hub)""")


def lacking(item: pytest.Item) -> bool:
    """Whether its module, a fixture or the test is skipped without a package of the extras."""
    assert isinstance(item, pytest.Function)
    fixtures = [one.func for own in item._fixtureinfo.name2fixturedefs.values() for one in own]
    at_once = [line for line in inspect.getsource(item.module).splitlines() if line[:1].strip()]
    sources = [*map(inspect.getsource, [item.function, *fixtures]), *at_once]
    return any(map(EXTRA.search, sources))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and lacking(item):
            item.add_marker("shipping")
