"""The tutorials' networks and orders of moves are the published ones, and runs start from others.

Counts of parameters are worked out below from the layers as the tutorials print them, number by
number, and not from the code.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

import ganzfeld
from ganzfeld import Adversarial, Average, Trainer
from ganzfeld.config import Config
from ganzfeld.errors import CheckpointError, UsageError
from ganzfeld.games import Clock
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.build import build_network
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training.build import build_game, complete

SHAPES = {
    "tutorial-mlp-mnist": (1, 28, 28),
    "tutorial-mlp-faces": (3, 64, 64),
    "tutorial-dcgan-mnist": (1, 28, 28),
    "tutorial-cgan-mnist": (1, 28, 28),
    "tutorial-dcgan-celeba": (3, 64, 64),
    "tutorial-dcgan-anime": (3, 96, 96),
}
# generator, discriminator; trainable numbers
COUNTS = {
    "tutorial-mlp-mnist": (
        (100 * 256 + 256)
        + (256 * 512 + 512)
        + (512 * 1024 + 1024)
        + (1024 * 784 + 784)
        + 2 * (256 + 512 + 1024),
        (784 * 512 + 512) + (512 * 256 + 256) + (256 + 1),
    ),
    "tutorial-mlp-faces": (
        (100 * 256 + 256) + (256 * 512 + 512) + (512 * 1024 + 1024) + (1024 * 12288 + 12288),
        (12288 * 1024 + 1024) + (1024 * 512 + 512) + (512 * 256 + 256) + (256 + 1),
    ),
    # TensorFlow prints 2,305,472 and 212,865 for its two models
    "tutorial-dcgan-mnist": (2_305_472, 212_865),
    # ten more inputs of the dense layer, ten more planes of the first convolution
    "tutorial-cgan-mnist": (2_305_472 + 10 * 7 * 7 * 256, 212_865 + 10 * 64 * 25),
    "tutorial-dcgan-celeba": (
        (100 * 8192 + 8192)
        + 16 * (512 * 512 + 512 * 256 + 256 * 128 + 128 * 64)
        + (64 * 3 * 9 + 3)
        + 2 * (512 + 512 + 256 + 128 + 64),
        9 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512)
        + 16 * (64**2 + 128**2 + 256**2 + 512**2)
        + 2 * 2 * (64 + 128 + 256 + 512)
        + (512 + 1),
    ),
    "tutorial-dcgan-anime": (
        16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64)
        + 25 * 64 * 3
        + 2 * (512 + 256 + 128 + 64),
        25 * 3 * 64 + 16 * (64 * 128 + 128 * 256 + 256 * 512 + 512) + 2 * (128 + 256 + 512),
    ),
}


def config_of(recipe: str, shape: tuple[int, ...] | None = None, classes: int = 0) -> Config:
    channels, height, width = shape or SHAPES[recipe]
    classes = classes or 10 * (recipe == "tutorial-cgan-mnist")
    facts = Facts(count=1000, channels=channels, height=height, width=width, classes=classes)
    return complete(RECIPES[recipe](facts))


def numbers(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("recipe", SHAPES)
def test_shapes_and_counts_are_the_published_ones(recipe: str) -> None:
    game = build_game(config_of(recipe))
    y = torch.tensor([1, 2]) if "cgan" in recipe else None
    x = game.sample(torch.randn(2, 100), y)
    assert x.shape == (2, *SHAPES[recipe]) and x.abs().max() <= 1
    assert game.get_submodule("D")(x, y).shape == (2,)
    assert (numbers(game.get_submodule("G")), numbers(game.get_submodule("D"))) == COUNTS[recipe]


@pytest.mark.parametrize("recipe", [name for name in SHAPES if "mlp" not in name])
@pytest.mark.parametrize(("times", "channels"), [(1, 4), (2, 1)])
def test_other_sizes_that_fit(recipe: str, times: int, channels: int) -> None:
    by = {"mnist": 4, "celeba": 16, "anime": 24}[recipe.rpartition("-")[2]]
    shape = (channels, by * times, by * (times + 1))
    config = config_of(recipe, shape)
    for part in config.networks.values():
        part.options["width"] = 4
    game = build_game(config)
    y = torch.tensor([1, 2]) if "cgan" in recipe else None
    x = game.sample(torch.randn(2, 100), y)
    assert x.shape == (2, *shape)
    assert game.get_submodule("D")(x, y).shape == (2,)


@pytest.mark.parametrize(
    ("recipe", "shape", "size"),
    [
        ("tutorial-dcgan-mnist", (1, 30, 28), "--size 32x28"),
        ("tutorial-dcgan-celeba", (3, 50, 50), "--size 48"),
        ("tutorial-dcgan-anime", (3, 64, 64), "--size 72"),
    ],
)
@pytest.mark.parametrize("network", ["G", "D"])
def test_other_sizes_are_refused_with_one_that_fits(
    recipe: str, shape: tuple[int, ...], size: str, network: str
) -> None:
    with pytest.raises(UsageError) as caught:
        build_network(config_of(recipe, shape).networks[network])
    assert f"{shape[1]}x{shape[2]}" in caught.value.what
    assert caught.value.fix.startswith(size)
    height, _, width = size.removeprefix("--size ").partition("x")
    fits = (shape[0], int(height), int(width or height))
    build_network(config_of(recipe, fits).networks[network])


def test_settings_are_the_published_ones() -> None:
    """Learning rate, betas, batch, and who moves in the first ten steps."""
    slow, fast = (2e-4, (0.5, 0.999)), (1e-4, (0.9, 0.999))
    both = ["DG"] * 10
    expected = {
        "tutorial-mlp-mnist": (*slow, 128, both),
        "tutorial-mlp-faces": (*slow, 128, both),
        "tutorial-dcgan-mnist": (*fast, 256, both),
        "tutorial-cgan-mnist": (*fast, 256, both),
        "tutorial-dcgan-celeba": (*slow, 128, [*"DDDDGGGGDD"]),
        "tutorial-dcgan-anime": (*slow, 256, [*"DDDD", "DG", *"DDDD", "DG"]),
    }
    for recipe, (lr, betas, batch, order) in expected.items():
        config = config_of(recipe)
        assert {(o.lr, o.betas) for o in config.optimisers.values()} == {(lr, betas)}
        assert config.run.batch_size == batch
        assert config.game.options["loss"] == "non-saturating"
        game = build_game(config)
        moves = ["".join(p[0].upper() for p in game.moves(step)) for step in range(10)]
        assert moves == order, recipe
    assert config_of("tutorial-dcgan-anime").run.save_every == 5 * 1000


def test_labels_are_one_hot_behind_z_and_planes_behind_the_picture() -> None:
    game = build_game(config_of("tutorial-cgan-mnist"))
    generator, discriminator = game.get_submodule("G"), game.get_submodule("D")
    joined = generator.labels(torch.full((2, 100), 7.0), torch.tensor([3, 9]))
    assert joined.shape == (2, 110)
    assert torch.equal(joined[:, 100:], torch.eye(10)[[3, 9]])
    planes = discriminator.planes(torch.full((2, 1, 28, 28), 7.0), torch.tensor([3, 9]))
    assert planes.shape == (2, 11, 28, 28)
    assert torch.equal(planes[0, 0], torch.full((28, 28), 7.0))
    for sample, label in ((0, 3), (1, 9)):
        for plane in range(10):
            assert (planes[sample, 1 + plane] == float(plane == label)).all()


def test_conditional_where_that_has_a_meaning() -> None:
    with pytest.raises(UsageError, match="no labels"):
        RECIPES["tutorial-cgan-mnist"](Facts(count=9, channels=1, height=28, width=28, classes=0))
    assert config_of("tutorial-dcgan-mnist", classes=10).networks["G"].options["classes"] == 0
    assert config_of("tutorial-dcgan-anime", classes=10).networks["G"].options["classes"] == 10


# Orders of moves


def points(**options: object) -> Adversarial:
    torch.manual_seed(0)
    generator = NETWORKS["mlp-generator"]((2,), latent=2, widths=(8,), norm="none", output="linear")
    return Adversarial(generator, NETWORKS["mlp-discriminator"]((2,), widths=(8,)), **options)  # type: ignore[arg-type]


def playing(game: Adversarial, data: Tensor, batch_size: int = 8) -> Trainer:
    optimisers = {
        player: torch.optim.SGD(game.get_submodule(name).parameters(), 0.1)
        for player, (name,) in game.players.items()
    }
    return Trainer(game, optimisers, data, batch_size=batch_size)


class Watched(torch.nn.Module):
    """A discriminator that notes what it was shown."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner, self.seen = inner, list[Tensor]()

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        self.seen.append(x.detach().clone())
        logits: Tensor = self.inner(x, y)
        return logits


