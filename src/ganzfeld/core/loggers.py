"""Send a run's rows to trackers that people already use: TensorBoard, W&B, trackio, MLflow.

Each is a class with `numbers`, `sheet` and `close`, fed by `Loggers`, which training calls where it
writes a row into metrics.jsonl. Steps are images seen. A tracker that fails is left out from there
on: it never stops a run.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ganzfeld.config import flatten
from ganzfeld.core.reader import open_image
from ganzfeld.errors import UsageError, did_you_mean

PROJECT = "ganzfeld"
NONE = "none"  # in place of names: no tracker any more
TEXT = 20_000  # characters of a sheet of text
Numbers = Mapping[str, float]
Say = Callable[[str], None]


class Logger(Protocol):
    """One tracker, open for one run."""

    def numbers(self, found: Numbers, images: int) -> None: ...
    def sheet(self, path: Path, images: int) -> None: ...
    def close(self) -> None: ...


class TensorBoard:
    """Event files in RUN/tensorboard; steps that are taken again after a kill replace the old."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], images: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        place = str(folder / "tensorboard")
        self.writer: Any = SummaryWriter(place, purge_step=images + 1)

    def numbers(self, found: Numbers, images: int) -> None:
        for name, value in found.items():
            self.writer.add_scalar(name, value, images)

    def sheet(self, path: Path, images: int) -> None:
        import numpy as np

        if path.suffix == ".png":
            pixels = np.asarray(open_image(path).convert("RGB"))
            self.writer.add_image("samples", pixels, images, dataformats="HWC")
        elif path.suffix == ".txt":
            self.writer.add_text("samples", f"```\n{text_of(path)}\n```", images)

    def close(self) -> None:
        self.writer.close()


class Wandb:
    """Weights & Biases: offline in RUN/wandb unless this user is logged in there."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], images: int) -> None:
        self.wandb: Any = importlib.import_module("wandb")
        mode = os.environ.get("WANDB_MODE")
        if mode is None and not (os.environ.get("WANDB_API_KEY") or logged_in(self.wandb)):
            mode = "offline"
        self.run: Any = self.wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=folder.name,
            id=name_of(folder),
            dir=str(folder),
            config=dict(settings),
            resume="allow",
            mode=mode,
            settings=self.wandb.Settings(silent=True),
        )
        self.run.define_metric("*", step_metric="images")

    def numbers(self, found: Numbers, images: int) -> None:
        self.run.log({**found, "images": images})

    def sheet(self, path: Path, images: int) -> None:
        if path.suffix == ".png":
            self.run.log({"samples": self.wandb.Image(str(path)), "images": images})
        elif path.suffix == ".wav":
            self.run.log({"samples": self.wandb.Audio(str(path)), "images": images})
        elif path.suffix == ".txt":
            table = self.wandb.Table(["line"], [[line] for line in text_of(path).splitlines()])
            self.run.log({"samples": table, "images": images})

    def close(self) -> None:
        self.run.finish()


def logged_in(wandb: Any) -> bool:
    """Whether a key is stored on this machine."""
    with contextlib.suppress(Exception):
        return bool(wandb.api.api_key)
    return False


class Trackio:
    """trackio: on this machine, where TRACKIO_DIR says or in its own folder."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], images: int) -> None:
        self.trackio: Any = importlib.import_module("trackio")
        with silent():
            self.run: Any = self.trackio.init(
                project=os.environ.get("TRACKIO_PROJECT", PROJECT),
                name=f"{folder.name}-{name_of(folder)}",
                config=dict(settings),
                resume="allow",
                embed=False,
            )

    def numbers(self, found: Numbers, images: int) -> None:
        self.run.log(dict(found), step=images)

    def sheet(self, path: Path, images: int) -> None:
        if path.suffix == ".png":
            self.run.log({"samples": self.trackio.Image(str(path))}, step=images)

    def close(self) -> None:
        with silent():
            self.trackio.finish()


