"""Write the model folder of a run: weights, description and model card."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
from torch import Tensor

from ganzfeld.config import Config
from ganzfeld.core import files as files_
from ganzfeld.core import formats, reader, system, temporary, trust
from ganzfeld.core.border import flag
from ganzfeld.core.names import is_system
from ganzfeld.core.runfolder import read_config
from ganzfeld.core.tensors import load_tensors, not_finite
from ganzfeld.data.called import GIVEN
from ganzfeld.data.whereabouts import inside
from ganzfeld.errors import CheckpointError, of_disk
from ganzfeld.models.task import judge_name
from ganzfeld.models.tasks import task_of, task_of_run
from ganzfeld.text import shown
from ganzfeld.version import __version__

if TYPE_CHECKING:
    from ganzfeld.models.choice import Choice

FORMAT = 1
JUDGE = "discriminator.safetensors"
KEPT = "model-kept"  # in a run: what somebody else put into the model's folder


def read_about(folder: Path) -> dict[str, Any]:
    """What a model folder says of itself; CheckpointError that names the file and the field."""
    path = folder / "config.json"
    about = reader.read_json(path)
    with reader.refused(path):
        if isinstance(about, dict) and about.get("format", FORMAT) != FORMAT:
            raise CheckpointError(
                f"{folder} has model format {shown(about['format'])}; this release reads {FORMAT}"
            )
        formats.model(about)
    return dict(about)


def read_own(run: Path, *, trust_code: bool = False) -> Config:
    """The configuration of a run that goes on, with code that this user trusts or began here.

    Raises ForeignCodeError where it names code of somebody else's.
    """
    config = read_config(run)
    names = trust.code_names(config)
    if not flag(trust_code, "trust_code") and not trust.remembered(run, config):
        for name in names:
            trust.refuse(name)
    return trust.trusted(config)


def read_weights(folder: Path, name: str, expected: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a model's file that has the size and hash that its description says.

    Raises CheckpointError that names the file, also where a weight is NaN or infinite.
    """
    path = folder / name
    with reader.refused(path):
        with reader.open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(size) if size == expected["size"] else b""
        problem = files_.difference(name, size, hashlib.sha256(data), dict(expected))
        if problem:
            ending = f", or delete {JUDGE} to draw without ranking" if name == JUDGE else ""
            raise CheckpointError(
                f"{folder} is damaged: {problem}",
                fix=f"copy the model folder again from its source{ending}",
            )
        found = load_tensors(data)
        if unsound := not_finite(found):
            raise reader.Unreadable(
                f"holds weights that are NaN or infinite, such as {shown(unsound)}: it cannot draw"
            )
    return found


