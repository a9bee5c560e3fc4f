"""Store a graph's weights in 16 or 8 bits; it computes in float32 as before.

Weights of float16 become float32 when the graph is loaded. Those of int8 have a scale for each
output channel, but for an encoder of captions, whose weights are of float16 then: a small error in
a sentence changes all of a sample. Activations stay as they are: quantised ones made graphs slower
and samples worse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 256  # numbers of a weight that is stored so: smaller ones save nothing
READER = "network.text."  # how weights of an encoder of captions begin
TABLE = "network.body.table."  # of phrases, which stays float32: its errors add up
PRECISIONS = ("float32", "float16", "int8")


def stored_as(proto: Any, precision: str) -> Any:
    """A copy of a float32 graph with its weights in this precision."""
    import onnx

    found = onnx.ModelProto()
    found.CopyFrom(proto)
    if precision == "float32":
        return found
    axes = {name: axis for node in found.graph.node for name, axis in weights_of(node) if name}
    nodes: list[Any] = []
    tensors: list[Any] = []
    for tensor in found.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if (
            values.dtype != np.float32
            or values.size < LEAST
            or tensor.name not in axes
            or tensor.name.startswith(TABLE)
        ):
            tensors.append(tensor)
        elif precision == "float16" or tensor.name.startswith(READER):
            half(tensor.name, values, nodes, tensors)
        else:
            eighth(tensor.name, values, axes[tensor.name], nodes, tensors)
    own = list(found.graph.node)
    del found.graph.node[:], found.graph.initializer[:]
    found.graph.node.extend([*nodes, *own])
    found.graph.initializer.extend(tensors)
    return found


def weights_of(node: Any) -> list[tuple[str, int]]:
    """The weights among a node's inputs, with the axis of their output channels."""
    attributes = {one.name: one.i for one in node.attribute if one.type == one.INT}
    inputs = list(node.input)
    if node.op_type == "Conv":
        return [(inputs[1], 0)]
    if node.op_type == "ConvTranspose":
        return [(inputs[1], 1 if attributes.get("group", 1) == 1 else 0)]
    if node.op_type == "Gemm":
        return [(inputs[1], 0 if attributes.get("transB", 0) else 1)]
    if node.op_type == "MatMul":
        return [(inputs[1], -1)]
    return [(inputs[0], 0)] if node.op_type == "Gather" else []


def half(name: str, values: NDArray[Any], nodes: list[Any], tensors: list[Any]) -> None:
    import onnx

    small = np.clip(values, -65504, 65504).astype(np.float16)
    tensors.append(onnx.numpy_helper.from_array(small, f"{name}.float16"))
    nodes.append(
        onnx.helper.make_node(
            "Cast", [f"{name}.float16"], [name], to=onnx.TensorProto.FLOAT, name=f"{name}.cast"
        )
    )


def eighth(
    name: str, values: NDArray[Any], axis: int, nodes: list[Any], tensors: list[Any]
) -> None:
    """Cast and Mul, which are done once when a graph is loaded. Of DequantizeLinear onnxruntime
    makes products in 8 bits, whose results depend on the batch."""
    import onnx

    axis %= values.ndim
    others = tuple(i for i in range(values.ndim) if i != axis)
    most = np.abs(values).max(others, keepdims=True)
    scale = np.where(most > 0, most / 127, 1).astype(np.float32)
    small = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
    tensors.append(onnx.numpy_helper.from_array(small, f"{name}.int8"))
    tensors.append(onnx.numpy_helper.from_array(scale, f"{name}.scale"))
    parts = [f"{name}.whole", f"{name}.scale"]
    to = onnx.TensorProto.FLOAT
    nodes.append(
        onnx.helper.make_node("Cast", [f"{name}.int8"], parts[:1], to=to, name=f"{name}.cast")
    )
    nodes.append(onnx.helper.make_node("Mul", parts, [name], name=f"{name}.scaled"))
