"""The page of the Python API is the same each time that it is made."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

MAKER = Path(__file__).parents[2] / "dev" / "make_api.py"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_api", MAKER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_address_of_a_function_is_on_it(maker: ModuleType) -> None:
    page = maker.page()
    assert " at 0x" not in page and "## train" in page and len(page) > 10_000


def test_defaults_are_written_as_in_the_source(maker: ModuleType) -> None:
    def tell(text: str) -> str:
        return text

    def made(
        say: Callable[[str], str] = tell, quiet: Callable[..., None] = lambda *a: None
    ) -> None:
        """Nothing."""

    shown = maker.signature("made", made)
    assert "= tell" in shown and "= ..." in shown and "0x" not in shown


def test_the_page_is_up_to_date(maker: ModuleType) -> None:
    assert maker.page() == maker.PAGE.read_text("utf-8"), "run python dev/make_api.py"
