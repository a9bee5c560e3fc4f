"""What the trial of speed found, and what a run of so many images takes at that pace."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ganzfeld.core.names import duration

TOLD = 1.0  # seconds of the trial of speed that are worth a word
BUSY = 0.75  # of the CPU time that its threads could have, below which others took the rest


@dataclass(frozen=True)
class Pace:
    """rate: images per second of steps alone. chores: seconds of a whole run beside them, for
    grids, checkpoints and evaluations. memory: the most that will be held, in bytes.
    share: of the usual number of grids, checkpoints and evaluations, where time is short.
    got: CPU time of the timed steps, in parts of what their threads would have had alone.
    end: seconds of the chores that come after the last step. first: seconds more in the first run
    on these data, which measures real images against real ones. They do not shorten the
    training. tried: seconds that the trial itself took, which are part of the time asked for."""

    rate: float
    chores: float
    memory: int
    share: float = 1.0
    got: float = 1.0
    end: float = 0.0
    first: float = 0.0
    tried: float = 0.0

    @property
    def busy(self) -> bool:
        """Whether other programs slowed the steps whose speed is taken for that of the run."""
        return self.got < BUSY

    def images(self, seconds: float) -> int:
        """What fits into so much time, of which half at least goes into steps."""
        return round(self.rate * max(seconds - self.chores - self.tried, seconds / 2))

    @property
    def least(self) -> float:
        """The shortest time asked for that a run keeps to: half of it goes into steps."""
        return 2 * (self.chores + self.tried)

    def why(self, seconds: float) -> str:
        """Why a run takes longer than so many seconds."""
        if self.least <= seconds:
            return "real images are measured against real ones, once for these data"
        enough = math.ceil(10 * self.least / 60) / 10
        return f"half of the time goes into steps; --minutes {enough:g} or more is kept to"

    def seconds(self, images: int) -> float:
        """Of a run from the trial of speed to its report."""
        return self.tried + images / self.rate + self.chores + self.first

    def told(self, images: int) -> str:
        """The same in words, with the part that the trial took, which is over by now."""
        said = f"about {duration(self.seconds(images))}{self.doubt}"
        if self.tried < TOLD:
            return said
        return f"{said}; {duration(self.tried)} of it went into measuring the speed"

    @property
    def doubt(self) -> str:
        """What to say of the time where the speed was measured beside other programs."""
        if not self.busy:
            return ""
        return (
            f" if the machine stays as busy as it is: other programs took "
            f"{100 * (1 - self.got):.0f} % of the processor while the speed was measured"
        )
