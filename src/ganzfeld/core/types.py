"""Batches and losses: tensors by name."""

from __future__ import annotations

from torch import Tensor

# One entry a column: "x" (N, ...) samples, "y" (N,) labels, "c" (N, k) numbers that are conditions,
# "caption" (N, T) word numbers of captions, "caption_wrong" (N, K, T) of such as do not fit,
# "x_length" (N,) where samples differ in length; "a" and "b" for two domains.
Batch = dict[str, Tensor]


Losses = dict[str, Tensor]  # scalars, already weighted; their sum is differentiated
