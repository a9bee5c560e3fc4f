"""Translation: networks as published, losses by hand, exact resuming, and the model that ships."""

from __future__ import annotations

import copy
import hashlib
import io
import itertools
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import ganzfeld
from ganzfeld.cli.main import main
from ganzfeld.config import Config, Optimiser, with_settings
from ganzfeld.core import checkpoint
from ganzfeld.errors import DataError, GanzfeldError, UsageError
from ganzfeld.games import CycleGAN, Pix2Pix
from ganzfeld.games.translation import Pool, columns, compare
from ganzfeld.modalities.image.draw import save_image
from ganzfeld.models.tiles import places, tiled
from ganzfeld.models.translating_files import translate_files
from ganzfeld.models.translator import Translator
from ganzfeld.networks.patchgan import PatchDiscriminator
from ganzfeld.networks.resnet_translator import ResidualTranslator
from ganzfeld.networks.unet import UNetTranslator
from ganzfeld.recipes.gan import RECIPES, Facts, patch_layers, unet_depth
from ganzfeld.training.build import build_schedule, build_trainer, complete
from ganzfeld.training.plan import settle
from ganzfeld.training.trainer import Trainer, as_data
from test_resume import run_on, unequal

# Networks


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def conv(kernel: int, before: int, behind: int) -> int:
    """Weights and biases of a convolution, transposed or not."""
    return kernel * kernel * before * behind + behind


def test_the_residual_translator_has_the_published_parameters() -> None:
    ends = conv(7, 3, 64) + conv(7, 64, 3)
    down = conv(3, 64, 128) + conv(3, 128, 256)
    blocks = 9 * 2 * conv(3, 256, 256)
    up = conv(3, 256, 128) + conv(3, 128, 64)
    assert ends + down + blocks + up == 11_378_179  # "11.378 M"
    assert parameters(ResidualTranslator(3, 3, blocks=9)) == 11_378_179


def test_the_unet_has_the_published_parameters() -> None:
    down = [3, 64, 128, 256, 512, 512, 512, 512, 512]
    up = [(512, 512), *[(1024, 512)] * 3, (1024, 256), (512, 128), (256, 64), (128, 3)]
    weights = sum(16 * a * b for a, b in [*itertools.pairwise(down), *up])
    norms = 2 * sum(down[2:-1]) + 2 * sum(b for _, b in up[:-1])
    biases = 64 + 512 + 3  # where no norm follows
    assert round((weights + norms + biases) / 1e6, 2) == 54.41
    for norm in ("batch", "instance"):
        assert parameters(UNetTranslator(3, 3, norm=norm)) == weights + norms + biases  # type: ignore[arg-type]


def test_the_patch_discriminator_has_the_published_parameters() -> None:
    widths = [3, 64, 128, 256, 512, 1]
    expected = sum(conv(4, a, b) for a, b in itertools.pairwise(widths))
    assert round(expected / 1e6, 2) == 2.76
    assert parameters(PatchDiscriminator(3)) == expected


@pytest.mark.parametrize(("layers", "field"), [(3, 70), (2, 34), (1, 16), (0, 7)])
def test_a_logit_sees_a_patch(layers: int, field: int) -> None:
    """Gradients of one logit reach exactly the patch; normalisation, which is global, is off."""
    torch.manual_seed(0)
    net = PatchDiscriminator(1, layers=layers, width=4, norm="none")
    x = torch.randn(1, 1, 160, 160, requires_grad=True)
    logits = net(x)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    assert x.grad is not None
    rows, cols = (x.grad[0, 0].abs().sum(d).nonzero() for d in (1, 0))
    assert rows.max() - rows.min() + 1 == field
    assert cols.max() - cols.min() + 1 == field


@pytest.mark.parametrize("size", [(32, 32), (37, 53), (8, 8), (5, 90), (3, 3), (1, 1)])
def test_any_size_and_channels(size: tuple[int, int]) -> None:
    x = torch.rand(2, 1, *size) * 2 - 1
    for net in (
        ResidualTranslator(1, 4, width=4, blocks=1),
        UNetTranslator(1, 4, depth=unet_depth(size), width=4),
        UNetTranslator(1, 4, depth=5, width=4),
    ):
        for mode in (net.train(), net.eval()):
            y = mode(x)
            assert y.shape == (2, 4, *size) and y.abs().max() <= 1
    if min(size) >= 3:
        logits = PatchDiscriminator(1, layers=patch_layers(size), width=4)(x)
        assert logits.dim() == 4 and logits.numel() >= 2


