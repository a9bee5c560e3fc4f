"""One rule that sets width, batch and rates of every recipe from the time available.

A baseline that is too large for its budget loses by its size, not by its method: at 24 CPU seconds
on EuroSAT, `hinge` took a seventh of its distance from networks and batches as small as those of
`default`. So every recipe takes its size from `within`, and has rates of its own for a budget.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

FULL = 32  # the width that `within` begins from
# Rates fall in a straight line to a tenth of what is usual, over the last half of the run.
LAST_HALF: dict[str, Any] = {"final_lr": 1e-4, "decay": "linear", "hold": 0.5}


@dataclass(frozen=True)
class Fit:
    """Sizes and rates of one recipe.

    width: channels of the largest map. batch: samples in a batch.
    lr: learning rates of the players, in the order in which the recipe names them.
    optimiser: how all rates fall, as fields of `config.Optimiser`.
    """

    width: int
    batch: int
    lr: tuple[float, ...]
    optimiser: dict[str, Any] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """Width in parts of the full one, for networks that count it otherwise."""
        return self.width / FULL

    def settings(self) -> dict[str, Any]:
        """As `parts.adversarial` takes them."""
        return {"lr": self.lr, "batch_size": self.batch, "optimiser": self.optimiser}


@dataclass(frozen=True)
class Sizing:
    """full: without a limit of time. lr, optimiser: within one.

    times: batches within a limit, in times those of `within`. A kernel that compares batches
    needs large ones, and batches cost fully connected networks little.
    by_width: rates within a limit are for the full width, and narrower networks have higher ones.
    """

    full: Fit
    lr: tuple[float, ...]
    optimiser: dict[str, Any]
    times: int = 1
    by_width: bool = False

    def rates(self, width: int) -> tuple[float, ...]:
        """Learning rates within a limit for networks of this width, to two digits.

        Adam's step in a sum over so many inputs is then that of the full width (Yang et al. 2021).
        """
        if not self.by_width:
            return self.lr
        return tuple(float(f"{lr * FULL / width:.2g}") for lr in self.lr)


LONG: dict[str, Any] = {**LAST_HALF, "hold_steps": 2_500, "burn_in_steps": 11_250}

SIZINGS: dict[str, Sizing] = {
    "default": Sizing(Fit(FULL, 32, (1e-3, 3e-3), LONG), (1e-3, 3e-3), LONG, by_width=True),
    "projected": Sizing(Fit(FULL, 32, (1e-3, 3e-3), LONG), (1e-3, 3e-3), LONG, by_width=True),
    "mlp": Sizing(Fit(FULL, 128, (2e-4, 2e-4)), (5e-4, 5e-4), LAST_HALF, times=4),
    "dcgan": Sizing(Fit(FULL, 64, (5e-4, 5e-4)), (1e-3, 1e-3), LAST_HALF, by_width=True),
    "wgan-gp": Sizing(Fit(FULL, 64, (2e-4, 2e-4)), (1e-3, 1e-3), LAST_HALF, by_width=True),
    "hinge": Sizing(Fit(FULL, 64, (4e-4, 2e-4)), (1e-3, 1e-3), LAST_HALF, by_width=True),
    "r3gan": Sizing(Fit(FULL, 16, (1e-3, 1e-3), LAST_HALF), (1e-3, 1e-3), LAST_HALF, by_width=True),
    "vae": Sizing(Fit(FULL, 64, (1e-3,), {"final_lr": 1e-4}), (1e-3,), {"final_lr": 1e-4}, times=2),
    "gmmn": Sizing(
        Fit(FULL, 256, (2e-3, 1e-3), {"final_lr": 1e-5}),
        (2e-3, 1e-3),
        {"final_lr": 1e-5},
        times=8,
    ),
    "drifting": Sizing(
        Fit(FULL, 64, (1e-3, 2e-3), {"final_lr": 1e-5}),
        (1e-3, 2e-3),
        {"final_lr": 1e-5},
        times=4,
    ),
}


def fitted(recipe: str, afford: int | None) -> Fit:
    """Width, batch and rates of a recipe for the time there is.

    afford: images that its full networks, in batches of 32 or their own, could see in that time;
        None: no limit, so the full networks.
    """
    found = SIZINGS[recipe]
    if afford is None:
        return found.full
    width, batch = within(afford)
    batch = min(found.times * batch, found.full.batch)
    return replace(
        found.full, width=width, batch=batch, lr=found.rates(width), optimiser=found.optimiser
    )


def within(afford: int | None) -> tuple[int, int]:
    """Width of DCGAN networks, and batch.

    afford: images that width 32 and batch 32 could see in the time; None: any number.

    Fitted to runs of half a CPU minute to ten at 28 to 64 pixels (docs/defaults.md). The fewer
    images there is time for, the more it helps to see more of them, in more steps.
    """
    if afford is None:
        return FULL, 32
    width = 16 if afford < 25_000 else 24 if afford < 120_000 else FULL
    return width, 16 if afford < 100_000 else 32
