"""The way in: what lies between `ganzfeld train` and the first `optimizer.step()`.

    python dev/trace_way_in.py                      # a small run on drawn images
    python dev/trace_way_in.py mlp                  # with another recipe

Prints two things. Files whose functions are on the stack at the run's own first step, with the
lines of these functions: what must be read to follow the command. Then all files of the project
with a function that was entered before, for comparison, and how many trainers were built.
The steps by which the speed is measured come first and are told apart by `speed.py` on the stack.
"""

from __future__ import annotations

import inspect
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType

from torch.optim.optimizer import register_optimizer_step_pre_hook

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.training import trainer

SOURCE = Path(ganzfeld.__file__).parent


class Arrived(BaseException):
    """The first step of the run itself is reached."""


class Trace:
    """Functions of the project entered so far, and those on the stack at the first step."""

    def __init__(self) -> None:
        self.entered: set[CodeType] = set()
        self.stack: list[CodeType] = []
        self.trainers = self.tried = 0

    def enter(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and ours(frame.f_code):
            self.entered.add(frame.f_code)
            self.trainers += frame.f_code is trainer.Trainer.__init__.__code__

    def step(self, *_: object) -> None:
        codes = list(on_stack(sys._getframe(1)))
        if any(Path(code.co_filename).name == "speed.py" for code in codes):
            self.tried += 1
            return
        self.stack = codes[::-1]
        raise Arrived


def ours(code: CodeType) -> bool:
    return Path(code.co_filename).is_relative_to(SOURCE) and code.co_name != "<module>"


def on_stack(frame: FrameType | None) -> Iterator[CodeType]:
    """The project's functions from here outwards."""
    while frame is not None:
        if ours(frame.f_code):
            yield frame.f_code
        frame = frame.f_back


def lines(code: CodeType) -> int:
    return len(inspect.getsourcelines(code)[0])


def told(title: str, codes: list[CodeType], *, names: bool) -> None:
    """A row a file: functions, lines, and names where they are few."""
    files: dict[str, list[CodeType]] = defaultdict(list)
    for code in codes:
        known = files[Path(code.co_filename).relative_to(SOURCE).as_posix()]
        if code not in known:
            known.append(code)
    total = sum(lines(code) for known in files.values() for code in known)
    print(f"\n{title}: {len(files)} files, {total:,} lines of functions")
    for file, known in files.items():
        row = f"  {file:<34}{len(known):>4} functions{sum(map(lines, known)):>6} lines"
        print(row + ("  " + ", ".join(code.co_name for code in known) if names else ""))


def trace(recipe: str) -> Trace:
    """Run the command as far as its first step."""
    found = Trace()
    hook = register_optimizer_step_pre_hook(found.step)
    with tempfile.TemporaryDirectory() as place:
        words = ["avatars:64", "--images", "320", "--size", "16", "--recipe", recipe]
        sys.setprofile(found.enter)
        try:
            main(["train", *words, "--quiet", "--out", f"{place}/run"])
        except Arrived:
            pass
        finally:
            sys.setprofile(None)
            hook.remove()
    return found


if __name__ == "__main__":
    result = trace(*(sys.argv[1:] or ["default"]))
    told("on the stack at the first step", result.stack, names=True)
    told("entered before it", sorted(result.entered, key=lambda c: c.co_filename), names=False)
    print(f"\ntrainers built: {result.trainers}; steps of the trial: {result.tried}")
