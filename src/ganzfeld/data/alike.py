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
from ganzfeld.data.discover import find_source
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import Pack, open_pack
from ganzfeld.data.pairs import Both, Side, TwoDomains
from ganzfeld.data.source import Gathered
from ganzfeld.errors import DataError, UsageError
from ganzfeld.modalities import Spec, modality_of

MOST_HELD = 256  # pairs, a twentieth at most: never trained on, measured by


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
        first = [pack(one) for one in ciphers.sides(name, count, paired=kind == "paired")]
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
    a, b = (side_of(one, spec) for one in packs)
    warnings = [f"{n}: {w}" for n, p in zip("ab", packs, strict=True) for w in p.report["warnings"]]
    done = TwoDomains(Both(a, b, False), None, warnings)
    if kind == "paired":
        done = paired(a, b, [titles_of(one, options) for one in (source, other)], options)
        done.report["warnings"][:0] = warnings
    done.report["sides"] = {n: dict(p.report) for n, p in zip("ab", packs, strict=True)}
    return done


def titles_of(source: str | os.PathLike[str], options: PackOptions) -> list[str]:
    """Of the samples that can be used, in order, such as "line 7"; [] where they have none."""
    found = find_source(source, options.reading)
    if not isinstance(found, Gathered):
        return []
    raw = found.gather(lambda *_: None)
    return [title for place, title in enumerate(raw.titles) if place not in raw.bad]


def paired(a: Side, b: Side, titles: list[list[str]], options: PackOptions) -> TwoDomains:
    """Pairs of equal titles, some of them held out.

    A line that is left out, being empty or too long, takes its partner along. Raises DataError
    where samples have no titles and the numbers differ, or no title is on both sides.
    """
    noun = noun_of(options)
    warnings = []
    if [len(a), len(b)] == [len(one) for one in titles]:
        at = [{title: row for row, title in enumerate(one)} for one in titles]
        common = [title for title in titles[0] if title in at[1]]
        rows = [np.array([one[title] for title in common], np.int64) for one in at]
        if lost := len(a) + len(b) - 2 * len(common):
            warnings.append(f"{lost:,} {noun} have no partner and are left out")
    elif len(a) == len(b):
        rows = [np.arange(len(a)), np.arange(len(b))]
    else:
        raise DataError(
            f"there are {len(a):,} {noun} in a and {len(b):,} in b: each needs its pair",
            safe="nothing was trained",
            fix="give the same number of both, in the same order",
        )
    if not len(rows[0]):
        raise DataError(
            f"no two of the {noun} in a and b are a pair",
            safe="nothing was trained",
            fix="give the same number of both, in the same order",
        )
    count = min(MOST_HELD, len(rows[0]) // 20)
    held = np.zeros(len(rows[0]), bool)
    held[np.linspace(0, len(held) - 1, count).round().astype(np.int64)] = True
    parts = [
        Both(Side(a.pack, rows[0][part]), Side(b.pack, rows[1][part]), True)
        for part in (~held, held)
    ]
    return TwoDomains(parts[0], parts[1] if count else None, warnings)


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
