"""What `doctor.py` puts into small runs: kinds of data, and faults that are there from the start.

The nine faults of `FAULTS` are those of the table of confusion. `MORE` are others, which no
threshold was fitted on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganzfeld.config import Config, Part, with_settings
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.modalities import Spec, modality_of
from ganzfeld.modalities.base import Modality
from ganzfeld.recipes.base import Facts
from ganzfeld.recipes.find import find_recipe
from ganzfeld.studies.mixtures import ring
from ganzfeld.training.plan import fit
from ganzfeld.training.tasks import WORK
from ganzfeld.training.trainer import Trainer

# samples of the fault that has too few: of points so few that samples do not look like the data
FEW, FEW_POINTS = 64, 8  # (energy distance to fresh ones: 8 .11 to .33; 16 .04 to .29; all .01)
NOISE = 0.01  # of replayed samples, in a network's units
HELD = 128


class Rows:
    """Columns in memory, as a trainer and the doctor take them."""

    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns["x"])

    def rows(self, indices: Any) -> dict[str, np.ndarray]:
        return {name: column[indices] for name, column in self.columns.items()}

    def part(self, low: int, high: int) -> Rows:
        return Rows({name: column[low:high] for name, column in self.columns.items()})


class Made(NamedTuple):
    """A run before its first step."""

    config: Config
    train: Rows
    fresh: Rows
    kind: Modality
    spec: Spec
    labels: np.ndarray | None = None  # of train, where the run is told none


def points(seed: int, conditional: bool) -> Made:
    """A ring of eight Gaussians, whose labels are its modes."""
    mixture = ring(sigma=0.1)
    generator = np.random.default_rng(seed)
    y = generator.integers(8, size=2_000 + HELD)
    x = mixture.centres[y] + 0.1 * generator.standard_normal((len(y), 2))
    classes = 8 if conditional else 0
    facts = Facts(count=2_000, channels=2, height=1, width=1, classes=classes)
    config = find_recipe("default").make(facts)
    shared = {"shape": [2], "widths": [64, 64], "classes": classes}
    config.networks = {
        "G": Part(
            name="mlp-generator",
            options={**shared, "latent": 4, "norm": "none", "output": "linear"},
        ),
        "D": Part(name="mlp-discriminator", options=shared),
    }
    config.run.batch_size, config.run.images = 64, 64_000
    config.run.precision, config.ema.half_life_images = "float32", None
    rows = Rows({"x": x.astype(np.float32), **({"y": y} if conditional else {})})
    spec = Spec("image", (2, 1, 1))
    config.data.classes = [str(n) for n in range(classes)]
    return Made(config, rows.part(0, 2_000), rows.part(2_000, len(y)), Modality(), spec)


def made_of(pack: Pack, config: Config, spec: Spec) -> Made:
    order = np.random.default_rng(0).permutation(len(pack))
    columns = dict(pack.rows(order))
    labels = columns.get("y")
    if not config.data.classes:
        columns.pop("y", None)
    if not config.data.conditions:
        columns.pop("c", None)
    rows = Rows(columns)
    config.data.held_out = 0
    train, fresh = rows.part(HELD, len(order)), rows.part(0, HELD)
    own = None if labels is None else labels[HELD:]
    return Made(config, train, fresh, modality_of(spec), spec, own)


def images(seed: int, conditional: bool, recipe: str = "default") -> Made:
    """Avatars of 16 px, whose labels are ten kinds of hair."""
    pack = open_pack("avatars:2000", PackOptions(size=(16, 16)), progress=lambda *_: None)
    labels = "auto" if conditional else "none"
    config = fit(recipe, pack, source="avatars:2000", labels=labels, held_out=HELD)
    if recipe == "default":
        config = with_settings(config, ["networks.*.width=8"])
    config.run.batch_size, config.run.images = 32, 24_000
    return made_of(pack, config, Spec.from_json(config.data.spec or {}))


def fields(seed: int, conditional: bool) -> Made:
    """Showers of particles in a detector, asked for by their energy."""
    pack = open_pack("showers:2000", PackOptions(), progress=lambda *_: None)
    if conditional:
        pack = WORK["generation"].conditioned(pack, ["energy"], HELD)
    config = fit("showers", pack, source="showers:2000", labels="none", held_out=HELD)
    config = with_settings(config, ["networks.*.width=8", "networks.*.most=32"])
    config.run.batch_size, config.run.images = 32, 20_000
    return made_of(pack, config, Spec.from_json(config.data.spec or {}))


KINDS: dict[str, Callable[..., Made]] = {"points": points, "images": images, "fields": fields}


# Faults


def hooked(trainer: Trainer, change: Callable[..., Any], network: str = "G") -> None:
    """Let `change` replace what a network gives, in the game and in its averages."""
    trainer.game.get_submodule(network).register_forward_hook(change, with_kwargs=True)
    for module in trainer.average.modules() if network == "G" else ():
        if network in dict(module.named_children()):
            module.get_submodule(network).register_forward_hook(change, with_kwargs=True)


def told(trainer: Trainer, network: str, change: Callable[[Tensor], Tensor]) -> None:
    """Let a network be told other conditions."""

    def before(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        args = (args[0], *(change(a) if isinstance(a, Tensor) else a for a in args[1:]))
        return args, {k: change(v) if isinstance(v, Tensor) else v for k, v in given.items()}

    modules = [trainer.game.get_submodule(network)]
    if network == "G":
        modules += [m.G for m in trainer.average.modules() if "G" in dict(m.named_children())]
    for module in modules:
        module.register_forward_pre_hook(before, with_kwargs=True)


def place(z: Tensor, count: int) -> Tensor:
    """One of `count` numbers for each latent, (N,)."""
    return (torch.special.ndtr(z[:, 0]) * count).long().clamp(0, count - 1)


def real(trainer: Trainer, made: Made, count: int) -> Tensor:
    return trainer.ready("x", torch.as_tensor(made.train.columns["x"][:count])).float()


def constants(trainer: Trainer, made: Made) -> None:
    four = real(trainer, made, 4)
    hooked(trainer, lambda m, args, given, out: four[place(args[0], 4)] + 0 * out)


def replays(trainer: Trainer, made: Made) -> None:
    own = real(trainer, made, 512)

    def change(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
        noise = torch.sin(1e4 * args[0][:, :1]).view(-1, *[1] * (out.dim() - 1))
        jitter = torch.sin(1e3 * torch.arange(out[0].numel())).view(out.shape[1:]) * noise
        return own[place(args[0], len(own))] + NOISE * jitter + 0 * out

    hooked(trainer, change)


def blank(trainer: Trainer, made: Made) -> None:
    hooked(trainer, lambda m, args, given, out: 0 * out)


def shuffled(trainer: Trainer, made: Made) -> None:
    told(trainer, "D", lambda v: v[torch.randperm(len(v))])


def withheld(trainer: Trainer, made: Made) -> None:
    told(trainer, "G", torch.zeros_like)


def lr(config: Config, player: str, factor: float) -> None:
    optimiser = config.optimisers[player]
    optimiser.lr *= factor
    if optimiser.final_lr is not None:
        optimiser.final_lr *= factor


def frozen(made: Made) -> Made:
    lr(made.config, "generator", 0.0)
    return made


def fast(made: Made) -> Made:
    lr(made.config, "discriminator", 100.0)
    return made


def few(made: Made) -> Made:
    of_points = made.spec.shape == (2, 1, 1)
    return made._replace(train=made.train.part(0, FEW_POINTS if of_points else FEW))


def wild(made: Made) -> Made:
    for name in ("r1", "r2", "gradient_penalty"):
        if name in made.config.game.options:
            made.config.game.options[name] = 0.0
    for player in made.config.optimisers:
        lr(made.config, player, 10.0)
    return made


def halted(trainer: Trainer, made: Made, player: str, part: float) -> None:
    """A player's rate is 0 from a part of the run on."""
    schedule, start = trainer.schedules[player], part * (made.config.run.images or 0)

    def stopping(images: int) -> Any:
        settings = schedule(images)
        return {**settings, "lr": settings["lr"] if images < start else 0.0}

    trainer.schedules[player] = stopping


