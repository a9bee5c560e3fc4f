"""Give an opened data set the spec that was learned from a training part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.data import held
from ganzfeld.data.held import Part
from ganzfeld.data.pack import Pack
from ganzfeld.errors import DataError
from ganzfeld.modalities import Spec, modality_of, spec_of_data

Rows = NDArray[Any]


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
    if not kind.learns or pack.settled:
        return spec
    part = held.training(pack, held_out)
    rows = part.rows(np.arange(len(part)))
    spec = kind.fitted(spec, rows["x"], rows.get("c"))
    pack.see_as(spec)
    return spec


def as_spec(pack: Pack, spec: Spec) -> Pack:
    """The data with samples that lie as `spec` says, where their kind can turn them so.

    Raises DataError where they cannot: other columns, other types.
    """
    pack.see_as(spec)
    ours = spec_of_data(pack)
    if ours.modality != spec.modality:
        raise DataError(
            f"{shown(pack.report['source'])} holds {modality_of(ours).noun}, and "
            f"{modality_of(spec).noun} can be compared with {modality_of(spec).noun} only",
            safe="nothing was measured",
            fix=f"give data of {modality_of(spec).noun}",
        )
    turn = modality_of(spec).turned(ours, spec)
    return pack if turn is None else Turned(pack, spec, turn)


class Turned(Part):
    """A pack whose samples are turned as they are read, such as lines into other symbols."""

    def __init__(self, whole: Pack, spec: Spec, turn: Callable[[Rows], Rows]) -> None:
        super().__init__(whole, np.arange(len(whole)))
        self.new, self.turn = spec, turn
        lies = json.dumps([whole.fingerprint, spec.to_json()], sort_keys=True)
        self.fingerprint = hashlib.sha256(lies.encode("ascii")).hexdigest()

    @property
    def spec(self) -> Spec:
        return self.new

    def rows(self, indices: NDArray[np.int64]) -> dict[str, Rows]:
        batch = self.whole.rows(indices)
        batch.pop("x_length", None)
        return batch | {"x": self.turn(batch["x"])}
