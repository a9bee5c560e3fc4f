"""Style transfer between two text corpora without pairs: how far does a table of symbols get?

    python bench/style.py --out runs/style --text shakespeare.txt --seeds 0 1 2
    python bench/style.py --table

`ganzfeld train A --with B --recipe text-cyclegan` on two pairs of styles, on one thread:

- capitals: lines in small letters; others in capitals, with digits for vowels (a to 4,
  e to 3, i to 1, o to 0). A style of spelling, which such a table can hold.
- words: Shakespeare's lines; sentences of the embedded grammar. A style of words, which it cannot.

Of held-out lines, translated to the other side: `told`, the share that a classifier (Markov chains
of order 3 on either side's training lines) takes for the other side; `kept`, the share of
characters that are still the line's own, capitals and digits read as the letters that they stand
for; `reads`, nats a character under the other side's chain. Beside it the line itself, and real
lines of the other side.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from timing import machine, write_row

import ganzfeld
from ganzfeld.data.ciphers import sentences

RESULTS = Path(__file__).parent / "results" / "style.jsonl"
LEET = str.maketrans("aeio", "4310")
BACK = str.maketrans("4310", "aeio")
COUNT, ORDER = 1_000, 3


def corpora(style: str, path: Path) -> tuple[list[str], list[str]]:
    """Lines of the two styles, none of which is in both."""
    raw = path.read_text("utf-8").lower().split("\n")
    lines = [re.sub(r" +", " ", re.sub(r"[^a-z ]", "", line)).strip() for line in raw]
    lines = list(dict.fromkeys(line for line in lines if 8 <= len(line) <= 63))
    half = len(lines) // 2
    if style == "capitals":
        return lines[:half], [line.translate(LEET).upper() for line in lines[half:]]
    return lines, list(dict.fromkeys(line.replace("_", " ") for line in sentences(0, 20_000)))


class Chain:
    """A Markov chain of characters, smoothed by adding a tenth to each count."""

    def __init__(self, lines: list[str], symbols: int) -> None:
        self.symbols, self.seen, self.before = symbols, Counter[str](), Counter[str]()
        for line in lines:
            whole = self.padded(line)
            for at in range(ORDER, len(whole)):
                self.seen[whole[at - ORDER : at + 1]] += 1
                self.before[whole[at - ORDER : at]] += 1

    @staticmethod
    def padded(line: str) -> str:
        return "\2" * ORDER + line + "\3"

    def nats(self, line: str) -> float:
        """A character, the end included."""
        whole = self.padded(line)
        total = 0.0
        for at in range(ORDER, len(whole)):
            own = self.seen[whole[at - ORDER : at + 1]] + 0.1
            total -= float(np.log(own / (self.before[whole[at - ORDER : at]] + 0.1 * self.symbols)))
        return total / (len(whole) - ORDER)


def judged(lines: list[str], sources: list[str], here: Chain, there: Chain) -> dict[str, float]:
    """How much lines are of the other style, and still what they were."""
    plain = [line.lower().translate(BACK) for line in lines]
    own = [line.lower().translate(BACK) for line in sources]
    same = sum(x == y for a, b in zip(plain, own, strict=True) for x, y in zip(a, b))  # noqa: B905
    return {
        "told": float(np.mean([there.nats(line) < here.nats(line) for line in lines])),
        "kept": same / sum(map(len, own)),
        "reads": float(np.mean([there.nats(line) for line in lines])),
    }


def measured(asked: argparse.Namespace, style: str, seed: int) -> dict[str, Any]:
    sides = corpora(style, asked.text)
    held = [side[-COUNT:] for side in sides]
    known = [side[:-COUNT] for side in sides]
    folder = asked.out / f"{style}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, side in zip("ab", known, strict=True):
        (folder / f"{name}.txt").write_text("\n".join(side), "utf-8")
    start = time.process_time()
    run = ganzfeld.train(
        folder / "a.txt",
        other=folder / "b.txt",
        recipe="text-cyclegan",
        images=asked.images,
        seed=seed,
        settings=["run.threads=1", *asked.set],
        out=folder / "run",
        quiet=True,
    )
    seconds = time.process_time() - start
    model: Any = run.model
    symbols = len(set("".join(known[0] + known[1]))) + 1
    chains = [Chain(side, symbols) for side in known]
    found: dict[str, Any] = {}
    for way, here, there in (("ab", 0, 1), ("ba", 1, 0)):
        lines = model.translate(held[here], to=way[1])
        pair = chains[here], chains[there]
        found[way] = {
            "game": judged(lines, held[here], *pair),
            "the line itself": judged(held[here], held[here], *pair),
            "real": judged(held[there], held[there], *pair),
            "examples": list(zip(held[here][:3], lines[:3], strict=True)),
        }
    return {
        "style": style,
        "seed": seed,
        "lines": asked.images,
        "cpu_seconds": round(seconds, 1),
        "settings": asked.set,
        "found": found,
        "machine": machine(),
    }


def table() -> None:
    rows = [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]
    print(
        "| style | way | CPU s | seeds | told | kept | reads | itself: told, reads | real: reads |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for style in dict.fromkeys(row["style"] for row in rows):
        some = [row for row in rows if row["style"] == style]
        seconds = np.median([row["cpu_seconds"] for row in some])
        for way in ("ab", "ba"):
            of = [row["found"][way] for row in some]
            game = {
                key: " ".join(f"{one['game'][key]:.3f}" for one in of)
                for key in ("told", "kept", "reads")
            }
            itself, real = of[0]["the line itself"], of[0]["real"]
            print(
                f"| {style} | {way[0]} to {way[1]} | {seconds:.0f} | {len(of)} | {game['told']} "
                f"| {game['kept']} | {game['reads']} | {itself['told']:.3f}, {itself['reads']:.2f} "
                f"| {real['reads']:.2f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--text", type=Path, help="a text file, such as all of Shakespeare")
    parser.add_argument("--styles", nargs="+", default=["capitals", "words"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--images", type=int, default=60_000, help="lines to see")
    parser.add_argument("--set", nargs="*", default=[], help="settings of the run")
    parser.add_argument("--keep", action="store_true", help="write rows into results")
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    if asked.table:
        return table()
    for style in asked.styles:
        for seed in asked.seeds:
            write_row(measured(asked, style, seed), RESULTS if asked.keep else None)


if __name__ == "__main__":
    main()
