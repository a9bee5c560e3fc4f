"""Does a game without pairs break a cipher whose key is known? Beside two classic attacks.

    python bench/cipher.py --out runs/cipher --text shakespeare.txt --seeds 0 1 2 3 4
    python bench/cipher.py --out runs/cipher --text shakespeare.txt --period 3 --seeds 0 1 2 3 4
    python bench/cipher.py --table

The first half of the text's lines is plain, the second half is under a secret key, so that no line
comes in both. `ganzfeld train PLAIN --with SECRET --recipe text-cyclegan` learns from these
alone, on one thread. A score is the share of characters of 2,000 secret lines that come back
right. Frequencies: the letters of both sides by rank. Climbing: swaps of letters as long as pairs
of letters get likelier, the best of 20 starts; it knows that a key is a permutation, and a game
does not. Each seed has a key of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from timing import machine, write_row

import ganzfeld
from ganzfeld.data.ciphers import LETTERS, encipher, keys, plain, sentences

RESULTS = Path(__file__).parent / "results" / "cipher.jsonl"
COUNT, STARTS = 2_000, 20
V = len(LETTERS)


def lines_of(path: Path | None) -> list[str]:
    """Lines of small letters and single spaces, 8 to 63 long."""
    if path is None:
        return sentences(0, 20_000)
    raw = path.read_text("utf-8").lower().split("\n")
    lines = (re.sub(r" +", " ", re.sub(r"[^a-z ]", "", line)).strip() for line in raw)
    return [line for line in lines if 8 <= len(line) <= 63]


def numbers(lines: list[str]) -> list[NDArray[np.int64]]:
    return [np.array([LETTERS.index(c) for c in line.replace("_", " ")]) for line in lines]


def right(found: list[str], truth: list[str]) -> float:
    """The share of characters that are equal, place by place."""
    same = sum(x == y for one, two in zip(found, truth, strict=True) for x, y in zip(one, two))  # noqa: B905
    return same / sum(map(len, truth))


def counted(lines: list[NDArray[np.int64]], period: int) -> tuple[Any, Any]:
    """Letters (period, V) and pairs (period, V, V), by the place of the first of them."""
    single, pairs = np.zeros((period, V)), np.zeros((period, V, V))
    for line in lines:
        places = np.arange(len(line)) % period
        np.add.at(single, (places, line), 1)
        np.add.at(pairs, (places[:-1], line[:-1], line[1:]), 1)
    return single, pairs


def by_frequency(a: list[str], b: list[str], period: int) -> NDArray[np.int64]:
    """For each place, what each secret letter stands for, (period, V)."""
    plain_letters = counted(numbers(a), 1)[0][0].argsort()
    secret = counted(numbers(b), period)[0]
    found = np.zeros((period, V), np.int64)
    for place in range(period):
        found[place, secret[place].argsort()] = plain_letters
    return found


def by_climbing(a: list[str], b: list[str], period: int, seed: int) -> NDArray[np.int64]:
    known = counted(numbers(a), 1)[1][0] + 0.5
    likely = np.log(known / known.sum(1, keepdims=True))
    pairs = counted(numbers(b), period)[1]
    rng, best, score = np.random.default_rng(seed), None, -np.inf

    def worth(key: NDArray[np.int64], only: int | None = None) -> float:
        at = range(period) if only is None else {(only - 1) % period, only}
        return sum(
            float((pairs[k] * likely[key[k][:, None], key[(k + 1) % period][None]]).sum())
            for k in at
        )

    for start in range(STARTS):
        key = by_frequency(a, b, period)
        if start:
            key = np.stack([rng.permutation(V) for _ in range(period)])
        better = True
        while better:
            better = False
            for k in range(period):
                for i in range(V):
                    for j in range(i):
                        before = worth(key, k)
                        key[k, [i, j]] = key[k, [j, i]]
                        if worth(key, k) > before + 1e-9:
                            better = True
                        else:
                            key[k, [i, j]] = key[k, [j, i]]
        if (now := worth(key)) > score:
            best, score = key.copy(), now
    assert best is not None
    return best


def opened(lines: list[str], key: NDArray[np.int64]) -> list[str]:
    return [
        "".join(LETTERS[key[place % len(key), letter]] for place, letter in enumerate(row))
        for row in numbers(lines)
    ]


def measured(asked: argparse.Namespace, seed: int) -> dict[str, Any]:
    lines = lines_of(asked.text)
    half, period = len(lines) // 2, asked.period
    a, truth = lines[:half], lines[half:]
    b = encipher(truth, keys(period, seed))
    folder = asked.out / f"{'text' if asked.text else 'grammar'}-{period}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.txt").write_text("\n".join(plain(a)), "utf-8")
    (folder / "b.txt").write_text("\n".join(b), "utf-8")
    start = time.process_time()
    run = ganzfeld.train(
        folder / "a.txt",
        other=folder / "b.txt",
        recipe="text-cyclegan",
        images=asked.images,
        seed=seed,
        settings=[f"networks.*.period={period}", "run.threads=1", *asked.set],
        out=folder / "run",
        quiet=True,
    )
    seconds = time.process_time() - start
    secret, truth = b[:COUNT], truth[:COUNT]
    model: Any = run.model
    back = [line.replace("_", " ") for line in model.translate(secret, to="a")]
    tables = {"frequencies": by_frequency(a, b, period)}
    start = time.process_time()
    tables["climbing"] = by_climbing(a, b, period, seed)
    climbing = time.process_time() - start
    return {
        "data": asked.text.name if asked.text else "embedded grammar",
        "period": period,
        "seed": seed,
        "lines": asked.images,
        "cpu_seconds": round(seconds, 1),
        "game": round(right(back, truth), 4),
        **{name: round(right(opened(secret, key), truth), 4) for name, key in tables.items()},
        "climbing_seconds": round(climbing, 1),
        "settings": asked.set,
        "machine": machine(),
    }


def table() -> None:
    rows = [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]
    print("| text | period | seeds | CPU seconds | game: median, all | climbing | frequencies |")
    print("|---|---|---|---|---|---|---|")
    for data, period in sorted({(row["data"], row["period"]) for row in rows}):
        some = [row for row in rows if (row["data"], row["period"]) == (data, period)]
        of = {n: np.array([r[n] for r in some]) for n in ("game", "climbing", "frequencies")}
        every = " ".join(f"{100 * value:.2f}" for value in sorted(of["game"]))
        seconds = np.median([row["cpu_seconds"] for row in some])
        print(
            f"| {data} | {period} | {len(some)} | {seconds:.0f} "
            f"| **{100 * np.median(of['game']):.2f} %** ({every}) "
            f"| {100 * np.median(of['climbing']):.1f} % "
            f"| {100 * np.median(of['frequencies']):.1f} % |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--text", type=Path, help="a text file; default: the embedded grammar")
    parser.add_argument("--period", type=int, default=1)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--images", type=int, default=100_000, help="lines to see")
    parser.add_argument("--set", nargs="*", default=[], help="settings of the run")
    parser.add_argument("--keep", action="store_true", help="write rows into results")
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    if asked.table:
        return table()
    for seed in asked.seeds:
        write_row(measured(asked, seed), RESULTS if asked.keep else None)


if __name__ == "__main__":
    main()