@pytest.mark.parametrize("reuse", [False, True])
def test_the_fakes_of_the_generators_move_serve_the_discriminator(reuse: bool) -> None:
    game = points(generator_first=True, reuse_fakes=reuse, discriminator_moves=2)
    game.D = watched = Watched(game.D)
    trainer = playing(game, torch.randn(64, 2))
    for _ in range(3):
        watched.seen.clear()
        trainer.take_step()
        of_generator, real, fake, real_again, fake_again = watched.seen
        assert torch.equal(of_generator, fake) is reuse
        assert torch.equal(fake_again, fake) is reuse
        assert torch.equal(real, real_again) is reuse  # labels of kept fakes must be the batch's


def test_kept_fakes_do_not_outlive_their_step() -> None:
    game = points(generator_first=True, reuse_fakes=True)
    batch = {"x": torch.randn(4, 2)}
    game.generator_loss(batch)
    _, kept = game.kept[0]
    assert not kept.requires_grad
    game.D = watched = Watched(game.D)
    game.clock = Clock(step=1)
    game.discriminator_loss(batch)
    assert not torch.equal(watched.seen[1], kept)


def test_fakes_are_kept_only_where_they_come_first() -> None:
    with pytest.raises(ValueError, match="generator_first"):
        points(reuse_fakes=True)


