"""What the trial of speed found, and what a run of so many images takes at that pace."""

from __future__ import annotations

from dataclasses import dataclass

BUSY = 0.75  # of the CPU time that its threads could have, below which others took the rest


@dataclass(frozen=True)
class Pace:
    """rate: images per second of steps alone. chores: seconds of a whole run beside them, for
    grids, checkpoints and evaluations. memory: the most that will be held, in bytes.
    share: of the usual number of grids, checkpoints and evaluations, where time is short.
    got: CPU time of the timed steps, in parts of what their threads would have had alone.
    end: seconds of the chores that come after the last step. first: seconds more in the first run
    on these data, which measures real images against real ones. They do not shorten the
    training."""

    rate: float
    chores: float
    memory: int
    share: float = 1.0
    got: float = 1.0
    end: float = 0.0
    first: float = 0.0

    @property
    def busy(self) -> bool:
        """Whether other programs slowed the steps whose speed is taken for that of the run."""
        return self.got < BUSY

    def images(self, seconds: float) -> int:
        """What fits into so much time, of which half at least goes into steps."""
        return round(self.rate * max(seconds - self.chores, seconds / 2))

    def seconds(self, images: int) -> float:
        return images / self.rate + self.chores + self.first
