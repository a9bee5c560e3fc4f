"""Models that the package brings, by name: something to draw from within seconds of installing.

`bench/box.py` trained them; what they were measured as lies beside each, as evaluation.json.
"""

from __future__ import annotations

import os
from pathlib import Path

from ganzfeld.core.names import USUAL as USUAL

HOME = Path(__file__).with_name("box")


def located(path: str | os.PathLike[str]) -> Path:
    """The folder of a model: one of the package's own by its name, where no file has that name.

    Example::

        from ganzfeld.models.embedded import located

        assert located("avatars-model").name == "avatars-model"
    """
    own = Path(path)
    if os.path.lexists(own) or own.name != os.fspath(path):
        return own
    there = HOME / own.name
    return there if (there / "config.json").is_file() else own


def names() -> list[str]:
    """The models that the package brings."""
    return sorted(place.parent.name for place in HOME.glob("*/config.json"))
