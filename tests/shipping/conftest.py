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
    """Whether its module, or the test itself, is skipped without a package of the extras."""
    assert isinstance(item, pytest.Function)
    own = inspect.getsource(item.function)
    at_once = [line for line in inspect.getsource(item.module).splitlines() if line[:1].strip()]
    return bool(EXTRA.search(own) or any(map(EXTRA.search, at_once)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and lacking(item):
            item.add_marker("shipping")
