"""Networks that are as large as the time asks for."""

import dataclasses
import json
import math
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import ganzfeld
from ganzfeld.config import Config, with_settings
from ganzfeld.core import runtime
from ganzfeld.data.pack import PackOptions, open_pack
from ganzfeld.metrics import scale
from ganzfeld.metrics.kinds import make_extractor
from ganzfeld.recipes.base import gamma
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.recipes.sizing import SIZINGS, within
from ganzfeld.training import pace, speed, stages, trial
from ganzfeld.training.build import build_schedule, build_trainer, complete, precision_for
from ganzfeld.training.plan import exceeded, settle, sized


def made(recipe: str, afford: int | None) -> Config:
    facts = Facts(count=90, channels=3, height=16, width=16, classes=0, afford=afford)
    config = complete(RECIPES[recipe](facts))
    config.run.afford = afford
    return config


def stored(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "config.json").read_text())
    return content


def test_more_time_never_means_smaller_networks() -> None:
    choices = [within(10_000 * times) for times in range(20)]
    assert choices == sorted(choices)
    assert choices[0] == (16, 16)
    assert choices[-1] == within(None) == (32, 32)


@pytest.mark.parametrize(
    ("count", "height", "width", "expected"),
    [(60_000, 28, 28, 1.0), (3_500, 32, 32, 1.143), (875, 14, 56, 2.0), (90, 28, 28, 4.0)],
)
def test_few_pictures_are_held_more(count: int, height: int, width: int, expected: float) -> None:
    facts = Facts(count=count, channels=1, height=height, width=width, classes=0)
    assert gamma(facts) == expected


def test_what_can_be_afforded_is_asked_only_where_it_matters() -> None:
    asked: list[Config] = []

    def afford(config: Config) -> int:
        asked.append(config)
        return 5_000

    tutorial = "tutorial-mlp-mnist"
    assert sized(lambda n: made(tutorial, n), afford) == made(tutorial, None) and not asked
    assert sized(lambda n: made("default", n), afford) == made("default", 5_000)
    assert asked == [made("default", None)]
    assert made("default", 5_000).networks["G"].options["width"] == 16


@pytest.mark.parametrize("recipe", SIZINGS)
def test_every_recipe_is_fitted_to_the_time_by_one_rule(recipe: str) -> None:
    """At one budget all have the width of `default`, small batches, and rates that fall."""
    full, short = made(recipe, None), made(recipe, 5_000)

    def width(config: Config) -> float:
        options = config.networks["G"].options
        return options["width"] / 32 if "width" in options else options["widths"][0] / 256

    assert width(short) == width(made("default", 5_000)) == 0.5 and width(full) == 1
    assert short.run.batch_size == 16 * SIZINGS[recipe].times <= full.run.batch_size
    for optimiser in short.optimisers.values():
        schedule = build_schedule(optimiser, 1000, short.run.batch_size)
        assert schedule(0)["lr"] == optimiser.lr
        assert schedule(10**6)["lr"] == pytest.approx(optimiser.final_lr) != optimiser.lr
    assert [made(recipe, n).run.afford for n in (None, 10**7)] == [None, 10**7]


@pytest.mark.parametrize("recipe", ["default", "hinge", "wgan-gp", "dcgan", "r3gan"])
def test_narrower_networks_have_higher_rates(recipe: str) -> None:
    def rates(afford: int) -> list[float]:
        return [one.lr for one in made(recipe, afford).optimisers.values()]

    full = rates(10**7)
    assert rates(5_000) == pytest.approx([2 * lr for lr in full])
    assert rates(50_000) == pytest.approx([lr * 32 / 24 for lr in full], rel=0.03)
    assert made("mlp", 5_000).optimisers["generator"].lr == 5e-4


def test_a_tutorial_stays_as_published_whatever_the_time() -> None:
    for recipe in (name for name in RECIPES if name.startswith("tutorial-mlp")):
        timed = made(recipe, 1)
        timed.run.afford = None
        assert timed == made(recipe, None)


@pytest.mark.long
@pytest.mark.parametrize("recipe", ["hinge", "mlp", "r3gan", "vae", "gmmn"])
def test_a_baseline_trains_at_the_size_for_a_short_time(tmp_path: Path, recipe: str) -> None:
    options: dict[str, Any] = {"out": tmp_path / "run", "afford": 2_000, "size": 16, "quiet": True}
    options["settings"] = ["run.evaluate_final=false", "run.doctor=off"]
    ganzfeld.train("avatars:90", recipe=recipe, images=256, **options)
    config = stored(tmp_path / "run")
    assert config["run"]["batch_size"] == 16 * SIZINGS[recipe].times
    assert all(o["final_lr"] < o["lr"] for o in config["optimisers"].values())


