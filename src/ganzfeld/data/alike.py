"""Two domains of one kind of sample, each a data set of its own: lines of two languages."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace

import numpy as np

from ganzfeld.core.names import shown
from ganzfeld.core.progress import Progress
from ganzfeld.data import ciphers
from ganzfeld.data.adopting import as_spec
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.data.pairs import Both, Side, TwoDomains
from ganzfeld.data.source import Gathered
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities import Spec, modality_of


def open_alike(
    source: str | os.PathLike[str],
    kind: str,
    options: PackOptions,
    *,
    other: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> TwoDomains:
    """Two sets of samples of the kind `options.modality`, "paired" or "unpaired".

    Both lie as one spec says, which knows what either has: all symbols, the longer length.

    Raises DataError where they are of other kinds, or pairs do not match in number.
    """
    options = replace(options, labels="none", least=1)

    def pack(found: str | os.PathLike[str] | Gathered) -> Pack:
        return open_pack(found, options, progress=progress)

    asked = ciphers.asked(source)
    if asked and other is None:
        name, count = asked
        first = [pack(one) for one in ciphers.sides(name, count)]
        spec = shared([one.spec for one in first])
        a, b, held_a, held_b = (side_of(one, spec) for one in first)
        return TwoDomains(Both(a, b, kind == "paired"), Both(held_a, held_b, True))
    if other is None:
        raise UsageError(
            f"{shown(str(source))} is one set of {noun_of(options)}, and the recipe learns from "
            "two",
            safe="nothing was trained",
            fix=f"ganzfeld train {shlex.quote(str(source))} --with OTHER --recipe NAME",
        )
    packs = [pack(source), pack(other)]
    spec = shared([one.spec for one in packs])
    if modality_of(spec).learns:
        rows = [side_of(one, spec).rows(np.arange(len(one))) for one in packs]
        spec = modality_of(spec).fitted(spec, np.concatenate(rows))
    if kind == "paired" and len(packs[0]) != len(packs[1]):
        raise DataError(
            f"there are {len(packs[0]):,} {noun_of(options)} in a and {len(packs[1]):,} in b: "
            "each needs its pair",
            safe="nothing was trained",
            fix="give the same number of both, in the same order",
        )
    a, b = (side_of(one, spec) for one in packs)
    warnings = [f"{n}: {w}" for n, p in zip("ab", packs, strict=True) for w in p.report["warnings"]]
    done = TwoDomains(Both(a, b, kind == "paired"), None, warnings)
    done.report["sides"] = {n: dict(p.report) for n, p in zip("ab", packs, strict=True)}
    return done


def noun_of(options: PackOptions) -> str:
    return modality_of(Spec(options.modality, ())).noun


def shared(specs: list[Spec]) -> Spec:
    """What samples of all these specs can lie as."""
    first, *others = specs
    for one in others:
        if one.modality != first.modality:
            raise DataError(
                f"domain a holds {modality_of(first).noun} and b {modality_of(one).noun}: both "
                "must be of one kind",
                safe="nothing was trained",
            )
        first = modality_of(first).shared(first, one)
    return first


def side_of(pack: Pack, spec: Spec) -> Side:
    turned = as_spec(pack, spec)
    return Side(turned, np.arange(len(turned)))
