"""What a decoding process answers for each image, and how that goes through a pipe: a line of JSON,
then the raw pixels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.modalities.image.codec import Probe
from ganzfeld.modalities.image.ranges import Seen


@dataclass(kw_only=True)
class Answer:
    """What became of image `index`: pixels (or a probe), or the reason why it is bad."""

    index: int
    reason: str = ""
    passing: bool = False  # the bytes could not be had: this may be different tomorrow
    pixels: NDArray[np.uint8] | None = None  # (C, H, W)
    probe: Probe | None = None
    digest: str = ""  # of the pixels, hex
    facts: Sequence[str] = field(default_factory=tuple)
    seen: Seen | None = None  # the range of its numbers
    size: tuple[int, int] = (0, 0)  # (height, width) as it lies
    cut: float = 0.0  # the part of its area that is cut off
    values: Sequence[float] = ()  # some of its numbers, where these were asked for


def digest_of(pixels: NDArray[np.uint8]) -> str:
    """A short hash of one image, equal when the pixels are."""
    return hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16).hexdigest()


def as_line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode("ascii") + b"\n"


def send(stream: IO[bytes], answer: Answer) -> None:
    pixels = answer.pixels
    message = {
        "reason": answer.reason,
        "passing": answer.passing,
        "digest": answer.digest,
        "facts": list(answer.facts),
        "shape": None if pixels is None else list(pixels.shape),
        "probe": None if answer.probe is None else asdict(answer.probe),
        "seen": None if answer.seen is None else asdict(answer.seen),
        "size": list(answer.size),
        "cut": answer.cut,
        "values": list(answer.values),
    }
    stream.write(as_line(message))
    if pixels is not None:
        stream.write(pixels.data)
    stream.flush()


def receive(stream: IO[bytes], index: int) -> Answer | None:
    """The next answer; None when the child has ended."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    message = json.loads(line)
    shape, header = message.pop("shape"), message.pop("probe")
    seen, size = message.pop("seen"), message.pop("size")
    message["seen"], message["size"] = Seen(**seen) if seen else None, (size[0], size[1])
    answer = Answer(index=index, probe=Probe(**header) if header else None, **message)
    if shape is not None:
        size = int(np.prod(shape))
        data = stream.read(size)
        if len(data) != size:
            return None
        answer.pixels = np.frombuffer(data, np.uint8).reshape(shape)
    return answer