@pytest.mark.long
@pytest.mark.parametrize("recipe", ["default", pytest.param("hinge", marks=pytest.mark.slow)])
def test_minutes_size_the_networks_and_a_second_call_finds_them_so(
    tmp_path: Path, recipe: str
) -> None:
    options: dict[str, Any] = {"out": tmp_path / "run", "minutes": 0.02, "size": 16, "quiet": True}
    options["recipe"] = recipe
    ganzfeld.train("avatars:90", **options)
    config = stored(tmp_path / "run")
    assert config["networks"]["G"]["options"]["width"] == 16
    assert config["run"]["batch_size"] == 16 and config["run"]["afford"] > 16
    ganzfeld.train("avatars:90", **options)
    assert stored(tmp_path / "run") == config
    for given in (tmp_path / "run", tmp_path / "run" / "model"):
        options |= {"out": tmp_path / given.name / "next", "init": given}
        ganzfeld.train("avatars:90", **options)
        assert stored(options["out"])["networks"] == config["networks"]


def test_short_of_time_less_is_drawn_saved_and_measured() -> None:
    usual, short = made("default", None), made("default", None)
    for config in (usual, short):
        config.run.images = 80_000
    settle(usual)
    settle(short, 0.25)
    assert [usual.run.save_every, usual.run.sample_every, usual.run.evaluate_every] == [
        8_000,
        10_000,
        10_000,
    ]
    assert [short.run.save_every, short.run.sample_every, short.run.evaluate_every] == [
        32_000,
        40_000,
        40_000,
    ]
    assert short.run.evaluate_count == usual.run.evaluate_count  # as thorough, but seldom
    assert short.run.log_every == usual.run.log_every


@pytest.mark.long
def test_chores_do_not_eat_the_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "time_chores", lambda *_: (60.0, 0.5, 0.0, 0.0))
    options: dict[str, Any] = {"settings": ["networks.*.width=4"], "batch": 4, "size": 16}
    run = ganzfeld.train("avatars:64", minutes=0.05, out=tmp_path / "run", quiet=True, **options)
    kept = stored(run.path)["run"]
    assert kept["save_every"] == int(kept["images"] / 2)
    assert kept["evaluate_every"] == kept["images"] // 2


UNMEASURED = "run.evaluate_final=false"


@pytest.mark.parametrize("afford, width", [(None, 32), (1_000, 16)])
def test_images_alone_leave_the_networks_as_they_are(
    tmp_path: Path, afford: int | None, width: int
) -> None:
    options: dict[str, Any] = {"images": 32, "batch": 16, "size": 16, "quiet": True}
    ganzfeld.train(
        "avatars:90", out=tmp_path / "run", afford=afford, settings=[UNMEASURED], **options
    )
    assert stored(tmp_path / "run")["networks"]["D"]["options"]["width"] == width


def test_what_is_set_is_left_alone(tmp_path: Path) -> None:
    options: dict[str, Any] = {"images": 32, "size": 16, "afford": 1_000, "quiet": True}
    settings = ["networks.*.width=12", UNMEASURED]
    ganzfeld.train("avatars:90", out=tmp_path / "run", settings=settings, batch=8, **options)
    config = stored(tmp_path / "run")
    assert config["networks"]["G"]["options"]["width"] == 12 and config["run"]["batch_size"] == 8


@pytest.mark.parametrize(
    ("cost", "device", "settings", "precision"),
    [
        (0.6, "cpu", [], "bfloat16"),
        (1.6, "cpu", [], "float32"),
        (0.95, "cpu", [], "float32"),
        (math.inf, "cpu", [], "float32"),
        (0.6, "cuda", [], "float32"),
        (0.6, "cpu", ["run.precision=float32"], "float32"),
        (1.6, "cpu", ["run.precision=bfloat16"], "bfloat16"),
    ],
)
def test_the_default_computes_as_the_processor_does(
    monkeypatch: pytest.MonkeyPatch,
    cost: float,
    device: str,
    settings: list[str],
    precision: str,
) -> None:
    monkeypatch.setattr(runtime, "bfloat16_cost", lambda: cost)
    config = RECIPES["default"](Facts(count=100, channels=1, height=28, width=28, classes=0))
    config = complete(with_settings(config, settings))
    assert precision_for(config, torch.device(device)) == precision


