"""How many samples are computed at a time, and how labels are asked for."""

from __future__ import annotations

from collections.abc import Sequence

CHUNK = 32  # samples computed together, always: their values must not depend on the count


Labels = Sequence[int | str] | int | str | None
