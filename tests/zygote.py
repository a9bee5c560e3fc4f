"""A process that has imported ganzfeld and does each command in a fork: a start costs nothing.

It computes nothing itself, so that no thread of PyTorch is there when it forks. Read by `forks`: a
line of JSON comes in, the number of the new process goes out; how it ended goes into a file.

An aim says when the new process kills itself: by what it has done to files, never by time, so that
a loaded machine is hit at the same instants as an idle one.
"""

import json
import os
import runpy
import shutil
import signal
import sys
import traceback

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


def work(job: dict) -> int:
    """Do the command, or the code, as `python -m ganzfeld` or `python -c` would; its exit code."""
    for number in (signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    for number, name in ((1, "printed"), (2, job["errors"])):
        file = os.open(f"{job['files']}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout.reconfigure(write_through="PYTHONUNBUFFERED" in os.environ)
    sys.argv = ["-", *job["words"]]
    sys.path.insert(0, job["cwd"])
    aim = Aim(*job["aim"]) if job["aim"] else None
    if aim:
        sys.addaudithook(aim)
    code = 0
    try:
        if job["code"] is None:
            runpy.run_module("ganzfeld", run_name="__main__")
        else:
            exec(job["code"], {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if aim:
        with open(f"{job['files']}/counts", "w") as file:
            json.dump(aim.counts, file)
    return code


def watch(job: dict) -> None:
    """Fork the process, tell its number, and write down how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os._exit(work(job))
    print(child, flush=True)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(f"{job['files']}/part", "w") as file:
        file.write(str(code))
    os.rename(f"{job['files']}/part", f"{job['files']}/code")


def main() -> None:
    import ganzfeld.cli.main
    import ganzfeld.training.run  # noqa: F401  all that training needs
    from ganzfeld.metrics import learned
    from ganzfeld.training import speed

    learned.PATCHES, learned.ROUNDS = 1_500, 3  # as conftest.py has them
    speed.time_chores = lambda *_: (0.2, 0.5, 0.0, 0.0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that watch are not waited for
    print("ready", flush=True)
    for line in sys.stdin:
        if os.fork() == 0:
            watch(json.loads(line))
            os._exit(0)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
