"""A graph that gives anything else than the model is refused, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shipping_runs import NARROW, tiny

import ganzfeld
from ganzfeld.errors import CheckpointError
from ganzfeld.shipping import onnx_check
from ganzfeld.shipping.onnx_check import Case, check_graph

onnx = pytest.importorskip("onnx", reason='needs pip install "ganzfeld[onnx]"')
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Case]]:
    """A graph of a conditional generator, and what it is compared with."""
    from ganzfeld.shipping.onnx_graph import graph
    from ganzfeld.shipping.onnx_reference import generation

    model = ganzfeld.load(tiny("default", tmp_path_factory.mktemp("runs") / "run"))
    return graph(model), generation(model, 64)


def checked(proto: Any, cases: list[Case], precision: str = "float32") -> onnx_check.Found:
    from ganzfeld.shipping.onnx_graph import operators

    return check_graph(
        proto.SerializeToString(),
        cases,
        name="model.onnx",
        precision=precision,
        operators=operators(proto),
    )


def weights(proto: Any, operator: str) -> Any:
    """The weights of the first such node."""
    name = next(node for node in proto.graph.node if node.op_type == operator).input[1]
    return next(one for one in proto.graph.initializer if one.name == name)


def put(tensor: Any, values: np.ndarray[Any, Any]) -> None:
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


def swap_two_weights(proto: Any) -> None:
    tensor = weights(proto, "ConvTranspose")
    values = onnx.numpy_helper.to_array(tensor).copy()
    flat = values.reshape(-1)
    low, high = int(flat.argmin()), int(flat.argmax())
    flat[[low, high]] = flat[[high, low]]
    put(tensor, values)


def drop_tanh(proto: Any) -> None:
    next(n for n in proto.graph.node if n.op_type == "Tanh").op_type = "Identity"


def freeze_the_batch(proto: Any) -> None:
    for value in [*proto.graph.input, *proto.graph.output]:
        axis = value.type.tensor_type.shape.dim[0]
        axis.ClearField("dim_param")
        axis.dim_value = 3


def freeze_the_batch_within(proto: Any) -> None:
    """Every sample of a batch is the first one."""
    proto.graph.node[-1].output[0] = "inside"
    make = onnx.helper.make_node
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0], np.int64), "first"))
    proto.graph.node.extend(
        [
            make("Gather", ["inside", "first"], ["one"], axis=0),
            make("Shape", ["inside"], ["sides"]),
            make("Expand", ["one", "sides"], ["samples"]),
        ]
    )


def one_class_for_all(proto: Any) -> None:
    node = next(n for n in proto.graph.node if n.op_type == "Gather")
    tensor = next(one for one in proto.graph.initializer if one.name == node.input[0])
    values = onnx.numpy_helper.to_array(tensor).copy()
    values[:] = values[0]
    put(tensor, values)


def classes_in_another_order(proto: Any) -> None:
    node = next(n for n in proto.graph.node if n.op_type == "Gather")
    tensor = next(one for one in proto.graph.initializer if one.name == node.input[0])
    put(tensor, onnx.numpy_helper.to_array(tensor)[::-1])


def forget_running_statistics(proto: Any) -> None:
    node = next(n for n in proto.graph.node if n.op_type == "BatchNormalization")
    tensor = next(one for one in proto.graph.initializer if one.name == node.input[3])
    put(tensor, np.zeros_like(onnx.numpy_helper.to_array(tensor)))


def another_slope(proto: Any) -> None:
    node = next(n for n in proto.graph.node if n.op_type == "LeakyRelu")
    node.attribute[0].f = 0.19


def mirrored(proto: Any) -> None:
    tensor = weights(proto, "Conv")
    put(tensor, onnx.numpy_helper.to_array(tensor)[..., ::-1])


def a_bias_off_by_a_level(proto: Any) -> None:
    node = [n for n in proto.graph.node if n.op_type == "Conv"][-1]
    tensor = next(one for one in proto.graph.initializer if one.name == node.input[2])
    put(tensor, onnx.numpy_helper.to_array(tensor) + np.float32(1e-3))


def another_type(proto: Any) -> None:
    proto.graph.node[-1].output[0] = "inside"
    proto.graph.node.append(
        onnx.helper.make_node("Cast", ["inside"], ["samples"], to=onnx.TensorProto.FLOAT16)
    )
    proto.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16


def cut_short(proto: Any) -> None:
    del proto.graph.node[-1]


SABOTAGES: list[Callable[[Any], None]] = [
    swap_two_weights,
    drop_tanh,
    freeze_the_batch,
    freeze_the_batch_within,
    one_class_for_all,
    classes_in_another_order,
    forget_running_statistics,
    another_slope,
    mirrored,
    a_bias_off_by_a_level,
    another_type,
    cut_short,
]


def test_the_sound_graph_passes(whole: Any) -> None:
    proto, cases = whole
    assert checked(proto, cases).error <= 5e-6


@pytest.mark.parametrize("spoil", SABOTAGES, ids=lambda one: one.__name__)
def test_a_sabotaged_graph_is_refused(whole: Any, spoil: Callable[[Any], None]) -> None:
    proto, cases = whole
    spoiled = onnx.ModelProto()
    spoiled.CopyFrom(proto)
    spoil(spoiled)
    assert spoiled.SerializeToString() != proto.SerializeToString()
    with pytest.raises(CheckpointError, match=r"model\.onnx does not give what the model gives"):
        checked(spoiled, cases)


COARSE = [swap_two_weights, drop_tanh, classes_in_another_order]


@pytest.mark.parametrize("precision", ["float16", "int8"])
@pytest.mark.parametrize("spoil", COARSE, ids=lambda one: one.__name__)
def test_it_is_refused_in_fewer_bits_too(
    whole: Any, spoil: Callable[[Any], None], precision: str
) -> None:
    from ganzfeld.shipping.onnx_precision import stored_as

    proto, cases = whole
    checked(stored_as(proto, precision), cases, precision)
    spoiled = onnx.ModelProto()
    spoiled.CopyFrom(proto)
    spoil(spoiled)
    with pytest.raises(CheckpointError):
        checked(stored_as(spoiled, precision), cases, precision)


def test_a_fault_of_pytorch_is_called_so(whole: Any) -> None:
    proto, cases = whole
    first = cases[0]
    off = Case(first.given, first.wanted + np.float32(1e-3), first.exact, first.what)
    with pytest.raises(CheckpointError, match="the fault is PyTorch's"):
        checked(proto, [off])
    wrong = Case(off.given, off.wanted, off.wanted.astype(np.float64), off.what)
    with pytest.raises(CheckpointError) as caught:
        checked(proto, [wrong])
    assert "PyTorch's" not in caught.value.what


def test_padding_that_was_traced_as_a_branch_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exporter's usual fault: right at the size that it was traced at, wrong at others."""
    from ganzfeld.shipping import onnx_graph
    from ganzfeld.shipping.onnx_reference import translation

    model = ganzfeld.load(
        tiny("pix2pix", tmp_path / "run", settings=[NARROW, "networks.G.depth=2"])
    )
    cases = translation(model, "ab")
    assert {case.what for case in cases} >= {"16x16 px", "17x17 px", "21x16 px", "8x8 px"}
    sound = onnx_graph.translator_graph(model, "ab")
    assert checked(sound, cases).error <= 5e-6
    monkeypatch.setattr(onnx_graph, "TRACED", model.size)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: False)
    spoiled = onnx_graph.translator_graph(model, "ab")
    at_size = [case for case in cases if case.what == "16x16 px"]
    assert checked(spoiled, at_size).error <= 5e-6
    with pytest.raises(CheckpointError, match="px: "):
        checked(spoiled, cases)


# Graphs whose samples jump


def test_a_choice_that_rounding_decides_is_counted_and_many_are_refused() -> None:
    make = onnx.helper.make_node
    floats = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [make("Round", ["z"], ["samples"])],
        "round",
        [onnx.helper.make_tensor_value_info("z", floats, ["n", 4])],
        [onnx.helper.make_tensor_value_info("samples", floats, ["n", 4])],
    )
    proto = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)])
    proto.ir_version = 10
    z = np.random.default_rng(0).normal(0, 3, (100, 4)).astype(np.float32)

    def case(jumped: int) -> Case:
        wanted = np.rint(z)
        wanted[:jumped, 0] += 1
        return Case({"z": z}, wanted)

    assert checked(proto, [case(0)]).jumped == 0
    assert checked(proto, [case(2)]).jumped == 2
    with pytest.raises(CheckpointError, match="3 of 100 samples are others"):
        checked(proto, [case(3)])
