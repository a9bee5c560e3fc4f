"""What a run ships: a folder with weights, a description, and a card for people."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
from torch import Tensor

import ganzfeld
from ganzfeld import checkpoint
from ganzfeld.build import build_network, find
from ganzfeld.config import Config, from_dict
from ganzfeld.errors import CheckpointError
from ganzfeld.games import GAMES
from ganzfeld.latents import NAMES, OF_TORCH, PORTABLE
from ganzfeld.randomness import NARROW, NOISES
from ganzfeld.translate import card

if TYPE_CHECKING:
    from ganzfeld.choice import Choice

FORMAT = 1
JUDGE = "discriminator.safetensors"
KINDS = {  # what a model is, and its tag, by the name of its game
    "adversarial": ("generative adversarial network", "gan"),
    "vae": ("variational autoencoder", "vae"),
    "gmmn": ("generative moment matching network", "gmmn"),
}


def read_about(folder: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
        if about["format"] != FORMAT:
            raise CheckpointError(
                f"{folder} has model format {about['format']}; this release reads {FORMAT}"
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / 'config.json'} is missing or damaged: {error}") from error
    return about


def read_config(run: Path) -> Config:
    """The resolved configuration of a run."""
    try:
        stored = json.loads((run / "config.json").read_bytes())
        config = from_dict(Config, stored)
        # what runs did before there was a choice
        for name, then in (("products", False), ("latents", OF_TORCH), ("noise", NARROW)):
            if name not in stored.get("run", {}):
                setattr(config.run, name, then)
        for name, known in (("latents", NAMES), ("noise", NOISES)):
            if getattr(config.run, name) not in (None, *known):
                raise ValueError(f"this release knows no run.{name} {getattr(config.run, name)!r}")
        return config
    except FileNotFoundError:
        raise CheckpointError(
            f"{run} is not a run: it has no config.json",
            fix="give the folder that `ganzfeld train` named as its run",
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{run / 'config.json'} is damaged: {error}") from error


def judge_of(config: Config, game: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The discriminator's state in a game's, where the game has one that judges single samples."""
    if config.game.name != "adversarial" or "D" not in config.networks:
        return None
    return {
        k.removeprefix("D."): v.detach().cpu().contiguous().clone()  # none share memory
        for k, v in game.items()
        if k.startswith("D.")
    }


def describe(config: Config, chosen: dict[str, Any], run_images: int) -> dict[str, Any]:
    """What a model folder says of itself, but for its weights' hash.

    chosen: which weights of the run these are, and why. run_images: seen by then.
    """
    training = dataclasses.asdict(config)
    training["run"]["init"] = Path(config.run.init).name if config.run.init else None
    for name in ("source", "other"):  # where they lie is nobody else's business
        if training["data"][name]:
            training["data"][name] = Path(training["data"][name]).name
    directions = directions_of(config)
    if directions:
        task: dict[str, Any] = {
            "task": "translation",
            "translators": {
                way: {"network": name, "part": dataclasses.asdict(config.networks[name])}
                for way, name in directions.items()
            },
            "channels": {"a": config.data.channels, "b": config.data.channels_b},
            "size": config.data.size,
        }
    else:
        options = config.networks["G"].options
        task = {
            "task": "generation",
            "generator": dataclasses.asdict(config.networks["G"]),
            "shape": options["shape"],
            "latent": build_network(config.networks["G"]).latent,
            "classes": config.data.classes if options.get("classes") else [],
            "latents": config.run.latents or PORTABLE,
        }
    return {
        "format": FORMAT,
        "library": "ganzfeld",
        "version": ganzfeld.__version__,
        "recipe": config.recipe,
        **task,
        "range": [-1, 1],
        "images_seen": chosen["images"],
        "run_images": run_images,
        "chosen": chosen,
        "averaged": config.ema.half_life_images != 0,
        "training": training,
    }


def directions_of(config: Config) -> dict[str, str]:
    """The networks that translate, by direction; {} where pictures come from noise."""
    game = find(config.game.name, GAMES, "game")
    if game.task != "translation":
        return {}
    return dict(game.directions) or {config.game.options["direction"]: "G"}


def shipped(run: Path) -> int | None:
    """The images seen when the run's model was made; None where none can be read."""
    try:
        return int(read_about(run / "model")["run_images"])
    except (CheckpointError, KeyError, TypeError):
        return None


def ship(
    run: Path,
    config: Config,
    chosen: Choice,
    run_images: int,
    judge: dict[str, Tensor] | None = None,
) -> Path:
    """Write the run's model folder: model.safetensors, config.json, README.md, all or none.

    judge: the discriminator's state at the chosen moment, from `judge_of`, to rank samples by.
    """
    about = describe(config, chosen.about, run_images)
    state = chosen.average.state_dict()
    if about["task"] == "generation":
        state = chosen.average.get_submodule("G").state_dict()
    weights = {k: v.cpu().contiguous().clone() for k, v in state.items()}  # none share memory
    temporary = run / f".tmp-model-{secrets.token_hex(4)}"
    temporary.mkdir()
    about["weights"] = checkpoint.write(
        temporary / "model.safetensors", safetensors.torch.save(weights)
    )
    if judge is not None:
        about["discriminator"] = {
            "network": dataclasses.asdict(config.networks["D"]),
            "weights": checkpoint.write(temporary / JUDGE, safetensors.torch.save(judge)),
        }
    checkpoint.write(temporary / "config.json", checkpoint.as_json(about))
    checkpoint.write(temporary / "README.md", card_of(about).encode())
    checkpoint.sync(temporary)
    checkpoint.remove(run / "model")
    os.rename(temporary, run / "model")
    checkpoint.sync(run)
    return run / "model"


def card_of(about: dict[str, Any]) -> str:
    """The model card, in the layout that Hugging Face's hub shows."""
    if about["task"] == "translation":
        return card(about)
    data, run = about["training"]["data"], about["training"]["run"]
    channels, height, width = about["shape"]
    classes = ", ".join(about["classes"]) or "none"
    labels = f', labels=["{about["classes"][0]}"]' if about["classes"] else ""
    kind, tag = KINDS.get(about["training"]["game"]["name"], KINDS["adversarial"])
    average = f"exponential moving average, {about['chosen']['average']} half-life"
    weights = average if about["averaged"] else "as last trained"
    return f"""---
library_name: ganzfeld
pipeline_tag: unconditional-image-generation
tags: [{tag}, image-generation]
---

# {data["source"]} by {about["recipe"]}

A {kind}: {height}x{width} pixels, {channels} channel(s), latents of
{about["latent"]} numbers. Trained with ganzfeld {about["version"]}.

```python
import ganzfeld

model = ganzfeld.load("path/to/this/folder")
model.images(1, seed=7{labels})[0].show()
x = model.sample(64)  # float32 (64, {channels}, {height}, {width}) in [-1, 1]
```

| | |
|---|---|
| data | {data["source"]}, {data["samples"]:,} pictures, fingerprint `{data["fingerprint"][:16]}` |
| classes | {classes} |
| recipe | {about["recipe"]}, seed {run["seed"]}, batch {run["batch_size"]} |
| images seen | {about["images_seen"]:,} |
| weights | {weights} |
| latents | {about["latents"]} |

All settings of the training are in `config.json`.

## Limits

It imitates its training pictures, with their biases, and may come close to single ones of them.
Its pictures are synthetic: say so where they are used.
"""
