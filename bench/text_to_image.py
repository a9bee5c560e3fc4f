"""Does a model draw what captions say? Against the truth of embedded avatars.

    python bench/text_to_image.py --out runs/text-to-image --seconds 600 --seeds 0
    python bench/text_to_image.py --table bench/results/text_to_image.jsonl
    python bench/text_to_image.py --confused runs/text-to-image/seed-0
    python bench/text_to_image.py --reading runs/text-to-image/seed-0

Each seed is a run of `ganzfeld train avatars-captions --recipe text-to-image` at 32 pixels on one
thread, as long as so many CPU seconds last: a short run is timed first, or --images says how many
are seen. --afford chooses networks of runs of minutes, as `ganzfeld train --minutes` does by the
speed that it measures; --recipe is for text-to-image-encoder. Judges of attributes and of retrieval
have learned from other avatars, with another seed.

A line of JSON for each run goes to OUT/results.jsonl, with ceiling (the real images of the same
captions) and chance; runs that are there already are measured again and not trained. --confused
says of a run or a model which colors are drawn for which, and where hair hides. --reading says how
much of captions a linear reading finds in the sentences that a model's encoder makes of them.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timing import machine

import ganzfeld
from ganzfeld.data.avatars import sentences
from ganzfeld.metrics import caption_judges, captioned
from ganzfeld.modalities import captions

SIZE, COUNT = (32, 32), 1_000
FEW = 6_400  # images of the run that is timed
MORE = 60.0  # seconds of CPU that a run takes beside its steps: checkpoints, the last evaluation


def train(seconds: float, seed: int, out: Path, images: int | None, how: dict[str, Any]) -> float:
    """Train for about so many CPU seconds; gives those that were taken, of a finished run too.

    A run that was stopped goes on; its seconds are those of all its parts.
    """
    place = out / "cpu.json"
    before = json.loads(place.read_text()) if place.exists() else {"seconds": 0.0}
    if (out / "evaluation.json").exists():
        return float(before["seconds"])
    given = {"seed": seed, **how}
    if images is None:
        start = time.process_time()
        trial = out.with_name(f"{out.name}-trial")
        ganzfeld.train("avatars-captions", out=trial, images=FEW, quiet=True, **given)
        images = round((seconds - MORE) / max(time.process_time() - start - MORE, 1) * FEW)
    start = time.process_time()
    try:
        if (out / "config.json").exists():
            ganzfeld.resume(out)
        else:
            ganzfeld.train("avatars-captions", out=out, images=images, **given)
    finally:
        taken = before["seconds"] + time.process_time() - start
        place.write_text(json.dumps({"images": images} | before | {"seconds": taken}))
    return float(taken)


def measure(out: Path) -> dict[str, Any]:
    model = ganzfeld.load(out)
    both = caption_judges.judges(*SIZE, lambda *_: None)

    def drawer(lines: list[str]) -> np.ndarray[Any, Any]:
        pixels: np.ndarray[Any, Any] = model.store(model.sample(len(lines), text=lines))
        return pixels

    found = captioned.report(drawer, both, SIZE, count=COUNT)
    evaluation = json.loads((out / "evaluation.json").read_text())
    found["frechet"] = evaluation["frechet"]
    found["frechet_real"] = evaluation.get("real", {}).get("frechet")
    found["extractor"] = evaluation["protocol"]["extractor"]
    return found


def table(rows: list[dict[str, Any]]) -> None:
    """Every number of the last row of each seed, in per cent, beside ceiling and chance."""
    for row in {row["seed"]: row for row in rows}.values():
        print(f"seed {row['seed']}, {row['images']:,} images, {row['cpu_seconds']:.0f} CPU s")
        for part in ("seen", "new"):
            found = row[part]
            print(f"  {part:14} {'model':>8} {'ceiling':>8} {'chance':>8}")
            for name in captioned.NAMED:
                three = [found[who]["attributes"][name] for who in ("model", "ceiling")]
                print(f"  {name:18}" + line([*three, found["chance"][name]]))
            for name, chance in (("r_precision", 0.01), ("hard_precision", 0.1)):
                print(f"  {name:18}" + line([found["model"][name], found["ceiling"][name], chance]))
        print(f"  Frechet {row['frechet']:.3g} by {row['extractor']} (real {row['frechet_real']})")
        print(f"  variety within a caption {row['variety']:.2f} (real 1)")
        if "short" in row:
            ours, real = row["short"]["model"], row["short"]["ceiling"]
            print(
                f"  short prompts: said {100 * ours['said']:.1f} (real {100 * real['said']:.1f}), "
                f"Frechet by the judge {ours['frechet']:.1f} (real {real['frechet']:.1f}), "
                f"variety {ours['variety']:.2f} (real 1)"
            )
        for name, real in row.get("open", {}).get("real", {}).items():
            print(f"  left open: {name:17} {row['open']['model'][name]:.2f} bits (real {real:.2f})")


def confused(out: Path) -> None:
    """Of each color that captions ask for: how often another one is drawn, the most frequent."""
    model, (attributes, _) = ganzfeld.load(out), caption_judges.judges(*SIZE, lambda *_: None)
    asked = captioned.questions(COUNT)
    images = {
        "model": model.store(model.sample(COUNT, text=asked.captions)),
        "ceiling": asked.images(*SIZE),
    }
    known = caption_judges.truth(asked.facts)
    with torch.no_grad():
        parts = {who: np.split(own, range(200, COUNT, 200)) for who, own in images.items()}
        scores = {
            who: [attributes(caption_judges.ready(part)) for part in own]
            for who, own in parts.items()
        }
    for name in ("hair_colour", "clothes_colour", "background_colour"):
        logits = {who: torch.cat([part[name] for part in own]) for who, own in scores.items()}
        said = torch.tensor([captioned.visible(name, one) for one in asked.facts])
        drawn, truth = logits["model"].argmax(1), known[name]
        among = (logits["model"].topk(2, 1).indices == truth[:, None]).any(1)
        print(f"{name}: right color among the first two {100 * share(among, said):.0f} %")
        for place, value in enumerate(sentences.VALUES[name]):
            own = said & (truth == place)
            counts = torch.bincount(drawn[own], minlength=len(sentences.VALUES[name]))
            right = 100 * counts[place] / max(int(own.sum()), 1)
            counts[place] = 0
            other = int(counts.argmax())
            wrong = 100 * counts[other] / max(int(own.sum()), 1)
            print(
                f"  {value:10} {right:4.0f} % of {int(own.sum())}"
                + (f", {wrong:3.0f} % {sentences.VALUES[name][other]}" if counts[other] else "")
            )
        for part in ("hat", "hair") if name == "hair_colour" else ():
            for value in sentences.VALUES[part]:
                own = said & torch.tensor([one[part] == value for one in asked.facts])
                both = [100 * share(logits[who].argmax(1) == truth, own) for who in images]
                print(f"  {part} {value:10} {both[0]:4.0f} %, real images {both[1]:4.0f} %")


def reading(out: Path, count: int = 10_000) -> None:
    """Of captions that say everything: values that a linear layer reads in noisy sentences.

    It learns from captions of other avatars, whose combinations training shows.
    """
    model, noise = ganzfeld.load(out), 0.1
    some = [sentences.facts(one) for one in sentences.scenes(count, 0)]
    lines = [
        sentences.sentence(one, sentences.Wording(sentences.LANGUAGES[i % 2]))
        for i, one in enumerate(some)
    ]
    asked = [captioned.questions(COUNT, new=new) for new in (False, True)]
    torch.manual_seed(0)
    known = noisy(model, lines, noise)
    truths = caption_judges.truth(some)
    layer = torch.nn.Linear(known.shape[1], sum(map(len, sentences.VALUES.values())))
    sizes = [len(values) for values in sentences.VALUES.values()]
    optimiser = torch.optim.Adam(layer.parameters(), 0.03)
    for step in range(400):
        rows = torch.randint(count, (1_500,))
        logits = layer(known[rows]).split(sizes, 1)
        each = [
            torch.nn.functional.cross_entropy(own, truths[name][rows])
            for name, own in zip(sentences.VALUES, logits, strict=True)
        ]
        optimiser.zero_grad()
        torch.stack(each).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.param_groups[0]["lr"] = 0.03 * (1 - step / 400)
    print(f"{'':18}{'seen':>8}{'new':>8}")
    with torch.no_grad():
        found = [layer(noisy(model, one.captions, noise)).split(sizes, 1) for one in asked]
    for place, name in enumerate(sentences.VALUES):
        shares = []
        for one, logits in zip(asked, found, strict=True):
            said = torch.tensor([captioned.visible(name, facts) for facts in one.facts])
            right = logits[place].argmax(1) == caption_judges.truth(one.facts)[name]
            shares.append(share(right, said))
        print(f"{name:18}{line(shares)}")


def noisy(model: Any, lines: list[str], noise: float) -> torch.Tensor:
    """Sentences (N, width) as the generator of a model is given them in training."""
    about = model.conditions["columns"][0]
    rows = torch.from_numpy(captions.encode(lines, about["symbols"], about["length"]))
    with torch.no_grad():
        found = torch.cat([model.generator.text(part) for part in rows.split(500)])  # type: ignore[no-untyped-call]
    return found + noise * torch.randn_like(found)


def share(right: torch.Tensor, of: torch.Tensor) -> float:
    return float(right[of].float().mean())


def line(shares: list[float]) -> str:
    return "".join(f"{100 * share:8.1f}" for share in shares)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Images from captions, measured by their truth.")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--images", type=int)
    parser.add_argument("--afford", type=int, help="images that the time is enough for, in full")
    parser.add_argument("--recipe", default="text-to-image")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", nargs="*", default=[], dest="settings")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--confused", type=Path)
    parser.add_argument("--reading", type=Path)
    asked = parser.parse_args()
    if asked.confused:
        confused(asked.confused)
        raise SystemExit
    if asked.reading:
        reading(asked.reading)
        raise SystemExit
    if asked.table:
        table([json.loads(text) for text in asked.table.read_text().splitlines()])
        raise SystemExit
    how = {"recipe": asked.recipe, "settings": asked.settings, "afford": asked.afford}
    for seed in asked.seeds:
        place = asked.out / f"seed-{seed}"
        place.parent.mkdir(parents=True, exist_ok=True)
        spent = train(asked.seconds, seed, place, asked.images, how)
        images = json.loads((place / "cpu.json").read_text())["images"]
        row = {"seed": seed, "images": images, "cpu_seconds": spent, "machine": machine()}
        row |= measure(place) | how
        with (asked.out / "results.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        table([row])
