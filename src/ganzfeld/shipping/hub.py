"""Publish a model: a folder as hubs want it, checked and the same to the byte each time."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganzfeld.core import files, marks, reader, system, temporary
from ganzfeld.core.metrics_log import finite
from ganzfeld.core.names import is_system, quoted
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.models import folder as folders
from ganzfeld.models import hub
from ganzfeld.models.embedded import located
from ganzfeld.models.folder import JUDGE
from ganzfeld.models.model import absent, load
from ganzfeld.shipping.card import card, check_license
from ganzfeld.shipping.page_prepared import NAME as PAGE
from ganzfeld.text import shown

SUMS = "SHA256SUMS"
PREVIEW = 24  # samples, in six columns
WEIGHTS = ("model.safetensors", JUDGE)
SOURCE = ("config.json", "README.md", *WEIGHTS, PAGE)  # what a model's folder may hold
PUBLISHED = re.compile(
    r"config\.json|README\.md|evaluation\.json|preview\.(png|wav|txt|csv|npy)(\.json)?|"
    r"(model|discriminator)\.safetensors|SHA256SUMS|\.gitattributes"
)
ATTRIBUTES = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
SECRETS = {
    "a token": re.compile(
        r"\b(hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}"
        r"|AKIA[A-Z0-9]{16}|xox[abp]-[A-Za-z0-9-]{10,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,})"
    ),
    "an absolute path": re.compile(
        r"(^|[\s\"'=:(])(/(home|Users|root|tmp|mnt|media|data|work|opt|srv|var|etc)/[^\s\"']+"
        r"|[A-Za-z]:\\[^\s\"']+|\\\\[^\s\"'\\]+\\[^\s\"']+)"
    ),
    "an e-mail address": re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63})+\b"),
}
Files = dict[str, bytes]


@dataclass(frozen=True)
class Published:
    """files: names with their sizes. card: the README.md. where: the folder, or the hub's page."""

    files: dict[str, int]
    card: str
    where: str


def publish(
    model: str | Path,
    to: str | Path,
    *,
    license: str | None = None,
    data_license: str | None = None,
    dry_run: bool = False,
    private: bool = False,
    pull_request: bool = False,
) -> Published:
    """Make the folder of a model that others shall use, or upload it.

    model: a finished run or a model's folder. to: a new folder (or one that this command made),
    or "hub:USER/NAME". license: of the weights, as the hub names it. data_license: of the
    training data, in words. dry_run: write and send nothing.

    Raises UsageError and CheckpointError, before anything is written: where no licence is given,
    where the model needs its author's own code, where a file is damaged or is none of a model's,
    and where a path, a user's name or a token would go out.

    Example::

        from ganzfeld.shipping.hub import publish

        publish("runs/avatars-default", "avatars-published", license="apache-2.0")
    """
    check_license(license)
    assert license is not None
    on_hub = hub.is_hub(to)
    if on_hub and hub.parsed(str(to))[1] is not None:
        raise UsageError(
            "a revision is what an upload makes, not where it goes", fix="--to hub:USER/NAME"
        )
    name = hub.parsed(str(to))[0] if on_hub else Path(to).resolve().name
    where = f"hub:{name}" if on_hub else "path/to/this/folder"
    made = content(
        located(model), license=license, data_license=data_license, name=name, where=where
    )
    sizes = {file: len(data) for file, data in sorted(made.items())}
    text = made["README.md"].decode()
    if dry_run:
        return Published(sizes, text, str(to))
    if not on_hub:
        write(Path(to), made)
        return Published(sizes, text, str(to))
    with temporary.scratch() as home:
        place = home / "model"
        write(place, made)
        page = upload(place, name, list(made), private=private, pull_request=pull_request)
    return Published(sizes, text, page)


def content(model: Path, *, license: str, data_license: str | None, name: str, where: str) -> Files:
    """All files of a published model, by their names."""
    source = model / "model" if (model / "model" / "config.json").exists() else model
    if not os.path.lexists(source / WEIGHTS[0]):
        if (model / "checkpoints").is_dir():
            raise UsageError(
                f"{model} has no finished model", fix=f"ganzfeld resume {quoted(model)}"
            )
        raise absent(model)
    about = folders.read_about(source)
    refuse_others(source)
    if about.get("code") or ":" in json.dumps(names_of_parts(about)):
        raise UsageError(
            "this model needs Python code of its author, and published models run none",
            safe="nothing was written",
            fix="share its folder as it is, with --trust-code for whoever trusts you",
        )
    made: Files = {}
    for file, expected in weights_in(about):
        data = reader.read_bytes(source / file, int(expected["size"]))
        if problem := files.mismatch(file, data, dict(expected)):
            raise CheckpointError(
                f"{source} is damaged: {problem}", fix="copy the model folder again from its source"
            )
        made[file] = data
    evaluation = None
    if (model / "evaluation.json").exists():
        found = reader.read_json(model / "evaluation.json")
        if isinstance(found, dict) and isinstance(found.get("protocol"), dict):
            evaluation = found
            made["evaluation.json"] = files.as_json(finite(public(found)))
    about["license"] = license
    made["config.json"] = files.as_json(about)
    made["README.md"] = files.utf8(
        card(about, evaluation, license=license, name=name, where=where, data_license=data_license)
    )
    made[".gitattributes"] = ATTRIBUTES
    check_private(made)
    made |= preview(source)
    sums = "".join(f"{hashlib.sha256(made[f]).hexdigest()}  {f}\n" for f in sorted(made))
    made[SUMS] = sums.encode()
    return made


