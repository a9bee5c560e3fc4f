"""A network as a list of operators that the page's JavaScript, or NumPy, computes.

The list comes from `torch.export` for one sample: all shapes are known, so that the page reserves
its memory once. A graph is JSON but for its weights:

inputs: the number of the value of each input ("z", "y", "c" or "x") and its shape.
weights: [number, name in the state, shape] of each.
constants: [number, shape, numbers] of small tensors that are computed from none of these.
nodes: [operator, number of its result, numbers of what it takes, shape of its result, settings].
output: the number of the result.

A convolution has three axes (depth, height, width); those that a network lacks have size 1.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganzfeld.errors import UsageError

Array = NDArray[np.float32]
MOST_NODES = 3_000


@dataclass
class Graph:
    """See the module; `state` has the weights by name, float32."""

    inputs: dict[str, tuple[int, list[int]]]
    output: int = -1
    weights: list[tuple[int, str, list[int]]] = field(default_factory=list)
    constants: list[tuple[int, list[int], list[float]]] = field(default_factory=list)
    nodes: list[tuple[str, int, list[int], list[int], dict[str, Any]]] = field(default_factory=list)
    state: dict[str, Array] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All but the weights themselves."""
        return {
            "inputs": {name: list(one) for name, one in self.inputs.items()},
            "weights": [list(one) for one in self.weights],
            "constants": [list(one) for one in self.constants],
            "nodes": [list(one) for one in self.nodes],
            "output": self.output,
        }


def graph_of(network: nn.Module, inputs: Mapping[str, Tensor]) -> Graph:
    """The graph of a network in evaluation, as it computes one sample.

    inputs: one row of each, by the names of its arguments; "y" of labelled samples is (1,) int64.
    Raises UsageError where the page has no operator for what it does.

    Example::

        import torch

        from ganzfeld.networks import NETWORKS
        from ganzfeld.shipping.page_graph import graph_of

        G = NETWORKS["dcgan-generator"]((3, 32, 32), latent=16, width=8).eval()
        graph = graph_of(G, {"z": torch.zeros(1, 16)})
    """
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(network, (), dict(inputs), strict=False)
            program = program.run_decompositions({})
        except Exception as error:
            first = str(error).strip().splitlines() or [type(error).__name__]
            raise UsageError(
                f"the page cannot draw this network: its operators depend on its input "
                f"({first[0][:120]})",
                fix="ganzfeld serve MODEL, which draws it by PyTorch",
            ) from None
        return Writer(program).graph