def test_a_run_keeps_its_precision_on_another_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def precision() -> Any:
        options: dict[str, Any] = {"images": 32, "batch": 16, "size": 16, "quiet": True}
        ganzfeld.train("avatars:90", out=tmp_path / "run", settings=[UNMEASURED], **options)
        return stored(tmp_path / "run")["run"]["precision"]

    monkeypatch.setattr(runtime, "bfloat16_cost", lambda: 0.6)
    assert precision() == "bfloat16"
    monkeypatch.setattr(runtime, "bfloat16_cost", lambda: 1.6)
    assert precision() == "bfloat16"  # found, and complete


def test_what_bfloat16_costs_is_known_here() -> None:
    threads = torch.get_num_threads()
    cost = runtime.bfloat16_cost()
    assert torch.get_num_threads() == threads
    flags = Path("/proc/cpuinfo")
    if not flags.exists() or "flags" not in flags.read_text():
        pytest.skip("no /proc/cpuinfo")
    native = "avx512_bf16" in flags.read_text() or "amx_bf16" in flags.read_text()
    assert 0.1 < cost < 10 if native else cost == math.inf


@pytest.mark.parametrize(("recipe", "generator"), [("default", 3e-3), ("r3gan", 1e-3)])
def test_the_rates_fall_over_the_last_half(recipe: str, generator: float) -> None:
    optimisers = made(recipe, None).optimisers
    for player, rate in (("discriminator", 1e-3), ("generator", generator)):
        schedule = build_schedule(optimisers[player], 1000, 32)
        rates = [schedule(images)["lr"] for images in (0, 500, 750, 1000)]
        assert rates == pytest.approx([rate, rate, (rate + 1e-4) / 2, 1e-4])


def test_in_a_long_run_the_rates_of_default_fall_sooner() -> None:
    held = made("default", None).optimisers["generator"]
    schedule = build_schedule(held, 1_040_000, 32)
    rates = [schedule(images)["lr"] for images in (0, 80_000, 220_000, 360_000, 1_040_000)]
    assert rates == pytest.approx([3e-3, 3e-3, (3e-3 + 1e-4) / 2, 1e-4, 1e-4])


def test_the_plan_says_that_the_machine_was_busy() -> None:
    quiet, busy = (pace.Pace(100.0, 1.0, 1 << 30, got=got) for got in (0.97, 0.4))
    assert quiet.doubt == ""
    assert "60 % of the processor" in busy.doubt


def test_the_probe_knows_what_part_of_the_processor_it_got() -> None:
    """With a clock that runs four times as fast as the process, it had a quarter."""
    config = made("default", 1_000)
    config.run.images, config.run.device = 640, "cpu"
    pack = open_pack("avatars:90", PackOptions(size=(16, 16)))
    trainer = build_trainer(config, pack, torch.device("cpu"))
    spent = time.process_time
    with pytest.MonkeyPatch.context() as patched, runtime.threads(1):
        patched.setattr(time, "monotonic", lambda: 4 * spent())
        found = speed.measure(trainer, config, pack)
    assert found.got == pytest.approx(0.25, rel=0.1) and found.busy


def test_who_waits_for_the_plan_is_told_what_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    class Learned(Exception):
        pass

    def learning(name: str, pack: object, *, progress: Any) -> None:
        progress("training the listener", 1, 1)
        raise Learned

    told: list[str] = []
    config, pack = made("default", 1_000), open_pack("avatars:90", PackOptions(size=(16, 16)))
    config.run.images, config.run.device = 64, "cpu"
    tried = trial.Trial(config, pack, torch.device("cpu"))
    monkeypatch.setattr("ganzfeld.training.validation.make_extractor", learning)
    with pytest.raises(Learned):
        tried.pace(lambda stage, done, total: told.append(stage))
    assert told == ["training the listener"]


def test_a_run_that_is_longer_than_asked_says_by_how_much_and_why() -> None:
    pack = open_pack("avatars:300", PackOptions(size=(16, 16)), workers=0)
    config = made("dcgan", None)
    config.run.minutes = 0.5
    slow, quick = pace.Pace(100.0, 24.0, 1, end=20.0), pace.Pace(100.0, 10.0, 1, end=5.0)
    config.run.images = slow.images(30)
    text = exceeded(config, slow, pack)
    assert text.startswith("--minutes 0.5 by 9 s") and "takes 20 s whatever" in text
    assert "285 samples" in text and "--minutes 0.8 or more is kept to" in text
    config.run.images = quick.images(30)
    assert exceeded(config, quick, pack) == ""
    known = dataclasses.replace(quick, first=9.0)
    assert exceeded(config, known, pack).endswith("once for these data")
    config.run.minutes = None
    assert exceeded(config, slow, pack) == ""


