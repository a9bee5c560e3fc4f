"""Do `--minutes` and the plan's memory come true?

    python bench/minutes.py
    python bench/minutes.py --minutes 2 --only avatars-64

Whole commands, as a user would start them, in processes of their own, which choose their number of
threads. Time is the clock's, from the plan to the report; memory is the most that the process held,
by the system's account, beside what the plan said. `--busy` processes count beside.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import beside, machine

SETTINGS = {
    "avatars-32": ["avatars"],
    "avatars-64": ["avatars", "--size", "64"],
    "avatars-32, r3gan": ["avatars:2000", "--recipe", "r3gan"],
    "avatars-64, dcgan": ["avatars:2000", "--size", "64", "--recipe", "dcgan"],
    "avatars-32, mlp": ["avatars", "--recipe", "mlp"],
    "avatars-32, vae": ["avatars", "--recipe", "vae"],
    "avatars-32, wgan-gp, no labels": ["avatars", "--recipe", "wgan-gp", "--labels", "none"],
    "lines to colour, 32, pix2pix": ["avatars-lines:500", "--recipe", "pix2pix", "--size", "32"],
}


def train(arguments: list[str], minutes: float, place: Path) -> tuple[float, float, float]:
    """Seconds from plan to report, and GiB as planned and as held."""
    out, log = place / "run", place / "log"
    command = [sys.executable, "-m", "ganzfeld", "train", *arguments]
    with open(log, "w") as stdout:
        run = subprocess.Popen(
            [*command, "--minutes", str(minutes), "--out", str(out)],
            stdout=stdout,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)  # it was waited for
    said = re.search(r"memory +([\d.]+) GiB", log.read_text())
    if run.returncode or not said:
        sys.exit(log.read_text())
    begin, end = ((out / name).stat().st_mtime for name in ("config.json", "report.html"))
    return end - begin, float(said[1]), used.ru_maxrss / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Time and memory, as planned and as taken.")
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--busy", type=int, default=0, help="processes to run beside")
    parser.add_argument("--only", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    options = parser.parse_args()
    asked = 60 * options.minutes
    print(machine("own choice of threads"), end="\n\n")
    print("| data, recipe | asked, s | taken, s | ratio | planned, GiB | held, GiB | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in options.only:
        with tempfile.TemporaryDirectory() as place, beside(options.busy):
            taken, planned, held = train(SETTINGS[name], options.minutes, Path(place))
        print(
            f"| {name} | {asked:.0f} | {taken:.1f} | {taken / asked:.2f} "
            f"| {planned:.2f} | {held:.2f} | {held / planned:.2f} |",
            flush=True,
        )
