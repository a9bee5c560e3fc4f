"""A process that has imported ganzfeld and does each command in a fork: a start costs nothing.

It computes nothing itself, so that no thread of PyTorch is there when it forks. Read by
`command.Zygote`: a line of JSON comes in (words, the file for what is printed, an aim or null), the
number of the new process goes out; an empty line waits for it, and its exit code goes out.

An aim says when the new process kills itself: by what it has done to files, never by time, so that
a loaded machine is hit at the same instants as an idle one.
"""

import json
import os
import signal
import sys

TOUCHED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"}


class Aim:
    """Counts what is done to files of a folder, and kills at one of these acts.

    folder: of the run. mark: a path in it; acts before and after it was there are counted apart.
    at: [0 or 1 for after the mark, the number of the act, CPU seconds more], or null to count only.
    """

    def __init__(self, folder: str, mark: str, at: list[float] | None) -> None:
        self.folder, self.mark, self.at = folder, mark, at
        self.counts = [0, 0]

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in TOUCHED or not arguments:
            return
        path = arguments[0]
        if not isinstance(path, str | os.PathLike) or not os.fspath(path).startswith(self.folder):
            return
        phase = int(os.path.exists(self.mark))
        self.counts[phase] += 1
        if self.at is None or [phase, self.counts[phase]] != self.at[:2]:
            return
        if self.at[2]:  # without a handler this ends a process as SIGKILL does
            signal.setitimer(signal.ITIMER_PROF, self.at[2])
        else:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    import ganzfeld.training.run  # noqa: F401  all that training needs
    from ganzfeld.cli import main as cli

    print("ready", flush=True)
    for line in sys.stdin:
        words, printed, aimed = json.loads(line)
        child = os.fork()
        if child == 0:
            os.setsid()
            out = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            aim = Aim(*aimed) if aimed else None
            if aim:
                sys.addaudithook(aim)
            try:
                cli.main(words)
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            sys.stdout.flush()
            if aim:
                with open(printed + ".counts", "w") as file:
                    json.dump(aim.counts, file)
            os._exit(code)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


main()
