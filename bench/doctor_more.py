"""Faults and data for `doctor.py` that no threshold was fitted on: real data, more faults.

Data lie in `--data FOLDER`: eurosat64/eurosat64_3500.zip, fashion_mnist, emoji64/noto_emoji64.zip,
anime_faces96/anime96_6k.zip, fsdd/fsdd_recordings.zip, adult/adult_train.csv.gz and text/names.txt;
series are embedded. Networks are narrow, and runs short, as in doctor_faults.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from doctor_faults import (
    HELD,
    MORE,
    STRONG,
    Fault,
    Made,
    halted,
    hooked,
    lr,
    made_of,
)
from torch import Tensor

from ganzfeld.config import with_settings
from ganzfeld.data.request import DataRequest
from ganzfeld.modalities import Spec
from ganzfeld.recipes import RECIPES
from ganzfeld.training.plan import fit
from ganzfeld.training.tasks import WORK
from ganzfeld.training.trainer import Trainer

NARROW = ("networks.*.width=8",)


def folder(
    source: str, side: int | None, images: int, recipe: str = "default", kind: str = "auto"
) -> Callable[..., Made]:
    """Runs on data of a folder, or on embedded ones. side: pixels of an image."""

    def make(seed: int, conditional: bool, data_in: Path) -> Made:
        size = None if side is None else (side, side)
        where = source if ":" in source else str(data_in / source)
        labels = "auto" if conditional else "none"
        asked = DataRequest(source=where, size=size, labels=labels, modality=kind)
        data: Any = WORK["generation"].open(asked, RECIPES[recipe].layout, lambda *_: None)
        config = fit(recipe, data, source=where, labels=labels, held_out=HELD)
        if side or recipe == "audio":
            config = with_settings(config, [*NARROW])
            config.run.batch_size = 32
        config.run.images = images
        return made_of(data, config, Spec.from_json(config.data.spec or {}))

    return make


KINDS = {
    "eurosat": folder("eurosat64/eurosat64_3500.zip", 32, 10_000),
    "fashion": folder("fashion_mnist", 32, 12_000),
    "emoji": folder("emoji64/noto_emoji64.zip", 32, 8_000),
    "anime": folder("anime_faces96/anime96_6k.zip", 16, 12_000),
    "digits": folder("fsdd/fsdd_recordings.zip", None, 3_200, "audio"),
    "adult": folder("adult/adult_train.csv.gz", None, 16_000, "table-gan", "table"),
    "names": folder("text/names.txt", None, 16_000, "text-gan", "text"),
    "series": folder("ar:2000", None, 8_000, "series-gan"),
}


def d_halts(trainer: Trainer, made: Made) -> None:
    halted(trainer, made, "discriminator", 1 / 3)


def lost_steps(trainer: Trainer, made: Made) -> None:
    """The generator's optimiser does nothing from half of the run on; its moments stay."""
    optimiser, half = trainer.optimisers["generator"], (made.config.run.images or 0) // 2
    step = optimiser.step

    def stepping(*args: Any, **given: Any) -> Any:
        return step(*args, **given) if trainer.images < half else None

    optimiser.step = stepping  # type: ignore[method-assign]


