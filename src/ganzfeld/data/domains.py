"""Find two domains in the data: named folders, two data sets, or halves of images."""

from __future__ import annotations

import copy
import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ganzfeld.core.names import capped, natural, shown
from ganzfeld.core.progress import Progress
from ganzfeld.data import ciphers
from ganzfeld.data.alike import open_alike
from ganzfeld.data.discover import SPLIT_NAMES, depth_shared, embedded_count, find_source
from ganzfeld.data.layout import DOMAINS, is_test, plain_name
from ganzfeld.data.options import IMAGES, PackOptions
from ganzfeld.data.pack import open_pack
from ganzfeld.data.pairs import Both, Side, TwoDomains, draw, embedded
from ganzfeld.data.source import Encoded, Gathered, Ready
from ganzfeld.errors import DataError, UsageError

WIDEST = (1.2, 4.0)  # width by height of two images side by side
LAYOUTS = (
    "trainA and trainB in a folder or ZIP (testA and testB are held out), or two sets as "
    "`ganzfeld train A --with B`"
)


def open_domains(
    source: str | os.PathLike[str],
    kind: str,
    options: PackOptions,
    *,
    other: str | os.PathLike[str] | None = None,
    channels_b: int | None = None,
    progress: Progress | None = None,
) -> TwoDomains:
    """The two domains of a data set, "paired" or "unpaired".

    other: where b is, if it is a data set of its own; pairs then have equal names, whatever the
        extension, or the same place where they are no files.
    channels_b: of b; None: what its images have.

    Raises DataError where there are not two domains, or pairs do not match.
    """
    if options.modality not in ("auto", IMAGES):
        return open_alike(source, kind, options, other=other, progress=progress)
    options = replace(options, labels="none", least=1, modality=IMAGES)
    paired = kind == "paired"

    def pack(found: str | os.PathLike[str] | Encoded | Ready, **changes: Any) -> Side:
        wanted = {"channels": options.channels, **changes}
        if wanted["channels"] in (1, 3) and options.alpha == "keep":
            wanted["alpha"] = "white"  # the other domain has alpha to keep
        return side_of(found, replace(options, **wanted), progress)

    def two(a: Any, b: Any, like: Both | None = None, *, halves: bool = False) -> Both:
        """b in the size of a, and both like the training images if these are others."""
        wanted_a, wanted_b = shape_of(like) if like else ({}, {"channels": channels_b})
        if halves:
            wanted_a["part"], wanted_b["part"] = "left", "right"
        first = pack(a, **wanted_a)
        wanted_b["size"] = first.pack.height, first.pack.width
        second = pack(b, **wanted_b)
        if halves:
            return Both(first, second, True)
        return match(first, second) if paired else Both(first, second, False)

    drawn = embedded(source)
    if drawn:
        return draw(*drawn, paired=paired, options=options, pack=pack)
    if other is not None:
        return finished(two(locate(source, options), locate(other, options)))
    found = find_source(source, replace(options, masks=False, rules=max(options.rules, 2)).reading)
    assert not isinstance(found, Gathered)  # of images alone
    held = held_part(found)
    parts = parts_of(found)
    names = domains(parts, source)
    if names:
        tested = counterparts(names, parts_of(held)) if held else None
        both = two(parts[names[0]], parts[names[1]])
        done = finished(both, two(*tested, both) if tested else None)
        return said(done, f"domain a is {shown(names[0])}, b is {shown(names[1])}", found)
    if paired:
        both = two(found, found, halves=True)
        done = finished(both, two(held, held, both, halves=True) if held else None)
        return halved(said(done, "each image is a pair: left half a, right half b", found))
    there = ", ".join(capped([shown(name) for name in parts if name], 5)) or "no sub-folders"
    raise DataError(
        f"{shown(str(source))} does not show two domains: there are {there}. Expected: {LAYOUTS}",
        fix=f"ganzfeld train {shlex.quote(str(source))} --with OTHER --recipe cyclegan",
    )


