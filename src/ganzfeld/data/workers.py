"""Decode images in child processes, so that a crash costs one image and not the run.

A child is `python -m ganzfeld.data.workers`: no fork of a process that holds threads or a GPU, no
second run of the user's script. It gets lines of JSON (names) and answers each image with a
line of JSON and the raw pixels. A child that dies, or is silent for too long, was killed by the
first image that it has not answered: that one is named, and a new child goes on behind it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from ganzfeld.core import system
from ganzfeld.data.answering import Answer, as_line, digest_of, receive, send
from ganzfeld.data.readers import Reader, Unreadable, reader_of
from ganzfeld.errors import GanzfeldError
from ganzfeld.modalities.image.bad import BadPicture
from ganzfeld.modalities.image.codec import Target, decode, probe
from ganzfeld.modalities.image.depth import OutOfRange
from ganzfeld.modalities.image.formats import FRAME, Frames, is_tame

PICTURE_SECONDS = 30.0
MEMORY_BYTES = 8 << 30  # address space of a child, where the system can limit it
FEW_PICTURES = 200  # below, starting processes costs more than they save
CHUNK = 32


def handle(
    reader: Reader, names: Sequence[str], indices: Sequence[int], target: Target | float
) -> Iterator[Answer]:
    """Answer for each of the images, in order. A number as target (megapixels) only probes."""
    kept = Kept(reader)
    for index in indices:
        yield answer_for(kept, names[index], index, target)


class Kept:
    """A reader, and the file that it read last: it may hold several frames."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.frames = reader, Frames()
        self.name, self.data = "", b""

    def get(self, name: str) -> tuple[bytes, str, int | None]:
        """The bytes, the file's name, and which frame of it is meant; None for the first."""
        file, mark, frame = name.partition(FRAME)
        if not self.name or self.name != file:
            self.name = ""  # where it cannot be read
            self.data = self.reader.read(file)
            self.name = file
        return self.data, file, int(frame) if mark else None


def answer_for(kept: Kept, name: str, index: int, target: Target | float) -> Answer:
    """What becomes of one image."""
    try:
        data, name, frame = kept.get(name)
        if not isinstance(target, Target):
            return Answer(index=index, probe=probe(data, target, name))
        if frame is None:
            done = decode(data, target, name)
        else:
            done = decode(data, target, name, frame=frame, frames=kept.frames)
        return Answer(
            index=index,
            pixels=done.pixels,
            digest=digest_of(done.pixels),
            facts=done.facts,
            seen=done.seen,
            size=done.size,
            cut=done.cut,
            values=done.values,
        )
    except BadPicture as error:
        seen = error.seen if isinstance(error, OutOfRange) else None
        return Answer(index=index, reason=str(error), seen=seen)
    except Unreadable as error:
        return Answer(index=index, reason=str(error), passing=True)
    except MemoryError:
        return Answer(index=index, reason="needs more memory than there is", passing=True)


def answers(
    reader: Reader,
    names: Sequence[str],
    target: Target | float,
    *,
    workers: int | None = None,
    indices: Iterable[int] | None = None,
) -> Iterator[Answer]:
    """Answer for every image once, in any order.

    `workers`: processes; 0 decodes in this one; None: one for each core, 0 for few images.
    """
    chosen = list(range(len(names)) if indices is None else indices)
    if workers is None and len(chosen) < FEW_PICTURES and sys.executable:
        yield from _few(reader, names, chosen, target)
        return
    if workers is None:
        workers = cores() if sys.executable else 0
    if workers == 0:
        yield from handle(reader, names, chosen, target)
        return
    yield from _by_pool(reader, names, chosen, target, workers)


def _by_pool(
    reader: Reader, names: Sequence[str], chosen: list[int], target: Target | float, workers: int
) -> Iterator[Answer]:
    pool = Pool(reader, names, target, _chunks(chosen, reader), workers)
    try:
        yield from pool.answers(len(chosen))
    finally:
        pool.stop()


def _few(
    reader: Reader, names: Sequence[str], chosen: list[int], target: Target | float
) -> Iterator[Answer]:
    """A few images in this process, but for those that may take long or much memory: the limits
    on both hold in a child only."""
    kept, heavy = Kept(reader), []
    for index in chosen:
        try:
            data, name, _ = kept.get(names[index])
            tame = not isinstance(target, Target) or is_tame(data, name)
        except (Unreadable, MemoryError):
            tame = True
        if tame:
            yield answer_for(kept, names[index], index, target)
        else:
            heavy.append(index)
    if heavy:
        yield from _by_pool(reader, names, heavy, target, 1)


def cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def _chunks(indices: Sequence[int], reader: Reader) -> Iterator[list[int]]:
    # A Parquet row group is unpacked as a whole, so its rows are best decoded by few processes.
    size = CHUNK * 16 if reader.kind == "parquet" else CHUNK
    for start in range(0, len(indices), size):
        yield list(indices[start : start + size])


class Stopped(Exception):
    """Nobody waits for the answers any more."""


