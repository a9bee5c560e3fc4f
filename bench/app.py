"""From the command to 24 images on screen: `ganzfeld app` and headless Chromium, end to end.

    python bench/app.py [--rounds 5] [MODEL]

Each round starts the command twice: with an empty cache, as a user's first start is, and with the
page there. The browser is open already, as a user's mostly is. `seconds` is wall time from the
start of the command until the page has loaded 24 images; `cpu` is the command's and `browser_cpu`
the browser's CPU time (Linux). Prints a JSON line a start, then one with the medians, as
bench/results/app.jsonl holds them. Wall time is of the machine as it is: `load` says how busy.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "shipping"))
from chromium import Browser, browser

TICK = os.sysconf("SC_CLK_TCK")
READY = 'document.querySelectorAll("#grid img").length === 24'
LOADED = '[...document.querySelectorAll("#grid img")].every((one) => one.complete)'


def descendants(pid: int) -> list[int]:
    """A process and those that it started (Linux)."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def spent(pids: list[int]) -> float:
    """CPU seconds of processes that live, and of their children that have ended."""
    total = 0.0
    for pid in pids:
        try:
            parts = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(map(int, parts[11:15])) / TICK
    return total


def ours() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start(chrome: Browser, model: list[str], cache: Path) -> dict[str, float]:
    """One start: its seconds until the images are there, and the CPU seconds of both sides."""
    chromium = descendants(os.getpid())[1:]
    before, theirs, began = ours(), spent(chromium), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "ganzfeld", "app", *model, "--no-open"],
        env=os.environ | {"GANZFELD_CACHE": str(cache)},
        check=True,
        capture_output=True,
        text=True,
    )
    command = time.perf_counter() - began
    (page,) = (cache / "pages").glob("*.html")
    assert str(page) in done.stdout, done.stdout
    chrome.open(page.as_uri())
    chrome.wait(READY)
    chrome.wait(LOADED)
    return {
        "seconds": round(time.perf_counter() - began, 3),
        "command_seconds": round(command, 3),
        "cpu": round(ours() - before, 3),
        "browser_cpu": round(spent(descendants(os.getpid())[1:]) - theirs, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    rows: dict[str, list[dict[str, float]]] = {"first": [], "again": []}
    with tempfile.TemporaryDirectory() as home, browser(Path(home)) as chrome:
        for number in range(asked.rounds):
            cache = Path(home) / f"cache-{number}"
            for which, found in rows.items():
                found.append(start(chrome, asked.model, cache))
                print(json.dumps({"start": which, **found[-1]}), flush=True)
    for which, found in rows.items():
        medians = {f"median_{k}": statistics.median(one[k] for one in found) for k in found[0]}
        about = {"load": round(os.getloadavg()[0], 1), "rounds": asked.rounds}
        about |= {"machine": platform.machine(), "python": platform.python_version()}
        print(json.dumps({"start": which, **medians, **about, "date": time.strftime("%Y-%m-%d")}))


if __name__ == "__main__":
    main()