def test_the_trial_is_part_of_the_time_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 60 s, a trial of 20 s and chores of 4 s leave 36 s for steps."""
    clock = iter(range(0, 10_000, 5))
    slow = SimpleNamespace(monotonic=lambda: float(next(clock)))
    monkeypatch.setattr(trial, "time", slow)
    found = pace.Pace(100.0, 4.0, 1, tried=15.0)
    monkeypatch.setattr(trial, "measure", lambda *_: found)
    monkeypatch.setattr(trial, "suited_threads", lambda *_: 1)
    config, pack = made("mlp", None), open_pack("avatars:90", PackOptions(size=(16, 16)))
    config.run.images, config.run.device = 640, "cpu"
    taken = trial.Trial(config, pack, torch.device("cpu")).pace()
    assert taken.tried == 20.0 and taken.least == 48.0
    assert taken.images(60.0) == 3_600 and taken.images(30.0) == 1_500, (
        "at least half goes to steps"
    )


def test_minutes_are_made_of_whole_batches() -> None:
    """The plan said 927 images, and the screen then 928 of 927."""
    config = made("mlp", None)
    config.run.minutes, found = 1.0, pace.Pace(100.3, 4.0, 1)
    screen = SimpleNamespace(progress=None)
    session: Any = SimpleNamespace(config=config, compared=None, screen=screen, total=927)
    few: Any = SimpleNamespace(pace=lambda progress: found)
    stages.settled(session, few)
    assert config.run.images is not None and config.run.images % config.run.batch_size == 0
    assert 0 <= config.run.images - found.images(60.0) < config.run.batch_size


def test_the_plan_tells_the_time_with_the_trial_of_speed() -> None:
    """Who counts from the command on has waited for the trial, too."""
    found = pace.Pace(100.0, 4.0, 1, tried=15.0)
    said = "about 29 s; 15 s of it went into measuring the speed"
    assert found.told(1_000) == said
    busy = pace.Pace(100.0, 4.0, 1, tried=15.0, got=0.5)
    assert busy.told(1_000).startswith("about 29 s if the machine stays as busy")
    assert pace.Pace(100.0, 4.0, 1, tried=0.6).told(1_000) == "about 15 s"


def test_what_only_the_first_run_measures_is_in_its_time_and_not_in_its_images() -> None:
    first, later = (pace.Pace(100.0, 20.0, 1, end=10.0, first=s) for s in (12.0, 0.0))
    assert first.images(600) == later.images(600)
    assert first.seconds(1_000) == later.seconds(1_000) + 12


def test_a_second_run_finds_what_real_images_score(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GANZFELD_CACHE", str(tmp_path))
        pack = open_pack("avatars:90", PackOptions(size=(16, 16)), workers=0)
        net = make_extractor("random", pack, progress=lambda *_: None)
        assert not scale.known(net, pack, 20, 20)
        scale.real_scale(net, pack, 20, 20)
        assert scale.known(net, pack, 20, 20) and not scale.known(net, pack, 20, 21)


@pytest.mark.parametrize(
    ("images", "share", "evaluations", "checkpoints"),
    [(300, 1.0, 3, 3), (4_856, 1.0, 3, 3), (10_240, 1.0, 8, 8), (100_000, 1.0, 8, 10),
     (100_000, 0.5, 4, 5), (300, 0.25, 2, 2)],
)  # fmt: skip
def test_a_short_run_is_measured_less_often(
    images: int, share: float, evaluations: int, checkpoints: int
) -> None:
    config = complete(
        RECIPES["default"](Facts(count=1_000, channels=3, height=32, width=32, classes=0))
    )
    config.run.images, config.run.batch_size = images, 16
    settle(config, share)
    run = config.run
    assert images // (run.evaluate_every or 0) == evaluations
    assert images // (run.save_every or 0) == checkpoints
    assert images // (run.sample_every or 0) == 8 * share


@pytest.mark.parametrize(
    ("side", "afford", "std"),
    [(28, 6_000, 0.05), (28, 20_000, None), (28, None, None), (64, 6_000, None)],
)
def test_a_discriminator_of_few_steps_begins_small(
    side: int, afford: int | None, std: float | None
) -> None:
    facts = Facts(count=1_000, channels=1, height=side, width=side, classes=0, afford=afford)
    networks = RECIPES["default"](facts).networks
    assert networks["D"].options.get("init_std") == std
    assert "init_std" not in networks["G"].options
