"""What the doctor's looks cost, in CPU time of a run of about a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from ganzfeld.config import with_settings
from ganzfeld.core import runtime
from ganzfeld.data.held import Part
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.modalities import modality_of
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.health import Health, schedule
from ganzfeld.training.plan import fit, settle

A_MINUTE = 35_000  # images at 32 px, with the networks of the default recipe for so many


def spent(do: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        do()
    return (time.process_time() - started) / times


@pytest.mark.slow
def test_looks_take_below_a_hundredth_of_a_run_of_a_minute() -> None:
    pack = open_pack("avatars:600", PackOptions(size=(32, 32)), progress=lambda *_: None)
    found = fit("default", pack, source="avatars:600", labels="none", afford=A_MINUTE, held_out=100)
    config = complete(with_settings(found, [f"run.images={A_MINUTE}", "run.deterministic=true"]))
    settle(config)
    looks, count = schedule(A_MINUTE)
    with runtime.threads(1):
        trainer = build_trainer(config, pack, torch.device("cpu"))
        rows: list[dict[str, object]] = []
        health = Health(
            trainer, modality_of(pack.spec), pack.spec, lambda kind, row: rows.append(row),
            count=count, fresh=Part(pack, np.arange(100)),
        )  # fmt: skip
        spent(trainer.take_step, 4)
        step = spent(trainer.take_step, 16)
        first, each = spent(health, 1), spent(health, 4)
    assert "failed" not in rows[-1]
    whole = A_MINUTE / config.run.batch_size * step
    share = (first + (looks - 1) * each) / whole
    print(f"run {whole:.0f} s, {looks} looks of {count}: first {first:.3f}, each {each:.3f} s, "
          f"share {share:.2%}")  # fmt: skip
    assert share < 0.01
