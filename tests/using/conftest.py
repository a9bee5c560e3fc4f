"""A small conditional run, and models with the normalisations that depend on their batch."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import ganzfeld
from ganzfeld.models.model import Model
from ganzfeld.networks.dcgan import DCGANDiscriminator, DCGANGenerator


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> ganzfeld.Run:
    return ganzfeld.train(
        "avatars:64",
        out=tmp_path_factory.mktemp("runs") / "faces",
        recipe="hinge",
        size=16,
        images=640,
        batch=32,
        settings=[
            *("networks.G.width=4", "networks.D.width=4"),
            *("run.evaluate_every=320", "run.sample_every=320"),
        ],
        quiet=True,
    )


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Model]:
    """Networks that have seen batches, so that running statistics are not those of any batch."""

    def make(classes: tuple[str, ...] = (), root: Path | None = None) -> Model:
        torch.manual_seed(0)
        n = len(classes)
        generator = DCGANGenerator((1, 16, 18), latent=8, classes=n, width=4)
        judge = DCGANDiscriminator(
            (1, 16, 18), classes=n, width=4, norm="batch", condition="concat", spectral=True
        )
        y = torch.arange(16) % n if n else None
        for scale in (0.5, 1.0, 2.0):
            judge(scale * generator(torch.randn(16, 8), y).detach() + 0.3, y)
        about = {"shape": [1, 16, 18], "latent": 8, "classes": list(classes)}
        return Model(about, generator, judge)

    return make
