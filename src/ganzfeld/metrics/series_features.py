"""Series as features: values, correlations and spectra of each, in deviations of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.core.store import digest
from ganzfeld.errors import UsageError
from ganzfeld.metrics.features import Extractor, users_own
from ganzfeld.metrics.series_metrics import features

if TYPE_CHECKING:
    from ganzfeld.data.pack import Pack

SEEN = 2_000  # series of the data that set the units
MOST = 192  # numbers of a series that are compared
FAR = 10.0  # deviations, beyond which a feature is cut


class Described(nn.Module):
    """Stored series to their features, (N, d) float32; units are those of these data."""

    def __init__(self, pack: Pack) -> None:
        super().__init__()
        some = np.linspace(0, len(pack) - 1, min(len(pack), SEEN)).round().astype(np.int64)
        self.known = np.asarray(pack.rows(np.unique(some))["x"], np.float32)
        table = features(self.known, self.known)
        spread = table.std(0)
        turn = np.zeros((0, 0), np.float32)
        if (size := table.shape[1]) > MOST:
            draws = numpy_generator("series features", size)
            turn = (draws.standard_normal((size, MOST)) / np.sqrt(size)).astype(np.float32)
        self.register_buffer("centre", torch.from_numpy(table.mean(0)))
        self.register_buffer("spread", torch.from_numpy(np.where(spread > 0, spread, 1.0)))
        self.register_buffer("turn", torch.from_numpy(turn))

    def forward(self, stored: Tensor) -> Tensor:
        found = torch.from_numpy(features(stored.cpu().numpy(), self.known))
        centre, spread = self.get_buffer("centre"), self.get_buffer("spread")
        apart = ((found.to(centre) - centre) / spread).clamp(-FAR, FAR).float()
        turn = self.get_buffer("turn")
        return apart @ turn if len(turn) else apart


def extractor(name: str, pack: Pack, protocol: str | None, progress: Any) -> Extractor:
    """The extractor "series": its Frechet distance compares their means and dependences."""
    if protocol is not None:
        raise UsageError("--protocol is for the inception extractor, which sees images")
    if name not in ("series", "plain"):
        return users_own(name)
    network = Described(pack)
    known = {key: network.get_buffer(key).numpy() for key in ("centre", "spread", "turn")}
    return Extractor(
        name="series",
        network=network,
        prepare=lambda stored: stored,
        weights=digest(known),
        values="as stored",
    )
