"""Compute the graph of a page by NumPy: the check before a page is written.

It reads what the page reads, the JSON and the weights as they were rounded, and shares no code
with PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]  # float32
Settings = Mapping[str, Any]
Operator = Callable[[list[Array], tuple[int, ...], Settings], Array]


def run(
    graph: Mapping[str, Any], state: Mapping[str, Array], inputs: Mapping[str, NDArray[Any]]
) -> Array:
    """The output of a graph (`page_graph.Graph.to_json`) for one row of each input."""
    values: dict[int, Array] = {number: state[name] for number, name, _ in graph["weights"]}
    for number, shape, flat in graph["constants"]:
        values[number] = np.array(flat, np.float32).reshape(shape)
    for name, (number, shape) in graph["inputs"].items():
        values[number] = np.asarray(inputs[name], np.float32).reshape(shape)
    last = {one: place for place, node in enumerate(graph["nodes"]) for one in node[2]}
    for place, (name, number, taken, shape, settings) in enumerate(graph["nodes"]):
        found = OPERATORS[name]([values[one] for one in taken], tuple(shape), settings)
        values[number] = np.ascontiguousarray(found, np.float32).reshape(shape)
        for one in taken:
            if last[one] == place and one != graph["output"]:
                values.pop(one, None)
    return values[graph["output"]]


def deep(x: Array) -> Array:
    """Maps (1, C, ...) as (C, D, H, W), or weights (M, C, ...) as (M, C, d, h, w)."""
    missing = 5 - x.ndim
    return x.reshape(*x.shape[:2], *[1] * missing, *x.shape[2:])


def conv(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    maps, weight = deep(x[0])[0], deep(x[1])
    padded = np.pad(maps, [(0, 0), *((p, p) for p in s["pad"])])
    reach = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], s["dilation"], strict=True)]
    windows = sliding_window_view(padded, reach, axis=(1, 2, 3))
    a, b, c = s["stride"]
    i, j, k = s["dilation"]
    windows = windows[:, ::a, ::b, ::c, ::i, ::j, ::k]
    each = len(maps) // s["groups"]
    own = len(weight) // s["groups"]
    found = [
        np.tensordot(
            weight[g * own : (g + 1) * own],
            windows[g * each : (g + 1) * each],
            ((1, 2, 3, 4), (0, 4, 5, 6)),
        )
        for g in range(s["groups"])
    ]
    return with_bias(np.concatenate(found), x)


def convt(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    maps, weight = deep(x[0])[0], deep(x[1])
    _, out, *kernel = weight.shape
    full = deep(np.empty(shape, np.float32)).shape[2:]
    whole = [
        max((n - 1) * t + (k - 1) * d + 1, p + m)
        for n, t, k, d, p, m in zip(
            maps.shape[1:], s["stride"], kernel, s["dilation"], s["pad"], full, strict=True
        )
    ]
    groups = s["groups"]
    each = len(maps) // groups
    canvas = np.zeros((groups * out, *whole), np.float32)
    for g in range(groups):
        own = slice(g * each, (g + 1) * each)
        parts = np.tensordot(weight[own], maps[own], ((0,), (0,)))  # (out, d, h, w, D, H, W)
        for place in np.ndindex(*kernel):
            at = tuple(
                slice(q * d, q * d + (n - 1) * t + 1, t)
                for q, d, n, t in zip(
                    place, s["dilation"], maps.shape[1:], s["stride"], strict=True
                )
            )
            canvas[(slice(g * out, (g + 1) * out), *at)] += parts[(slice(None), *place)]
    cut = tuple(slice(p, p + m) for p, m in zip(s["pad"], full, strict=True))
    return with_bias(canvas[(slice(None), *cut)], x)


def with_bias(maps: Array, x: list[Array]) -> Array:
    return maps + x[2][:, None, None, None] if len(x) > 2 else maps


def linear(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    found = x[0] @ x[1].T
    return found + x[2] if len(x) > 2 else found


def norm(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    weight, bias, mean, variance = (one.astype(np.float64) for one in x[1:])
    scale = weight / np.sqrt(variance + s["eps"])
    each = (1, -1, *[1] * (len(shape) - 2))
    shift = (bias - mean * scale).astype(np.float32).reshape(each)
    found: Array = x[0] * scale.astype(np.float32).reshape(each) + shift
    return found


def instance(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    rows = x[0].reshape(shape[1], -1).astype(np.float64)
    rows = (rows - rows.mean(1, keepdims=True)) / np.sqrt(rows.var(1, keepdims=True) + s["eps"])
    if len(x) > 1:
        rows = rows * x[1][:, None] + x[2][:, None]
    found: Array = rows.astype(np.float32).reshape(shape)
    return found


def cut(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    return np.take(x[0], range(s["start"], s["start"] + shape[s["dim"]]), s["dim"])


MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap", "constant": "constant"}


def pad(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    sizes = [(a, m - a - n) for a, m, n in zip(s["start"], shape, x[0].shape, strict=True)]
    return np.pad(x[0], sizes, mode=MODES[s["mode"]])  # type: ignore[call-overload,no-any-return]


def softmax(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    powers = np.exp(x[0] - x[0].max(s["dim"], keepdims=True))
    found: Array = powers / powers.sum(s["dim"], keepdims=True)
    return found


def ends(length: int, wanted: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Of each of the wanted places the two rows that it lies between, and how far along."""
    place = np.maximum((np.arange(wanted) + 0.5) * (length / wanted) - 0.5, 0)
    low = np.floor(place).astype(np.int64)
    return low, np.minimum(low + 1, length - 1), (place - low).astype(np.float32)


