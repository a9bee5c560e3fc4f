"""What the speed benches share: sides in processes of their own that take turns, and a table.

A side is a process on one thread, for settings of the process (allocator, denormal numbers) must
not leak from one to the other. It sets up, works once to warm up, and then works when it is its
turn. What is compared is the CPU time of the same round, so that a machine which others slow down
slows both; the wall time is given beside it.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

Work = Callable[[], int]  # does something, and says how many images that was
Side = tuple[Callable[..., Work], tuple[Any, ...]]  # what makes the work, in its own process


class Spent(NamedTuple):
    cpu: float  # seconds an image, with those of child processes that have ended
    wall: float


def write_row(row: Mapping[str, Any], results: Path | None = None) -> None:
    """Print a row as a line of JSON, and add it to the file of results where one is given."""
    line = json.dumps(row)
    print(line, flush=True)
    if results is not None:
        with results.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def machine(threads: str = "one thread") -> str:
    """One line to put above a table."""
    import torch

    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        name = found[1] if found else name
    simd = torch.backends.cpu.get_cpu_capability()
    return (
        f"{datetime.now(UTC).date()}, {os.cpu_count()} cores {name} ({simd}), {threads}, "
        f"torch {torch.__version__}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


@contextlib.contextmanager
def beside(busy: int) -> Iterator[None]:
    """Around work while so many processes count."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def cpu_clock() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def measured(work: Work) -> Spent:
    cpu, wall = cpu_clock(), time.monotonic()
    count = work()
    return Spent((cpu_clock() - cpu) / count, (time.monotonic() - wall) / count)


def serve(pipe: Connection, make: Callable[..., Work], arguments: tuple[Any, ...]) -> None:
    import torch

    torch.set_num_threads(1)
    work = make(*arguments)
    work()
    while pipe.recv():
        pipe.send(measured(work))


def in_turns(sides: Mapping[str, Side], rounds: int) -> dict[str, list[Spent]]:
    """Every side once a round, the order reversed in every second one."""
    context = multiprocessing.get_context("spawn")
    pipes, children = {}, []
    for name, (make, arguments) in sides.items():
        pipes[name], other = context.Pipe()
        child = context.Process(target=serve, args=(other, make, arguments), daemon=True)
        child.start()
        children.append(child)
        other.close()
    spent: dict[str, list[Spent]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            pipes[name].send(True)
            spent[name].append(pipes[name].recv())
    for pipe in pipes.values():
        pipe.send(False)
    for child in children:
        child.join()
    return spent


def table(title: str, spent: Mapping[str, list[Spent]]) -> str:
    """Markdown: images per second, and how many times the first side's that is."""
    base = next(iter(spent.values()))
    heads = [title, "images per CPU s", "times the first, CPU", "least to most", "times, wall"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, own in spent.items():
        cpu = [b.cpu / o.cpu for b, o in zip(base, own, strict=True)]
        wall = [b.wall / o.wall for b, o in zip(base, own, strict=True)]
        cells = [
            name,
            f"{1 / statistics.median(o.cpu for o in own):,.0f}",
            f"{statistics.median(cpu):.2f}",
            f"{min(cpu):.2f} to {max(cpu):.2f}",
            f"{statistics.median(wall):.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