def twice(trainer: Trainer, made: Made) -> None:
    """Each latent stands in a batch twice."""

    def before(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        z = args[0]
        return (z[: (len(z) + 1) // 2].repeat_interleave(2, 0)[: len(z)], *args[1:]), given

    modules = [trainer.game.get_submodule("G")]
    modules += [m.G for m in trainer.average.modules() if "G" in dict(m.named_children())]
    for module in modules:
        module.register_forward_pre_hook(before, with_kwargs=True)


def seen_as(trainer: Trainer, change: Callable[[Tensor], Tensor]) -> None:
    """Real samples reach the networks changed."""
    ready = trainer.to_network["x"] if trainer.to_network else None
    assert ready is not None
    trainer.to_network = {**trainer.to_network, "x": lambda x: change(ready(x))}


def normalised_twice(trainer: Trainer, made: Made) -> None:
    seen_as(trainer, lambda x: x / 127.5 - 1)


def noisy(trainer: Trainer, made: Made) -> None:
    seen_as(trainer, lambda x: x + 0.5 * torch.randn(x.shape))


def half_inverted(trainer: Trainer, made: Made) -> None:
    """Every other fake of a batch is its negative, whatever its latent."""

    def change(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
        sign = 1 - 2 * (torch.arange(len(out)) % 2).to(out)
        return out * sign.view(-1, *[1] * (out.dim() - 1))

    hooked(trainer, change)


def clipped(trainer: Trainer, made: Made, norm: float = 1e-6) -> None:
    """Gradients of both players are clipped to a norm."""
    for player, optimiser in trainer.optimisers.items():
        optimiser.register_step_pre_hook(
            lambda own, *_, p=trainer.parameters[player]: (
                torch.nn.utils.clip_grad_norm_(p, norm) and None
            )
        )


def not_finite(trainer: Trainer, made: Made) -> None:
    """The discriminator's logits are not finite in training from 60 % of the run on."""
    start = 0.6 * (made.config.run.images or 0)

    def change(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
        return out * float("nan") if trainer.images >= start and module.training else out

    trainer.game.get_submodule("D").register_forward_hook(change, with_kwargs=True)


def swapped(trainer: Trainer, made: Made) -> None:
    """The discriminator is told the first class of real samples of the second, and the reverse."""
    draw = trainer.batch

    def batch(player: str, turn: int) -> Any:
        found = draw(player, turn)
        y = found["y"]
        rest = torch.where(y == 1, torch.zeros_like(y), y)
        return {**found, "y": torch.where(y == 0, torch.ones_like(y), rest)}

    trainer.batch = batch  # type: ignore[method-assign]


def undrawn(trainer: Trainer, made: Made) -> None:
    """Samples of the first class are never drawn: others stand in their place."""
    own, rows = made.train, made.train.rows
    labels = torch.as_tensor(made.labels if made.labels is not None else own.columns["y"])
    others = torch.nonzero(labels[: len(own)] != 0)[:, 0].numpy()
    draw = trainer.batch

    def batch(player: str, turn: int) -> Any:
        own.rows = lambda chosen: rows(others[chosen % len(others)])  # type: ignore[method-assign]
        try:
            return draw(player, turn)
        finally:
            own.rows = rows  # type: ignore[method-assign]

    trainer.batch = batch  # type: ignore[method-assign]


def tiny_latent(made: Made) -> Made:
    made.config.networks["G"].options["latent"] = 2
    return made


def late_average(trainer: Trainer, made: Made) -> None:
    """The averaged weights, which are shipped, stay those of the start."""
    assert trainer.average is not None
    trainer.average.update = lambda *_: None  # type: ignore[method-assign]


def half_range(trainer: Trainer, made: Made) -> None:
    """Real samples reach the networks in 0..1, where fakes are in -1..1."""
    seen_as(trainer, lambda x: (x + 1) / 2)


def slow_average(made: Made) -> Made:
    """The average's half-life is a thousand runs."""
    made.config.ema.half_life_images = 1000.0 * (made.config.run.images or 0)
    made.config.ema.ramp = None
    return made


def zeroed(trainer: Trainer, made: Made) -> None:
    """The discriminator's last layer is set to 0 after every tenth of its steps."""
    last = [p for p in trainer.game.get_submodule("D").parameters() if p.dim() > 1][-1]
    steps = [0]

    def after(*_: Any) -> None:
        steps[0] += 1
        if steps[0] % 10 == 0:
            last.data.zero_()

    trainer.optimisers["discriminator"].register_step_post_hook(after)


def exploding(trainer: Trainer, made: Made) -> None:
    """All weights are 1 % larger after every step."""
    for player, optimiser in trainer.optimisers.items():
        optimiser.register_step_post_hook(
            lambda *_, p=trainer.parameters[player]: torch._foreach_mul_([w.data for w in p], 1.01)
        )


def one_number(trainer: Trainer, made: Made) -> None:
    """All numbers of a latent are equal to its first one."""

    def before(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        return (args[0][:, :1].expand(args[0].shape), *args[1:]), given

    modules = [trainer.game.get_submodule("G")]
    modules += [m.G for m in trainer.average.modules() if "G" in dict(m.named_children())]
    for module in modules:
        module.register_forward_pre_hook(before, with_kwargs=True)


def one_face(trainer: Trainer, made: Made) -> None:
    """Samples of the first class are all equal."""

    def change(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
        y = args[1] if len(args) > 1 else given["y"]
        own = y == 0
        if not own.any():
            return out
        first = out[own][:1]
        return torch.where(own.view(-1, *[1] * (out.dim() - 1)), first, out)

    hooked(trainer, change)


def one_by_one(made: Made) -> Made:
    """A batch of one, and batch normalisation."""
    made.config.run.batch_size = 1
    return made


def strict(made: Made) -> Made:
    options = made.config.game.options
    for name in ("r1", "r2", "gradient_penalty"):
        if options.get(name):
            value = options[name]
            many = isinstance(value, list | tuple)
            options[name] = [1000 * v for v in value] if many else 1000 * value
    return made


def half_black(made: Made) -> Made:
    """Every other training sample is black."""
    x = made.train.columns["x"].copy()
    x[::2] = 0
    return made._replace(train=type(made.train)({**made.train.columns, "x": x}))


def d_frozen(made: Made) -> Made:
    lr(made.config, "discriminator", 0.0)
    return made


COLLAPSE = ("mode-collapse",)
STILL = ("generator-still",)
UNNAMED = ()  # no rule names these: what is said of them is noted, and no name is right
UNSEEN = {
    "halts": MORE["halts"],
    "d-halts": Fault("D's rate 0 from a third on", ("discriminator-still",), network=d_halts,
                     start=1 / 3),
    "lost-steps": Fault("G's optimiser does nothing from half on", STILL, network=lost_steps,
                        start=0.5),
    "twice": Fault("each latent twice in a batch", COLLAPSE, network=twice),
    "normalised": Fault("data normalised twice", ("data-altered",), network=normalised_twice),
    "noisy": Fault("noise on real samples", ("data-altered",), network=noisy),
    "negatives": Fault("half of the fakes inverted", (*STRONG, *COLLAPSE), network=half_inverted),
    "clipped": Fault("gradients clipped to 1e-6", (*STILL, "vanishing-gradient"), network=clipped),
    "nan": Fault("not finite from 60 % on", ("divergence", "broken"), network=not_finite,
                 start=0.6),
    "swapped": Fault("labels of two classes swapped for D", ("condition-ignored", "data-altered"),
                     network=swapped, conditional=True),
    "undrawn": Fault("one class is never shown", COLLAPSE, network=undrawn),
    "undrawn-c": Fault("one class is never shown, with labels",
                       (*COLLAPSE, "condition-ignored", "class-collapse"), network=undrawn,
                       conditional=True),
    "latent-2": Fault("latents of two numbers", COLLAPSE, settings=tiny_latent),
    "average": Fault("the average stays at the start", ("average-behind",), network=late_average),
    "lazy": Fault("the average is far too slow", ("average-behind",), settings=slow_average),
    "range": Fault("data in 0..1 for networks in -1..1", ("data-altered",), network=half_range),
    "d-frozen": Fault("D's rate 0", ("discriminator-still",), settings=d_frozen),
    "zeroed": Fault("D's last layer zeroed every tenth step", ("vanishing-gradient",),
                    network=zeroed),
    "exploding": Fault("weights grow by 1 % a step", ("divergence",), network=exploding),
    "one-number": Fault("latents of one number", COLLAPSE, network=one_number),
    "one-face": Fault("one class has one face", ("class-collapse",), network=one_face,
                      conditional=True),
    "batch-1": Fault("batches of one", UNNAMED, settings=one_by_one),
    "strict": Fault("penalties x 1,000", ("discriminator-weak", "vanishing-gradient"),
                    settings=strict),
    "black": Fault("half of the data are black", COLLAPSE, settings=half_black),
    "off-by-one": MORE["off-by-one"],
    "dropped-c": MORE["dropped-c"],
    "inverted": MORE["inverted"],
}  # fmt: skip
