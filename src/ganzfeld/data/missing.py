"""Say what is meant by a path that leads nowhere."""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from ganzfeld.core.names import is_system, shown
from ganzfeld.errors import DataError, did_you_mean

PUBLIC = {  # what people call by name elsewhere: torchvision's class
    "mnist": "MNIST",
    "fashionmnist": "FashionMNIST",
    "kmnist": "KMNIST",
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
}


def missing(path: Path, embedded: Sequence[str], known: str) -> DataError:
    """The error for data that are not there. embedded: names of data of ours. known: kinds.

    There is no such path: near names beside it help more than the bare fact.
    """
    hint = ""
    given = str(path)
    if re.match(r"[a-z][a-z0-9+]*:/", given):
        given = re.sub(r"^(?!file:)(\w+:)/", r"\1//", given)  # a path has no two
        raise DataError(
            f"{shown(given)} is an address: data are read from disk only",
            safe="nothing was downloaded",
            fix="download it, and give its path" if given[:5] != "file:" else given[5:],
        )
    if os.sep == "/" and (drive := re.match(r"([A-Za-z]):[\\/]", given)):
        mounted = f"/mnt/{drive[1].lower()}/" + given[3:].replace("\\", "/")
        return DataError(
            f"there is nothing at {shown(given)}: it is a path of Windows, and this is another "
            "system",
            fix=f"a path of this system; under WSL: {shown(shlex.quote(mounted))}",
        )
    if any(sign in path.name for sign in "*?["):
        hint = f" Patterns are not read: give the folder, {shown(str(path.parent))!r}."
    try:
        beside = [name for name in os.listdir(path.parent) if not is_system(name)]
        near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.6)
        if near and not hint:
            hint = f" Did you mean {shown(str(path.parent / near[0]))!r}?"
        elif difflib.get_close_matches(str(path), embedded, n=1, cutoff=0.6):
            hint = " " + did_you_mean(str(path), embedded)
    except OSError:
        hint = f" {shown(str(path.parent))} does not exist either."
    public = PUBLIC.get(re.sub("[-_ ]", "", given.lower()))
    if public and not hint:
        return DataError(
            f"there is nothing at {shown(given)}, and ganzfeld downloads no data",
            fix="give the folder that holds its files, or in Python: "
            f"ganzfeld.train(torchvision.datasets.{public}('data', download=True))",
        )
    return DataError(
        f"there is nothing at {shown(str(path))} (looked for {known}).{hint}",
        fix="give the path of the data, or `avatars` for the embedded data set",
    )
