"""Report the settings of a run, and commands to try next."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path

from ganzfeld.config import flatten
from ganzfeld.core.latents import PORTABLE
from ganzfeld.core.names import classes_told
from ganzfeld.core.randomness import WIDE
from ganzfeld.models import model as generate
from ganzfeld.report.html import Html, command, section, table, tag
from ganzfeld.report.record import Record, Row


def plan(record: Record, model: generate.Model | str) -> Html:
    config, run, data = record.config, record.config.run, record.config.data
    networks = ", ".join(f"{name}: {part.name}" for name, part in config.networks.items())
    known = data.spec or (data.size and data.channels)
    size = record.kind.describe(record.spec) if known else ""
    rows = [
        ("data", f"{data.samples:,} samples of {record.data}; {size}"),
        ("classes", classes_told(data.classes, bool(data.clusters)) if data.classes else ""),
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
    if record.task.compared:
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
    label = str(classes[0]) if classes else None
    loaded = f"ganzfeld.load({str(record.path)!r}{trust_too})"
    python = record.task.python(record.about or {}, loaded, label)
    parts = [
        tag("h3", "Continue" if done else "Continue where it stopped"),
        command(on),
        tag("h3", record.task.title),
        command(record.task.next_command(record.config, record.path, label)),
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
