"""Arguments of `train` out of a file, JSON or YAML: a run's own config.json, or a part of one.

What belongs to the data (shapes, classes, fingerprint) and to the machine (device, threads that
were chosen) stays behind, so that a run's configuration fits other data, too.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ganzfeld.config import Config, Data, flatten, from_dict
from ganzfeld.core.border import flag, texts
from ganzfeld.core.border import path as as_path
from ganzfeld.core.reader import read_json
from ganzfeld.core.trust import is_code, refuse, trusted
from ganzfeld.core.yaml_reader import read_yaml
from ganzfeld.data import whereabouts
from ganzfeld.data.candidates import PREFIX
from ganzfeld.errors import UsageError, did_you_mean

OF_DATA = ("shape", "classes", "conditions", "channels_b")  # options of networks and games
LEFT = frozenset({"device", "threads", "afford", "init", "images", "minutes", "seed", "batch_size"})
RUN = {"seed": "seed", "images": "images", "minutes": "minutes", "batch_size": "batch"}
DATA = {  # settings of the data that are arguments of `train`
    **{name: name for name in ("source", "other", "size", "labels", "frames", "splits", "alpha")},
    **{n: n for n in ("follow_links", "max_megapixels", "on_bad_image", "held_out", "modality")},
    "range": "value_range",
    "window": "window",
    "stream": "stream",
}
KEPT = ("mirror", "jitter", "vicinity")  # which a recipe sets
SET = (*KEPT, "held_out")  # settings of the data that --set may change
FLAGS = {"source": "DATA", "other": "--with DATA", "value_range": "--range", "modality": "--as"}


def merged(file: Any, given: dict[str, Any], make: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of a call, with those of the file where the call has the default.

    given: all arguments by name, as `make` takes them. Settings of the call come last, and win.
    Raises UsageError for a file that is no configuration, ForeignCodeError where it names code
    and the call does not say that it is trusted.
    """
    path = Path(as_path(file, "--config"))
    tree = read(path, trust_code=flag(given["trust_code"], "trust_code"))
    found = dict(arguments(tree, path))
    if given["minutes"] is not None or given["images"] is not None:
        found.pop("images", None), found.pop("minutes", None)
    usual = inspect.signature(make).parameters
    result = dict(given)
    for name, value in found.items():
        if given[name] == usual[name].default and not (name == "source" and has_data(given)):
            result[name] = value
    return result | {
        "settings": [*settings(tree), *texts(given["settings"], "settings", "run.keep=5")]
    }


def has_data(given: dict[str, Any]) -> bool:
    return given["dataset"] is not None


def read(path: Path, *, trust_code: bool) -> dict[str, Any]:
    """A file's configuration as nested dictionaries, every name in it known."""
    tree = tree_of(path)
    if not isinstance(tree, dict):
        raise UsageError(
            f"{path} holds no configuration: names with their values were expected",
            fix='a file such as {"recipe": "hinge", "run": {"images": 50000}}',
        )
    known = Config.__dataclass_fields__
    for name in tree:
        if name not in known:
            raise UsageError(f"{path}: unknown setting {name!r}. {did_you_mean(name, known)}")
    for name in known:
        if name in tree and name != "recipe" and not isinstance(tree[name], dict):
            raise UsageError(f"{path}: {name} should be an object, not {tree[name]!r:.40}")
    for value in flatten(tree).values():
        if isinstance(value, str) and is_code(value) and not trust_code:
            refuse(value)
    found: dict[str, Any] = trusted(tree)
    return found


def tree_of(path: Path) -> Any:
    """What the file says: YAML by its name, else JSON."""
    if path.suffix.lower() not in (".yaml", ".yml"):
        return read_json(path, UsageError)
    try:
        return read_yaml(path, UsageError)
    except ImportError as error:
        raise UsageError(
            f"{path} is YAML, which needs PyYAML",
            fix="pip install 'ganzfeld[yaml]', or the same as JSON",
        ) from error


def arguments(tree: dict[str, Any], path: Path) -> Iterator[tuple[str, Any]]:
    """Arguments of `train` that the file gives."""
    if "recipe" in tree:
        yield "recipe", tree["recipe"]
    run = tree.get("run", {})
    for name, argument in RUN.items():
        if run.get(name) is not None and not (name == "minutes" and run.get("images")):
            yield argument, run[name]
    if "data" in tree:
        data = whereabouts.located(from_dict(Data, tree["data"], "data"), path.parent)
        if names := conditions_of(data):
            yield "condition", names
            data.labels = "auto"
        for name, argument in DATA.items():
            if name in tree["data"]:
                yield argument, getattr(data, name)


def conditions_of(data: Data) -> list[str]:
    """The columns that a run was conditioned on; [] for its labels alone."""
    found = [column["name"] for column in (data.conditions or {}).get("columns", [])]
    if data.labels.startswith(PREFIX):
        found.insert(0, data.labels.removeprefix(PREFIX))
    return found


def refuse_of_data(settings: Sequence[str]) -> None:
    """UsageError for settings of the data that are arguments, or that follow from the data.

    They would be written down, and change nothing that is read.
    """
    for text in settings:
        where = text.partition("=")[0].strip()
        name = where.removeprefix("data.")
        known = name == "*" or (name in Data.__dataclass_fields__ and name not in SET)
        if where == name or not known:
            continue
        argument = DATA.get(name, "")
        flag = FLAGS.get(argument, "--" + argument.replace("_", "-"))
        raise UsageError(
            f"--set {where}: "
            + ("this is no setting, but an argument" if argument else "this follows from the data"),
            safe="nothing was read",
            fix=f"ganzfeld train {flag}" if argument else "leave it out",
        )


def settings(tree: dict[str, Any]) -> Iterator[str]:
    """The rest, as `--set` takes it."""
    parts = {name: tree.get(name, {}) for name in ("game", "networks", "optimisers", "ema")}
    parts["run"] = {n: v for n, v in tree.get("run", {}).items() if n not in LEFT}
    parts["data"] = {n: v for n, v in tree.get("data", {}).items() if n in KEPT}
    for where, value in flatten(parts).items():
        last = where.rpartition(".")[2]
        if last not in OF_DATA and not (value == {} and where.count(".") < 2):
            yield f"{where}={json.dumps(value)}"
