"""Windows of images that are decoded in child processes while another is trained on."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.data.answering import Answer
from ganzfeld.data.shard_index import Index
from ganzfeld.data.workers import CHUNK, Pool, cores, handle
from ganzfeld.errors import DataError
from ganzfeld.modalities.image.codec import Target

LOST = "cannot be read"  # how reasons begin that are the disk's, not the image's
Numbers = NDArray[np.int64]


class Names(Sequence[str]):
    """The names of all images for a reader; those of the window that is decoded are at hand."""

    def __init__(self, index: Index) -> None:
        self.shards, self.known = index, dict[int, str]()

    def learn(self, numbers: Numbers) -> None:
        """Read the names of these from the disk, and forget others. numbers: ascending."""
        self.known = dict(zip(numbers.tolist(), self.shards.names(numbers), strict=True))

    def __len__(self) -> int:
        return self.shards.count

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[str]: ...
    def __getitem__(self, number: int | slice) -> str | Sequence[str]:
        if isinstance(number, slice):
            return [self.known[n] for n in range(len(self))[number]]
        return self.known[number]


class Decoder:
    """Child processes that live as long as the stream does. One window at a time."""

    def __init__(self, index: Index, target: Target, workers: int | None) -> None:
        self.index, self.target, self.names = index, target, Names(index)
        self.workers = max(cores() // 2, 1) if workers is None else workers
        self.asked: queue.Queue[list[int] | None] = queue.Queue()
        self.pool: Pool | None = None
        self.lock = threading.Lock()

    def answers(self, numbers: Numbers) -> Iterator[Answer]:
        """What became of each image, in any order. numbers: ascending."""
        with self.lock:
            self.names.learn(numbers)
            if not self.workers or not sys.executable:
                found = [int(number) for number in numbers]
                yield from handle(self.index.reader, self.names, found, self.target)
                return
            if self.pool is None:
                wanted = iter(self.asked.get, None)
                self.pool = Pool(self.index.reader, self.names, self.target, wanted, self.workers)
            # a row group of Parquet is unpacked as a whole, so few processes should share it
            size = CHUNK * 16 if self.index.kind == "parquet" else CHUNK
            for start in range(0, len(numbers), size):
                self.asked.put([int(number) for number in numbers[start : start + size]])
            yield from self.pool.answers(len(numbers))

    def stop(self) -> None:
        self.asked.put(None)
        if self.pool is not None:
            self.pool.stop()


class Window:
    """Decoded images by number. It is filled by a thread of its own; `ready` waits for that."""

    def __init__(self, decoder: Decoder, order: Numbers, own: Numbers) -> None:
        """order: all images of the window as they are drawn. own: those of this process."""
        self.order, self.numbers = order, np.unique(own)
        target = decoder.target
        shape = (len(self.numbers), target.channels, target.height, target.width)
        self.pixels: NDArray[np.uint8] = np.empty(shape, np.uint8)
        self.bad: dict[int, str] = {}
        self.error: BaseException | None = None
        self.thread = threading.Thread(
            target=self.fill, args=(decoder,), daemon=True, name="ganzfeld-stream"
        )
        self.thread.start()

    def fill(self, decoder: Decoder) -> None:
        try:
            decoder.index.need_unchanged(self.numbers)
            for answer in decoder.answers(self.numbers):
                if answer.pixels is not None:
                    self.pixels[np.searchsorted(self.numbers, answer.index)] = answer.pixels
                elif answer.reason.startswith(LOST):
                    raise unread(decoder.index, answer)
                else:
                    self.bad[answer.index] = answer.reason
        except BaseException as error:  # for whoever waits
            self.error = error

    def ready(self) -> Window:
        self.thread.join()
        if self.error is not None:
            raise self.error
        return self


def unread(index: Index, answer: Answer) -> DataError:
    """For an image that another day may be read: to pass over it would make another run."""
    return DataError(
        f"{shown(index.title(answer.index))} {answer.reason}",
        safe="all checkpoints are untouched",
        fix="see that the disk can be read, then run the same command again",
    )