def weights_in(about: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield WEIGHTS[0], about["weights"]
    judge = about.get("discriminator", {}).get("weights")
    if judge is not None:
        yield JUDGE, judge


def names_of_parts(about: Mapping[str, Any]) -> list[str]:
    """The networks that a model names; one of its author's own has a colon."""
    parts = [about.get("generator"), about.get("discriminator", {}).get("network")]
    parts += [one["part"] for one in about.get("translators", {}).values()]
    return [part["name"] for part in parts if part]


def refuse_others(source: Path) -> None:
    """UsageError where a model's folder holds what no model has: pickles, data, notes."""
    others = [p.name for p in source.iterdir() if not is_system(p.name)]
    others = [name for name in others if name not in SOURCE and not PUBLISHED.fullmatch(name)]
    if others:
        raise UsageError(
            f"{shown(str(source))} holds {shown(sorted(others)[0])}, which is no part of a model",
            safe="nothing was written",
            fix="move it away: only weights, config.json and README.md are published",
        )


def public(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """An evaluation without the names of files on this machine."""
    return {name: value for name, value in evaluation.items() if name not in ("run", "source")}


def check_private(made: Mapping[str, bytes]) -> None:
    """UsageError where a text would tell a path, a user's name or a token."""
    user = user_name()
    for file, data in made.items():
        if file in WEIGHTS:
            continue
        for text in texts_of(file, data):
            for what, pattern in SECRETS.items():
                if found := pattern.search(text):
                    refuse(file, what, found[0])
            if user and re.search(rf"[/\\@]{re.escape(user)}[/\\]", text):
                refuse(file, "the name of this user", user)


def refuse(file: str, what: str, found: str) -> None:
    hidden = f"{found.strip()[:12]}..." if what == "a token" else found.strip()
    raise UsageError(
        f"{file} would tell {what}: {shown(hidden, 80)}",
        safe="nothing was written",
        fix="take it out of the model's config.json, or train with a plain name for the data",
    )


def texts_of(file: str, data: bytes) -> Iterator[str]:
    """Each text in a file of JSON, names included; a file of another kind as it is."""
    if not file.endswith(".json"):
        yield data.decode("utf-8", "replace")
        return

    def walk(tree: Any) -> Iterator[str]:
        if isinstance(tree, str):
            yield tree
        elif isinstance(tree, dict):
            for key, value in tree.items():
                yield key
                yield from walk(value)
        elif isinstance(tree, list):
            for value in tree:
                yield from walk(value)

    yield from walk(json.loads(data))


def user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user whom the system does not know
        return ""


def preview(source: Path) -> Files:
    """A sheet of the first samples, marked; none of a model that needs inputs."""
    model = load(source)
    if not hasattr(model, "chunks"):
        return {}
    from ganzfeld.models.marking import of_model

    stored = np.concatenate([model.store(x) for x in model.chunks(PREVIEW)])
    kind = model.modality
    mark = of_model(model, seed=0, indices=[[0, PREVIEW - 1]])
    with temporary.scratch() as home:
        place = home / f"preview{kind.sheet_suffix}"
        with marks.marking(place, mark) as hidden:
            kind.sheet(stored, 6, hidden, model.spec)
        return {p.name: p.read_bytes() for p in sorted(home.iterdir())}


def write(place: Path, made: Mapping[str, bytes]) -> None:
    """Put the files into a new folder, all or none; one that this command made is replaced."""
    if place.exists():
        if not place.is_dir():
            raise UsageError(f"{shown(str(place))} is a file", fix="--to with a new folder")
        there = [p.name for p in place.iterdir() if not is_system(p.name)]
        strange = [name for name in there if not PUBLISHED.fullmatch(name)]
        if there and (strange or SUMS not in there):
            first = (strange or there)[0]
            raise UsageError(
                f"{shown(str(place))} holds {shown(first)}: this command did not make it",
                safe="nothing was changed",
                fix="--to with a new folder",
            )
    place.parent.mkdir(parents=True, exist_ok=True)
    with temporary.hidden(place, folder=True, mode=0o700) as new:
        for name, data in made.items():
            files.write(new / name, data)
        files.sync(new)
        new.chmod(0o755)
        files.remove(place)
        system.replace(new, place)
        files.sync(place.parent)


def upload(
    place: Path,
    name: str,
    names: list[str],
    *,
    private: bool,
    pull_request: bool,
    say: Callable[[str], None] = lambda text: None,
) -> str:
    """Send a folder to the hub; the address of what it made there."""
    library = hub.library()
    try:
        hub.quiet()
        api = library.HfApi(library_name="ganzfeld")
        api.create_repo(name, private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=name,
            folder_path=place,
            allow_patterns=names,
            commit_message="Model by ganzfeld publish",
            create_pr=pull_request,
        )
    except Exception as error:  # of the network, of the hub, of the user's rights
        reached = getattr(error, "response", None) is not None or "Token" in type(error).__name__
        fix = "HF_TOKEN with write access (hf auth login), and a USER/NAME that is yours"
        raise UsageError(
            f"hub:{name} cannot be written: {shown(hub.first_line(error), 300)}",
            safe="the model is untouched",
            fix=fix if reached else "the same command once the hub can be reached",
        ) from error
    return str(done.pr_url if pull_request and done.pr_url else done.commit_url)