def test_phases() -> None:
    game = points(discriminator_phase=3, generator_phase=2, generator_moves=2)
    assert game.period == 5
    d, g = ("discriminator",), ("generator", "generator")
    assert [game.moves(step) for step in range(7)] == [d, d, d, g, g, d, d]
    game = points(discriminator_phase=1, generator_phase=2, generator_first=True)
    assert [game.moves(step)[0][0] for step in range(6)] == [*"ggdggd"]
    for options in ({"discriminator_phase": 3}, {"discriminator_phase": -1, "generator_phase": 1}):
        with pytest.raises(ValueError, match="phases"):
            points(**options)
    with pytest.raises(ValueError, match="phases"):
        points(discriminator_phase=1, generator_phase=1, generator_every=2)


def test_the_speed_is_measured_over_all_kinds_of_steps() -> None:
    assert points(generator_every=5).period == 5
    assert points(r1=1.0, penalty_every=4, generator_every=6).period == 12
    assert points(penalty_every=4).period == 1


# Weights: as trained, and from elsewhere


def test_without_a_half_life_the_average_is_the_last_weights() -> None:
    game = points()
    trainer = playing(game, torch.randn(64, 2))
    trainer.average = average = Average(game, half_life_images=0.0)
    for _ in range(3):
        trainer.take_step()
        own = game.G.state_dict()
        assert all(torch.equal(v, own[k]) for k, v in average.G.state_dict().items())


def tiny(out: Path, recipe: str = "dcgan", **options: object) -> ganzfeld.Run:
    widths = [f"networks.{name}.width=4" for name in "GD"]
    more = options.pop("settings", [])
    arguments = {"size": 16, "images": 64, "batch": 16, "quiet": True, "labels": "none"} | options
    arguments["settings"] = [*widths, "run.evaluate_final=false", *more]  # type: ignore[misc]
    return ganzfeld.train("avatars:64", recipe=recipe, out=out, **arguments)  # type: ignore[arg-type]


def weights_at(run: Path, images: int, part: str) -> dict[str, Tensor]:
    from ganzfeld.core import checkpoint

    state = checkpoint.load(run / "checkpoints" / f"images-{images:012d}").state
    found: dict[str, Tensor] = state[part]
    return found


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(v, right[k]) for k, v in left.items())


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("runs") / "first").path


@pytest.mark.long
def test_raw_weights_can_be_shipped_and_are_called_so(tmp_path: Path) -> None:
    run = tiny(tmp_path / "run", settings=["ema.half_life_images=0"])
    trained = weights_at(run.path, run.model.about["chosen"]["images"], "game")
    shipped = run.model.generator.state_dict()
    assert all(torch.equal(v, trained[f"G.{k}"]) for k, v in shipped.items())
    assert run.model.about["averaged"] is False
    assert "as last trained" in (run.path / "model" / "README.md").read_text()


