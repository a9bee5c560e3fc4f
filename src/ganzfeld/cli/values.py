"""The values of a command's options: of the right type, and files that they replace."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from ganzfeld.cli.keeping import WRITES, spare_data
from ganzfeld.core.language import tell
from ganzfeld.core.names import quoted, shown
from ganzfeld.errors import NAMED, UsageError, did_you_mean
from ganzfeld.text import several

MOST = 20_000  # files of a folder that are looked at
GOING_ON = frozenset({"train", "resume", "study_augmentation", "study_families", "bench_modes"})
FILE_ALONE = ("caption",)  # commands that write no folder, and say so where one is named


def checked(command: str, words: Sequence[str], make: Callable[..., None]) -> None:
    """UsageError for an option that there is not or that has no value, for a value that is no
    number where one is due, or none of the choices, and for options that are missing."""
    known = options(make)
    place, given, firm = 0, set[str](), list[str]()
    while place < len(words):
        word = words[place]
        name, equals, value = word.partition("=")
        place += 1
        if not word.startswith("-") or word in ("-", "-h", "--", "--help"):
            firm += [] if word in ("-h", "--", "--help") else [word]
            continue
        name = name.replace("_", "-")
        given.add(name)
        kind = known.get(name)
        if kind is None and known.get(name.replace("--no-", "--", 1)) is bool:
            kind = bool
        if kind is None:
            alike = "--" + name.lstrip("-").lower()
            raise UsageError(
                f"`{command}` has no {shown(name)}. {did_you_mean(alike, known)}",
                fix=f"{command} --help",
            )
        if kind is bool:
            if equals:
                raise UsageError(f"{name} takes no value", fix=name)
            continue
        if not equals:
            if place == len(words) or words[place].partition("=")[0] in (*known, "--"):
                raise UsageError(f"{name} is given no value", fix=f"{name} {example(kind)}")
            value = words[place]
            place += 1
        check_value(name, value, kind)
    if {"-h", "--help", "--"} & {*words}:
        return
    places = [
        p for p in inspect.signature(make).parameters.values() if p.kind is not p.KEYWORD_ONLY
    ]
    if len(firm) > len(places) and not any("tuple" in str(p.annotation) for p in places):
        more = ", ".join(shown(repr(word[:NAMED])) for word in firm[len(places) :])
        raise UsageError(f"`{command}` does not take {more}", fix=f"{command} --help")
    lacking = [p.name.upper() for p in places[len(firm) :] if p.default is p.empty]
    if lacking:
        whole = " ".join([command, *(quoted(Path(word)) for word in firm), *lacking])
        raise UsageError(f"`{command}` needs {lacking[0]}", fix=shown(whole))
    for name in due(make):
        if name not in given:
            raise UsageError(f"`{command}` needs {name}", fix=f"{name} {example(known[name])}")


def options(make: Callable[..., None]) -> dict[str, Any]:
    """The options of a command by what is typed, and the types of their values."""
    found = {}
    kinds = typing.get_type_hints(make, include_extras=True)
    for name, parameter in inspect.signature(make).parameters.items():
        kind = kinds[name]
        if parameter.kind is parameter.POSITIONAL_ONLY:
            continue
        own = name
        if get_origin(kind) is Annotated:
            kind, *extras = get_args(kind)
            own = next((e.name for e in extras if getattr(e, "name", None)), name)
        found["--" + own.replace("_", "-")] = kind
    return found


def due(make: Callable[..., None]) -> list[str]:
    """The options that a command cannot do without."""
    parameters = inspect.signature(make).parameters.values()
    return [
        "--" + p.name.replace("_", "-")
        for p in parameters
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty
    ]


def check_value(name: str, value: str, kind: Any) -> None:
    kinds = leaves(kind)
    if fits(value, kinds):
        return
    given, fix = shown(repr(value[:NAMED])), f"{name} {example(kind)}"
    choices = choices_of(kinds)
    if choices:
        known = ", ".join(choices)
        raise UsageError(f"{name} takes one of {known}, not {given}", fix=fix)
    if float in kinds:
        raise UsageError(f"{name} takes a number, not {given}", fix=fix)
    raise UsageError(f"{name} takes a whole number, not {given}", fix=fix)


def choices_of(kinds: Sequence[Any]) -> list[str]:
    return [str(one) for kind in kinds if get_origin(kind) is Literal for one in get_args(kind)]


def leaves(kind: Any) -> list[Any]:
    """The types of one value of an option: of a union's parts, of a list's elements."""
    if get_origin(kind) is Literal or not get_args(kind):
        return [] if kind in (type(None), Ellipsis) else [kind]
    return [leaf for part in get_args(kind) for leaf in leaves(part)]


def fits(value: str, kinds: Sequence[Any]) -> bool:
    """Whether a value is of one of these types; types that are neither numbers nor choices take
    any."""
    for kind in kinds:
        if get_origin(kind) is Literal:
            if value in map(str, get_args(kind)):
                return True
        elif kind in (int, float):
            with contextlib.suppress(ValueError):
                kind(value)
                return True
        else:
            return True
    return not kinds


def example(kind: Any) -> str:
    """What stands for a value in a suggestion."""
    kinds = leaves(kind)
    names = {int: "N", float: "NUMBER", Path: "PATH"}
    return "|".join(choices_of(kinds)) or names.get(kinds[0] if kinds else str, "TEXT")


@contextlib.contextmanager
def telling_of_replaced(words: Sequence[str], make: Callable[..., None]) -> Iterator[None]:
    """Say at the end which files that options name, or that lie in folders that they name, were
    there before, and are others now. Commands that go on with a folder say nothing of it.

    UsageError, before anything is written, where they are data: see `keeping`."""
    look = make.__name__ not in GOING_ON
    if look:
        spare_data(*targets_of(words, make), folders=make.__name__ not in FILE_ALONE)
    before = {path: states_of(path, inside=look) for path in files_in(words, make)}
    try:
        yield
    finally:
        for path, states in before.items():
            count = sum(state_of(one) not in (None, state) for one, state in states.items())
            if count and path in states:
                tell(f"{path} was there before: it was replaced")
            elif count:
                tell(f"replaced {several(count, 'file')} that {path} held before")


def files_in(words: Sequence[str], make: Callable[..., None]) -> list[Path]:
    """The paths among the values of a command's options, and where it publishes to."""
    known, found = options(make), []
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        kinds = leaves(known.get(name.replace("_", "-"), bool))
        if Path in kinds or (name == "--to" and str in kinds):
            found += [Path(value if equals else words[place + 1])]
    return found


def targets_of(
    words: Sequence[str], make: Callable[..., None]
) -> tuple[dict[str, Path], list[str]]:
    """The paths that a command is to write, by option, and the values of its other words."""
    known = options(make)
    targets, rest, place = dict[str, Path](), list[str](), 0
    while place < len(words):
        name, equals, value = words[place].partition("=")
        place += 1
        if not name.startswith("--"):
            rest.append(words[place - 1])
            continue
        if not equals and leaves(known.get(name.replace("_", "-"), bool)) != [bool]:
            value = words[place]
            place += 1
        if name in WRITES and value:
            targets[name] = Path(value)
        elif value:
            rest.append(value)
    return targets, rest


def states_of(path: Path, *, inside: bool) -> dict[Path, tuple[int, ...]]:
    """`state_of` a file, or of the files in a folder, up to `MOST` of them if these count."""
    folder = inside and path.is_dir()
    some = [path, *itertools.islice(path.rglob("*"), MOST)] if folder else [path]
    return {one: state for one in some if (state := state_of(one))}


def state_of(path: Path) -> tuple[int, ...] | None:
    """What tells a file from the one that replaces it; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size) if path.is_file() else None
