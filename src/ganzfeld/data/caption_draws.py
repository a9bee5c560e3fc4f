"""Draw one of the captions that an image has, anew in each batch."""

from __future__ import annotations

import torch

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)
from ganzfeld.core.randomness import WIDE, torch_generator
from ganzfeld.core.types import Batch
from ganzfeld.data.captions import KIND
from ganzfeld.modalities.image.transforms import Vary


def drawn(then: Vary | None, noise: str = WIDE) -> Vary:
    """A function of a batch and a seed that draws one of the captions of each image.

    then: what else is changed by chance.

    Example::

        import torch
        from ganzfeld.data.caption_draws import drawn

        several = torch.tensor([[[4, 5], [6, 0]]])  # two captions of one image
        batch = drawn(None)({"caption": several[:, 0], "caption_several": several}, 7)
        assert batch["caption"].tolist() in ([[4, 5]], [[6, 0]])
    """

    def vary(batch: Batch, seed: int) -> Batch:
        batch = dict(batch) if then is None else dict(then(batch, seed))
        if (several := batch.pop(f"{KIND}_several", None)) is None:
            return batch
        counts = (several != 0).any(2).sum(1).clamp(min=1).cpu()
        place = torch.rand(len(several), generator=torch_generator(seed, KIND, noise=noise))
        chosen = (place * counts).long().to(several.device)
        batch[KIND] = several[torch.arange(len(several), device=several.device), chosen]
        batch[f"{KIND}_length"] = (batch[KIND] != 0).sum(1)
        return batch

    return vary
