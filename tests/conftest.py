"""What all tests share: packs go into a folder of this session, never into the user's cache."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Children inherit it, so that a test's commands find each other's packs."""
    os.environ["GANZFELD_CACHE"] = str(tmp_path_factory.mktemp("packs"))
