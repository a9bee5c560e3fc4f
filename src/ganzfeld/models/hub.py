"""Models on Hugging Face's hub: `ganzfeld.load("hub:USER/NAME@REVISION")`.

Only files by our own names are downloaded, their SHA-256 is checked as in any model's folder, and
code of an author is never among them. Needs `pip install 'ganzfeld[hub]'`.
"""

from __future__ import annotations

import re
import sys
from logging import CRITICAL
from pathlib import Path
from typing import Any

from ganzfeld.core.language import tr
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.text import lines, shown
from ganzfeld.version import __version__

START = "hub:"
INSTALL = "pip install 'ganzfeld[hub]'"
WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
NAME = re.compile(rf"hub:({WORD}/{WORD})(?:@([A-Za-z0-9_][A-Za-z0-9_./-]{{0,199}}))?")
NEEDED = ("config.json", "model.safetensors", "discriminator.safetensors")


def is_hub(path: Any) -> bool:
    """Whether a path names a model on the hub. `pathlib` leaves such names as they are."""
    return str(path).startswith(START)


def parsed(name: str) -> tuple[str, str | None]:
    """USER/NAME and the revision, if any, of "hub:USER/NAME@REVISION"; UsageError for others.

    Example::

        from ganzfeld.models.hub import parsed

        assert parsed("hub:me/faces@v1") == ("me/faces", "v1")
    """
    found = NAME.fullmatch(name)
    if found is None or ".." in name or "--" in found[1]:
        raise UsageError(
            f"{shown(name[:100])} names no model on the hub",
            fix="hub:USER/NAME   or hub:USER/NAME@REVISION",
        )
    return found[1], found[2]


def library() -> Any:
    """huggingface_hub; UsageError where it is not installed."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise UsageError(
            "the hub needs huggingface_hub, which is not installed", fix=INSTALL
        ) from (error)
    return huggingface_hub


def fetch(name: str) -> Path:
    """The folder with a model's files of one commit, downloaded where they are not here yet.

    Says which commit on standard error. CheckpointError where it cannot be had.
    """
    repo, revision = parsed(name)
    hub = library()
    quiet()
    try:
        folder = hub.snapshot_download(
            repo,
            revision=revision,
            allow_patterns=list(NEEDED),
            library_name="ganzfeld",
            library_version=__version__,
        )
    except Exception as error:  # of the network, of the hub, of this disk
        raise refusal(error, name, repo, revision) from error
    place = Path(folder)
    commit = place.name
    if commit != revision:
        told = f"{name} is at revision {commit}; {START}{repo}@{commit} pins it"
        print(lines(tr(told)), file=sys.stderr)
    if not (place / "config.json").exists():
        raise CheckpointError(
            f"{shown(name)} is no model of ganzfeld: it has no config.json",
            fix="another name; `ganzfeld publish` makes such models",
        )
    return place


def quiet() -> None:
    """One screen where something fails, not a warning for each try; no bars but on a terminal."""
    from huggingface_hub import utils

    utils.logging.set_verbosity(CRITICAL)
    if not sys.stderr.isatty():
        utils.disable_progress_bars()


def refusal(error: Exception, name: str, repo: str, revision: str | None) -> CheckpointError:
    """What went wrong with a download, by what the library calls it."""
    kinds = {one.__name__ for one in type(error).__mro__}
    if "RevisionNotFoundError" in kinds:
        return CheckpointError(
            f"{shown(repo)} on the hub has no revision {shown(revision or 'main')}",
            fix=f"hub:{repo} for its newest one",
        )
    if "RepositoryNotFoundError" in kinds:
        return CheckpointError(
            f"the hub has no model {shown(repo)}, or it is not for everybody",
            fix="another name; for a private model HF_TOKEN (hf auth login)",
        )
    return CheckpointError(
        f"{shown(name)} cannot be downloaded: {shown(first_line(error), 300)}",
        safe="what was downloaded before is still there",
        fix="the same command once the hub can be reached: it goes on where it stopped",
    )


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]