def test_depth_follows_size() -> None:
    sizes = {256: 8, 128: 7, 64: 6, 32: 5, 16: 4, 1024: 8, 48: 4, 8: 3}
    assert {side: unet_depth((side, side)) for side in sizes} == sizes
    assert [patch_layers((side, 999)) for side in (256, 32, 31, 16, 8, 4)] == [3, 3, 2, 2, 1, 0]


def test_dropout_is_the_noise_of_training_alone() -> None:
    net = UNetTranslator(3, 3, depth=5, width=4)
    x = torch.rand(1, 3, 32, 32)
    torch.manual_seed(0)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))
    drops = [m for m in UNetTranslator(3, 3, width=4).modules() if isinstance(m, nn.Dropout)]
    assert len(drops) == 3  # CD512-CD512-CD512 of the paper's decoder


# Games


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


A = torch.tensor([[0.5, -0.5], [1.0, 0.0]]).view(2, 1, 1, 2)  # two samples of two pixels
B = torch.tensor([[0.2, 0.4], [-0.6, 0.8]]).view(2, 1, 1, 2)


def cycle_game(ab: float, ba: float, **options: Any) -> CycleGAN:
    nets = [Times(f) for f in (ab, ba, 3.0, 2.0)]
    shape = (1, 1, 2)
    return CycleGAN(*nets, shape_a=shape, shape_b=shape, **options)  # type: ignore[arg-type]


def test_the_losses_of_cyclegan_by_hand() -> None:
    game = cycle_game(0.5, 4.0)
    losses = {k: v.item() for k, v in game.translators_loss({"a": A, "b": B}).items()}
    # fake_b = A / 2 and D_b doubles: the logits are A; fake_a = 4 B and D_a trebles: 12 B
    assert losses["adversarial_ab"] == pytest.approx((0.5**2 + 1.5**2 + 0 + 1) / 4)
    x = 12 * B - 1
    assert losses["adversarial_ba"] == pytest.approx((x**2).mean().item())
    # there and back doubles an image: the difference is the image itself
    assert losses["cycle_a"] == pytest.approx(10 * (0.5 + 0.5 + 1 + 0) / 4)
    assert losses["cycle_b"] == pytest.approx(10 * (0.2 + 0.4 + 0.6 + 0.8) / 4)
    assert losses["identity_a"] == pytest.approx(5 * 3 * (0.5 + 0.5 + 1 + 0) / 4)
    assert losses["identity_b"] == pytest.approx(5 * 0.5 * (0.2 + 0.4 + 0.6 + 0.8) / 4)

    judged = {k: v.item() for k, v in game.discriminator_loss({"a": A, "b": B}).items()}
    # 1/2 (D(real) - 1)^2 + 1/2 D(fake)^2, fakes of the same step
    expected = 0.5 * ((3 * A - 1) ** 2).mean() + 0.5 * ((12 * B) ** 2).mean()
    assert judged["adversarial_a"] == pytest.approx(expected.item())
    expected = 0.5 * ((2 * B - 1) ** 2).mean() + 0.5 * (A**2).mean()
    assert judged["adversarial_b"] == pytest.approx(expected.item())


def test_the_discriminator_sees_the_fakes_of_before_the_update() -> None:
    game = cycle_game(0.5, 4.0, pool=0)
    game.translators_loss({"a": A, "b": B})
    with torch.no_grad():
        game.get_parameter("G_ab.factor").fill_(100.0)
    first = game.discriminator_loss({"a": A, "b": B})["adversarial_b"].item()
    assert first == pytest.approx((0.5 * ((2 * B - 1) ** 2).mean() + 0.5 * (A**2).mean()).item())
    later = game.discriminator_loss({"a": A, "b": B})["adversarial_b"].item()
    assert later > 1000  # nothing is kept for a second time


def test_identity_networks_have_no_cycle_loss() -> None:
    losses = cycle_game(1.0, 1.0).translators_loss({"a": A, "b": B})
    for name in ("cycle_a", "cycle_b", "identity_a", "identity_b"):
        assert losses[name].item() == 0
    assert losses["adversarial_ab"].item() > 0


