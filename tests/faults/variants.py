"""Damaged and hostile copies of a finished run: a seed gives a variant, the same one always."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from ganzfeld.core import checkpoint

STRANGE = [
    "\x1b[31m",
    "\u202eabc",
    "\ud800",
    "\0",
    "a" * 100_000,
    "../../etc/passwd",
    "/dev/zero",
    "os:system",
    "__import__('os')",
    "<script>alert(1)</script>",
    "𝒳" * 500,
    "",
]
NUMBERS = [
    -1, 0, 2**31, 2**63, 10**30, -(10**300), 10**11, 1e308, 0.5, -0.0, float("nan"), float("inf"),
    10**9, 65_537,
]  # fmt: skip
OTHERS: list[Any] = [None, True, [], {}, [1], {"a": 1}, "text", [[[[]]]], *NUMBERS, *STRANGE]


def files_of(run: Path) -> list[Path]:
    """Files that commands read, the rarer kinds as likely as the others."""
    newest = sorted((run / "checkpoints").glob("images-*"))[-1]
    found = [run / "config.json", run / "metrics.jsonl", run / "evaluation.json", run / "lock"]
    found += [run / "model" / n for n in ("config.json", "config.json", "model.safetensors")]
    found += [run / "model" / "discriminator.safetensors"]
    found += [newest / "manifest.json", newest / "state.json"]
    found += [newest / f"{n}.safetensors" for n in ("game", "average", "optimisers")]
    found += [sorted((run / "samples").glob("*.png"))[-1]]
    return found


def vary(run: Path, seed: int) -> str:
    """Change one thing or two in a run's folder; what was done."""
    draw = random.Random(seed)
    path = draw.choice(files_of(run))
    name = str(path.relative_to(run))
    kinds = list(WAYS) if path.suffix == ".json" else [k for k in WAYS if k not in JSON_WAYS]
    if path.suffix == ".safetensors":
        kinds += list(TENSOR_WAYS) * 2
    kind = draw.choice(kinds)
    ({**WAYS, **TENSOR_WAYS})[kind](path, draw)
    if draw.random() < 0.75:
        reseal(run)
    return f"seed {seed}: {kind} of {name}"


# Ways to change any file


def cut(path: Path, draw: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: draw.randrange(max(len(data), 1))])


