"""This process of a training: its screen, its device among others, and the folder it holds."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from ganzfeld.core import distributed, runtime
from ganzfeld.core.console import Screen
from ganzfeld.core.device import choose_device
from ganzfeld.core.lock import check_writable, locked, refuse_links


def make_screen(quiet: bool) -> Screen:
    return Screen(quiet=quiet or int(os.environ.get("RANK", "0")) > 0)


@contextlib.contextmanager
def joined(kind: str) -> Iterator[torch.device]:
    """This process's device, with the other processes of `torchrun` joined.

    Afterwards the process has as many threads as before.
    """
    device = distributed.local_device(choose_device(kind))
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.start(device)
    try:
        with runtime.threads():
            yield device
    except RuntimeError:  # of a collective, where rank 0 has gone
        distributed.leave_last()
        raise
    finally:
        distributed.finish()


@contextlib.contextmanager
def owned(folder: Path, fix: str = "") -> Iterator[None]:
    """The run's folder, for this process alone; the first of several holds it for all.

    fix: what mends a folder that cannot be written; by default another one.
    """
    if distributed.rank():
        yield
        return
    refuse_links(folder)
    check_writable(folder, 0, fix)
    with locked(folder):
        yield
