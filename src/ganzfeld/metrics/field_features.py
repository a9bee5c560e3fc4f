"""Fields as features: their observables and spectra, each in deviations of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganzfeld.core.store import digest
from ganzfeld.metrics.features import Extractor, users_own
from ganzfeld.metrics.field_observables import deposits, observables
from ganzfeld.metrics.field_power import shell_power
from ganzfeld.modalities import spec_of_data
from ganzfeld.modalities.field import scaling

if TYPE_CHECKING:
    from ganzfeld.data.pack import Pack

SEEN = 2_000  # fields of the data that set the units
FAR = 10.0  # deviations, beyond which a feature is cut

Floats = NDArray[np.float64]


def vectors(x: NDArray[Any], extra: dict[str, Any]) -> Floats:
    """Observables of stored fields (N, C, ...), and the logarithms of their powers: (N, d)."""
    if extra.get("scaling") == "log":
        found = deposits(x, np.asarray(extra["least"]) / 2)
        logs = {name: np.log(found[name] + 1e-3) for name in found if name.startswith("sum")}
        return np.stack([*(found | logs).values()], 1)
    power = np.log(np.maximum(shell_power(x).reshape(len(x), -1), 1e-30))
    return np.concatenate([np.stack([*observables(x).values()], 1), power], 1)


class Observables(nn.Module):
    """Stored fields to their features, (N, d) float32; units are those of these data."""

    def __init__(self, pack: Pack) -> None:
        super().__init__()
        spec = spec_of_data(pack)
        some = np.linspace(0, len(pack) - 1, min(len(pack), SEEN)).round().astype(np.int64)
        x = pack.rows(np.unique(some))["x"]
        self.extra = spec.extra if "scaling" in spec.extra else spec.extra | scaling.fit(x)
        known = vectors(x, self.extra)
        spread = known.std(0)
        self.used = spread > 0
        self.register_buffer("centre", torch.from_numpy(known.mean(0)[self.used]))
        self.register_buffer("spread", torch.from_numpy(spread[self.used]))

    def forward(self, stored: Tensor) -> Tensor:
        found = torch.from_numpy(vectors(stored.cpu().numpy(), self.extra)[:, self.used])
        centre, spread = self.get_buffer("centre"), self.get_buffer("spread")
        apart = (found.to(centre) - centre) / spread
        return apart.clamp(-FAR, FAR).float()


def extractor(name: str, pack: Pack, protocol: str | None, progress: Any) -> Extractor:
    """The extractor "observables": its Frechet distance compares their means and dependences."""
    from ganzfeld.errors import UsageError

    if protocol is not None:
        raise UsageError("--protocol is for the inception extractor, which sees images")
    if name not in ("observables", "plain"):
        return users_own(name)
    network = Observables(pack)
    known = {"centre": network.get_buffer("centre"), "spread": network.get_buffer("spread")}
    return Extractor(
        name="observables",
        network=network,
        prepare=lambda stored: stored,
        weights=digest({key: value.numpy() for key, value in known.items()}),
        values="as stored",
    )
