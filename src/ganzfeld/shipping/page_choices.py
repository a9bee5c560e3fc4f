"""More operators of a page's graph: those of recurrent networks, and of choices by chance.

As in `page_operators`, each function writes the nodes of one operator of PyTorch.
"""

from __future__ import annotations

import torch

from ganzfeld.errors import UsageError
from ganzfeld.shipping.page_operators import Call, Make, Ref, Writer, binary, part, unary


def gru(w: Writer, call: Call, shape: list[int]) -> list[int | None]:
    """A gated recurrent unit of one layer over a row of inputs; its last state is not given."""
    plain = call["has_biases"] and call["batch_first"] and not call["bidirectional"]
    if not plain or call["num_layers"] != 1:
        raise UsageError(
            "the page cannot draw this network: its recurrent unit has several layers or directions"
        )
    taken = [call["input"], call["hx"], *call["params"]]
    return [w.add("gru", taken, list(call.several[0])), None]


def expand(w: Writer, call: Call, shape: list[int]) -> int:
    """A tensor repeated along its axes of length one."""
    if w.shapes[call["self"]] == shape:
        return int(call["self"])
    return w.add("expand", [call["self"]], shape)


def transpose(w: Writer, call: Call, shape: list[int]) -> int:
    dims = list(range(len(shape)))
    one, other = call["dim0"] % len(shape), call["dim1"] % len(shape)
    dims[one], dims[other] = other, one
    return w.add("permute", [call["self"]], shape, dims=dims)


def select(w: Writer, call: Call, shape: list[int]) -> int:
    length = call.shape("self")[call["dim"]]
    found = part(w, call["self"], call["dim"], call["index"] % length, 1)
    return found if w.shapes[found] == shape else w.add("as", [found], shape)


def stack(w: Writer, call: Call, shape: list[int]) -> int:
    dim = call["dim"] % len(shape)
    own = [1 if axis == dim else side for axis, side in enumerate(shape)]
    return w.add("cat", [w.add("as", [one], own) for one in call["tensors"]], shape, dim=dim)


def cumsum(w: Writer, call: Call, shape: list[int]) -> int:
    return w.add("cumsum", [call["self"]], shape, dim=call["dim"] % len(shape))


def filled(w: Writer, call: Call, shape: list[int]) -> int:
    """A number where a mask is 1."""
    value = w.constant(torch.tensor(float(call["value"])))
    return w.add("where", [call["mask"], value, call["self"]], shape)


def where(w: Writer, call: Call, shape: list[int]) -> int:
    return w.add("where", [call[name] for name in ("condition", "self", "other")], shape)


def constant(value: float) -> Make:
    return lambda w, call, shape: w.constant(torch.full(shape, value))


def scatter(w: Writer, call: Call, shape: list[int]) -> int:
    """A one-hot row: 1 at one place of zeros, which is all that the graph has of it."""
    if call["value"] != 1 or len(shape) != 2 or call.shape("index") != [1, 1]:
        raise UsageError("the page cannot draw this network: it scatters more than one number")
    return w.add("onehot", [call["index"]], shape)


def gathered(w: Writer, call: Call, shape: list[int]) -> int:
    """The row of a tensor whose number was computed."""
    indices = call["indices"]
    if len(indices) != 1 or not isinstance(indices[0], Ref) or w.shapes[indices[0]] != [1]:
        raise UsageError("the page cannot draw this network: it gathers more than one row")
    return w.add("row", [call["self"], indices[0]], shape)


def index_add(w: Writer, call: Call, shape: list[int]) -> int:
    """Numbers added at places of a single row."""
    if shape[0] != 1 or len(shape) != 2 or call["dim"] % 2 != 1 or call["alpha"] != 1:
        raise UsageError("the page cannot draw this network: it adds to more than one row")
    return w.add("addat", [call["self"], call["index"], call["source"]], shape)


def bound(side: str) -> Make:
    return lambda w, call, shape: w.add("clamp", [call["self"]], shape, **{side: call[side]})


CHOICES: dict[str, Make] = {
    **{"gru": gru, "expand": expand, "transpose": transpose, "select": select, "stack": stack},
    **{"cumsum": cumsum, "masked_fill": filled, "where": where, "scatter": scatter},
    "clamp_min": bound("min"),
    **{"index": gathered, "index_add": index_add, "clamp_max": bound("max")},
    **{name: constant(1.0) for name in ("ones_like", "new_ones")},
    **{name: constant(0.0) for name in ("zeros_like", "new_zeros")},
    **{"erf": unary("erf"), "special_ndtr": unary("ndtr"), "minimum": binary("minimum")},
    **{name: binary(name) for name in ("le", "lt", "gt", "eq", "ne")},
    **{"__and__": binary("mul"), "__or__": binary("maximum"), "logical_or": binary("maximum")},
    **{"logical_and": binary("mul"), "maximum": binary("maximum")},
}