def test_identity_loss_needs_equal_channels() -> None:
    nets = [Times(1.0) for _ in range(4)]
    with pytest.raises(ValueError, match="identity=0"):
        CycleGAN(*nets, shape_a=(1, 2, 2), shape_b=(3, 2, 2))


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_the_losses_of_pix2pix_by_hand(direction: str) -> None:
    judge = nn.Sequential(nn.Flatten(2), nn.Linear(2, 1, bias=False))
    nn.init.ones_(judge[1].weight)  # a logit for each channel: the sum of its pixels
    game = Pix2Pix(Times(0.5), judge, direction=direction)  # type: ignore[arg-type]
    x, y = (A, B) if direction == "ab" else (B, A)
    losses = game.generator_loss({"a": A, "b": B})
    fake = 0.5 * x
    soft = nn.functional.softplus
    pair = torch.cat([x, fake], 1).sum((2, 3))
    assert losses["l1"].item() == pytest.approx(100 * (fake - y).abs().mean().item(), rel=1e-5)
    assert losses["adversarial"].item() == pytest.approx(soft(-pair).mean().item())
    real = torch.cat([x, y], 1).sum((2, 3))
    expected = 0.5 * (soft(-real) + soft(pair)).mean()
    judged = game.discriminator_loss({"a": A, "b": B})
    assert judged["adversarial"].item() == pytest.approx(expected.item())


def test_errors_and_columns() -> None:
    game = cycle_game(0.5, 4.0)
    found = compare(game, {"a": A, "b": B}, paired=True)
    assert found["error_ab"] == pytest.approx((A / 2 - B).abs().mean().item() / 2)
    assert found["error_ba"] == pytest.approx((4 * B - A).abs().mean().item() / 2)
    assert found["cycle_error_a"] == pytest.approx(A.abs().mean().item() / 2)
    assert set(compare(game, {"a": A, "b": B}, paired=False)) == {"cycle_error_a", "cycle_error_b"}
    shown = columns(game, {"a": A, "b": B}, paired=False)
    assert [torch.equal(x, y) for x, y in zip(shown[:2], (A, A / 2), strict=True)] == [True] * 2
    one = Pix2Pix(Times(0.5), Times(1.0), direction="ba")
    assert set(compare(one, {"a": A, "b": B}, paired=True)) == {"error_ba"}
    assert torch.equal(torch.stack(columns(one, {"a": A, "b": B}, paired=True))[2], A)


# Pool


def numbered(*numbers: int) -> Tensor:
    """Images of one grey each: number n is n / 127.5 - 1, up to 255."""
    return torch.tensor(numbers).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).float() / 127.5 - 1


def test_the_pool_hands_on_half_of_the_past() -> None:
    torch.manual_seed(0)
    pool = Pool(50, (1, 2, 2))
    first = numbered(*range(50))
    assert torch.equal(pool.exchange(first), first)  # filling: all are handed on
    assert int(pool.filled) == 50
    old, seen = 0, set()
    for turn in range(2000):
        new = numbered(50 + turn % 200)
        back = pool.exchange(new)
        if not torch.equal(back, new):
            old += 1
            seen.add(round(float((back[0, 0, 0, 0] + 1) * 127.5)))
    assert old / 2000 == pytest.approx(0.5, abs=0.04)  # 3.5 deviations of a coin
    assert len(seen) > 180  # of numbers old and new
    kept = ((pool.pictures[:, 0, 0, 0]).tolist(), pool.pictures.float().std(dim=(1, 2, 3)))
    assert len(set(kept[0])) > 30 and kept[1].max() == 0


def test_the_pool_follows_the_seed_and_its_state() -> None:
    def turn(pool: Pool) -> list[float]:
        torch.manual_seed(5)
        return [float(pool.exchange(numbered(100 + i)).mean()) for i in range(20)]

    one, other = Pool(4, (1, 2, 2)), Pool(4, (1, 2, 2))
    one.exchange(numbered(1, 2, 3, 4))
    other.load_state_dict(one.state_dict())
    assert turn(one) == turn(other)
    assert turn(Pool(4, (1, 2, 2))) != turn(other)
    assert torch.equal(Pool(0, (1, 2, 2)).exchange(numbered(7)), numbered(7))


def test_what_is_not_finite_does_not_stay_in_the_pool() -> None:
    pool = Pool(2, (1, 2, 2))
    pool.exchange(torch.full((1, 1, 2, 2), float("nan")))
    torch.manual_seed(0)
    later = torch.cat([pool.exchange(numbered(9)) for _ in range(20)])
    assert later.isfinite().all()


