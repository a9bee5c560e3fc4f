"""The way in: what lies between `ganzfeld train` and the first `optimizer.step()`.

    python dev/trace_way_in.py                      # a small run on drawn images
    python dev/trace_way_in.py mlp                  # with another recipe

Prints three things. What must be read to follow the command: the files whose functions are on the
stack when the trainer is built or when the run takes its own first step, with every function of
these files that was entered until then, also those that have returned. Which of them were on the
stack at the step. Then all files of the project with a function that was entered, for comparison,
and how many trainers were built. The steps by which the speed is measured come first and are told
apart by `speed.py` on the stack.
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
        self.stack: list[CodeType] = []  # at the first step
        self.building: list[CodeType] = []  # when the trainer was built
        self.trainers = self.tried = 0

    def enter(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and ours(frame.f_code):
            self.entered.add(frame.f_code)
            if frame.f_code is trainer.Trainer.__init__.__code__:
                self.trainers += 1
                self.building = list(on_stack(frame))

    def step(self, *_: object) -> None:
        codes = list(on_stack(sys._getframe(1)))
        if any(Path(code.co_filename).name == "speed.py" for code in codes):
            self.tried += 1
            return
        self.stack = codes[::-1]
        raise Arrived

    @property
    def way(self) -> list[CodeType]:
        """Functions that must be read: those entered, of the files that lead to the step."""
        files = {code.co_filename for code in (*self.stack, *self.building)}
        found = [code for code in self.entered if code.co_filename in files and named(code)]
        return sorted(found, key=lambda code: (code.co_filename, code.co_firstlineno))


def named(code: CodeType) -> bool:
    """Not a lambda or a comprehension, whose lines are those of the function around it.

    Nor the body of a class, which is entered where its module is imported only now.
    """
    return not code.co_name.startswith("<") and bool(code.co_flags & inspect.CO_OPTIMIZED)


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


def by_file(codes: list[CodeType]) -> dict[str, list[CodeType]]:
    """Functions by the file that they are in, each once."""
    files: dict[str, list[CodeType]] = defaultdict(list)
    for code in codes:
        known = files[Path(code.co_filename).relative_to(SOURCE).as_posix()]
        if code not in known:
            known.append(code)
    return files


def total_lines(codes: list[CodeType]) -> int:
    return sum(lines(code) for known in by_file(codes).values() for code in known)


def told(title: str, codes: list[CodeType], *, names: bool) -> None:
    """A row a file: functions, lines, and names where they are few."""
    files, total = by_file(codes), total_lines(codes)
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
    told("to be read, from the command to the step", result.way, names=False)
    told("on the stack at the first step", result.stack, names=True)
    told("entered before it", sorted(result.entered, key=lambda c: c.co_filename), names=False)
    print(f"\ntrainers built: {result.trainers}; steps of the trial: {result.tried}")
