"""Few samples are computed in a small batch, where that gives the bits of a large one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzfeld import recipes
from ganzfeld.core.latents import PORTABLE
from ganzfeld.core.randomness import WIDE
from ganzfeld.modalities import image_spec
from ganzfeld.models.batches import Batches
from ganzfeld.models.draws import CHUNK
from ganzfeld.models.generator import Model
from ganzfeld.recipes.base import Facts
from ganzfeld.shipping.engine import TorchEngine
from ganzfeld.training.build import build_game, complete


def model_of(recipe: str, classes: int = 0, size: int = 32) -> Model:
    """With weights that are not trained, and all of them other than zero."""
    facts = Facts(count=500, channels=3, height=size, width=size, classes=classes)
    config = complete(recipes.RECIPES[recipe].make(facts))
    config.run.noise = WIDE
    game = build_game(config)
    draws = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in [*game.G.parameters(), *game.G.buffers()]:
            if p.is_floating_point() and not p.abs().max() > 1e-2:
                p.copy_(0.1 * torch.rand(p.shape, generator=draws) + 0.05)
    about: dict[str, Any] = {
        "shape": [3, size, size],
        "spec": image_spec(3, size, size).to_json(),
        "latent": game.latent,
        "classes": [f"class {place}" for place in range(classes)],
        "latents": PORTABLE,
    }
    model = Model(about, game.G)
    model.modality.layout(model.generator)
    return model


class Counting(nn.Module):
    """A network, and how many rows it was given each time."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.rows = network, list[int]()

    def forward(self, z: Tensor, *given: Any, **named: Any) -> Tensor:
        self.rows.append(len(z))
        found: Tensor = self.network(z, *given, **named)
        return found


@pytest.mark.parametrize("recipe", ["default", "dcgan", "r3gan", "mlp"])
@pytest.mark.parametrize("classes", [0, 3])
def test_small_counts_have_the_bits_of_large_ones(recipe: str, classes: int) -> None:
    model = model_of(recipe, classes)
    many = model.sample(64, seed=5)
    for _ in range(2):  # filled up; then in a smaller batch, if one serves
        for count, start in ((1, 0), (1, 45), (4, 30), (16, 7), (31, 33), (3, 62 - 1)):
            few = model.sample(count, seed=5, start=start)
            assert torch.equal(few, many[start : start + count]), (count, start)
    again = model.draw_exact([(5, 45, None), (5, 2, None), (5, 63, None)])
    assert torch.equal(again, many[[45, 2, 63]])
    pixels = TorchEngine(model).samples([(5, 9)], None if not classes else [None])
    assert torch.equal(torch.from_numpy(pixels), many[9:10])


def test_the_second_small_count_is_cheap() -> None:
    model = model_of("default")
    counting = Counting(model.generator)
    model.generator = counting
    for _ in range(4):
        model.sample(1)
    first, *tried = counting.rows
    last = counting.rows[-1]
    assert first == CHUNK and CHUNK in tried, "it is tried after the first"
    assert last < CHUNK and counting.rows[-2] == last, counting.rows
    model.sample(40)  # which tries 8 rows
    counting.rows.clear()
    model.sample(40)
    assert counting.rows == [CHUNK, 8], "the rest of a large count is small too"


class Odd(nn.Module):
    """A network whose layer rounds otherwise in batches of less than `least`, which its result,
    the sign of what the layer gives, does not show."""

    def __init__(self, least: int) -> None:
        super().__init__()
        self.least, self.layer = least, nn.Linear(3, 4)
        self.layer.register_forward_hook(self.changed)
        self.shown = nn.Identity()

    def changed(self, layer: nn.Module, given: object, made: Tensor) -> Tensor:
        return made * (1 + 1e-6) if len(made) < self.least else made

    def forward(self, z: Tensor) -> Tensor:
        found: Tensor = self.shown(self.layer(z))
        return found.sign()


def sizes_of(network: nn.Module, counts: list[int]) -> list[int]:
    z = torch.randn(CHUNK, 3)
    batches = Batches(network)
    with torch.inference_mode():
        batches.size(1, lambda first, size: network(z[first : first + size]))
        return [
            batches.size(n, lambda first, size: network(z[first : first + size])) for n in counts
        ]


def test_layers_decide_and_not_only_what_they_come_to() -> None:
    assert sizes_of(Odd(8), [1, 3, 9, 17]) == [8, 8, 16, CHUNK]
    assert sizes_of(Odd(CHUNK), [1, 16]) == [CHUNK, CHUNK]


def test_a_network_without_layers_is_always_filled_up() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def forward(self, z: Tensor) -> Tensor:
            return z * self.weight

    assert sizes_of(Bare(), [1, 4]) == [CHUNK, CHUNK]


def test_another_number_of_threads_is_tried_again() -> None:
    model = model_of("default")
    for _ in range(3):
        model.sample(1)
    threads = torch.get_num_threads()
    assert all(key[0] == threads for key in model.batches.same) and model.batches.same
    try:
        torch.set_num_threads(threads + 1)
        assert torch.equal(model.sample(2), model.sample(32)[:2])
        assert {key[0] for key in model.batches.same} == {threads, threads + 1}
    finally:
        torch.set_num_threads(threads)
