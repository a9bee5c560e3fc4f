"""Graphs from a stranger: what is refused unread, and what stops at a limit."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganzfeld.shipping import onnx_guard
from ganzfeld.shipping.onnx_guard import Refused, check, run, session

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
Z = {"z": np.zeros((2, 16), np.float32)}
FLOAT = onnx.TensorProto.FLOAT


def node(kind: str, given: list[str], made: list[str], **more: Any) -> Any:
    return onnx.helper.make_node(kind, given, made, **more)


def value(name: str, shape: list[Any] | None, kind: int = FLOAT) -> Any:
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def made(nodes: list[Any], weights: dict[str, Any], **more: Any) -> Any:
    """A graph of z (n, 16) that gives x (n, 1)."""
    arrays = [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in weights.items()]
    graph = onnx.helper.make_graph(nodes, "g", [value("z", ["n", 16])], [value("x", None)], arrays)
    versions = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("mine", 1)]
    return onnx.helper.make_model(graph, opset_imports=versions, ir_version=8, **more)


def body() -> Any:
    """Of a loop that adds one to z."""
    return onnx.helper.make_graph(
        [node("Add", ["v", "one"], ["w"]), node("Identity", ["go"], ["on"])],
        "body",
        [
            value("i", [], onnx.TensorProto.INT64),
            value("go", [], onnx.TensorProto.BOOL),
            value("v", None),
        ],
        [value("on", [], onnx.TensorProto.BOOL), value("w", None)],
    )


def endless() -> Any:
    loop = node("Loop", ["many", "yes", "z"], ["x"], body=body())
    return made([loop], {"many": np.int64(10**12), "yes": True, "one": np.float32(1)})


def test_an_endless_loop_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_guard, "SECONDS", 0.2)
    ready = session(endless().SerializeToString())
    began = time.monotonic()
    with pytest.raises(Refused, match="it computes for more than 0 s"):
        run(ready, Z)
    assert time.monotonic() - began < 20


def test_a_value_larger_than_the_limit_is_not_made() -> None:
    large = made(
        [
            node("Unsqueeze", ["z", "axis"], ["wide"]),
            node("Expand", ["wide", "shape"], ["huge"]),
            node("ReduceMean", ["huge"], ["x"]),
        ],
        {"axis": np.array([2]), "shape": np.array([1, 16, 10**9])},
    )
    with pytest.raises(Refused, match=r"it needs more than 4\.3 GB of memory"):
        run(session(large.SerializeToString()), Z)


def test_one_of_constants_is_not_made_while_it_is_loaded() -> None:
    large = made(
        [
            node("ConstantOfShape", ["shape"], ["huge"]),
            node("ReduceMean", ["huge"], ["mean"], keepdims=0),
            node("Add", ["z", "mean"], ["x"]),
        ],
        {"shape": np.array([10**10])},
    )
    with pytest.raises(Refused, match="of memory"):
        run(session(large.SerializeToString()), Z)


def plain() -> Any:
    return made([node("Add", ["z", "one"], ["x"])], {"one": np.float32(1)})


def with_function() -> Any:
    version = [onnx.helper.make_opsetid("", 18)]
    twice = onnx.helper.make_function(
        "mine", "twice", ["a"], ["b"], [node("Neg", ["a"], ["b"])], version
    )
    return made([node("Neg", ["z"], ["x"])], {}, functions=[twice])


def foreign() -> Any:
    return made([node("Gelu", ["z"], ["x"], domain="com.microsoft")], {})


def elsewhere() -> Any:
    found = plain()
    onnx.external_data_helper.set_external_data(found.graph.initializer[0], "../secret")
    found.graph.initializer[0].ClearField("raw_data")
    found.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    return found


def elsewhere_within() -> Any:
    """The same of a constant in the body of a loop."""
    inner = body()
    constant = onnx.numpy_helper.from_array(np.float32(1), "k")
    onnx.external_data_helper.set_external_data(constant, "/etc/passwd")
    inner.node.append(node("Constant", [], ["k"], value=constant))
    loop = node("Loop", ["many", "yes", "z"], ["x"], body=inner)
    return made([loop], {"many": np.int64(1), "yes": True, "one": np.float32(1)})


def deep() -> Any:
    """Loops within loops: more than any network has."""
    graph = body()
    for _ in range(25):
        outer = body()
        outer.node.append(node("Loop", ["", "go", "v"], ["u"], body=graph))
        graph = outer
    return made([node("Loop", ["", "yes", "z"], ["x"], body=graph)], {"yes": True})


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (with_function, "it holds functions"),
        (foreign, "it has an operator that is not in ONNX"),
        (elsewhere, "its weights lie in other files"),
        (elsewhere_within, "its weights lie in other files"),
        (deep, "its graphs lie too deep within each other"),
    ],
)
def test_what_no_export_holds_is_refused(make: Any, why: str) -> None:
    with pytest.raises(Refused, match=f"^{why}$"):
        session(make().SerializeToString())


def test_a_graph_as_we_write_them_gives_its_values() -> None:
    ready = session(plain().SerializeToString())
    np.testing.assert_array_equal(run(ready, {**Z, "other": np.zeros(1)}), np.ones((2, 16)))


def test_damaged_bytes_end_in_refused_or_are_walked() -> None:
    data, random = plain().SerializeToString(), np.random.default_rng(0)
    for _ in range(2_000):
        bad = bytearray(data[: random.integers(len(data)) + 1])
        bad[random.integers(len(bad))] = random.integers(256)
        try:
            check(bytes(bad))
        except Refused as error:
            assert str(error)


def test_many_bytes_of_one_number_are_no_graph(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="it is no ONNX graph"):
        check(b"\xff" * 1_000)
    with pytest.raises(Refused, match="it is cut off"):
        check(b"\x3a\xff\x7f")
