"""Report the settings of a run, and commands to try next."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path

from ganzfeld.config import flatten
from ganzfeld.core.latents import PORTABLE
from ganzfeld.core.randomness import WIDE
from ganzfeld.models import model as generate
from ganzfeld.report.html import Html, command, section, table, tag
from ganzfeld.report.record import Record, Row


def plan(record: Record, model: generate.Model | str) -> Html:
    config, run, data = record.config, record.config.run, record.config.data
    networks = ", ".join(f"{name}: {part.name}" for name, part in config.networks.items())
    size = f"{data.size[1]}x{data.size[0]} pixels" if data.size else ""
    channels = f", {data.channels} channel(s)" if data.channels else ""
    rows = [
        ("data", f"{data.samples:,} samples of {record.data}; {size}{channels}"),
        ("classes", ", ".join(data.classes[:40]) + (", ..." if len(data.classes) > 40 else "")),
        ("recipe", Path(config.recipe).name),
        (
            "game",
            config.game.name + (f", {x} loss" if (x := config.game.options.get("loss")) else ""),
        ),
        ("networks", networks),
        ("batch", f"{run.batch_size}"),
        ("images", f"{run.images:,} to see" if run.images else ""),
        *(
            (f"{player}", f"{o.name}, learning rate {o.lr:g}, betas {o.betas[0]:g}, {o.betas[1]:g}")
            for player, o in config.optimisers.items()
        ),
        ("average", f"half-life {h:,.0f} images" if (h := config.ema.half_life_images) else ""),
        ("seed", f"{run.seed}"),
        ("computed on", f"{run.device}, {run.precision}"),
        ("to the bit", reproducibility(record)),
        ("data fingerprint", data.fingerprint[:16]),
    ]
    if isinstance(model, generate.Model):
        count = sum(p.numel() for p in model.generator.parameters())
        rows.insert(5, ("parameters", f"{count:,} in the generator"))
    shown = table("Plan", ["setting", "value"], [row for row in rows if row[1]])
    every = flatten(json.loads(json.dumps(_public(record))))
    full = table("All settings", ["setting", "value"], [(k, said(v)) for k, v in every.items()])
    return section("The plan", shown, tag("details", tag("summary", "All settings"), full))


def reproducibility(record: Record) -> str:
    """What the same numbers need, in one line."""
    run, draws = record.config.run, []
    if not record.translates:
        draws.append(f"latents {run.latents or PORTABLE}")
    draws.append(f"noise {run.noise or WIDE}")
    count = f"{run.threads} thread{'s' * (run.threads != 1)}" if run.threads else "threads unknown"
    return ", ".join([*draws, count, "deterministic" if run.deterministic else "not deterministic"])


def _public(record: Record) -> Row:
    """All settings but where the data lie."""
    tree = asdict(record.config)
    for part, name in (("data", "source"), ("data", "other"), ("run", "init")):
        if place := tree[part].get(name):
            tree[part][name] = Path(place).name
    tree["data"].pop("home", None)
    return tree


def said(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]} ..."


def next_steps(record: Record) -> Html:
    where = shlex.quote(str(record.path))
    trust = record.trust
    trust_too = ", trust_code=True" if trust else ""
    total = record.config.run.images or record.images
    done = record.images >= total
    on = f"ganzfeld resume {where}" + (f" --images {2 * total}" if done else "")
    classes = record.about.get("classes") if record.about else record.config.data.classes
    label = f" --label {shlex.quote(str(classes[0]))}" if classes else ""
    pick = f", labels=[{str(classes[0])!r}]" if classes else ""
    shape = (record.about or {}).get("shape") or []
    sizes = ", ".join(str(n) for n in shape)
    python = (
        "import ganzfeld\n\n"
        f"model = ganzfeld.load({str(record.path)!r}{trust_too})\n"
        f"model.images(1, seed=7{pick})[0].show()\n"
        f"x = model.sample(64)  # float32" + (f" (64, {sizes})" if sizes else "") + " in [-1, 1]"
    )
    sample = f"ganzfeld sample {where} --count 64 --seed 1{label} --out images{trust}"
    if record.translates:
        sample = f"ganzfeld translate {where} PICTURES --out translated{trust}"
        python = (
            "import ganzfeld\nfrom PIL import Image\n\n"
            f"model = ganzfeld.load({str(record.path)!r}{trust_too})\n"
            'model.translate(Image.open("picture.png")).show()'
        )
    parts = [
        tag("h3", "Continue" if done else "Continue where it stopped"),
        command(on),
        tag("h3", "Translate" if record.translates else "Sample"),
        command(sample),
        tag("h3", "Compare with another run"),
        command(f"ganzfeld compare {where} ANOTHER --out compare.html"),
    ]
    load = [tag("h3", "Load it in Python"), command(python)]
    return section("What next", tag("div", tag("div", *parts), tag("div", *load), class_="two"))


def footer(record: Record) -> Html:
    version = (record.about or {}).get("version")
    made = f"Made by ganzfeld {version}. " if version else "Made by ganzfeld. "
    words = f"{made}The images of the generator are synthetic: say so where they are used."
    return tag("footer", tag("p", words, class_="soft"))
