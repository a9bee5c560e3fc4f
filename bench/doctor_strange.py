"""Faults for `doctor.py` on data that no rule was made with: third and fourth set, held back.

They were written before any rule that is meant for them, and run once with the rules of before.
Two of them do no harm: nothing is the right answer. Data lie in `--data FOLDER`:
faces_photo96/faces96_6k.zip, mnist, text/tang_quatrains.txt; the others are embedded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from doctor_faults import Fault, Made, halted, hooked, lr, real
from doctor_more import clipped, folder, seen_as
from torch import Tensor

from ganzfeld.training.trainer import Trainer

KINDS = {
    "photos": folder("faces_photo96/faces96_6k.zip", 16, 12_000),
    "mnist": folder("mnist", 16, 12_000),
    "quatrains": folder("text/tang_quatrains.txt", None, 8_000, "text-gan", "text"),
    "garch": folder("garch:2000", None, 8_000, "series-gan"),
    "known": folder("table-known:4000", None, 16_000, "table-gan"),
}

Batch = dict[str, Any]


def batched(trainer: Trainer, change: Callable[[Batch, int], Batch]) -> None:
    """Batches are changed on their way from the data to the game. int: a seed of each."""
    draw = trainer.batch

    def batch(player: str, turn: int) -> Any:
        return change(dict(draw(player, turn)), trainer.images + turn)

    trainer.batch = batch  # type: ignore[method-assign]


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def reset(trainer: Trainer, made: Made) -> None:
    """The state of both optimisers is forgotten every twentieth step."""
    for optimiser in trainer.optimisers.values():
        steps = [0]

        def after(own: Any, *_: Any, steps: list[int] = steps) -> None:
            steps[0] += 1
            if steps[0] % 20 == 0:
                own.state.clear()

        optimiser.register_step_post_hook(after)


def stale(trainer: Trainer, made: Made) -> None:
    """Every batch is the first one."""
    kept: list[Batch] = []

    def change(batch: Batch, seed: int) -> Batch:
        kept.append(batch) if not kept else None
        return dict(kept[0])

    batched(trainer, change)


def half_seen(trainer: Trainer, made: Made) -> None:
    """The discriminator sees the left half of images; the rest is 0."""

    def before(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        x = args[0]
        half = torch.arange(x.shape[-1]) < x.shape[-1] // 2
        return (x * half.to(x), *args[1:]), given

    trainer.game.get_submodule("D").register_forward_pre_hook(before, with_kwargs=True)


def constants_of_digits(trainer: Trainer, made: Made) -> None:
    """Pixels of 0..1 are normalised by MNIST's mean and deviation, for fakes in -1..1."""
    seen_as(trainer, lambda x: ((x + 1) / 2 - 0.1307) / 0.3081)