@pytest.mark.long
def test_a_run_starts_from_another_run(first: Path, tmp_path: Path) -> None:
    run = tiny(tmp_path / "run", seed=5, init=first, settings=["run.keep=9"])
    for part in ("game", "average"):
        assert same(weights_at(run.path, 0, part), weights_at(first, 64, part))
    config = json.loads((run.path / "config.json").read_text())
    assert config["run"]["init"] == str(first.resolve())
    assert run.model.about["training"]["run"]["init"] == first.name
    assert not same(weights_at(run.path, 64, "game"), weights_at(first, 64, "game"))


@pytest.mark.long
def test_a_run_starts_from_a_model(first: Path, tmp_path: Path) -> None:
    fresh = tiny(tmp_path / "fresh", seed=5, settings=["run.keep=9"])
    run = tiny(tmp_path / "run", seed=5, init=first / "model", settings=["run.keep=9"])
    start, shipped = weights_at(run.path, 0, "game"), ganzfeld.load(first).generator.state_dict()
    untouched = weights_at(fresh.path, 0, "game")
    for name, value in start.items():
        expected = shipped[name[2:]] if name.startswith("G.") else untouched[name]
        assert torch.equal(value, expected), name


@pytest.mark.long
def test_weights_given_are_for_the_start_alone(first: Path, tmp_path: Path) -> None:
    """An interrupted run goes on from its own weights, even where the others have gone."""
    import shutil

    given = tmp_path / "given"
    shutil.copytree(first, given)
    whole = tiny(tmp_path / "whole", seed=5, init=given)
    part = tiny(tmp_path / "part", seed=5, init=given, settings=["run.keep=9"])
    for later in part.path.glob("checkpoints/images-*"):
        if int(later.name.removeprefix("images-")) > 32:
            shutil.rmtree(later)
    shutil.rmtree(given)
    ganzfeld.resume(part.path, quiet=True)
    assert same(weights_at(part.path, 64, "game"), weights_at(whole.path, 64, "game"))


def test_weights_that_do_not_fit_are_named(first: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        tiny(tmp_path / "run", init=first, settings=["networks.*.width=6"])
    assert "linear.weight" in caught.value.what and "(128, 100) there" in caught.value.what
    assert "(192, 100) here" in caught.value.what
    assert not (tmp_path / "run" / "config.json").exists()
    with pytest.raises(CheckpointError, match="no run or model"):
        tiny(tmp_path / "run", init=tmp_path / "nowhere")


def small_run(recipe: str, out: Path) -> ganzfeld.Run:
    settings = ["networks.G.widths=[8,8]"] if "mlp" in recipe else ["networks.G.width=4"]
    if recipe in ("vae", "gmmn"):
        settings.append("networks.E.width=4")
    else:
        settings.append(f"networks.D.{'widths=[8]' if 'mlp' in recipe else 'width=4'}")
    return ganzfeld.train(
        "avatars:64",
        recipe=recipe,
        out=out,
        size=24 if "anime" in recipe else 16,
        images=64,
        batch=16,
        settings=[*settings, "run.evaluate_final=false", "run.evaluate_count=16"],
        quiet=True,
    )


@pytest.mark.long
def test_what_is_shipped_loads_in_a_fresh_process(tmp_path: Path) -> None:
    runs = {recipe: small_run(recipe, tmp_path / recipe) for recipe in [*SHAPES, "vae", "gmmn"]}
    code = (
        "import sys, ganzfeld\n"
        "for path in sys.argv[1:]:\n"
        "    model = ganzfeld.load(path)\n"
        "    print(model.sample(3, seed=1).double().sum().item(), len(model.classes))"
    )
    models = [str(run.path / "model") for run in runs.values()]
    done = subprocess.run([sys.executable, "-c", code, *models], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for (recipe, run), line in zip(runs.items(), done.stdout.splitlines(), strict=True):
        total, classes = line.split()
        assert float(total) == run.model.sample(3, seed=1).double().sum().item()
        unconditional = recipe in ("tutorial-mlp-mnist", "tutorial-dcgan-mnist")
        assert int(classes) == (0 if unconditional else 10)
