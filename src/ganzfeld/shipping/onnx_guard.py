"""Run a stranger's ONNX graph within bounds: no other files, no functions, memory and time limited.

The file is walked before onnxruntime sees it. A graph may name other files as its weights, which
would then be read and drawn from; and functions that call each other twice, thirty deep, are a
thousand million nodes. `ganzfeld export` writes neither. What a graph may take while it is loaded
and run is bounded by onnxruntime: `MOST_BYTES` of memory for its values, `SECONDS` for a batch.
Between two operators it stops; one that is at work is waited for.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.memory import amount
from ganzfeld.errors import UsageError

INSTALL = 'pip install "ganzfeld[onnx]"'
MOST_BYTES = 4 << 30  # of all values that a graph holds at once
SECONDS = 300.0  # to load a graph, and for each batch
TICK = 0.25  # seconds between two looks at what is at work
DEEPEST = 60  # messages within each other: graphs within nodes within graphs
MESSAGES = {  # of onnx.proto: the fields that hold messages, by number
    "model": {7: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
REFUSED = {
    ("model", 20): "it holds steps of training",
    ("model", 25): "it holds functions",
    ("tensor", 13): "its weights lie in other files",
    ("tensor", 14): "its weights lie in other files",
}
STANDARD = (b"", b"ai.onnx")


class Refused(ValueError):
    """A graph that is not run, and why."""


def check(data: bytes) -> None:
    """Refused where a graph holds what no export holds, or is no graph."""
    _walk(memoryview(data), "model", 0)


def _walk(data: memoryview, kind: str, depth: int) -> None:
    if depth > DEEPEST:
        raise Refused("its graphs lie too deep within each other")
    inner = MESSAGES[kind]
    for number, value in _fields(data):
        why = REFUSED.get((kind, number))
        if why and value != 0:  # data_location 0: in this file
            raise Refused(why)
        if kind == "node" and number == 7 and _bytes(value) not in STANDARD:
            raise Refused("it has an operator that is not in ONNX")
        if number in inner:
            if not isinstance(value, memoryview):
                raise Refused("it is no ONNX graph")
            _walk(value, inner[number], depth + 1)


def _bytes(value: int | memoryview) -> bytes:
    return bytes(value[:20]) if isinstance(value, memoryview) else b"?"


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message of protobuf: numbers as they are, all else as bytes."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, how = key >> 3, key & 7
        if how == 0:
            value, place = _varint(data, place)
            yield number, value
            continue
        if how == 2:
            size, place = _varint(data, place)
        elif how in (1, 5):
            size = 8 if how == 1 else 4
        else:
            raise Refused("it is no ONNX graph")
        if size > len(data) - place:
            raise Refused("it is cut off")
        yield number, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise Refused("it is cut off")
        value |= (data[place] & 127) << shift
        place += 1
        if data[place - 1] < 128:
            return value, place
    raise Refused("it is no ONNX graph")


def session(data: bytes, *, threads: int = 1) -> Any:
    """An onnxruntime session on the CPU. Raises Refused, and what onnxruntime raises.

    Example::

        from pathlib import Path
        from ganzfeld.shipping.onnx_guard import session

        ready = session(Path("avatars-onnx/model.onnx").read_bytes())
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError("onnxruntime is not installed", fix=INSTALL) from error
    check(data)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4  # fatal: errors are raised, too
    _bounded(onnxruntime)
    options.add_session_config_entry("session.use_env_allocators", "1")
    with _limited(lambda: options.set_load_cancellation_flag(True)):
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


_BOUNDED = threading.Event()


def _bounded(onnxruntime: Any) -> None:
    """Bound the memory of all sessions with `session.use_env_allocators`, once a process."""
    if _BOUNDED.is_set():
        return
    about = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    arena = onnxruntime.OrtArenaCfg({"max_mem": MOST_BYTES})
    with contextlib.suppress(RuntimeError):  # the program has one of its own
        onnxruntime.create_and_register_allocator(about, arena)
    _BOUNDED.set()


_LOCK = threading.Lock()
_AT_WORK: dict[object, tuple[float, Callable[[], None]]] = {}  # when to end it, and how
_WATCHERS: list[threading.Thread] = []  # one at most; a thread for each batch would cost 0.1 ms


def _watch() -> None:
    """End what takes too long; gone where nothing was at work."""
    while True:
        time.sleep(min(TICK, SECONDS / 4))
        with _LOCK:
            if not _AT_WORK:
                _WATCHERS.clear()
                return
            now = time.monotonic()
            for one in [one for one, (until, _) in _AT_WORK.items() if until <= now]:
                _AT_WORK.pop(one)[1]()


@contextlib.contextmanager
def _limited(stop: Callable[[], None]) -> Iterator[None]:
    """Do `stop` after SECONDS; Refused where what onnxruntime raises comes of that or of memory."""
    late = threading.Event()

    def end() -> None:
        late.set()
        stop()

    with _LOCK:
        _AT_WORK[late] = (time.monotonic() + SECONDS, end)
        if not any(thread.is_alive() for thread in _WATCHERS):  # none is after a fork
            _WATCHERS[:] = [threading.Thread(target=_watch, daemon=True)]
            _WATCHERS[0].start()
    try:
        yield
    except Exception as error:
        if late.is_set():
            raise Refused(f"it computes for more than {SECONDS:.0f} s") from error
        if "BFCArena" in str(error):
            raise Refused(f"it needs more than {amount(MOST_BYTES)} of memory") from error
        raise
    finally:
        with _LOCK:
            _AT_WORK.pop(late, None)


def run(ready: Any, given: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The one output of a session for these inputs; those that its graph does not use stay out.

    Raises Refused where it takes too long or too much memory, and what onnxruntime raises.

    Example::

        import numpy as np
        from ganzfeld.shipping.onnx_guard import run

        x = run(ready, {"z": np.zeros((1, 64), np.float32)})
    """
    import onnxruntime

    known = {one.name for one in ready.get_inputs()}
    feed = {name: np.ascontiguousarray(v) for name, v in given.items() if name in known}
    options = onnxruntime.RunOptions()

    def stop() -> None:
        options.terminate = True

    with _limited(stop):
        found: NDArray[Any] = ready.run(None, feed, options)[0]
    return found
