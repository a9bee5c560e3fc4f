"""Nested states as files: their tensors by path, and the rest as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import safetensors.torch
from torch import Tensor

from ganzfeld.core.files import as_json


def encode(state: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of files, one at a time, for they are as large as the state: a
    safetensors file for each top-level entry with tensors, and the rest."""
    rest: dict[str, Any] = {}
    for part, tree in state.items():
        tensors, rest[part] = split(tree)
        if tensors:
            yield f"{part}.safetensors", safetensors.torch.save(apart(tensors))
    yield "state.json", as_json(rest)


def split(tree: Any, path: str = "") -> tuple[dict[str, Tensor], Any]:
    """The tensors of a tree by path, and the tree with null in their places."""
    if isinstance(tree, Tensor):
        return {path: tree.detach().cpu().contiguous()}, None
    if not isinstance(tree, dict):
        return {}, tree
    tensors: dict[str, Tensor] = {}
    rest: dict[str, Any] = {}
    for name, value in tree.items():
        inner, rest[name] = split(value, f"{path}/{name}" if path else name)
        tensors |= inner
    return tensors, rest


def apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """With copies where two names stand for the same memory, as of tied weights."""
    seen: set[int] = set()
    own: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        own[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return own


def join(tree: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The inverse of `split`."""
    for path, tensor in tensors.items():
        *parents, last = path.split("/")
        place = tree
        for parent in parents:
            place = place[parent]
        place[last] = tensor
    return tree