def judge_of(config: Config, game: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The state of the network that ranks samples in a game's, where the game has one."""
    name = judge_name(config)
    if name is None:
        return None
    return {
        k.removeprefix(f"{name}."): v.detach().cpu().contiguous().clone()  # none share memory
        for k, v in game.items()
        if k.startswith(f"{name}.")
    }


def describe(config: Config, run: Path, chosen: dict[str, Any], run_images: int) -> dict[str, Any]:
    """What a model folder says of itself, but for its weights' hash.

    run: its folder. chosen: which weights of the run these are, and why. run_images: seen by then.
    """
    training = dataclasses.asdict(config)
    training["run"]["init"] = Path(config.run.init).name if config.run.init else None
    for name in ("source", "other"):  # where they lie is nobody else's business
        if training["data"][name]:
            own = inside(training["data"][name], run.resolve()).startswith("data/")
            training["data"][name] = GIVEN if own else Path(training["data"][name]).name
    training["data"]["home"] = None
    return {
        "format": FORMAT,
        "library": "ganzfeld",
        "version": __version__,
        "recipe": config.recipe,
        **task_of_run(config).describe(config),
        "range": [-1, 1],
        "images_seen": chosen["images"],
        "run_images": run_images,
        "chosen": chosen,
        "averaged": config.ema.half_life_images != 0,
        "training": training,
    }


def shipped(run: Path) -> int | None:
    """The images seen when the run's model was made; None where none can be read."""
    try:
        return int(read_about(run / "model")["run_images"])
    except (CheckpointError, KeyError):
        return None


def ship(
    run: Path,
    config: Config,
    chosen: Choice,
    run_images: int,
    judge: dict[str, Tensor] | None = None,
) -> Path:
    """Write the run's model folder: model.safetensors, config.json, README.md, all or none.

    judge: the discriminator's state at the chosen moment, from `judge_of`, to rank samples by.
    """
    about = describe(config, run, chosen.about, run_images)
    state = task_of_run(config).weights(config, chosen.average.state_dict())
    weights = {k: v.cpu().contiguous().clone() for k, v in state.items()}  # none share memory
    files, names = own_code(config)
    about = public(about, names)
    ranks = judge_name(config)
    with temporary.hidden(run / "model", folder=True) as new:
        if files:
            about["code"] = {name: files_.write(new / name, c) for name, c in files.items()}
        about["weights"] = files_.write(new / "model.safetensors", safetensors.torch.save(weights))
        if judge is not None and ranks is not None:
            about["discriminator"] = {
                "network": public(dataclasses.asdict(config.networks[ranks]), names),
                "weights": files_.write(new / JUDGE, safetensors.torch.save(judge)),
            }
        files_.write(new / "config.json", files_.as_json(about))
        files_.write(new / "README.md", files_.utf8(card_of(about)))
        files_.sync(new)
        try:
            keep_others(run / "model")
            files_.remove(run / "model")
        except OSError as error:
            raise of_disk(error, run / "model") from error
        system.replace(new, run / "model")
    files_.sync(run)
    return run / "model"


def keep_others(model: Path) -> None:
    """Move what a user put into a model's folder to `KEPT` beside it: the folder is replaced."""
    if model.is_symlink() or not model.is_dir():
        return
    try:
        code = read_about(model).get("code", {})
    except CheckpointError:
        code = {}
    own = {"config.json", "README.md", "model.safetensors", JUDGE, *code}
    others = [path for path in model.iterdir() if path.name not in own]
    for path in others:
        if is_system(path.name) and not path.is_dir():
            continue
        kept = model.with_name(KEPT)
        kept.mkdir(exist_ok=True)
        ending = f"-{secrets.token_hex(4)}" if os.path.lexists(kept / path.name) else ""
        system.replace(path, kept / f"{path.name}{ending}")


def own_code(config: Config) -> tuple[dict[str, bytes], dict[str, str]]:
    """A user's own files that a model needs, by the names that they get in its folder; and the
    new name of every object that was named by one of them.

    A module within a package, or an installed one, keeps its name and is not copied.
    """
    files: dict[str, bytes] = {}
    names: dict[str, str] = {}
    for name in [*trust.code_names(config), config.recipe]:
        module, _, attribute = name.rpartition(":")
        path = trust.file_of(name) if trust.is_code(name) else None
        if path is None or (not module.endswith(".py") and not is_loose(module, path)):
            continue
        try:
            content = reader.read_whole(path, reader.JSON_BYTES)
        except (OSError, reader.Unreadable):
            continue
        ending = hashlib.sha256(content).hexdigest()[:8]
        place = path.name if files.get(path.name, content) == content else f"{ending}_{path.name}"
        names[name] = f"{place}:{attribute}"
        files[place] = content
    return files, names


def is_loose(module: str, path: Path) -> bool:
    """Whether a module is a file of the user's own, neither in a package nor installed."""
    home = path.resolve().parent
    installed = {"site-packages", "dist-packages"} & set(home.parts)
    standard = home == Path(os.__file__).resolve().parent
    return "." not in module and path.name == f"{module}.py" and not installed and not standard


def public(tree: Any, names: Mapping[str, str]) -> Any:
    """What a model says of itself without where things lie on the machine that made it."""
    if isinstance(tree, dict):
        return {name: public(value, names) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [public(value, names) for value in tree]
    if not isinstance(tree, str):
        return tree
    if tree in names:
        return names[tree]
    return Path(tree).name if os.path.isabs(tree) else tree


def with_code(about: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The description with its own files of code where they lie in the model's folder.

    Raises CheckpointError where one of them is not as it was shipped.
    """
    known = dict(about.get("code", {}))
    for name, expected in known.items():
        if not re.fullmatch(r"[^/\\\x00]+\.py", name):
            raise CheckpointError(f"{folder / 'config.json'} is damaged: code.{shown(name)}")
        data = reader.read_bytes(folder / name)
        if problem := files_.mismatch(name, data, expected):
            raise CheckpointError(f"{folder} is damaged: {problem}")

    def placed(tree: Any) -> Any:
        if isinstance(tree, dict):
            return {name: placed(value) for name, value in tree.items()}
        file, _, attribute = tree.rpartition(":") if isinstance(tree, str) else ("", "", "")
        return f"{folder.resolve() / file}:{attribute}" if file in known else tree

    places = ("generator", "translators", "discriminator")
    return about | {name: placed(about[name]) for name in places if name in about}


def of_own(run: Path, config: Config) -> bool:
    """Whether all code that a run's model names is what its configuration names, as it is here.

    config: of code that this user trusts. Then the model may be loaded with `trust_code`.
    """
    files, names = own_code(config)
    try:
        about = read_about(run / "model")
    except CheckpointError:
        return bool(trust.code_names(config))
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    shipped = {name: one["sha256"] for name, one in about.get("code", {}).items()}
    parts = [*task_of(about).parts(about).values(), about.get("discriminator", {}).get("network")]
    code = {part["name"] for part in parts if part and ":" in part["name"]}
    allowed = {*names.values(), *trust.code_names(config)}
    return bool(code) and code <= allowed and shipped.items() <= hashes.items()


def card_of(about: dict[str, Any]) -> str:
    """The model card, in the layout that Hugging Face's hub shows."""
    return task_of(about).card(about)