class MLflow:
    """MLflow: where MLFLOW_TRACKING_URI says, or in RUN/mlflow.db."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], images: int) -> None:
        self.mlflow: Any = importlib.import_module("mlflow")
        tracking: Any = importlib.import_module("mlflow.tracking")
        place = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder.resolve()}/mlflow.db"
        self.client: Any = tracking.MlflowClient(tracking_uri=place)
        project = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        found = self.client.get_experiment_by_name(project)
        kept = (folder / "mlflow-files").resolve().as_uri()
        number = found.experiment_id if found else self.client.create_experiment(project, kept)
        own = f"tags.ganzfeld = '{name_of(folder)}'"
        runs = self.client.search_runs([number], own, max_results=1)
        if not runs:
            tags = {"ganzfeld": name_of(folder)}
            made = self.client.create_run(number, run_name=folder.name, tags=tags)
            for name, value in settings.items():
                self.client.log_param(made.info.run_id, name.replace("*", "all"), str(value)[:500])
            runs = [made]
        self.run_id: str = runs[0].info.run_id

    def numbers(self, found: Numbers, images: int) -> None:
        entities: Any = importlib.import_module("mlflow.entities")
        rows = [entities.Metric(name, value, 0, images) for name, value in found.items()]
        self.client.log_batch(self.run_id, metrics=rows)

    def sheet(self, path: Path, images: int) -> None:
        self.client.log_artifact(self.run_id, str(path), "samples")

    def close(self) -> None:
        self.client.set_terminated(self.run_id)


LOGGERS: dict[str, Callable[[Path, Mapping[str, Any], int], Logger]] = {
    "tensorboard": TensorBoard,
    "wandb": Wandb,
    "trackio": Trackio,
    "mlflow": MLflow,
}


def check_names(names: Sequence[str]) -> list[str]:
    """The trackers, each known; UsageError otherwise."""
    for name in names:
        if name not in LOGGERS:
            raise UsageError(f"--log-to {name!r} is not known. {did_you_mean(name, LOGGERS)}")
    return list(dict.fromkeys(names))


def check_installed(names: Sequence[str]) -> None:
    """UsageError where a tracker is not known, or its package is not there."""
    for name in check_names(names):
        if importlib.util.find_spec(name) is None:
            raise UsageError(
                f"--log-to {name} needs the package {name}, which is not installed",
                safe="nothing was trained",
                fix=f"pip install {name}   or, for all of them, pip install 'ganzfeld[track]'",
            )


def more(stored: Sequence[str], given: Sequence[str] | None) -> list[str]:
    """The trackers of a run that goes on: those it had and those that are given; "none" alone
    leaves all out, None changes nothing. UsageError where a given one is not there.

    Example::

        from ganzfeld.core import loggers

        assert loggers.more(["wandb"], None) == ["wandb"]
        assert loggers.more(["wandb"], ["none"]) == []
    """
    if given is not None and list(given) == [NONE]:
        return []
    check_installed(given or ())
    return list(dict.fromkeys([*stored, *(given or ())]))


class Loggers:
    """All trackers of a run.

    names: in LOGGERS. settings: of the run, nested as its config.json has them. images: seen so
    far, where it goes on. say: is told once of a tracker that fails.
    """

    def __init__(
        self,
        names: Sequence[str] = (),
        folder: Path = Path(),
        settings: Mapping[str, Any] | None = None,
        images: int = 0,
        say: Say = lambda text: None,
    ) -> None:
        self.say, self.open = say, {}  # type: Say, dict[str, Logger]
        flat = {k: v for k, v in flatten(settings or {}).items() if not isinstance(v, dict)}
        for name in check_names(names):
            with self.spared(name):
                check_installed([name])  # a run may go on elsewhere
                self.open[name] = LOGGERS[name](folder, flat, images)

    def __enter__(self) -> Loggers:
        return self

    def __exit__(self, *_: object) -> None:
        for name, logger in [*self.open.items()]:
            with self.spared(name):
                logger.close()
        self.open.clear()

    @contextlib.contextmanager
    def spared(self, name: str) -> Iterator[None]:
        """A tracker that fails is left out, and the run goes on."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except Exception as error:
            self.open.pop(name, None)
            said = str(error).strip().splitlines() or [type(error).__name__]
            self.say(f"note: {name} is told nothing from here on: {said[0]}")

    def row(self, kind: str, images: int, row: Mapping[str, Any]) -> None:
        """A row of metrics.jsonl, as it is written."""
        if not self.open:
            return
        numbers = {
            f"{kind}/{name.replace('.', '/')}": float(value)
            for name, value in flatten(dict(row)).items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        for name, logger in [*self.open.items()]:
            with self.spared(name):
                logger.numbers(numbers, images)

    def sheet(self, path: Path, images: int) -> None:
        """A sheet of samples, as it is drawn."""
        for name, logger in [*self.open.items()]:
            with self.spared(name):
                logger.sheet(path, images)


def name_of(folder: Path) -> str:
    """What is the same whenever this run goes on."""
    return hashlib.blake2b(str(folder.resolve()).encode(), digest_size=6).hexdigest()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[:TEXT]


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Without what a package prints."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
