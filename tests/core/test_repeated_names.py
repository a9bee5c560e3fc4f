"""A name that stands twice in an object of JSON is found in one pass."""

from __future__ import annotations

import json
import time

import pytest

from ganzfeld.core.reader import Unreadable, parse


def test_a_name_that_stands_twice_behind_many_others_is_found_at_once() -> None:
    names = [*map(str, range(40_000)), "39999"]
    text = "{" + ", ".join(f"{json.dumps(name)}: 0" for name in names) + "}"
    begun = time.process_time()
    with pytest.raises(Unreadable, match="'39999' twice"):
        parse(text)
    assert time.process_time() - begun < 2  # comparing each with all takes far longer
