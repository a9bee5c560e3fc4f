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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganzfeld.errors import UsageError, disk_behind, of_disk
from ganzfeld.shipping.page_choices import CHOICES
from ganzfeld.shipping.page_operators import CASTS, DROPPED, OPERATORS, Ref, as_list

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

    @property
    def chooses(self) -> bool:
        """Whether it picks by a cumulative distribution: a rounding more, and a sample is another
        one."""
        return any(node[0] == "cumsum" for node in self.nodes)

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
            if disk := disk_behind(error):
                raise of_disk(disk) from error
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
        make = OPERATORS.get(name) or CHOICES.get(name)
        if make is None:
            raise UsageError(
                f"the page cannot draw this network: it has no operator {target!r}",
                fix="ganzfeld serve MODEL, which draws it by PyTorch",
            )
        value = node.meta["val"]
        shape = list(value.shape) if isinstance(value, Tensor) else []
        if name in CASTS and whole(value) and not whole(node.args[0].meta["val"]):
            return self.add("trunc", [self.values[node.args[0].name]], shape)
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


def whole(value: Any) -> bool:
    """Whether a tensor holds whole numbers, or truths."""
    return isinstance(value, Tensor) and not value.is_floating_point()


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