def flip(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(draw.choice([1, 1, 10, 1000])):
        if data:
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


def noise(path: Path, draw: random.Random) -> None:
    path.write_bytes(draw.randbytes(draw.choice([0, 1, 7, 8, 100, 5000])))


def pipe(path: Path, draw: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path, draw: random.Random) -> None:
    path.unlink()
    path.symlink_to(draw.choice(["/dev/zero", "/dev/urandom", "/nowhere", str(path), "/proc/self"]))


def folder(path: Path, draw: random.Random) -> None:
    path.unlink()
    path.mkdir()


def sparse(path: Path, draw: random.Random) -> None:
    with open(path, "r+b") as file:
        file.truncate(draw.choice([3 << 30, 1 << 40]))


def gone(path: Path, draw: random.Random) -> None:
    path.unlink()


def locked(path: Path, draw: random.Random) -> None:
    path.chmod(0)


def parent(path: Path, draw: random.Random) -> None:
    """The folder is a file, a pipe or a loop in place of what it was."""
    home = path.parent
    if (home / "checkpoints").exists():  # the run itself
        return flip(path, draw)
    shutil.rmtree(home)
    what = draw.choice(["file", "pipe", "loop"])
    if what == "file":
        home.write_bytes(b"x")
    elif what == "pipe":
        os.mkfifo(home)
    else:
        home.symlink_to(home)
    return None


def aside(path: Path, draw: random.Random) -> None:
    """Beside the checkpoints there is what looks like one."""
    home = path.parents[1] / "checkpoints" if path.parent.name == "model" else path.parent
    odd = draw.choice(["images-1.bak", "images-", "images-" + "9" * 12, "images--00000000001"])
    (home / odd).mkdir(parents=True, exist_ok=True)


# Ways to change JSON


def places_of(tree: Any) -> list[tuple[Any, Any]]:
    """Every container of a tree with each of its keys."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found: list[tuple[Any, Any]] = []
    for key, value in list(pairs):
        found.append((tree, key))
        if isinstance(value, dict | list):
            found += places_of(value)
    return found


def edited(change: Callable[[Any, Any, random.Random], None]) -> Callable[..., None]:
    def edit(path: Path, draw: random.Random) -> None:
        tree = json.loads(path.read_bytes())
        for _ in range(draw.choice([1, 1, 1, 3])):
            if places := places_of(tree):
                change(*draw.choice(places), draw)
        path.write_bytes(json.dumps(tree).encode())

    return edit


def drop(place: Any, key: Any, draw: random.Random) -> None:
    del place[key]


def other(place: Any, key: Any, draw: random.Random) -> None:
    place[key] = draw.choice(OTHERS)


def huge(place: Any, key: Any, draw: random.Random) -> None:
    place[key] = draw.choice(NUMBERS)


def strange(place: Any, key: Any, draw: random.Random) -> None:
    text = draw.choice(STRANGE)
    if isinstance(place, dict) and draw.random() < 0.5:
        place[text] = place.pop(key)
    else:
        place[key] = text


def deep(path: Path, draw: random.Random) -> None:
    many = draw.choice([50, 990, 200_000])
    start, end = draw.choice([("[", "]"), ('{"a":', "}")])
    path.write_text(start * many + "1" + end * many)


def wide(path: Path, draw: random.Random) -> None:
    path.write_text(draw.choice(["[" + "0," * 6_000_000 + "0]", '{"a":1' + "0" * 9_000_000 + "}"]))


def twice(path: Path, draw: random.Random) -> None:
    text = path.read_text().strip()
    path.write_text(text[:-1] + "," + text[1:])


# Ways to change safetensors


def retyped(path: Path, draw: random.Random) -> None:
    """float16, bool, NaN, infinite, or a tensor more or fewer."""
    tensors = safetensors.torch.load(path.read_bytes())
    name = draw.choice(list(tensors))
    way = draw.choice(["half", "bool", "nan", "inf", "more", "fewer", "shape", "name"])
    value = tensors[name].float()
    if way in ("half", "bool"):
        kind = torch.float16 if way == "half" else torch.bool
        tensors = {n: t.to(kind) for n, t in tensors.items()}
    elif way in ("nan", "inf"):
        tensors[name] = torch.full_like(value, float(way))
    elif way == "more":
        tensors[draw.choice(STRANGE[4:]) or "x"] = torch.zeros(3)
    elif way == "fewer":
        del tensors[name]
    elif way == "shape":
        tensors[name] = torch.zeros(value.numel() + 1)
    else:
        tensors[f"{name}.other/way"] = tensors.pop(name)
    path.write_bytes(safetensors.torch.save(tensors))


def header(path: Path, draw: random.Random) -> None:
    """The header says something else than the data."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    tree = json.loads(data[8 : 8 + length])
    place, key = draw.choice(places_of(tree))
    draw.choice([drop, other, huge, strange])(place, key, draw)
    text = json.dumps(tree).encode()
    length = draw.choice([len(text)] * 5 + [2**63, 0, len(data)])
    path.write_bytes(struct.pack("<Q", length) + text + data[8 + len(text) :])


JSON_WAYS: dict[str, Callable[..., None]] = {
    "a key less": edited(drop),
    "another type": edited(other),
    "a huge number": edited(huge),
    "strange text": edited(strange),
    "another value": edited(other),
    "deep nesting": deep,
    "a wide list": wide,
    "every name twice": twice,
}
WAYS: dict[str, Callable[..., None]] = {
    "cut": cut,
    "flip": flip,
    "noise": noise,
    "pipe": pipe,
    "link": link,
    "folder": folder,
    "sparse": sparse,
    "gone": gone,
    "locked": locked,
    "parent": parent,
    "aside": aside,
    **JSON_WAYS,
}
TENSOR_WAYS: dict[str, Callable[..., None]] = {"other tensors": retyped, "another header": header}


def reseal(run: Path) -> None:
    """Hashes and sizes that are right again, as an attacker would have them."""
    for folder in (run / "checkpoints").glob("images-*"):
        try:
            manifest = read(folder / "manifest.json")
            manifest.pop("sha256", None)
            for name, file in manifest["files"].items():
                file |= facts(folder / name)
            (folder / "manifest.json").write_bytes(checkpoint.sealed(manifest))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
    path = run / "model" / "config.json"
    try:
        about = read(path)
        about["weights"] |= facts(run / "model" / "model.safetensors")
        about["discriminator"]["weights"] |= facts(run / "model" / "discriminator.safetensors")
        path.write_bytes(json.dumps(about).encode())
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return


def read(path: Path) -> Any:
    if not path.is_file() or path.stat().st_size > 1 << 20:  # a pipe, a device, a sparse file
        raise ValueError("is left as it is")
    return json.loads(path.read_bytes())


def facts(path: Path) -> dict[str, Any]:
    if not path.is_file() or path.stat().st_size > 1 << 26:
        return {}
    data = path.read_bytes()
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
