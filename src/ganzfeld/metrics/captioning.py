"""What a run of captions shows and measures while it trains: held-out images and their captions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzfeld.core import latents
from ganzfeld.data import held
from ganzfeld.data.avatars.parsing import parse
from ganzfeld.games import Game
from ganzfeld.games.image_to_text import ended, known
from ganzfeld.games.text import taken
from ganzfeld.modalities import modality_of, spec_of_data
from ganzfeld.modalities.captions import decode

SHOWN, COLUMNS = 16, 8  # images of a sheet
MEASURED, CHUNK = 256, 64  # captions for a number, and at a time
SEED = 7  # of the latents of a sheet


def unseen_rows(data: Any, held_out: int | None, count: int) -> NDArray[np.int64]:
    """Rows of the whole data that were held out, at most `count`; where none were, the first."""
    rows = held.held_rows(data, held_out)
    return rows[:count] if len(rows) else np.arange(min(count, len(data)))


def as_images(data: Any, rows: Mapping[str, NDArray[Any]], device: torch.device) -> Tensor:
    """Stored images as networks take them."""
    spec = spec_of_data(data)
    kind = modality_of(spec)
    return kind.arrange(kind.to_network(torch.from_numpy(rows["x"]).to(device), spec))


@torch.inference_mode()
def captions_of(game: Game, x: Tensor, symbols: list[str], first: int = 0) -> list[str]:
    """What a game says of images, each with a latent of its own."""
    z = latents.draw(latents.PORTABLE, game.latent, SEED, range(first, first + len(x)))
    tokens = game.sample(torch.from_numpy(z).to(x.device), x)
    return [decode(row, symbols) for row in tokens.tolist()]


@torch.inference_mode()
def validate(
    game: Any, data: Any, held_out: int | None, symbols: list[str], device: torch.device
) -> dict[str, Any]:
    """Numbers of a game's captions of held-out images.

    `nats_a_word`: of the real captions, under the game. `distinct`: share of different captions.
    Where the real captions are of the grammar of avatars, `grammatical`: share of the game's that
    are, too; `agreement`: of what both captions of an image speak of, the share in which they
    say the same.
    """
    rows = unseen_rows(data, held_out, MEASURED)
    nats, said, real = [], [], []
    for start in range(0, len(rows), CHUNK):
        part = data.rows(rows[start : start + CHUNK])
        x, own = as_images(data, part, device), torch.from_numpy(part["caption"]).to(device)
        places, logged = game.G.log_probabilities(ended(own), x)
        nats.append(-known(taken(logged, places), places))
        said += captions_of(game, x, symbols, start)
        real += [decode(row, symbols) for row in own.tolist()]
    found: dict[str, Any] = {
        "nats_a_word": round(float(torch.cat(nats).mean()), 5),
        "distinct": round(len(set(said)) / len(said), 4),
        **grammar(said, real),
        "held_out": bool(held_out),
        "protocol": f"captions of averaged networks, n={len(rows)}",
    }
    return found


def grammar(said: list[str], real: list[str]) -> dict[str, float]:
    """Of captions beside real ones, where most of these are the grammar's; else nothing."""
    theirs = [parse(line) for line in real]
    if sum(one is not None for one in theirs) < len(real) / 2:
        return {}
    ours = [parse(line) for line in said]
    same, both = 0, 0
    for one, other in zip(ours, theirs, strict=True):
        if one is not None and other is not None:
            told, truth = one.items(), other.items()
            shared = told.keys() & truth.keys()
            both += len(shared)
            same += sum(told[name] == truth[name] for name in shared)
    return {
        "grammatical": round(sum(one is not None for one in ours) / len(ours), 4),
        "agreement": round(same / max(both, 1), 4),
    }
