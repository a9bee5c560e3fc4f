"""Prepare command-line words for the parser: lists, empty words, options of other tools."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence

from ganzfeld.cli.values import checked
from ganzfeld.errors import UsageError

LISTS = (
    "--set",
    "--label",
    "--given",
    "--text",
    "--direction",
    "--metrics",
    "--seeds",
    "--recipes",
)  # take one value or several, once or again
SETTING = re.compile(r"[A-Za-z_][\w.*-]*=")

# Lists that take NAME=VALUE only, and how such a word is told.
ASSIGNED: dict[str, Callable[[str], object]] = {
    "--set": SETTING.match,
    "--given": lambda word: "=" in word,
    "--direction": lambda word: "=" in word,
}

# What people type for other tools, and what it is here. {N} takes the value that was given.
EPOCHS = "--images N: images seen in all; an epoch is as many as the data have"
ITERATIONS = "--images N: images seen in all, iterations times the batch"
RATE = "--set 'optimisers.*.lr={0.0002}'"
HABITS = {
    "--epochs": EPOCHS,
    "--epoch": EPOCHS,
    "--n-epochs": EPOCHS,
    "--num-epochs": EPOCHS,
    "--steps": ITERATIONS,
    "--iterations": ITERATIONS,
    "--kimg": "--images N: images seen in all",
    "--batch-size": "--batch {N}",
    "--lr": RATE,
    "--learning-rate": RATE,
    "--image-size": "--size {N}",
    "--img-size": "--size {N}",
    "--resolution": "--size {N}",
    "--output": "--out {FOLDER}",
    "--outdir": "--out {FOLDER}",
    "--output-dir": "--out {FOLDER}",
    "--resume": "`ganzfeld resume RUN`, or the same command again",
    "--gpu": "--device cuda",
    "--cuda": "--device cuda",
    "--gpus": "torchrun --nproc-per-node {N} -m ganzfeld train DATA",
    "--threads": "--set run.threads={N}",
    "--model": "--recipe NAME: see `ganzfeld recipes`",
    "--loss": "--set game.loss={NAME}",
    "--latent-dim": "--set networks.G.latent={N}",
    "--z-dim": "--set networks.G.latent={N}",
    "--nz": "--set networks.G.latent={N}",
    "--workers": "leave out --workers: data are decoded once, before training",
    "--num-workers": "leave out --num-workers: data are decoded once, before training",
    "--data": "the path alone, such as ganzfeld train photos/",
    "--dataset": "the path alone, such as ganzfeld train photos/",
    "--dataroot": "the path alone, such as ganzfeld train photos/",
    "--labels": "--label {NAME}",
    "--num": "--count {N}",
    "--num-samples": "--count {N}",
    "--n": "--count {N}",
}
TRAINING = ("`ganzfeld resume", "torchrun", "leave out", "the path alone")  # of `train` alone
VALUE = re.compile(r"\{([^}]*)\}")
PLAIN = re.compile(r"[\w./-]*[\w/]")  # a value that needs no quotes


def prepared(command: str, make: Callable[..., None], words: Sequence[str]) -> list[str]:
    """A command's words as its parser takes them. UsageError for what cannot be meant."""
    before = command
    known = inspect.signature(make).parameters
    for word in words:
        name, equals, value = word.partition("=")
        if not word or (word.startswith("--") and equals and not value):
            raise UsageError(f"{name or before} is given an empty text", fix=f"{command} --help")
        before = word
    habits = {
        place: mended
        for place, word in enumerate(words)
        if (mended := said_here(words, place)) and may_say(known, word, mended)
    }
    if habits:
        names = ", ".join(dict.fromkeys(words[place].partition("=")[0] for place in habits))
        fix = "; ".join(dict.fromkeys(habits.values()))
        raise UsageError(f"`{command}` has no {names}", fix=fix)
    spread = spread_lists(words, make)
    checked(command, spread, make)
    return spread


def said_here(words: Sequence[str], place: int) -> str:
    """What the option of another tool at this place is here, with its value; "" for all else."""
    name, equals, value = words[place].partition("=")
    if not equals:
        value = words[place + 1] if place + 1 < len(words) else ""
    known = HABITS.get(name, "")
    if value and PLAIN.fullmatch(value) and not value.startswith("-"):
        return VALUE.sub(value, known)
    return VALUE.sub(r"\1", known)


def may_say(known: Mapping[str, object], word: str, mended: str) -> bool:
    """Whether a command lacks an option that people know elsewhere, and has what replaces it."""
    if word.partition("=")[0].removeprefix("--").replace("-", "_") in known:
        return False
    if mended.startswith("--"):
        return re.split("[ :]", mended)[0].removeprefix("--").replace("-", "_") in known
    return not mended.startswith(TRAINING) or "dry_run" in known


def spread_lists(words: Sequence[str], make: Callable[..., None]) -> list[str]:
    """`--set a b` as `--set a --set b`, so that both ways of writing it work.

    What a command takes without a name is not taken for a value behind a list: --set takes only
    PATH=VALUE, and of the others the last values are left over where such words are missing.
    """
    flags = {
        "--" + name.replace("_", "-")
        for name, p in inspect.signature(make).parameters.items()
        if p.annotation in ("bool", bool)
    }
    spread: list[str] = []
    places: list[int] = []  # of values behind a list that might be words without a name
    current, pending, firm = "", False, 0
    fresh = True  # nothing stands behind the list's name yet
    for word in words:
        if word.startswith("-") and not pending:
            spread += [current] if current and fresh else []  # which has no value: told later
            current, fresh = word if word in LISTS else "", True
            if not current:
                spread.append(word)
                pending = "=" not in word and word not in flags and not word.startswith("--no-")
        elif pending:
            spread.append(word)
            pending = False
        elif current and (current not in ASSIGNED or ASSIGNED[current](word) or fresh):
            if not fresh:
                places.append(len(spread) + 1)  # a list keeps its first value
            spread += [current, word]
            fresh = False
        else:
            firm += 1
            spread.append(word)
    spread += [current] if current and fresh else []
    missing = needed(make, words) - firm
    for place in reversed(places[-missing:] if missing > 0 else []):
        del spread[place - 1]
    return spread


def needed(make: Callable[..., None], words: Sequence[str]) -> int:
    """How many words without a name a command cannot do without; `--from` stands for a model."""
    count = 0
    for p in inspect.signature(make).parameters.values():
        if p.kind is not p.POSITIONAL_ONLY:
            continue
        if p.default is p.empty or (p.default is None and "--from" not in words):
            count += 2 if "tuple" in str(p.annotation) else 1
    return count
