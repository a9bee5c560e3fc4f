"""Standard output that may be closed, full or unable to print some characters."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import Any, TextIO


class Steady:
    """A text stream whose reader may go: the first failed write turns the rest into nothing.

    `train | head -1` goes on to train, and so does a run whose output fills its disk.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        try:
            return self.stream.write(text)
        except UnicodeEncodeError:
            code = self.stream.encoding or "ascii"
            return self.write(text.encode(code, "backslashreplace").decode(code))
        except (OSError, ValueError) as error:
            silence(self.stream, error)
            return len(text)

    def flush(self) -> None:
        try:
            self.stream.flush()
        except (OSError, ValueError) as error:
            silence(self.stream, error)


def silence(stream: TextIO, error: Exception) -> None:
    """Send the rest of a stream nowhere, and say so where somebody may still listen."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        if isinstance(error, OSError) and error.errno != errno.EPIPE:
            print(
                f"note: the output cannot be written ({error.strerror}): no more of it is shown",
                file=sys.stderr,
            )


def last_words() -> OSError | None:
    """Flush standard output before the process ends; the error where it cannot be written.

    A reader that has gone, as `head` does, is none. Python would else speak of an ignored
    exception and end with a code of its own.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        silence(sys.stdout, error)
    except OSError as error:
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
        return error
    except ValueError:  # closed before
        pass
    return None