def shape_of(like: Both) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options for images of both sides as these are."""
    size = like.a.pack.height, like.a.pack.width
    sides = [{"size": size, "channels": side.pack.channels} for side in (like.a, like.b)]
    return sides[0], sides[1]


def locate(source: str | os.PathLike[str], options: PackOptions) -> Any:
    return source if embedded_count(source) is not None else find_source(source, options.reading)


def said(done: TwoDomains, pairs: str, found: Encoded | Ready) -> TwoDomains:
    """With a sentence on what was taken as domains or pairs, and what was left aside."""
    done.report["pairs"] = pairs
    for side in done.report["sides"].values():
        side["aside"] = list(dict.fromkeys([*found.aside, *side.get("aside", [])]))
        side["taken"] = {**side.get("taken", {}), **found.taken}
    return done


def halved(done: TwoDomains) -> TwoDomains:
    """With a warning that halves were taken, and another where they do not look like pairs."""
    done.halves = True
    done.report["warnings"].append("each image was taken as a pair: left half a, right b")
    sizes = done.report["sides"]["a"].get("sizes", [])
    total = sum(count for _, _, count in sizes)
    odd = [(h, w) for h, w, _ in sizes if not WIDEST[0] * h <= w <= WIDEST[1] * h]
    count = sum(n for h, w, n in sizes if (h, w) in odd)
    if 2 * count > total:
        height, width = odd[0]
        done.report["warnings"].append(
            f"{width}x{height} pixels are not twice as wide as high: these images do not look like "
            "pairs side by side. For two folders of images, use --with OTHER"
        )
    return done


def held_part(found: Encoded | Ready) -> Encoded | None:
    """The images that were set apart, of the test folders where there are such."""
    if not isinstance(found, Encoded) or not found.apart:
        return None
    tests = [(n, t) for n, t in found.apart if is_test(t.rpartition("/")[0])] or found.apart
    whole = copy.copy(found)
    whole.names, whole.titles = [n for n, _ in tests], [t for _, t in tests]
    tops = ["" for _ in tests]
    held = part_of(whole, tops, "")
    held.part, held.broken = os.path.join(found.part, "held out"), []
    return held


def counterparts(
    names: tuple[str, str], held: dict[str, Encoded]
) -> tuple[Encoded, Encoded] | None:
    """The held-out images of both domains: folders of the same names, or testA and testB."""
    plain = plain_names(held)

    def fits(name: str) -> str | None:
        same = [name, *(name.casefold().replace("train", part) for part in ("test", "val"))]
        return next((plain[n] for n in map(plain_name, same) if n in plain), None)

    a, b = (fits(name) for name in names)
    return (held[a], held[b]) if a is not None and b is not None else None


def finished(train: Both, held: Both | None = None) -> TwoDomains:
    """With the warnings of its packs."""
    packs = {"a": train.a.pack, "b": train.b.pack}
    warnings = [f"{n}: {w}" for n, pack in packs.items() for w in pack.report["warnings"]]
    if packs["a"].fingerprint == packs["b"].fingerprint:
        warnings.append("both domains hold the same images: there is nothing to translate")
    done = TwoDomains(train, held, warnings)
    done.report["sides"] = {name: dict(pack.report) for name, pack in packs.items()}
    return done


def side_of(
    found: str | os.PathLike[str] | Encoded | Ready,
    options: PackOptions,
    progress: Progress | None,
) -> Side:
    if isinstance(found, Ready) and options.part != "whole":
        raise DataError(
            f"{shown(found.place)} holds arrays, not images with two halves",
            fix="ganzfeld train A.npy --with B.npy --recipe pix2pix",
        )
    pack = open_pack(found, options, progress=progress)
    if not isinstance(found, Encoded):
        return Side(pack, np.arange(len(pack)))
    bad = {name for name, _ in pack.report["skipped"]}
    names = [name for name in found.titles if shown(name) not in bad]
    lost = [name for name in found.titles if shown(name) in bad]
    assert len(names) == len(pack)
    return Side(pack, np.arange(len(pack)), names, lost)


# Two folders


def parts_of(found: Encoded | Ready) -> dict[str, Encoded]:
    """The images of each top folder, "" for those in none; {} where they are no files."""
    if not isinstance(found, Encoded):
        return {}
    folders = [title.split("/")[:-1] for title in found.titles]
    # where all lie in one folder, its name may say what they are
    shared = depth_shared(found.titles) if len(set(map(tuple, folders))) > 1 else 0
    tops = [path[shared] if len(path) > shared else "" for path in folders]
    return {top: part_of(found, tops, top) for top in sorted(set(tops), key=natural)}


def part_of(found: Encoded, tops: Sequence[str], top: str) -> Encoded:
    part = copy.copy(found)
    chosen = [index for index, name in enumerate(tops) if name == top]
    part.names = [found.names[index] for index in chosen]
    part.titles = [found.titles[index] for index in chosen]
    part.labels, part.classes, part.apart = None, (), []
    part.part = os.path.join(found.part, top)  # it is not the same set, so not the same pack
    part.broken = [(n, why) for n, why in found.broken if top in n.split("/")[:-1]]
    part.notes, part.warnings, part.aside, part.taken = [], [], [], {}
    return part


def plain_names(parts: Iterable[str]) -> dict[str, str]:
    return {plain_name(name): name for name in parts}


def domains(parts: dict[str, Encoded], source: str | os.PathLike[str]) -> tuple[str, str] | None:
    """The folders of the two domains; None if there are none."""
    plain = plain_names(parts)
    if plain.keys() >= DOMAINS:
        return plain["traina"], plain["trainb"]
    for one, lacking in (("traina", "trainB"), ("trainb", "trainA")):
        if one in plain:
            raise DataError(
                f"{shown(str(source))} has images in {shown(plain[one])} and none in {lacking}",
                fix=f"put the other domain's images into {lacking}",
            )
    if len(parts) == 2 and "" not in parts and not plain.keys() & SPLIT_NAMES:
        a, b = sorted(parts, key=natural)
        return a, b
    return None


def match(a: Side, b: Side) -> Both:
    """Rows in the order of their common names; a bad image takes its partner along.

    Raises DataError that lists what has no partner.
    """
    if not (a.names and b.names):
        if len(a) != len(b):
            raise DataError(
                f"there are {len(a):,} images in a and {len(b):,} in b: each needs its pair",
                fix="give the same number of both, in the same order",
            )
        return Both(a, b, True)
    (first, lost_a), (second, lost_b) = by_name(a), by_name(b)
    common = sorted(first.keys() & second.keys(), key=natural)
    of_a = sorted(first.keys() - second.keys() - lost_b, key=natural)
    of_b = sorted(second.keys() - first.keys() - lost_a, key=natural)
    lonely = [f"a has {name}, b does not" for name in of_a]
    lonely += [f"b has {name}, a does not" for name in of_b]
    if lonely:
        raise DataError(
            "\n  ".join(
                [
                    f"{len(a):,} images in a and {len(b):,} in b: {len(common):,} names match, "
                    f"{len(lonely):,} have no partner",
                    *capped([shown(line) for line in lonely], 6),
                ]
            ),
            safe="the images were only read",
            fix="give both images of a pair the same name; or, for sets without pairs, "
            "--recipe cyclegan",
        )
    rows_a = a.chosen[[first[name] for name in common]]
    rows_b = b.chosen[[second[name] for name in common]]
    return Both(Side(a.pack, rows_a, common), Side(b.pack, rows_b, common), True)


def by_name(side: Side) -> tuple[dict[str, int], set[str]]:
    """Rows by the names of their files, and the names of bad ones.

    A name is without the folder that all of them share, and without the extension.
    """
    depth = depth_shared([*side.names, *side.lost])

    def short(name: str) -> str:
        return "/".join(name.split("/")[depth:]).rpartition(".")[0] or name

    found: dict[str, int] = {}
    for row, name in enumerate(side.names):
        if short(name) in found:
            raise DataError(
                f"two images are called {shown(short(name))} but for the extension: "
                f"{shown(side.names[found[short(name)]])} and {shown(name)}",
                fix="remove one of them",
            )
        found[short(name)] = row
    return found, {short(name) for name in side.lost}


def named(source: str | os.PathLike[str], kind: str) -> str:
    """`avatars` as the embedded data of a kind; anything else as it is."""
    name, colon, number = str(source).partition(":")
    if name != "avatars" or Path(source).exists():
        return str(source)
    return ("avatars-lines" if kind == "paired" else "avatars-styles") + colon + number


def need_pictures(source: str | os.PathLike[str], other: object) -> None:
    """Raise UsageError where two domains are given to a recipe that learns from one."""
    if embedded(source) or ciphers.asked(source) or other is not None:
        raise UsageError(
            f"{shown(str(source))}{f' with {shown(str(other))}' if other is not None else ''} is "
            "two domains, and the recipe learns from one",
            fix=f"ganzfeld train {shlex.quote(str(source))} --recipe cyclegan   (or pix2pix; "
            "text-cyclegan for text)",
        )