def halts(trainer: Trainer, made: Made) -> None:
    halted(trainer, made, "generator", 0.5)


def off_by_one(trainer: Trainer, made: Made) -> None:
    """In training the generator is told the next class, and later the one that is asked for."""
    classes = len(made.config.data.classes)
    G = trainer.game.get_submodule("G")

    def before(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        if not module.training:
            return None
        return (args[0], (args[1] + 1) % classes, *args[2:]), given

    G.register_forward_pre_hook(before, with_kwargs=True)


def inverted(trainer: Trainer, made: Made) -> None:
    """The generator is told the opposite of what the discriminator thinks of its samples."""

    def change(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
        return -out if args[0].grad_fn is not None else out

    trainer.game.get_submodule("D").register_forward_hook(change, with_kwargs=True)


def dropped(trainer: Trainer, made: Made) -> None:
    """One class in eight or ten is never drawn: another one stands in its place."""
    if not made.config.data.classes:  # a ring: what would lie in one mode lies across
        first = torch.tensor([1.0, 0.0])

        def across(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
            flat = out.flatten(1)
            there = flat @ first > 0.92 * flat.norm(dim=1)
            return torch.where(there[:, None], -flat, flat).view_as(out)

        hooked(trainer, across)
    else:
        told(trainer, "G", lambda y: torch.where(y == 0, 1, y))


class Fault(NamedTuple):
    """names: that are right. settings: changes the run before, network: after it is built."""

    title: str
    names: tuple[str, ...]
    settings: Callable[[Made], Made] = lambda made: made
    network: Callable[[Trainer, Made], None] = lambda trainer, made: None
    conditional: bool = False
    start: float = 0.0  # part of the run after which it is there


STRONG = ("vanishing-gradient", "divergence")
FAULTS = {
    "frozen": Fault("generator frozen", ("generator-still",), settings=frozen),
    "constants": Fault("four constants", ("mode-collapse",), network=constants),
    "fast-d": Fault("D's rate x 100", STRONG, settings=fast),
    "few": Fault("64 training samples (8 points)", ("discriminator-overfits", "memorisation"),
                 settings=few),
    "shuffled": Fault("labels shuffled for D", ("condition-ignored",), network=shuffled,
                      conditional=True),
    "withheld": Fault("labels withheld from G", ("condition-ignored",), network=withheld,
                      conditional=True),
    "wild": Fault("no penalties, rates x 10", ("divergence", "oscillation"), settings=wild),
    "replays": Fault("training samples replayed", ("memorisation",), network=replays),
    "blank": Fault("blank output", ("blank",), network=blank),
}  # fmt: skip
MORE = {
    "halts": Fault("generator's rate 0 from half on", ("generator-still",), network=halts,
                   start=0.5),
    "off-by-one": Fault("labels off by one for G", ("condition-ignored",), network=off_by_one,
                        conditional=True),
    "inverted": Fault("D's verdict inverted for G", (*STRONG, "mode-collapse"), network=inverted),
    "dropped": Fault("one mode is never drawn", ("mode-collapse",), network=dropped),
    "dropped-c": Fault("one class is never drawn", ("mode-collapse", "condition-ignored"),
                       network=dropped, conditional=True),
}  # fmt: skip
