"""models.draws"""

from __future__ import annotations

from collections.abc import Sequence

CHUNK = 32  # samples computed together, always: their values must not depend on the count


Labels = Sequence[int | str] | int | str | None