# Schedules and settings


def test_the_learning_rate_is_held_then_falls_along_a_line() -> None:
    config = Optimiser(lr=2e-4, betas=(0.5, 0.999), final_lr=0.0, decay="linear", hold=0.5)
    schedule = build_schedule(config, 1000, 1)
    rates = [schedule(images)["lr"] for images in (0, 250, 500, 750, 1000, 1500)]
    assert rates == pytest.approx([2e-4, 2e-4, 2e-4, 1e-4, 0, 0])
    with pytest.raises(UsageError, match="hold"):
        build_schedule(Optimiser(hold=1.0), 10, 1)


def test_a_rate_may_be_held_for_a_number_of_steps() -> None:
    config = Optimiser(lr=2.0, final_lr=0.0, decay="linear", hold=0.5)
    config.hold_steps, config.burn_in_steps = 50, 150
    long, short = build_schedule(config, 1000, 4), build_schedule(config, 300, 4)
    assert [long(images)["lr"] for images in (200, 400, 600, 900)] == pytest.approx([2, 1, 0, 0])
    assert [short(images)["lr"] for images in (150, 225, 300)] == pytest.approx([2, 1, 0])
    with pytest.raises(UsageError, match="hold"):
        build_schedule(Optimiser(hold=0.5, hold_steps=-1), 10, 1)


def test_a_rate_below_its_final_one_does_not_rise() -> None:
    schedule = build_schedule(Optimiser(lr=1e-5, final_lr=1e-4, decay="linear"), 1000, 1)
    assert {schedule(images)["lr"] for images in (0, 500, 1000)} == {1e-5}


def test_a_star_sets_all_networks() -> None:
    facts = Facts(count=8, channels=3, height=64, width=64, classes=0, channels_b=1)
    config = with_settings(RECIPES["cyclegan"](facts), ["networks.*.width=8", "game.cycle=3"])
    assert [p.options["width"] for p in config.networks.values()] == [8] * 4
    assert config.game.options["cycle"] == 3 and config.game.options["identity"] == 0
    assert config.networks["G_ab"].options["blocks"] == 6


# Resuming


BATCH, STEPS = 4, 9
SMALL = ["networks.*.width=4"]
CASES = [("cyclegan", 3, 3), ("cyclegan", 1, 3), ("pix2pix", 3, 3), ("pix2pix", 3, 1)]


def config_of(recipe: str, a: int, b: int, *more: str) -> Config:
    facts = Facts(count=20, channels=a, height=16, width=16, classes=0, channels_b=b)
    config = RECIPES[recipe](facts)
    config.run.images, config.run.batch_size = 12 * BATCH, BATCH
    small = ["networks.G_ab.blocks=1", "networks.G_ba.blocks=1", "game.pool=6"]
    config = with_settings(config, [*SMALL, *(small if recipe == "cyclegan" else []), *more])
    config = complete(config)
    settle(config)
    return config


def trainer_of(recipe: str, a: int, b: int, *more: str) -> Trainer:
    generator = torch.Generator().manual_seed(5)
    data = {
        name: torch.randint(0, 256, (20, c, 16, 16), generator=generator, dtype=torch.uint8)
        for name, c in (("a", a), ("b", b))
    }
    return build_trainer(config_of(recipe, a, b, *more), as_data(data), torch.device("cpu"))


@cache
def straight(recipe: str, a: int, b: int) -> dict[str, Any]:
    return run_on(trainer_of(recipe, a, b), STEPS).state_dict()


LONG = [("cyclegan", 1, 3), ("pix2pix", 3, 3)]  # which differ from the others in channels only


@pytest.mark.parametrize(
    ("recipe", "a", "b"),
    [pytest.param(*case, marks=[pytest.mark.long] if case in LONG else []) for case in CASES],
)
def test_a_resumed_run_equals_a_straight_one(recipe: str, a: int, b: int, tmp_path: Path) -> None:
    for stop in (1, 3, 7):  # 3: the pool is full; 7: the learning rate falls
        half = run_on(trainer_of(recipe, a, b), stop)
        path = checkpoint.save(tmp_path, half.images, half.state_dict(), {})
        again = run_on(trainer_of(recipe, a, b), 2)
        again.load_state_dict(checkpoint.load(path).state)
        assert unequal(run_on(again, STEPS).state_dict(), straight(recipe, a, b)) == []


