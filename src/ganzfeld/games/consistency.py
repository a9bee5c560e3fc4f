"""Images of all scales that one generator draws should be the same image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ganzfeld.core.types import Losses


def consistency(weight: float, scales: Sequence[Tensor]) -> Losses:
    """weight x the sum over coarser images of the mean of (x_s - mean of places of the last)^2.

    scales: (N, C, h, w), the last of which is the sample: no gradient reaches it, so the coarse
    images follow the fine one ("CAT", 2026). One scale, or no weight: nothing.

    Example::

        import torch
        from ganzfeld.games.consistency import consistency

        fine = torch.rand(2, 3, 8, 8)
        coarse = torch.nn.functional.avg_pool2d(fine, 2)
        assert consistency(1.0, [coarse, fine])["consistency"] == 0
    """
    if not weight or len(scales) < 2:
        return {}
    goal = scales[-1].detach().float()
    apart = [
        (x.float() - adaptive_avg_pool2d(goal, (x.shape[2], x.shape[3]))).square().mean()
        for x in scales[:-1]
    ]
    return {"consistency": weight * torch.stack(apart).sum()}
