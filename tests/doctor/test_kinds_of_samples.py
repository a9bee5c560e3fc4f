"""Every kind of sample is looked at through its modality, and a game through its methods."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganzfeld.config import with_settings
from ganzfeld.data import held
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.training import health
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.plan import fit, settle

CASES = {  # data, recipe, and what its rows have beside what all have
    "avatars:120": ("vae", {"fine", "grid"}),
    "fields:120": ("fields", {"gap", "overfit", "gradient", "fine", "level", "noise", "latents"}),
    "vowels:120": ("default", {"gap", "overfit", "level", "reacts", "mixed", "latents"}),
    "grammar:120": ("default", {"distinct", "entropy", "level"}),
    "grammar:200": ("text-gan", {"distinct", "entropy", "level", "noise", "latents"}),
    "table:120": ("table-gan", {"latents"}),
    "table:200": ("default", set()),
}
OF_SAMPLES = {"vendi", "distance", "energy", "nearest", "copies", "blank", "broken", "swing"}


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_signals_of_each_kind(name: str) -> None:
    recipe, needed = CASES[name]
    size = (16, 16) if name.startswith("avatars") else None
    pack = open_pack(name, PackOptions(size=size), progress=lambda *_: None)
    config = fit(recipe, pack, source=name, labels="auto", held_out=20)
    config.run.images, config.run.batch_size = 4_000, 16
    complete(config)
    settle(config)
    trainer = build_trainer(config, pack, torch.device("cpu"))
    for _ in range(2):
        trainer.take_step()
    before = {k: v.clone() for k, v in trainer.game.state_dict().items()}
    rows: list[Any] = []
    (hook,) = health.watch(trainer, config, pack, lambda kind, row: rows.append((kind, row)))
    hook.do(None)  # type: ignore[arg-type]
    ((kind, row),) = rows
    signals = row["signals"]
    assert kind == "health" and signals["broken"] == 0
    assert OF_SAMPLES | needed <= set(signals), sorted(OF_SAMPLES | needed - set(signals))
    assert any(value for value in signals.values())
    assert hook.do.batch is None  # type: ignore[attr-defined]  # it may take much of a GPU
    assert not signals.get("noise") and not signals.get("mixed") and not signals.get("latents")
    after = trainer.game.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert len(held.held_rows(pack, 20)) == 20


@pytest.mark.long
@pytest.mark.parametrize("recipe", ["cyclegan", "pix2pix", "text-cyclegan", "text-pix2pix"])
def test_translations_are_looked_at_each_way(recipe: str) -> None:
    from ganzfeld.data.request import DataRequest
    from ganzfeld.recipes import RECIPES
    from ganzfeld.training.tasks import WORK

    of_text = recipe.startswith("text")
    source = "cipher:120" if of_text else "avatars-lines:120"
    own, size = RECIPES[recipe], None if of_text else (16, 16)
    asked = DataRequest(source=source, size=size, modality=own.modality or "auto")
    data: Any = WORK["translation"].open(asked, own.layout, lambda *_: None)
    config = fit(recipe, data, source=source, labels="auto")
    config = config if of_text else with_settings(config, ["networks.*.width=4"])
    config.run.images, config.run.batch_size = 4_000, 8
    complete(config)
    settle(config)
    trainer = build_trainer(config, data, torch.device("cpu"))
    before = {k: v.clone() for k, v in trainer.game.state_dict().items()}
    state = torch.get_rng_state()
    rows: list[Any] = []
    (hook,) = health.watch(trainer, config, data, lambda kind, row: rows.append((kind, row)))
    hook.do(None)  # type: ignore[arg-type]
    ((_, row),) = rows
    assert "failed" not in row and torch.equal(state, torch.get_rng_state()), row
    needed = {"blank", "broken", "merged"} | ({"level", "entropy"} if of_text else set())
    assert needed <= set(row["signals"])
    after = trainer.game.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)


@pytest.mark.long
@pytest.mark.parametrize("estimator", ["expected", "soft"])
def test_lines_have_one_logit_each(estimator: str) -> None:
    from ganzfeld.games import GAMES
    from ganzfeld.networks import NETWORKS

    shared = {"symbols": 9}
    G = NETWORKS["text-generator"]((6,), **shared)
    judge = "text-judge" if estimator == "expected" else "text-critic"
    game = GAMES["text-gan"](G, NETWORKS[judge]((6,), **shared), estimator=estimator)
    x = torch.tensor([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 1], [2, 0, 0, 0, 0, 0]])
    logits = game.opinion(x)
    assert logits is not None and logits.shape == (3,) and logits.isfinite().all()
    alone = torch.cat([game.eval().opinion(row[None]) for row in x])
    assert torch.allclose(game.opinion(x), alone, atol=1e-5)


@pytest.mark.long
def test_samples_of_captions_are_looked_at_with_captions() -> None:
    from ganzfeld.data.request import DataRequest
    from ganzfeld.training.opening import usual
    from ganzfeld.training.tasks import WORK

    asked = DataRequest(source="avatars-captions:120", size=(16, 16))
    work = WORK["generation"]
    pack = work.open(asked, "pictures", lambda *_: None)
    pack = work.conditioned(pack, usual(asked, "generation"), 20)
    config = fit("text-to-image", pack, source=asked.source, labels="auto", held_out=20)
    config.run.images, config.run.batch_size = 4_000, 16
    complete(config)
    settle(config)
    trainer = build_trainer(config, pack, torch.device("cpu"))
    trainer.take_step()
    rows: list[Any] = []
    (hook,) = health.watch(trainer, config, pack, lambda kind, row: rows.append((kind, row)))
    hook.do(None)  # type: ignore[arg-type]
    ((kind, row),) = rows
    assert kind == "health" and "failed" not in row, row
    assert OF_SAMPLES | {"reacts"} <= set(row["signals"])