@pytest.mark.parametrize("field", ["pool_a.pictures", "pool_b.pictures", "pool_a.filled"])
def test_the_pools_are_part_of_the_state(field: str) -> None:
    state = run_on(trainer_of("cyclegan", 3, 3), 4).state_dict()
    ends = []
    for changed in (False, True):
        trainer = trainer_of("cyclegan", 3, 3)
        trainer.load_state_dict(copy.deepcopy(state))
        if changed:
            trainer.game.get_buffer(field).zero_()
        ends.append(run_on(trainer, STEPS).state_dict())
    wrong = unequal(ends[1], ends[0])
    assert any(name.startswith("game/D_") for name in wrong)


def test_players_and_losses() -> None:
    report = trainer_of("cyclegan", 3, 3).take_step()
    terms = ("adversarial_ab", "adversarial_ba", "cycle_a", "cycle_b", "identity_a", "identity_b")
    names = {f"translators/{t}" for t in terms}
    assert set(report.losses) == names | {f"discriminator/adversarial_{d}" for d in "ab"}
    assert report.images == BATCH


# A run and what it ships


@pytest.fixture(scope="module")
def styles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "styles"
    small = ["networks.*.width=4", "networks.G_ab.blocks=1", "networks.G_ba.blocks=1"]
    options: dict[str, Any] = {"size": 16, "images": 32, "batch": 4, "settings": small}
    return ganzfeld.train(
        "avatars-styles:24", recipe="cyclegan", out=out, quiet=True, **options
    ).path


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "lines"
    options: dict[str, Any] = {"size": (20, 14), "batch": 4, "settings": LINES}
    options |= {"images": 640, "direction": "ba", "quiet": True}
    return ganzfeld.train("avatars-lines:64", recipe="pix2pix", out=out, **options).path


LINES = ["networks.*.width=8", "optimisers.generator.lr=2e-3", "run.sample_every=320"]


def evaluations(run: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if row["kind"] == "evaluation"]


@pytest.mark.long
def test_error_falls_and_is_measured_on_held_out_scenes(lines: Path, styles: Path) -> None:
    rows = evaluations(lines)
    assert rows[-1]["held_out"] is True and "n=64" in rows[-1]["protocol"]
    assert "baseline_identity" not in rows[-1]  # one channel to three
    assert rows[-1]["error_ba"] < 0.9 * rows[0]["error_ba"]
    assert 0.1 < rows[-1]["baseline_mean_a"] < 0.3
    row = evaluations(styles)[-1]
    assert {"error_ab", "error_ba", "cycle_error_a", "baseline_identity", "baseline_mean_a"} <= set(
        row
    )


def test_the_baselines_are_what_they_say(styles: Path) -> None:
    from ganzfeld.data.avatars.scene import avatars
    from ganzfeld.data.pairs import HELD_SCENES

    row = evaluations(styles)[-1]
    held = [
        avatars(64, 16, 16, style=style, start=HELD_SCENES)[0].astype(float)
        for style in ("colour", "comic")
    ]
    assert row["baseline_identity"] == pytest.approx(np.abs(held[0] - held[1]).mean() / 255, 1e-3)
    trained = avatars(24, 16, 16, style="comic", start=24)[0].astype(float)
    mean = np.abs(held[1] - trained.mean(0)).mean() / 255
    assert row["baseline_mean_b"] == pytest.approx(mean, 1e-3)


def test_grids_show_inputs_beside_outputs(lines: Path) -> None:
    with Image.open(sorted((lines / "samples").glob("*.png"))[-1]) as grid:
        assert grid.mode == "RGB"
        assert grid.size == (3 * (14 * 3 + 2) + 2, 8 * (20 * 3 + 2) + 2)


