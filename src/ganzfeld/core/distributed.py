"""Several processes under `torchrun`: the same step everywhere, with averaged gradients."""

from __future__ import annotations

import datetime
import gc
import itertools
import os
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

T = TypeVar("T")

CALLS = itertools.count()  # of `first`

TIMEOUT = datetime.timedelta(seconds=90)  # a silent rank ends the others after this
LAST_WORDS = 10.0  # seconds that the others leave rank 0 to say what has ended it


def start(device: torch.device) -> None:
    """Join the processes that `torchrun` started; alone, do nothing."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        # what only processes say to each other goes by gloo: no GPU has to wait for it
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=TIMEOUT)


def finish() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
        gc.collect()  # a group that outlives Python aborts the process ("terminate called ...")


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else int(os.environ.get("RANK", "0"))


def world() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def local_device(kind: str) -> torch.device:
    """This process's own device of a kind: `cuda:3` for the fourth process of a machine."""
    if kind == "cuda":
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device(kind)


def average(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its mean over all ranks, in one flat all-reduce."""
    if world() == 1:
        return
    tensors = list(tensors)
    if not tensors:
        return
    flat = torch.cat([t.detach().float().reshape(-1) for t in tensors])
    dist.all_reduce(flat)
    flat /= world()
    pieces = torch.split(flat, [t.numel() for t in tensors])
    with torch.no_grad():
        for tensor, piece in zip(tensors, pieces, strict=True):
            tensor.copy_(piece.view(tensor.shape))


def average_buffers(module: nn.Module) -> None:
    """Keep what ranks measured on their own samples (batch statistics) the same everywhere."""
    if world() > 1:
        average(b for b in module.buffers() if b.is_floating_point())


def first(make: Callable[[], T], name: str) -> T:
    """make(), on rank 0 before the others: what it prepares on the disk, they find ready.

    The others wait on the store for as long as it takes, which no collective would.
    name: what it is, for errors of the store.
    """
    if world() == 1:
        return make()
    store = dist.distributed_c10d._get_default_store()
    name = f"{name} {next(CALLS)}"  # all ranks make the same calls in the same order
    if rank() == 0:
        try:
            value = make()
        except BaseException:
            store.set(name, "failed")
            raise
        store.set(name, "ready")
        return value
    store.wait([name], datetime.timedelta(days=1))
    if store.get(name) != b"ready":
        leave_last()
        raise SystemExit(1)
    return make()


def leave_last() -> None:
    """Where rank 0 has failed: it says why, before the others leave.

    `torchrun` ends all processes as soon as one has left, also one that is about to speak.
    """
    if rank():
        time.sleep(LAST_WORDS)


def largest(number: int) -> int:
    """The largest of all ranks' numbers, the same on each of them."""
    if world() == 1:
        return number
    value = torch.tensor(number)
    dist.all_reduce(value, dist.ReduceOp.MAX)
    return int(value)


def together() -> None:
    """Wait for all ranks, so that none leaves, and is missed, while another still writes."""
    largest(0)
