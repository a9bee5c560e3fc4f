"""The order of the data is a function of seed and place, however the stream is cut."""

import numpy as np
import pytest

from ganzfeld.data.sampler import indices


def test_any_cutting_gives_the_same_stream() -> None:
    whole = indices(17, 3, "discriminator", 0, 200)
    for size in (1, 5, 16, 17, 64):
        cut = [indices(17, 3, "discriminator", k, min(size, 200 - k)) for k in range(0, 200, size)]
        assert np.array_equal(np.concatenate(cut), whole)


def test_every_sample_once_an_epoch_and_epochs_differ() -> None:
    first, second = indices(50, 0, "d", 0, 50), indices(50, 0, "d", 50, 50)
    assert sorted(first) == sorted(second) == list(range(50))
    assert not np.array_equal(first, second)


def test_seed_and_stream_change_the_order() -> None:
    base = indices(50, 0, "d", 0, 50)
    assert not np.array_equal(base, indices(50, 1, "d", 0, 50))
    assert not np.array_equal(base, indices(50, 0, "g", 0, 50))


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_samples_than_a_batch(count: int) -> None:
    chosen = indices(count, 0, "d", 2, 64)
    assert len(chosen) == 64
    assert set(chosen) == set(range(count))


def test_ranks_share_what_one_process_sees() -> None:
    from unittest.mock import patch

    import torch

    from ganzfeld import Adversarial
    from ganzfeld.networks import NETWORKS
    from ganzfeld.training.trainer import Tensors, Trainer

    game = Adversarial(
        NETWORKS["mlp-generator"]((1,), widths=(4,), output="linear"),
        NETWORKS["mlp-discriminator"]((1,), widths=(4,)),
    )
    optimisers = {
        player: torch.optim.SGD(game.get_submodule(name).parameters(), 0.1)
        for player, (name,) in game.players.items()
    }
    data = Tensors({"x": torch.arange(100.0).unsqueeze(1)})

    def see(rank: int, world: int) -> torch.Tensor:
        with (
            patch("ganzfeld.core.distributed.rank", return_value=rank),
            patch("ganzfeld.core.distributed.world", return_value=world),
        ):
            trainer = Trainer(game, optimisers, data, batch_size=8)
            trainer.images = 96  # over the edge of an epoch
            return trainer.batch("discriminator", 0)["x"]

    alone = see(0, 1)
    for world in (2, 4):
        shares = [see(rank, world) for rank in range(world)]
        assert torch.equal(torch.cat(shares), alone)