def two_latents(trainer: Trainer, made: Made) -> None:
    """A latent is one of two."""

    def before(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        return (args[0][:, :1].sign().expand(args[0].shape), *args[1:]), given

    modules = [trainer.game.get_submodule("G")]
    modules += [m.G for m in trainer.average.modules() if "G" in dict(m.named_children())]
    for module in modules:
        module.register_forward_pre_hook(before, with_kwargs=True)


def stuck(trainer: Trainer, made: Made) -> None:
    """The first channel of every fake is at its largest value."""

    def change(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
        return torch.cat([torch.ones_like(out[:, :1]), out[:, 1:]], 1)

    hooked(trainer, change)


def off_in_half(trainer: Trainer, made: Made) -> None:
    """In every other batch a sample has the label of the next class."""
    classes = len(made.config.data.classes)

    def change(batch: Batch, seed: int) -> Batch:
        odd = (seed // made.config.run.batch_size) % 2
        return {**batch, "y": (batch["y"] + odd) % classes}

    batched(trainer, change)


def noisy_labels(trainer: Trainer, made: Made) -> None:
    """Half of the labels are any."""
    classes = len(made.config.data.classes)

    def change(batch: Batch, seed: int) -> Batch:
        y, draws = batch["y"], drawn(seed)
        other = torch.randint(classes, y.shape, generator=draws)
        return {**batch, "y": torch.where(torch.rand(y.shape, generator=draws) < 0.5, other, y)}

    batched(trainer, change)


def harmlessly_clipped(trainer: Trainer, made: Made) -> None:
    """Gradients are clipped to a norm of 1e-4, which Adam's updates do not depend on."""
    clipped(trainer, made, 1e-4)


def both_halt(trainer: Trainer, made: Made) -> None:
    for player in trainer.optimisers:
        halted(trainer, made, player, 0.5)


def no_average(trainer: Trainer, made: Made) -> None:
    """The average is the generator itself."""
    trainer.average.half_life_images, trainer.average.ramp = 1e-9, None


def unjoined(trainer: Trainer, made: Made) -> None:
    """Numbers of a sample are those of different ones: columns are shuffled in a batch."""

    def change(batch: Batch, seed: int) -> Batch:
        x = batch["x"]
        draws, flat = drawn(seed), x.flatten(1)
        order = torch.stack([torch.randperm(len(x), generator=draws) for _ in flat[0]], 1)
        return {**batch, "x": flat.gather(0, order).view_as(x)}

    batched(trainer, change)


def backwards(trainer: Trainer, made: Made) -> None:
    """Lines are read from their end."""
    batched(trainer, lambda batch, seed: {**batch, "x": batch["x"].flip(-1)})


def swapped_labels(trainer: Trainer, made: Made) -> None:
    """Two classes are swapped for every other sample that has one of them."""

    def change(batch: Batch, seed: int) -> Batch:
        y = batch["y"]
        some = (torch.arange(len(y)) % 2 == 0) & (y < 2)
        return {**batch, "y": torch.where(some, 1 - y, y)}

    batched(trainer, change)


# Four that were written when the rules for those above were done, and run once after that


def same_latents(trainer: Trainer, made: Made) -> None:
    """In training a generator gets the latents of the first batch, again and again."""
    kept: list[Tensor] = []

    def before(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        if not module.training:
            return None
        kept.append(args[0].clone()) if not kept else None
        return (kept[0][: len(args[0])], *args[1:]), given

    trainer.game.get_submodule("G").register_forward_pre_hook(before, with_kwargs=True)


def noisy_verdict(trainer: Trainer, made: Made) -> None:
    """Noise of ten times their size is added to the discriminator's logits."""

    def change(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
        return out + 10 * torch.randn_like(out) * out.abs().mean().detach()

    trainer.game.get_submodule("D").register_forward_hook(change, with_kwargs=True)


def shrinking(trainer: Trainer, made: Made) -> None:
    """All weights are 3 % smaller after every step."""
    for player, optimiser in trainer.optimisers.items():
        optimiser.register_step_post_hook(
            lambda *_, p=trainer.parameters[player]: torch._foreach_mul_([w.data for w in p], 0.97)
        )


def half_frozen(trainer: Trainer, made: Made) -> None:
    """The second half of the generator's layers keeps its first weights."""
    own = trainer.parameters["generator"]
    first = [(p, p.detach().clone()) for p in own[len(own) // 2 :]]

    def after(*_: Any) -> None:
        for p, value in first:
            p.data.copy_(value)

    trainer.optimisers["generator"].register_step_post_hook(after)


# The fourth set, run once on points and images when all rules were done


def flipped(trainer: Trainer, made: Made) -> None:
    """While the discriminator learns, every other sample counts as of the other kind."""

    def change(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
        if not module.training or args[0].grad_fn is not None:
            return out
        return out * (1 - 2 * (torch.arange(len(out)) % 2)).to(out).view(-1, *[1] * (out.dim() - 1))

    trainer.game.get_submodule("D").register_forward_hook(change, with_kwargs=True)


def slow_d(made: Made) -> Made:
    lr(made.config, "discriminator", 0.01)
    return made


def crawling(made: Made) -> Made:
    for player in made.config.optimisers:
        lr(made.config, player, 0.001)
    return made


def leaking(trainer: Trainer, made: Made) -> None:
    """The game turns real samples upside down, and no fakes; points are moved."""
    loss = trainer.loss

    def turned(player: str, batch: Batch) -> Any:
        x = batch["x"]
        return loss(player, {**batch, "x": x.flip(2) if x[0].numel() > 2 else x + 1})

    trainer.loss = turned


def accumulating(trainer: Trainer, made: Made) -> None:
    """Gradients of the discriminator are never set to zero."""
    trainer.optimisers["discriminator"].zero_grad = lambda *_, **__: None  # type: ignore[method-assign]


# The fifth set, run on points and images with seed 71; the last two led to rules


def no_latents(trainer: Trainer, made: Made) -> None:
    """All latents are 0."""

    def before(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        return (0 * args[0], *args[1:]), given

    modules = [trainer.game.get_submodule("G")]
    modules += [m.G for m in trainer.average.modules() if "G" in dict(m.named_children())]
    for module in modules:
        module.register_forward_pre_hook(before, with_kwargs=True)


def half_constant(trainer: Trainer, made: Made) -> None:
    """Half of all fakes are one training sample."""
    one = real(trainer, made, 1)

    def change(module: Any, args: Any, given: Any, out: Tensor) -> Tensor:
        some = (args[0][:, 0] > 0).view(-1, *[1] * (out.dim() - 1))
        return torch.where(some, one + 0 * out, out)

    hooked(trainer, change)


def not_a_number(trainer: Trainer, made: Made) -> None:
    """The generator's first weights become nan at 60 % of the run, once."""
    moment = [0.6 * (made.config.run.images or 0)]

    def after(*_: Any) -> None:
        if trainer.images > moment[0]:
            moment[0] = float("inf")
            trainer.parameters["generator"][0].data.mul_(float("nan"))

    trainer.optimisers["generator"].register_step_post_hook(after)


def wild_g(made: Made) -> Made:
    lr(made.config, "generator", 100.0)
    return made


def turned(trainer: Trainer, made: Made) -> None:
    """All gradients of the discriminator are turned."""
    for weight in trainer.parameters["discriminator"]:
        weight.register_hook(lambda gradient: -gradient)


def heavy(made: Made) -> Made:
    for name in ("r1", "r2"):
        if name in made.config.game.options:
            made.config.game.options[name] *= 10_000
    return made


def mismatched(trainer: Trainer, made: Made) -> None:
    """Samples come to the discriminator with conditions of others, but not where the doctor asks.

    A random order would leave one of a batch its own: of 32 samples of ten classes that is enough
    for a discriminator to tell right ones by 0.1 to 0.2 deviations.
    """

    def before(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> Any:
        if not module.training:
            return None
        by = int(torch.randint(1, max(len(args[0]), 2), ()))
        rest = [value if value is None else value.roll(by, 0) for value in args[1:]]
        return (args[0], *rest), {name: value.roll(by, 0) for name, value in given.items()}

    trainer.game.get_submodule("D").register_forward_pre_hook(before, with_kwargs=True)


STILL = ("generator-still", "discriminator-still")
ALTERED = ("data-altered",)
LABELS = ("data-altered", "condition-ignored")
AGAIN = ("latents-repeat",)
HARMLESS = ("",)  # nothing is to be said
STRANGE = {
    "reset": Fault("optimisers' state forgotten every 20 steps", ("divergence",), network=reset),
    "stale": Fault("every batch is the first one",
                   (*ALTERED, "discriminator-overfits", "memorisation"), network=stale),
    "half-seen": Fault("D sees half of each image", ("partly-seen",), network=half_seen),
    "digits-scale": Fault("normalised by another set's mean", ALTERED,
                          network=constants_of_digits),
    "two-latents": Fault("latents are one of two", (*AGAIN, "mode-collapse"),
                         network=two_latents),
    "stuck": Fault("one channel of fakes is stuck", ("partly-stuck",), network=stuck),
    "off-in-half": Fault("labels off by one in every other batch", LABELS, network=off_in_half,
                         conditional=True),
    "noisy-labels": Fault("half of the labels are any", LABELS, network=noisy_labels,
                          conditional=True),
    "two-swapped": Fault("half of two classes swapped", LABELS, network=swapped_labels,
                         conditional=True),
    "clip": Fault("gradients clipped to 1e-4 (harmless)", HARMLESS, network=harmlessly_clipped),
    "both-halt": Fault("both rates 0 from half on", STILL, network=both_halt, start=0.5),
    "no-average": Fault("no average (harmless)", HARMLESS, network=no_average),
    "unjoined": Fault("columns shuffled against one another", ALTERED, network=unjoined),
    "backwards": Fault("lines read backwards", ALTERED, network=backwards),
    "same-latents": Fault("the same latents in every batch", AGAIN, network=same_latents),
    "noisy-verdict": Fault("noise on the discriminator's logits", ("discriminator-noisy",),
                           network=noisy_verdict),
    "mismatched": Fault("labels of others for D, in training alone", ("condition-ignored",),
                        network=mismatched, conditional=True),
    "shrinking": Fault("weights shrink by 3 % a step", ("divergence",), network=shrinking),
    "flipped": Fault("half of D's samples flipped", ("discriminator-weak",), network=flipped),
    "slow-d": Fault("D's rate / 100", ("discriminator-weak",), settings=slow_d),
    "crawling": Fault("rates / 1,000", STILL, settings=crawling),
    "leaking": Fault("D sees real samples turned", (*ALTERED, "discriminator-weak"),
                     network=leaking),
    "accumulating": Fault("D's gradients never zeroed", ("divergence", "discriminator-weak"),
                          network=accumulating),
    "no-latents": Fault("latents are 0", (*AGAIN, "mode-collapse"), network=no_latents),
    "half-constant": Fault("half of the fakes are one sample", ("mode-collapse",),
                           network=half_constant),
    "nan": Fault("a weight of G is nan", ("broken", "divergence"), network=not_a_number, start=0.6),
    "wild-g": Fault("G's rate x 100", ("divergence", "oscillation"), settings=wild_g),
    "turned": Fault("D's gradients turned", ("discriminator-weak", "divergence"), network=turned),
    "heavy": Fault("R1 and R2 x 10,000", ("discriminator-weak",), settings=heavy),
    "half-frozen": Fault("half of the generator's layers frozen", ("generator-still",),
                         network=half_frozen),
}  # fmt: skip
