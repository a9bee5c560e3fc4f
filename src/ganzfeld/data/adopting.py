"""Give an opened data set the spec that was learned from a training part."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganzfeld.data import held
from ganzfeld.modalities import Spec, modality_of, spec_of_data


def learned(pack: Any, held_out: int | None) -> Spec:
    """The spec of a pack's samples with what its training part shows, which the pack has then.

    held_out: samples that are no part of it. Kinds that learn nothing give their spec as it is.

    Example::

        from ganzfeld.data.adopting import learned
        from ganzfeld.data.pack import open_pack

        pack = open_pack("table:500")
        assert "schema" in learned(pack, 50).extra == pack.spec.extra
    """
    spec = spec_of_data(pack)
    kind = modality_of(spec)
    if not kind.learns:
        return spec
    part = held.training(pack, held_out)
    rows = part.rows(np.arange(len(part)))
    spec = kind.fitted(spec, rows["x"], rows.get("c"))
    adopt(pack, spec)
    return spec


def adopt(pack: Any, spec: Spec) -> None:
    """Let a pack's samples lie as those of a spec that was learned elsewhere.

    Raises DataError where they cannot: other columns, other types.
    """
    kind = modality_of(spec)
    column = getattr(pack, "columns", {}).get("x")
    if not kind.learns or column is None or column.spec == spec:
        return
    if (turn := kind.turned(column.spec, spec)) is not None:
        column.stored = turn(column.stored)
    column.spec = spec
