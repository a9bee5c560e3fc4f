"""Turn an out-of-memory error of training into what would fit."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ganzfeld.config import Config
from ganzfeld.core.memory import of_memory
from ganzfeld.errors import GanzfeldError, ResourceError


@contextmanager
def out_of_memory(config: Config, finished: Path | None = None) -> Iterator[None]:
    """Turn out-of-memory errors into advice.

    finished: a run that has taken all its steps, so that no batch is to blame.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, GanzfeldError) or not of_memory(error):
            raise
        if finished is not None:
            raise ResourceError(
                f"out of memory while {finished} was measured and its report drawn",
                safe="all its steps are done and saved",
                fix=f"ganzfeld resume {shlex.quote(str(finished))}   where more memory is free",
            ) from error
        half, parts = max(config.run.batch_size // 2, 1), 2 * config.run.accumulate
        same = f"--set run.accumulate={parts}   for the same batch in smaller parts   or "
        raise ResourceError(
            f"out of memory with batch {config.run.batch_size}",
            safe="checkpoints already saved are untouched",
            fix=f"{same if config.run.batch_size % parts == 0 else ''}"
            f"--batch {half}, a smaller --size, or --set networks.G.width=... for less",
        ) from error


def all_finite(tree: Any) -> bool:
    if isinstance(tree, torch.Tensor):
        return bool(tree.isfinite().all())
    return all(all_finite(v) for v in tree.values()) if isinstance(tree, dict) else True