@pytest.mark.long
def test_the_model_in_a_fresh_process(styles: Path) -> None:
    code = (
        "import ganzfeld, torch, hashlib\n"
        f"model = ganzfeld.load({str(styles / 'model')!r})\n"
        "x = torch.linspace(-1, 1, 3 * 21 * 18).view(3, 21, 18)\n"
        "for to in 'ab':\n"
        "    y = model.translate(x, to=to)\n"
        "    print(to, tuple(y.shape), hashlib.sha256(y.numpy().tobytes()).hexdigest())\n"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    model, x = ganzfeld.load(styles), torch.linspace(-1, 1, 3 * 21 * 18).view(3, 21, 18)
    done = {to: model.translate(x, to=to).numpy().tobytes() for to in "ab"}
    here = [f"{to} (3, 21, 18) {hashlib.sha256(y).hexdigest()}" for to, y in done.items()]
    assert there.stdout.splitlines() == here and here[0] != here[1]


def test_a_model_is_that_of_its_checkpoint(styles: Path, tmp_path: Path) -> None:
    import shutil

    x = torch.rand(2, 3, 16, 16) * 2 - 1
    shipped = ganzfeld.load(styles)
    assert isinstance(shipped, Translator)
    copy_of = tmp_path / "run"
    shutil.copytree(styles, copy_of)
    shutil.rmtree(copy_of / "model")
    assert torch.equal(ganzfeld.load(copy_of).translate(x), shipped.translate(x))
    assert "image-to-image" in (styles / "model" / "README.md").read_text()


def test_translate_takes_what_it_is_given(styles: Path) -> None:
    model = ganzfeld.load(styles)
    x = torch.rand(2, 3, 9, 30) * 2 - 1
    one = model.translate(x[0], to="b")
    assert one.shape == (3, 9, 30) and torch.equal(one, model.translate(x, to="b")[0])
    pixels = ((x[0] + 1) * 127.5).round().byte()
    assert torch.equal(
        model.translate(pixels, to="a"), model.translate(pixels.float() / 127.5 - 1, to="a")
    )
    image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    done = model.translate([image, image], to="b")
    assert [d.size for d in done] == [(30, 9)] * 2 and done[0].mode == "RGB"
    expected = ((model.translate(pixels) + 1) * 127.5).round().clamp(0, 255).byte()
    assert np.array_equal(np.asarray(done[0]), expected.permute(1, 2, 0).numpy())
    with pytest.raises(UsageError, match=r"\(N, 3, H, W\)"):
        model.translate(torch.zeros(1, 1, 8, 8))
    with pytest.raises(UsageError, match="does not translate to 'c'"):
        model.translate(x, to="c")


def test_alpha_and_other_modes(styles: Path) -> None:
    model = ganzfeld.load(styles)
    rgba = np.random.default_rng(0).integers(0, 256, (12, 15, 4), np.uint8)
    done = model.translate(Image.fromarray(rgba), to="b")
    assert done.mode == "RGBA" and np.array_equal(np.asarray(done)[..., 3], rgba[..., 3])
    rgba[..., 3] = 0
    rgba[..., :3] = 255
    clear = np.asarray(model.translate(Image.fromarray(rgba)))[..., :3]
    white = np.asarray(model.translate(Image.new("RGB", (15, 12), "white")))
    assert np.array_equal(clear, white)  # what is transparent counts as the ground
    for mode in ("L", "1", "P", "CMYK", "I;16", "LA"):
        assert model.translate(Image.new(mode, (15, 12))).size == (15, 12)
    turned = Image.new("RGB", (15, 12))
    exif = turned.getexif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    turned.save(buffer, "JPEG", exif=exif)
    assert model.translate(Image.open(io.BytesIO(buffer.getvalue()))).size == (12, 15)


class Shift(nn.Module):
    """A network whose answer depends on neighbours at most one pixel away."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


@pytest.mark.parametrize("size", [(64, 200), (150, 90), (65, 64), (20, 300)])
def test_tiles_blend_without_seams(size: tuple[int, int]) -> None:
    x = torch.rand(1, 3, *size)
    assert torch.allclose(tiled(nn.Identity(), x, 64), x, atol=1e-6)
    difference = (tiled(Shift(), x, 64) - Shift()(x)).abs()
    assert difference.max() < 0.1  # at the edges of tiles, which hardly count
    for length in (64, 65, 100, 1000):
        starts = places(length, 64)
        assert starts[0] == 0 and starts[-1] == length - 64
        assert all(b - a <= 64 - 8 for a, b in itertools.pairwise(starts))


# The command


def folder_of(path: Path, *sizes: tuple[int, int]) -> Path:
    for number, size in enumerate(sizes):
        (path / "sub").mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(noise).save(path / "sub" / f"{number}.png")
    return path


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_the_command(styles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = folder_of(tmp_path / "in", (20, 33), (16, 16))
    out, sheet = tmp_path / "out", tmp_path / "sheet.png"
    main(["translate", str(styles), str(source), "--out", str(out), "--sheet", str(sheet)])
    assert "2 images" in capsys.readouterr().out
    assert size_of(out / "sub" / "0.png") == (33, 20)
    assert size_of(sheet)[0] == 2 * (2 * 192 + 12) + 4
    one = source / "sub" / "0.png"
    main(["translate", str(styles), str(one), "--to", "a", "--out", str(out), "--side", "40"])
    assert size_of(out / "0.png") == (66, 40)
    with pytest.raises(SystemExit) as caught:
        main(["translate", str(styles), str(one), "--out", str(one.parent)])
    assert caught.value.code == 2 and "overwritten" in capsys.readouterr().err


def test_nothing_is_written_among_the_pictures(styles: Path, tmp_path: Path) -> None:
    for place in ("1.png", "sub/1.png"):
        save_image(Image.new("RGB", (16, 16), "red"), tmp_path / "pictures" / place)
    before = (tmp_path / "pictures" / "sub" / "1.png").read_bytes()
    with pytest.raises(UsageError, match="overwritten"):
        translate_files(ganzfeld.load(styles), tmp_path / "pictures", tmp_path / "pictures" / "sub")
    assert (tmp_path / "pictures" / "sub" / "1.png").read_bytes() == before


def test_dropout_is_noise_that_follows_its_seed(styles: Path) -> None:
    network = UNetTranslator(3, 3, depth=3, width=4, dropout=0.5)
    network.ups[1].append(nn.Dropout(0.5))  # so shallow a network has none
    training = {"data": {"alpha": "white"}}
    about = {"channels": {"a": 3, "b": 3}, "size": [16, 16], "training": training}
    model, x = Translator(about, {"ab": network}), torch.rand(2, 3, 16, 16)
    still = model.translate(x)
    assert torch.equal(still, model.translate(x))
    before = torch.random.get_rng_state()
    first, second = (model.translate(x, dropout=seed) for seed in (1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(first, model.translate(x, dropout=1))
    assert not torch.equal(first, second) and not torch.equal(first, still)
    assert torch.equal(still, model.translate(x))
    with pytest.raises(UsageError, match="no dropout to keep on"):
        ganzfeld.load(styles).translate(x, dropout=1)


def test_bad_pictures_are_named_and_the_others_done(styles: Path, tmp_path: Path) -> None:
    from ganzfeld.models.translating_files import translate_files

    source = folder_of(tmp_path / "in", (16, 16), (16, 16))
    (source / "sub" / "2.png").write_bytes(b"\x89PNG no")
    with pytest.raises(DataError, match=r"1 image could not.*\n.*2\.png") as caught:
        translate_files(ganzfeld.load(styles), source, tmp_path / "out")
    assert "2 others are in" in caught.value.safe


def test_the_wrong_task_is_refused(styles: Path, lines: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="model for translation"):
        ganzfeld.load(styles, task="generation")
    with pytest.raises(SystemExit) as caught:
        main(["sample", str(styles), "--out", str(tmp_path)])
    assert caught.value.code == 2
    with pytest.raises(UsageError, match="learned from b to a"):
        ganzfeld.load(lines).translate(torch.zeros(1, 1, 8, 8), to="b")
    assert ganzfeld.load(lines).translate(torch.zeros(1, 3, 8, 9)).shape == (1, 1, 8, 9)


@pytest.mark.parametrize(
    ("source", "options", "code", "words"),
    [
        ("avatars-lines", {"recipe": "dcgan"}, 2, "two domains"),
        ("avatars", {"recipe": "dcgan", "other": "b"}, 2, "two domains"),
        ("avatars-lines:x", {"recipe": "pix2pix"}, 3, "avatars-lines:2000"),
        ("avatars-styles:8", {"recipe": "cyclegan", "direction": "ab"}, 2, "--direction"),
        ("avatars:8", {"direction": "ba", "size": 16}, 2, "--direction"),
    ],
)
def test_what_cannot_be_meant(
    source: str, options: dict[str, Any], code: int, words: str, tmp_path: Path
) -> None:
    with pytest.raises(GanzfeldError) as caught:
        ganzfeld.train(source, out=tmp_path / "run", quiet=True, **options)
    assert caught.value.code == code and words in str(caught.value)
    assert len(str(caught.value).splitlines()) < 12