class Pool:
    """Some child processes, each driven by one thread, and the queue of their answers."""

    def __init__(
        self,
        reader: Reader,
        names: Sequence[str],
        target: Target | float,
        chunks: Iterator[list[int]],
        workers: int,
    ) -> None:
        self.reader, self.names, self.target = reader, names, target
        self.chunks, self.lock = chunks, threading.Lock()
        # Bounded: when the disk is slower than the children, they wait.
        self.queue: queue.Queue[Answer | BaseException] = queue.Queue(maxsize=8 * CHUNK)
        self.stopped = threading.Event()
        self.drivers = [Driver(self) for _ in range(workers)]
        for driver in self.drivers:
            driver.thread.start()

    def answers(self, count: int) -> Iterator[Answer]:
        while count:
            try:
                answer = self.queue.get(timeout=0.5)
            except queue.Empty:
                if self.stopped.is_set():
                    raise Stopped from None
                for driver in self.drivers:
                    driver.watch()
                continue
            if isinstance(answer, BaseException):
                raise answer
            count -= 1
            yield answer

    def next_chunk(self) -> list[int]:
        with self.lock:
            return next(self.chunks, [])

    def put(self, answer: Answer | BaseException) -> None:
        while not self.stopped.is_set():
            try:
                self.queue.put(answer, timeout=0.2)
                return
            except queue.Full:
                continue

    def stop(self) -> None:
        self.stopped.set()
        for driver in self.drivers:
            driver.kill()
        for driver in self.drivers:
            driver.thread.join(timeout=5)


class Driver:
    """A thread with its child process."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.child: subprocess.Popen[bytes] | None = None
        self.heard = time.monotonic()
        self.waiting = False
        self.late = False
        self.thread = threading.Thread(target=self._run, daemon=True, name="ganzfeld-decode")

    def watch(self) -> None:
        """Called by the main thread: end a child that has been silent for too long."""
        if self.waiting and time.monotonic() - self.heard > PICTURE_SECONDS:
            self.late = True
            self.kill()

    def kill(self) -> None:
        child = self.child  # which its thread forgets as soon as it has ended
        if child is not None and child.poll() is None:
            child.kill()

    def _run(self) -> None:
        try:
            while (chunk := self.pool.next_chunk()) and not self.pool.stopped.is_set():
                self._work(chunk)
        except BaseException as error:  # our bug: it must not leave the main thread waiting
            self.pool.put(error)
        finally:
            self._end()

    def _work(self, chunk: list[int]) -> None:
        """Answer for all of a chunk, with as many children as it takes."""
        done, suspect = 0, -1
        while done < len(chunk) and not self.pool.stopped.is_set():
            for answer in self._ask(chunk[done:]):
                self.pool.put(answer)
                done += 1
            if done == len(chunk) or self.pool.stopped.is_set():
                return
            reason = self._why_it_ended()
            # A second chance: the machine may have slept, or another process taken the memory.
            if suspect != done:
                suspect = done
                continue
            self.pool.put(Answer(index=chunk[done], reason=reason, passing=True))
            done += 1

    def _ask(self, indices: list[int]) -> Iterator[Answer]:
        """The answers that arrive before the child ends."""
        child = self._start()
        assert child.stdin is not None and child.stdout is not None
        request = {"indices": indices, "names": [self.pool.names[i] for i in indices]}
        self.heard, self.waiting = time.monotonic(), True
        try:
            child.stdin.write(as_line(request))
            child.stdin.flush()
            for index in indices:
                answer = receive(child.stdout, index)
                self.heard = time.monotonic()
                if answer is None:
                    return
                yield answer
                self.heard = time.monotonic()  # waiting for a full queue is not the child's fault
        except (BrokenPipeError, OSError):
            return
        finally:
            self.waiting = False

    def _start(self) -> subprocess.Popen[bytes]:
        if self.child is None:
            self.child = _spawn()
            assert self.child.stdin is not None
            target = self.pool.target
            settings = {
                "kind": self.pool.reader.kind,
                "where": self.pool.reader.where,
                "target": asdict(target) if isinstance(target, Target) else target,
            }
            with contextlib.suppress(BrokenPipeError):  # noticed at the first answer
                self.child.stdin.write(as_line(settings))
        return self.child

    def _why_it_ended(self) -> str:
        """Why the child ended without an answer for the image it was at."""
        late, self.late = self.late, False
        code = self._end(patience=0.5)  # its pipe is closed: its own exit code tells more
        if code == NOT_STARTED:
            raise GanzfeldError(
                "a decoding process cannot start or has stopped with an error of its own",
                fix="decode in this process: workers=0",
            )
        return f"took over {PICTURE_SECONDS:g} s to decode" if late else "crashed the decoder"

    def _end(self, patience: float = 0.0) -> int:
        child, self.child = self.child, None
        if child is None:
            return 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=patience)
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return child.wait()


def _spawn() -> subprocess.Popen[bytes]:
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([package, *filter(None, sys.path)])
    environment = os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        # -P: a file random.py in the user's folder must not stand for the standard library's.
        [sys.executable, "-P", "-c", "from ganzfeld.data.workers import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


NOT_STARTED = 1  # the exit code of a Python program that raised


def main() -> None:
    """The child: read settings, then requests, until the parent closes the pipe or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _limit_memory()
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    try:
        settings = json.loads(stdin.readline())
        reader = reader_of(settings["kind"], settings["where"])
        target = settings["target"]
        target = Target(**target) if isinstance(target, dict) else target
        while line := stdin.readline():
            request = json.loads(line)
            names = dict(zip(request["indices"], request["names"], strict=True))
            for answer in handle(reader, names, request["indices"], target):  # type: ignore[arg-type]
                send(stdout, answer)
    except BrokenPipeError:
        pass
    os._exit(0)  # without the flush at exit that would complain about a closed pipe


def _limit_memory() -> None:
    system.limit_memory(MEMORY_BYTES)  # not on Windows, nor where a lower limit is set already