class Writer:
    """Writes a graph from an exported program."""

    def __init__(self, program: Any) -> None:
        self.values: dict[str, Any] = {}  # by the name of a node: a number, a list of them, scalars
        self.shapes: list[list[int]] = []
        self.graph = Graph(inputs={})
        given = {one.arg.name: one for one in program.graph_signature.input_specs}
        used = {name for node in program.graph.nodes for name in map(str, node.all_input_nodes)}
        for node in program.graph.nodes:
            if node.op == "placeholder":
                self.take(node, given[node.name], program, node.name in used)
            elif node.op == "call_function":
                self.values[node.name] = self.write(node)
            elif node.op == "output":
                self.graph.output = self.values[node.args[0][0].name]
        if len(self.graph.nodes) > MOST_NODES:
            raise UsageError(
                f"the page cannot draw this network: it has {len(self.graph.nodes):,} operators, "
                f"and {MOST_NODES:,} are the most",
                fix="ganzfeld serve MODEL, which draws it by PyTorch",
            )
        self.drop_unused()

    def number(self, shape: Sequence[int]) -> int:
        self.shapes.append(list(shape))
        return len(self.shapes) - 1

    def take(self, node: Any, spec: Any, program: Any, used: bool) -> None:
        """An input of the program: a sample's, a weight, or a constant."""
        value = node.meta.get("val")
        if spec.kind.name == "USER_INPUT":
            if isinstance(value, Tensor):
                number = self.number(value.shape)
                self.values[node.name] = number
                self.graph.inputs[node.name] = (number, list(value.shape))
            return
        if not used:
            return
        held = program.state_dict.get(spec.target)
        if held is None:
            held = program.constants[spec.target]
        self.values[node.name] = self.weight(spec.target, held)

    def weight(self, name: str, value: Tensor) -> int:
        number = self.number(value.shape)
        self.graph.weights.append((number, name, list(value.shape)))
        found = value.detach().float().cpu().contiguous().numpy()
        self.graph.state[name] = np.ascontiguousarray(found)
        return number

    def constant(self, value: Tensor) -> int:
        number = self.number(value.shape)
        flat = [float(one) for one in value.double().flatten()]
        self.graph.constants.append((number, list(value.shape), flat))
        return number

    def add(self, name: str, taken: list[int], shape: Sequence[int], **settings: Any) -> int:
        number = self.number(shape)
        self.graph.nodes.append((name, number, taken, list(shape), settings))
        return number

    def write(self, node: Any) -> Any:
        """The value of one node: a number, or a list of them."""
        if node.target is operator.getitem:
            return self.values[node.args[0].name][node.args[1]]
        target = str(node.target).removeprefix("aten.")
        name = target.split(".")[0]
        if not any(isinstance(one, torch.fx.Node) for one in node.all_input_nodes):
            return self.computed(node)
        if name in DROPPED:
            return None
        make = OPERATORS.get(name)
        if make is None:
            raise UsageError(
                f"the page cannot draw this network: it has no operator {target!r}",
                fix="ganzfeld serve MODEL, which draws it by PyTorch",
            )
        value = node.meta["val"]
        shape = list(value.shape) if isinstance(value, Tensor) else []
        return make(self, Call(self, node), shape)

    def computed(self, node: Any) -> int:
        """A tensor that depends on nothing, such as a range of numbers."""
        kept = {k: v for k, v in node.kwargs.items() if k not in ("device", "pin_memory")}
        return self.constant(node.target(*node.args, **kept))

    def drop_unused(self) -> None:
        """Take away nodes and weights that the output does not need."""
        needed = {self.graph.output}
        for node in reversed(self.graph.nodes):
            if node[1] in needed:
                needed.update(node[2])
        self.graph.nodes = [node for node in self.graph.nodes if node[1] in needed]
        self.graph.weights = [one for one in self.graph.weights if one[0] in needed]
        self.graph.constants = [one for one in self.graph.constants if one[0] in needed]
        names = {name for _, name, _ in self.graph.weights}
        self.graph.state = {k: v for k, v in self.graph.state.items() if k in names}


class Call:
    """The arguments of a node by name, with the schema's defaults, tensors as their numbers."""

    def __init__(self, writer: Writer, node: Any) -> None:
        self.writer, self.given = writer, {}
        for place, one in enumerate(node.target._schema.arguments):
            if place < len(node.args):
                value = node.args[place]
            else:
                value = node.kwargs.get(
                    one.name, one.default_value if one.has_default_value() else None
                )
            self.given[one.name] = self.resolved(value)
        self.several = [tuple(v.shape) for v in as_list(node.meta["val"])]

    def resolved(self, value: Any) -> Any:
        if isinstance(value, torch.fx.Node):
            return Ref(self.writer.values[value.name])
        if isinstance(value, list | tuple):
            return [self.resolved(one) for one in value]
        return value

    def __getitem__(self, name: str) -> Any:
        return self.given[name]

    def shape(self, name: str) -> list[int]:
        return self.writer.shapes[self.given[name]]


class Ref(int):
    """The number of a tensor, as opposed to any other whole number."""


def as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


Make = Callable[[Writer, Call, list[int]], Any]
DROPPED = {"_assert_tensor_metadata"}
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
    own = list(values) if isinstance(values, list | tuple) else [values]
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
    return [w.add("norm", [call[name] for name in names], list(call.several[0]), eps=call["eps"])]


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
OPERATORS["pixel_shuffle"] = shuffle("shuffle", "upscale_factor")
OPERATORS["pixel_unshuffle"] = shuffle("unshuffle", "downscale_factor")
OPERATORS.update({"avg_pool2d": pool, "permute": permute, "matmul": matmul, "mm": matmul})
