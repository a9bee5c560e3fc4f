"""The operators of a page's graph, from those of PyTorch: each function writes the nodes of one.

w: the `page_graph.Writer`, whose `add` and `constant` give the numbers of new values and whose
`shapes` are those of all values. call: the arguments by name, tensors as `Ref`. shape: of the
result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ganzfeld.core import runtime as _process  # noqa: F401  (it warms MKL up)
from ganzfeld.errors import UsageError


class Writer(Protocol):
    """What an operator asks of the writer of its graph."""

    shapes: list[list[int]]

    def add(self, name: str, taken: list[int], shape: Sequence[int], **settings: Any) -> int: ...
    def constant(self, value: Tensor) -> int: ...


class Call(Protocol):
    """The arguments of one operator of PyTorch, and the shapes of its results."""

    given: dict[str, Any]
    several: list[tuple[int, ...]]

    def __getitem__(self, name: str) -> Any: ...
    def shape(self, name: str) -> list[int]: ...


class Ref(int):
    """The number of a tensor, as opposed to any other whole number."""


def as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


Make = Callable[[Writer, Call, list[int]], Any]
DROPPED = {"_assert_tensor_metadata"}
CASTS = ("_to_copy", "to")  # to whole numbers they cut what is behind the point
OPERATORS: dict[str, Make] = {}


def same(w: Writer, call: Call, shape: list[int]) -> int:
    """A tensor in another shape, its numbers as they lie."""
    taken = next(iter(call.given.values()))
    if w.shapes[taken] == shape:
        return int(taken)
    return w.add("as", [taken], shape)


def unary(name: str, *settings: str) -> Make:
    def make(w: Writer, call: Call, shape: list[int]) -> int:
        chosen = {one: call[one] for one in settings if call[one] is not None}
        return w.add(name, [next(iter(call.given.values()))], shape, **chosen)

    return make


def binary(name: str) -> Make:
    """With a tensor or a number on either side; the smaller one is repeated."""

    def make(w: Writer, call: Call, shape: list[int]) -> int:
        taken = []
        for key in list(call.given)[:2]:
            value = call[key]
            if not isinstance(value, Ref):
                value = w.constant(torch.tensor(float(value)))
            taken.append(int(value))
        if call.given.get("alpha", 1) != 1:
            raise UsageError("the page cannot draw this network: it adds with a factor")
        return w.add(name, taken, shape)

    return make


def three(values: Sequence[int] | int, n: int, empty: int) -> list[int]:
    """Settings of n axes as those of three."""
    own: list[int] = as_list(values)
    own = own * n if len(own) == 1 else own
    return [empty] * (3 - n) + own


def convolution(transposed: bool) -> Make:
    def make(w: Writer, call: Call, shape: list[int]) -> int:
        n = len(shape) - 2
        settings = {
            "stride": three(call["stride"], n, 1),
            "pad": three(call["padding"], n, 0),
            "dilation": three(call["dilation"], n, 1),
            "groups": call["groups"],
        }
        taken = [call["input"], call["weight"]] + (
            [call["bias"]] if call["bias"] is not None else []
        )
        return w.add("convt" if transposed else "conv", taken, shape, **settings)

    return make


def linear(w: Writer, call: Call, shape: list[int]) -> int:
    taken = [call["input"], call["weight"]] + ([call["bias"]] if call["bias"] is not None else [])
    return w.add("linear", taken, shape)


def batch_norm(w: Writer, call: Call, shape: list[int]) -> list[int]:
    """Its scale and shift are found when the graph is loaded."""
    names = ("input", "weight", "bias", "running_mean", "running_var")
    taken = [call[name] for name in names]
    for place, value in ((1, 1.0), (2, 0.0)):  # of one without weights of its own
        if taken[place] is None:
            taken[place] = w.constant(torch.full(call.several[0][1:2], value))
    return [w.add("norm", taken, list(call.several[0]), eps=call["eps"])]


def instance_norm(w: Writer, call: Call, shape: list[int]) -> int:
    taken = [call["input"]]
    if call["weight"] is not None:
        taken += [call["weight"], call["bias"]]
    return w.add("instance", taken, shape, eps=call["eps"])


def part(w: Writer, taken: int, dim: int, start: int, length: int) -> int:
    shape = list(w.shapes[taken])
    dim %= len(shape)
    if (start, length) == (0, shape[dim]):
        return taken
    shape[dim] = length
    return w.add("slice", [taken], shape, dim=dim, start=start)


def split(w: Writer, call: Call, shape: list[int]) -> list[int]:
    taken = next(iter(call.given.values()))
    dim, found, start = call["dim"], [], 0
    for own in call.several:
        found.append(part(w, taken, dim, start, own[dim]))
        start += own[dim]
    return found


def sliced(w: Writer, call: Call, shape: list[int]) -> int:
    if call["step"] != 1:
        raise UsageError("the page cannot draw this network: it takes every n-th of a row")
    dim = call["dim"]
    length, start = call.shape("self")[dim], call["start"] or 0
    return part(w, call["self"], dim, start + length if start < 0 else start, shape[dim])


def cat(w: Writer, call: Call, shape: list[int]) -> int:
    taken = [one for one in call["tensors"] if all(w.shapes[one])]  # not those of no numbers
    return (
        int(taken[0])
        if len(taken) == 1
        else w.add("cat", taken, shape, dim=call["dim"] % len(shape))
    )


def pad(w: Writer, call: Call, shape: list[int]) -> int:
    """A reflection, a repeated edge or the opposite side."""
    before = list(call["pad"][0::2])[::-1]
    start = [0] * (len(shape) - len(before)) + before
    value = call["value"] or 0
    if call["mode"] == "constant" and value:
        raise UsageError("the page cannot draw this network: it pads with a number")
    return w.add("pad", [call["self"]], shape, start=start, mode=call["mode"])


def axes(name: str) -> Make:
    """Sums and means over some axes."""

    def make(w: Writer, call: Call, shape: list[int]) -> int:
        n = len(call.shape("self"))
        dims = call.given.get("dim") or list(range(n))
        return w.add(name, [call["self"]], shape, dims=sorted(d % n for d in as_list(dims)))

    return make


def softmax(w: Writer, call: Call, shape: list[int]) -> int:
    return w.add("softmax", [call["self"]], shape, dim=call["dim"] % len(shape))


def embedding(w: Writer, call: Call, shape: list[int]) -> int:
    return w.add("row", [call["weight"], call["indices"]], shape)


def one_hot(w: Writer, call: Call, shape: list[int]) -> int:
    return w.add("onehot", [call["self"]], shape)


def bilinear(w: Writer, call: Call, shape: list[int]) -> int:
    if call["align_corners"]:
        raise UsageError("the page cannot draw this network: it aligns corners when it resizes")
    return w.add("bilinear", [call["input"]], shape)


def shuffle(name: str, by: str) -> Make:
    def make(w: Writer, call: Call, shape: list[int]) -> int:
        return w.add(name, [call["self"]], shape, by=call[by])

    return make


def pool(w: Writer, call: Call, shape: list[int]) -> int:
    kernel, stride = call["kernel_size"], call["stride"] or call["kernel_size"]
    if as_list(kernel) != as_list(stride) or any(as_list(call["padding"])):
        raise UsageError("the page cannot draw this network: its means of squares overlap")
    return w.add("pool", [call["self"]], shape, by=as_list(kernel)[0])


def permute(w: Writer, call: Call, shape: list[int]) -> int:
    return w.add("permute", [call["self"]], shape, dims=[d % len(shape) for d in call["dims"]])


def matmul(w: Writer, call: Call, shape: list[int]) -> int:
    """Rows (N, k) times a vector (k,) or a matrix (k, m)."""
    x, y = call["self"], call["other"]
    rows, depth = (w.shapes[x] + [1, 1])[:2]
    if len(w.shapes[x]) != 2 or len(w.shapes[y]) > 2:
        raise UsageError("the page cannot draw this network: it multiplies stacks of matrices")
    if len(w.shapes[y]) == 1:
        weight = w.add("as", [y], [1, depth])
    else:
        weight = w.add("permute", [y], w.shapes[y][::-1], dims=[1, 0])
    found = w.add("linear", [x, weight], [rows, w.shapes[weight][0]])
    return found if w.shapes[found] == shape else w.add("as", [found], shape)


def length(w: Writer, call: Call, shape: list[int]) -> int:
    """The root of a sum of squares along some axes."""
    if call["ord"] != 2:
        raise UsageError("the page cannot draw this network: it has a norm that is no length")
    taken = call["self"]
    n = len(w.shapes[taken])
    dims = sorted(d % n for d in as_list(call["dim"]))
    total = w.add("sum", [w.add("mul", [taken, taken], w.shapes[taken])], shape, dims=dims)
    return w.add("power", [total, w.constant(torch.tensor(0.5))], shape)


def power(w: Writer, call: Call, shape: list[int]) -> int:
    base = w.constant(torch.tensor(float(call["self"])))
    return w.add("power", [base, call["exponent"]], shape)


SAME = (
    *("view", "_unsafe_view", "reshape", "clone", "contiguous", "alias", "detach", "unsqueeze"),
    *("squeeze", "flatten", "unflatten", "view_as", "_to_copy", "to"),
)
OPERATORS.update(dict.fromkeys(SAME, same))
OPERATORS.update({name: unary(name) for name in ("tanh", "relu", "sigmoid", "sin", "cos", "exp")})
OPERATORS.update({name: unary(name) for name in ("log1p", "round")})
OPERATORS["leaky_relu"] = unary("leaky", "negative_slope")
OPERATORS["clamp"] = unary("clamp", "min", "max")
OPERATORS.update({name: binary(name) for name in ("add", "sub", "mul", "div", "ge")})
OPERATORS.update({f"conv{n}d": convolution(False) for n in (1, 2, 3)})
OPERATORS.update({f"conv_transpose{n}d": convolution(True) for n in (1, 2, 3)})
OPERATORS.update({"sum": axes("sum"), "mean": axes("mean"), "softmax": softmax})
OPERATORS.update({"split_with_sizes": split, "split": split, "slice": sliced, "cat": cat})
OPERATORS.update({"linear": linear, "instance_norm": instance_norm, "pad": pad, "pow": power})
OPERATORS.update({"embedding": embedding, "one_hot": one_hot, "upsample_bilinear2d": bilinear})
OPERATORS["_native_batch_norm_legit_no_training"] = batch_norm
OPERATORS["linalg_vector_norm"] = length
OPERATORS["pixel_shuffle"] = shuffle("shuffle", "upscale_factor")
OPERATORS["pixel_unshuffle"] = shuffle("unshuffle", "downscale_factor")
OPERATORS.update({"avg_pool2d": pool, "permute": permute, "matmul": matmul, "mm": matmul})
