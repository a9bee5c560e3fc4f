"""A run that was stopped and continued equals one that never stopped, bit for bit.

State goes to the disk and comes back into objects that were built anew, as in a new process.
The second half proves that each field of the state is needed: a test of equality that would also
pass without a field is no test of it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from ganzfeld.config import Config, from_dict, to_json, with_settings
from ganzfeld.core import checkpoint
from ganzfeld.recipes.find import data_kind
from ganzfeld.recipes.gan import RECIPES, Facts
from ganzfeld.training.build import build_trainer, complete
from ganzfeld.training.plan import settle
from ganzfeld.training.trainer import Trainer, as_data

State = dict[str, Any]
SAMPLES, BATCH, CLASSES, STEPS = 36, 8, 3, 11
STOPS = (1, 3, 4, 5, 8, 10)  # 4 | 5: the epoch's edge and a lazy penalty lie in step 5; 8: another
MLP = ["networks.G.widths=[16,16]", "networks.D.widths=[16,16]"]
SMALL = {
    "mlp": MLP,
    "tutorial-mlp-mnist": MLP,
    "tutorial-mlp-faces": MLP,
    "vae": ["networks.G.width=4", "networks.E.width=4"],
    "gmmn": ["networks.G.width=4", "networks.E.width=4", "networks.G.widths=[16,16]"],
    "drifting": ["networks.G.width=4", "networks.E.width=4"],
    "r3gan": [
        f"networks.{net}.{setting}"
        for net in "GD"
        for setting in ("width=8", "most=8", "group=4", "latent=8")[: 4 if net == "G" else 3]
    ],
}
OTHERS = ["networks.G.width=4", "networks.D.width=4", "networks.G.latent=8"]
WITHOUT = (
    "default",
    "dcgan",
    "r3gan",
    "vae",
    "gmmn",
    "projected",
    "drifting",
)  # also tried without labels
OF_NOISE = [
    name
    for name, recipe in RECIPES.items()
    if data_kind(recipe) == "pictures"
    and recipe.modality in (None, "image")
    and "-text" not in name  # they need captions: training/test_image_to_text_runs.py
    and "text-to" not in name  # training/test_caption_runs.py
]
CASES = [(name, CLASSES) for name in OF_NOISE] + [(name, 0) for name in WITHOUT]
# one of each kind of state; what the others keep, these keep too
KINDS = ("default", "r3gan", "vae", "gmmn", "drifting", "projected")


def long_but(recipe: str, *case: int) -> Any:
    """A case, which only runs with the long tests where its recipe is a variation of another."""
    few = recipe in KINDS and case != (0,)
    return pytest.param(recipe, *case, marks=[] if few else [pytest.mark.long])


# one more order of moves, whose fakes pass from one player to the other
KEPT = ("game.generator_first=true", "game.reuse_fakes=true")


def side_of(recipe: str) -> int:
    return 24 if recipe == "tutorial-dcgan-anime" else 16


def config_of(recipe: str, classes: int, *more: str, seed: int = 0) -> Config:
    """A recipe on tiny networks, with everything that a real run has."""
    side = side_of(recipe)
    facts = Facts(count=SAMPLES, channels=3, height=side, width=side, classes=classes)
    config = RECIPES[recipe](facts)
    config.run.images, config.run.batch_size, config.run.seed = 30 * BATCH, BATCH, seed
    config.run.compile = False
    config = complete(with_settings(config, [*SMALL.get(recipe, OTHERS), *more]))
    settle(config)
    return config


@cache
def data_of(classes: int, side: int = 16) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    x = torch.randint(0, 256, (SAMPLES, 3, side, side), generator=generator, dtype=torch.uint8)
    y = torch.randint(0, max(classes, 1), (SAMPLES,), generator=generator)
    return {"x": x, "y": y} if classes else {"x": x}


def trainer_of(config: Config) -> Trainer:
    classes = config.networks["G"].options["classes"]
    data = as_data(data_of(classes, config.networks["G"].options["shape"][1]))
    return build_trainer(config, data, torch.device("cpu"))


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from leaves(value, (*path, name))
    else:
        yield path, tree


def unequal(one: State, other: State) -> list[str]:
    """Paths of everything that is not the same to the bit."""
    left, right = dict(leaves(one)), dict(leaves(other))
    assert left.keys() == right.keys()
    return [
        "/".join(path)
        for path, value in left.items()
        if not (
            torch.equal(value, right[path])
            and value.dtype == right[path].dtype
            and not value.isnan().any()
            if isinstance(value, Tensor)
            else value == right[path]
        )
    ]


def run_on(trainer: Trainer, until: int) -> Trainer:
    while trainer.step < until:
        trainer.take_step()
    return trainer


@cache
def straight(recipe: str, classes: int) -> State:
    return run_on(trainer_of(config_of(recipe, classes)), STEPS).state_dict()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int, int], Path]:
    """The checkpoint of a recipe after some steps, from a run of that many steps."""
    folder = tmp_path_factory.mktemp("checkpoints")

    @cache
    def make(recipe: str, classes: int, step: int) -> Path:
        trainer = run_on(trainer_of(config_of(recipe, classes)), step)
        place = folder / f"{recipe}-{classes}"
        return checkpoint.save(place, trainer.images, trainer.state_dict(), {})

    return make


def often(recipe: str, classes: int, stop: int) -> Any:
    """One stop of every recipe, all of one; the others by name."""
    few = stop == 4 or (recipe, classes) == ("default", CLASSES)
    return pytest.param(recipe, classes, stop, marks=[] if few else [pytest.mark.slow])


# `test_stopping_at_every_step_changes_nothing` stops at all of them in one go
@pytest.mark.long
@pytest.mark.parametrize(
    ("recipe", "classes", "stop"), [often(*case, stop) for case in CASES for stop in STOPS]
)
def test_a_resumed_run_equals_a_straight_one(
    recipe: str, classes: int, stop: int, saved: Callable[[str, int, int], Path]
) -> None:
    found = checkpoint.load(saved(recipe, classes, stop))
    trainer = trainer_of(config_of(recipe, classes))
    run_on(trainer, 2)  # what was there before loading must leave no trace
    trainer.load_state_dict(found.state)
    assert trainer.step == stop and not unequal(trainer.state_dict(), found.state)
    assert unequal(run_on(trainer, STEPS).state_dict(), straight(recipe, classes)) == []


@pytest.mark.parametrize(("recipe", "classes"), [long_but(*case) for case in CASES])
def test_stopping_at_every_step_changes_nothing(recipe: str, classes: int, tmp_path: Path) -> None:
    config = config_of(recipe, classes)
    trainer = trainer_of(config)
    for step in range(1, STEPS + 1):
        state = run_on(trainer, step).state_dict()
        path = checkpoint.save(tmp_path, trainer.images, state, {})
        trainer = trainer_of(config)
        trainer.load_state_dict(checkpoint.load(path).state)
    assert unequal(trainer.state_dict(), straight(recipe, classes)) == []


@pytest.mark.parametrize("stop", [1, 4])
def test_kept_fakes_are_no_state(stop: int, tmp_path: Path) -> None:
    """They are made and used within a step, and a step is never cut in two."""
    config = config_of("tutorial-mlp-mnist", 0, *KEPT)
    whole = run_on(trainer_of(config), 6).state_dict()
    half = run_on(trainer_of(config), stop)
    path = checkpoint.save(tmp_path, half.images, half.state_dict(), {})
    trainer = run_on(trainer_of(config), 3)
    trainer.load_state_dict(checkpoint.load(path).state)
    assert unequal(run_on(trainer, 6).state_dict(), whole) == []
    otherwise = run_on(trainer_of(config_of("tutorial-mlp-mnist", 0, KEPT[0])), 6)
    assert unequal(otherwise.state_dict(), whole), "the option does nothing"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
@pytest.mark.parametrize("recipe", ["default", "wgan-gp"])
def test_a_compiled_run_resumes_too(recipe: str, tmp_path: Path) -> None:
    config = config_of(recipe, CLASSES, "run.compile=true")
    whole = run_on(trainer_of(config), 6).state_dict()
    half = run_on(trainer_of(config), 3)
    path = checkpoint.save(tmp_path, half.images, half.state_dict(), {})
    trainer = trainer_of(config)
    trainer.load_state_dict(checkpoint.load(path).state)
    assert unequal(run_on(trainer, 6).state_dict(), whole) == []


@pytest.mark.parametrize(
    "recipe",
    [name if name in KINDS else pytest.param(name, marks=pytest.mark.slow) for name in OF_NOISE],
)
def test_the_seed_decides_everything(recipe: str) -> None:
    first = straight(recipe, CLASSES)
    again = run_on(trainer_of(config_of(recipe, CLASSES)), STEPS).state_dict()
    assert unequal(again, first) == []
    other = run_on(trainer_of(config_of(recipe, CLASSES, seed=1)), STEPS).state_dict()
    weights = {"/".join(p) for p, v in leaves(first) if isinstance(v, Tensor) and v.dim() > 1}
    assert len(weights) > 10 and weights <= set(unequal(other, first))


# Each field is needed

BATCH_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
EVERYTHING = ("optimisers.discriminator.betas=[0.5,0.99]", "optimisers.generator.betas=[0.5,0.99]")
FIELDS: dict[str, Callable[[tuple[str, ...]], bool]] = {
    "parameters of D": lambda p: p[:1] == ("game",) and p[1].startswith("D."),
    "parameters of G": lambda p: p[:1] == ("game",) and p[1].startswith("G.") and not is_buffer(p),
    "buffers of G": lambda p: p[:1] == ("game",) and p[1].startswith("G.") and is_buffer(p),
    "averaged parameters": lambda p: p[:1] == ("average",) and not is_buffer(p),
    "averaged buffers": lambda p: p[:1] == ("average",) and is_buffer(p),
    "exp_avg": lambda p: p[-1] == "exp_avg",
    "exp_avg_sq": lambda p: p[-1] == "exp_avg_sq",
    "adam's step": lambda p: p[:1] == ("optimisers",) and p[-1] == "step",
    "step": lambda p: p == ("counts", "step"),
    "images": lambda p: p == ("counts", "images"),
    "salt": lambda p: p == ("counts", "salt"),
}


def is_buffer(path: tuple[str, ...]) -> bool:
    return path[1].endswith(BATCH_STATISTICS)


def is_copy(path: tuple[str, ...]) -> bool:
    """The average's count of batches is the generator's: the next step writes it anew."""
    return path[0] == "average" and path[1].endswith("num_batches_tracked")


def spoiled(state: State, path: tuple[str, ...]) -> State:
    """The state with one field as if it had been forgotten."""
    place = state = copy.copy(state)
    for name in path[:-1]:
        place[name] = copy.copy(place[name])
        place = place[name]
    value = place[path[-1]]
    if isinstance(value, Tensor):
        place[path[-1]] = value * 0 if value.any() else value + 1
    else:
        place[path[-1]] = 0 if value else 1
    return state


@cache
def half_way() -> tuple[Config, State]:
    """A run in its middle. Nothing changes what this returns."""
    config = config_of("default", CLASSES, *EVERYTHING)
    return config, run_on(trainer_of(config), 7).state_dict()


@cache
def built(settings: str) -> Trainer:
    """One trainer for all ends of a configuration: what it was before a load leaves no trace."""
    return trainer_of(from_dict(Config, json.loads(settings)))


def end_of(config: Config, state: State) -> State:
    """Two steps on, with a lazy penalty in the second of them."""
    trainer = built(to_json(config))
    trainer.load_state_dict(state)
    trainer.take_step()
    trainer.take_step()
    return cast(State, copied(trainer.state_dict()))


def copied(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: copied(value) for name, value in tree.items()}
    return tree.clone() if isinstance(tree, Tensor) else copy.copy(tree)


@cache
def right_end() -> State:
    return end_of(*half_way())


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_the_state_is_needed(field: str) -> None:
    config, state = half_way()
    right = right_end()
    paths = [p for p, _ in leaves(state) if FIELDS[field](p) and not is_copy(p)]
    assert paths, "the state has no such field"
    for path in paths:
        wrong = unequal(end_of(config, spoiled(state, path)), right)
        # the field itself ends otherwise, or others do: a count may be the same by chance
        assert wrong, f"{'/'.join(path)} has no effect"
        if path[0] == "counts" and path[1] != "step":
            assert any(name.startswith("game/") for name in wrong)


def test_the_same_state_ends_the_same() -> None:
    assert unequal(end_of(*half_way()), right_end()) == []


def test_no_field_of_the_state_is_left_out_above() -> None:
    _, state = half_way()
    for path, _ in leaves(state):
        assert sum(matches(path) for matches in FIELDS.values()) == 1, path


def test_the_lazy_penalty_follows_the_step() -> None:
    config, state = half_way()
    right, moved = right_end(), copy.deepcopy(state)
    moved["counts"]["step"] += 2
    wrong = unequal(end_of(config, moved), right)
    assert any(name.startswith("game/D.") for name in wrong)


@pytest.mark.parametrize("recipe", ["hinge", "dcgan"])
def test_the_buffers_of_the_discriminator_are_needed(recipe: str) -> None:
    config = config_of(recipe, CLASSES)
    state = run_on(trainer_of(config), 3).state_dict()
    right = end_of(config, state)
    # a power iteration starts from v: it computes u anew, and for one row both of them
    names = (
        "layers.0.parametrizations.weight.0._v",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    )
    paths = [p for p, _ in leaves(state["game"]) if p[0].startswith("D.") and p[0].endswith(names)]
    assert paths
    for path in paths:
        changed = copy.deepcopy(state)
        value = changed["game"][path[0]]
        changed["game"][path[0]] = value.roll(1) if value.numel() > 1 else value + 1
        assert unequal(end_of(config, changed), right), path


@pytest.mark.parametrize("part", ["counts", "game", "average", "optimisers"])
def test_a_part_that_is_missing_is_not_passed_over(part: str) -> None:
    config, state = half_way()
    state = {name: value for name, value in state.items() if name != part}
    with pytest.raises(KeyError):
        trainer_of(config).load_state_dict(state)


def test_a_tensor_that_is_missing_is_not_passed_over() -> None:
    config, state = half_way()
    for part in ("game", "average"):
        lacking = copy.copy(state)
        lacking[part] = dict(list(state[part].items())[1:])
        with pytest.raises(RuntimeError):
            trainer_of(config).load_state_dict(lacking)