def bilinear(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    low, high, share = ends(x[0].shape[2], shape[2])
    down = x[0][:, :, low] * (1 - share)[:, None] + x[0][:, :, high] * share[:, None]
    low, high, share = ends(x[0].shape[3], shape[3])
    found: Array = down[..., low] * (1 - share) + down[..., high] * share
    return found


def shuffle(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    _, channels, height, width = x[0].shape
    by = s["by"]
    apart = x[0].reshape(channels // by**2, by, by, height, width)
    return apart.transpose(0, 3, 1, 4, 2).reshape(shape)


def unshuffle(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    _, channels, height, width = x[0].shape
    by = s["by"]
    apart = x[0].reshape(channels, height // by, by, width // by, by)
    return apart.transpose(0, 2, 4, 1, 3).reshape(shape)


def pool(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    by, (_, channels, height, width) = s["by"], shape
    apart = x[0][:, :, : height * by, : width * by].reshape(channels, height, by, width, by)
    found: Array = apart.mean((2, 4)).reshape(shape)
    return found


def one_hot(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    found = np.zeros(shape, np.float32)
    found[0, int(x[0].reshape(-1)[0])] = 1
    return found


def gru(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    rows, state, inputs, weights, of_inputs, of_states = x
    width, found = shape[2], np.empty(shape, np.float32)
    state = state.reshape(width)
    for step, given in enumerate(rows[0] @ inputs.T + of_inputs):
        reset_in, keep_in, new_in = given.reshape(3, width)
        reset_h, keep_h, new_h = (weights @ state + of_states).reshape(3, width)
        keep = sigmoid(keep_in + keep_h)
        new = np.tanh(new_in + sigmoid(reset_in + reset_h) * new_h)
        state = new + keep * (state - new)
        found[0, step] = state
    return found


def add_at(x: list[Array], shape: tuple[int, ...], s: Settings) -> Array:
    found = x[0].copy()
    np.add.at(found[0], x[1].astype(np.int64), x[2][0])
    return found


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def ndtr(value: float) -> float:
    return math.erfc(-value / math.sqrt(2)) / 2


def each(function: Callable[..., Any]) -> Operator:
    return lambda x, shape, s: function(*x)


def leaky(x: Array, slope: float) -> Array:
    return np.where(x < 0, x * np.float32(slope), x)


OPERATORS: dict[str, Operator] = {
    "as": each(lambda x: x),
    "conv": conv,
    "convt": convt,
    "linear": linear,
    "norm": norm,
    "instance": instance,
    "slice": cut,
    "cat": lambda x, shape, s: np.concatenate(x, s["dim"]),
    "pad": pad,
    "softmax": softmax,
    "bilinear": bilinear,
    "shuffle": shuffle,
    "unshuffle": unshuffle,
    "pool": pool,
    "permute": lambda x, shape, s: x[0].transpose(s["dims"]),
    "sum": lambda x, shape, s: x[0].sum(tuple(s["dims"])),
    "mean": lambda x, shape, s: x[0].mean(tuple(s["dims"])),
    "row": lambda x, shape, s: x[0][x[1].reshape(-1).astype(int)],
    "onehot": one_hot,
    "tanh": each(np.tanh),
    "relu": each(lambda x: np.maximum(x, 0)),
    "leaky": lambda x, shape, s: leaky(x[0], s.get("negative_slope", 0.01)),
    "clamp": lambda x, shape, s: x[0].clip(s.get("min", -math.inf), s.get("max", math.inf)),
    "sigmoid": each(sigmoid),
    "sin": each(np.sin),
    "cos": each(np.cos),
    "exp": each(np.exp),
    "log1p": each(np.log1p),
    "round": each(np.round),
    "add": each(np.add),
    "sub": each(np.subtract),
    "mul": each(np.multiply),
    "div": each(np.divide),
    "ge": each(np.greater_equal),
    "power": each(np.power),
    "gru": gru,
    "addat": add_at,
    "expand": lambda x, shape, s: np.broadcast_to(x[0], shape),
    "cumsum": lambda x, shape, s: x[0].cumsum(s["dim"]),
    "where": each(lambda mask, one, other: np.where(mask != 0, one, other)),
    "erf": each(np.vectorize(math.erf)),
    "ndtr": each(np.vectorize(ndtr)),
    "trunc": each(np.trunc),
    "minimum": each(np.minimum),
    "maximum": each(np.maximum),
    "le": each(np.less_equal),
    "lt": each(np.less),
    "gt": each(np.greater),
    "eq": each(np.equal),
    "ne": each(np.not_equal),
}
