"""One thread that draws: it takes what lies in the queue, at most 32 samples, and never waits.

Batches grow by themselves under load, and a lone client waits for nobody. Requests take turns:
one that asks for many samples gets an equal share of each batch, so that it starves no other.
What is drawn in a batch has the bits that it has alone (`shipping.engine`).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.shipping.engine import AT_ONCE, Engine
from ganzfeld.shipping.server.metrics import Metrics
from ganzfeld.shipping.server.problem import Problem


@dataclass(frozen=True)
class Wanted:
    """One sample. label: the name of a class; numbers: conditions by name; None: its own."""

    seed: int
    index: int
    label: str | None = None
    numbers: Any = None
    std: float = 1.0
    mean: float = 0.0


@dataclass(eq=False)
class Job:
    """A request's work: samples of one engine, or else one call. `finish` makes the answer."""

    future: asyncio.Future[Any]
    deadline: float
    engine: Engine | None = None
    wanted: list[Wanted] = field(default_factory=list)
    finish: Callable[[NDArray[Any]], Any] | None = None
    work: Callable[[Callable[[], None]], Any] | None = None
    drawn: list[NDArray[Any]] = field(default_factory=list)
    done: int = 0
    cancelled: bool = False

    @property
    def left(self) -> int:
        return len(self.wanted) - self.done if self.work is None else 1


class Gone(Exception):
    """The client went away, or time ran out, while a call was at work."""


class Batcher:
    """The queue and its thread.

    most: samples that may wait. Answers go to the loop that asked.
    """

    def __init__(self, metrics: Metrics, most: int = 256) -> None:
        self.metrics, self.most = metrics, most
        self.jobs: deque[Job] = deque()
        self.waiting = 0  # samples of the jobs in the queue
        self.busy = False
        self.there = threading.Condition()
        self.stopped = False
        self.thread = threading.Thread(target=self.run, name="ganzfeld-draws", daemon=True)
        self.thread.start()

    def put(self, job: Job) -> None:
        """Problem 429 where the queue is full."""
        with self.there:
            if self.waiting and self.waiting + job.left > self.most:
                raise Problem(
                    429,
                    f"{self.waiting:,} samples wait already, of {self.most:,} at most",
                    fix="ask again in a second, or for fewer",
                    headers={"Retry-After": "1"},
                )
            self.waiting += job.left
            self.jobs.append(job)
            self.there.notify()

    def cancel(self, job: Job) -> None:
        """Nobody waits for this job any more: what is left of it is dropped."""
        with self.there:
            job.cancelled = True
            self.metrics.cancelled += 1

    @property
    def idle(self) -> bool:
        return not self.jobs and not self.busy

    def stop(self) -> None:
        with self.there:
            self.stopped = True
            self.there.notify()
        self.thread.join(5)

    def run(self) -> None:
        while True:
            with self.there:
                self.busy = False
                while not self.jobs and not self.stopped:
                    self.there.wait()
                if self.stopped:
                    return
                self.busy = True
            self.step(calls=True)

    def step(self, *, calls: bool) -> None:
        """One batch, or one call where `calls` and it is its turn."""
        with self.there:
            late = self.drop()
            taken = self.take(calls)
        for job, problem in late:
            answer(job, problem)
        if not taken:
            return
        first = taken[0][0]
        if first.work is not None:
            self.call(first)
        else:
            self.draw(taken)

    def drop(self) -> list[tuple[Job, Problem]]:
        """Take out what nobody waits for and what is too late."""
        now, late = time.monotonic(), []
        for job in list(self.jobs):
            if job.cancelled or job.deadline < now:
                self.jobs.remove(job)
                self.waiting -= job.left
                if not job.cancelled:
                    late.append((job, out_of_time()))
        return late

    def take(self, calls: bool) -> list[tuple[Job, int]]:
        """The next jobs, and how many samples of each are drawn now."""
        first = next((job for job in self.jobs if calls or job.work is None), None)
        if first is None:
            return []
        if first.work is not None:
            self.jobs.remove(first)
            self.waiting -= 1
            return [(first, 1)]
        same = [job for job in self.jobs if job.work is None and job.engine is first.engine]
        counts = {id(job): 0 for job in same}
        room = AT_ONCE
        while room:
            open_ = [job for job in same if counts[id(job)] < job.left]
            if not open_:
                break
            share = max(room // len(open_), 1)
            for job in open_[:room]:
                more = min(share, job.left - counts[id(job)], room)
                counts[id(job)] += more
                room -= more
        taken = [(job, counts[id(job)]) for job in same if counts[id(job)]]
        for job, count in taken:
            self.jobs.remove(job)
            self.waiting -= count
            if count < job.left:
                self.jobs.append(job)  # its turn comes again behind the others
        return taken

    def draw(self, taken: list[tuple[Job, int]]) -> None:
        wanted = [one for job, n in taken for one in job.wanted[job.done : job.done + n]]
        engine = taken[0][0].engine
        assert engine is not None
        try:
            numbers = [one.numbers for one in wanted]
            rows = engine.draw(
                [(one.seed, one.index) for one in wanted],
                [one.label for one in wanted],
                numbers if any(one is not None for one in numbers) else None,
                [one.std for one in wanted],
                [one.mean for one in wanted],
            )
        except Exception as error:
            with self.there:
                for job, n in taken:
                    job.done += n
                    if job in self.jobs:
                        self.jobs.remove(job)
                        self.waiting -= job.left
            for job, _ in taken:
                answer(job, error)
            return
        self.metrics.batches[len(wanted)] += 1
        place = 0
        ready: list[tuple[Job, Any]] = []
        for job, n in taken:
            job.drawn.append(rows[place : place + n])
            job.done += n
            place += n
            if not job.left and not job.cancelled:
                ready.append((job, finished(job)))
        for job, found in ready:
            answer(job, found)

    def call(self, job: Job) -> None:
        assert job.work is not None

        def breathe() -> None:
            """Between two parts of a long call: let others draw, and see whether to go on."""
            self.step(calls=False)
            if job.cancelled:
                raise Gone
            if job.deadline < time.monotonic():
                raise out_of_time()

        try:
            found = job.work(breathe)
        except Gone:
            return
        except Exception as error:
            found = error
        answer(job, found)


def finished(job: Job) -> Any:
    assert job.finish is not None
    try:
        rows = job.drawn[0] if len(job.drawn) == 1 else np.concatenate(job.drawn)
        return job.finish(rows)
    except Exception as error:
        return error


def out_of_time() -> Problem:
    return Problem(504, "the request did not have its turn in time", fix="ask for less at once")


def answer(job: Job, found: Any) -> None:
    def give() -> None:
        if job.future.done():
            return
        if isinstance(found, Exception):
            job.future.set_exception(found)
        else:
            job.future.set_result(found)

    with contextlib.suppress(RuntimeError):  # where the loop has closed nobody waits
        job.future.get_loop().call_soon_threadsafe(give)
