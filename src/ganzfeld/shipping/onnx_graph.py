"""A model's networks as ONNX graphs, from `torch.onnx`.

A generator takes "z" (n, latent) float32, "y" (n,) int64 where the model has classes, "c" (n, k)
float32 where it has conditions, "caption" (n, T) int64, numbers of words, where it is asked by
text, and gives "samples" (n, ...). A discriminator takes "x" (n, ...), "y" and "c" likewise, and
gives "logits" (n,). A translator of images takes "x" (n, C, h, w) and gives "samples" of the same
height and width; one of lines or sounds takes and gives them as its network does, in one size.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ganzfeld.data.conditions import is_captioned, slot_of
from ganzfeld.errors import GanzfeldError, UsageError, disk_behind, of_disk
from ganzfeld.models.generator import Model
from ganzfeld.models.sample_translator import SampleTranslator
from ganzfeld.models.translator import Translator
from ganzfeld.shipping.onnx_guard import INSTALL
from ganzfeld.text import shown

OPSET = 20
TRACED = (37, 45)  # height and width that translators are traced at: multiples of nothing
LEAST = 8  # px of a side that translators take
ROWS = 3  # samples that others are traced with
RANDOM = re.compile(r"Random|Multinomial|Bernoulli|Dropout")


Exported = Model | Translator | SampleTranslator


class Sampler(nn.Module):
    """A generator with its labels and conditions as inputs by place.

    slot: the name by which the network takes its conditions; "" for none.
    """

    def __init__(self, network: nn.Module, classes: bool, slot: str) -> None:
        super().__init__()
        self.network, self.classes, self.slot = network, classes, slot

    def forward(self, x: Tensor, *rest: Tensor) -> Tensor:
        left = list(rest)
        y = left.pop(0) if self.classes else None
        given = {self.slot: left.pop(0)} if self.slot else {}
        found: Tensor = self.network(x, y, **given)
        return found


class Mapped(nn.Module):
    """A translator."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.network(x)
        return found


def graphs(model: Exported, *, with_discriminator: bool = False) -> dict[str, Any]:
    """All graphs of a model by name: "model", or "model-ab" and "model-ba" of a translation;
    "discriminator" where it is asked for.

    UsageError where an operator has no ONNX form, or there is no discriminator.
    """
    if not isinstance(model, Model):
        if with_discriminator:
            raise UsageError(
                "a translation ships no discriminator", fix="leave --with-discriminator out"
            )
        if isinstance(model, Translator):
            return {f"model-{way}": translator_graph(model, way) for way in model.networks}
        return {f"model-{way}": samples_graph(model, way) for way in model.networks}
    found = {"model": graph(model)}
    if with_discriminator:
        found["discriminator"] = discriminator_graph(model)
    return found


def graph(model: Model) -> Any:
    """The generator as an `onnx.ModelProto`; UsageError where an operator has no ONNX form.

    Example::

        import ganzfeld
        from ganzfeld.shipping.onnx_graph import graph

        proto = graph(ganzfeld.load("runs/avatars-default"))
        print(len(proto.SerializeToString()), "bytes")
    """
    z = torch.zeros(ROWS, model.latent)
    return traced(model, model.generator, "z", z, "samples")


def discriminator_graph(model: Model) -> Any:
    """The discriminator likewise."""
    if model.discriminator is None:
        raise UsageError(
            "this model has no discriminator to export",
            safe="nothing was written",
            fix="leave --with-discriminator out",
        )
    x = torch.zeros(ROWS, *model.shape)
    return traced(model, model.discriminator, "x", x, "logits")


def traced(model: Model, network: nn.Module, first: str, x: Tensor, output: str) -> Any:
    classes, slot = bool(model.classes), slot_of(model.conditions) if model.conditions else ""
    given = {first: x}
    if classes:
        given["y"] = torch.zeros(len(x), dtype=torch.long)
    if slot:
        kind = torch.long if is_captioned(model.conditions) else torch.float32
        given[slot] = torch.zeros(len(x), len(model.conditions["rows"][0]), dtype=kind)
    free = {name: {0: "n"} for name in given}
    return exported(Sampler(network, classes, slot), given, free, output)


def translator_graph(model: Translator, way: str) -> Any:
    """The translator of one direction, "ab" or "ba", for any height and width from 8 px on."""
    x = torch.zeros(ROWS, model.channels[way[0]], *TRACED)
    free = {"x": {0: "n", 2: "h", 3: "w"}}
    proto = exported(Mapped(model.networks[way]), {"x": x}, free, "samples")
    sides = proto.graph.output[0].type.tensor_type.shape.dim
    for place, name in ((2, "h"), (3, "w")):  # the exporter writes out how it finds them
        sides[place].dim_param = name
    return proto


def samples_graph(model: SampleTranslator, way: str) -> Any:
    """The translator of one direction, of samples in the size that it was trained on."""
    kind = torch.long if model.kind.symbols else torch.float32
    x = torch.zeros(ROWS, *model.spec.shape, dtype=kind)
    return recorded(Mapped(model.networks[way]), {"x": x}, {"x": {0: "n"}}, "samples")


def exported(
    network: nn.Module, given: Mapping[str, Tensor], free: Mapping[str, Any], output: str
) -> Any:
    """The graph of a network in evaluation mode. free: by input, the names of its open axes."""
    names = list(given)
    shapes: tuple[Any, ...] = tuple(free[name] for name in names)
    if isinstance(network, Sampler) and len(names) > 1:
        shapes = (shapes[0], shapes[1:])  # as its arguments: one, and the rest

    def make() -> Any:
        program: Any = torch.onnx.export(
            network,
            tuple(given.values()),
            dynamo=True,
            input_names=names,
            output_names=[output],
            dynamic_shapes=shapes,
            opset_version=OPSET,
            verbose=False,
        )
        return program.model_proto

    return made(network, make)


def recorded(
    network: nn.Module, given: Mapping[str, Tensor], free: Mapping[str, Any], output: str
) -> Any:
    """The same by PyTorch's older exporter, which records what the network does: of one that takes
    many steps in a fortieth of the time."""

    def make() -> Any:
        import onnx

        found: Any = io.BytesIO()
        torch.onnx.export(
            network,
            tuple(given.values()),
            found,
            dynamo=False,
            input_names=list(given),
            output_names=[output],
            dynamic_axes={**free, output: {0: "n"}},
            opset_version=OPSET,
        )
        return onnx.load_from_string(found.getvalue())

    return made(network, make)


def made(network: nn.Module, make: Callable[[], Any]) -> Any:
    """What `make` exports of a network, as it ships. UsageError where that is not possible."""
    need_onnx()
    network.eval()
    try:
        with quiet():
            proto = make()
    except GanzfeldError:
        raise
    except Exception as error:
        if disk := disk_behind(error):
            raise of_disk(disk) from error
        raise not_exported(error) from error
    refuse_chance(proto)
    tidy(proto)
    return proto


def need_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "onnx and onnxscript, which write such graphs, are not installed",
            safe="nothing was written",
            fix=INSTALL,
        ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what the exporter says of itself: four warnings, and lines on the screen."""
    logger = logging.getLogger("torch")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def not_exported(error: Exception) -> UsageError:
    """What could not be exported, by the operator and the line of the network where it stands."""
    chain: BaseException | None = error
    texts: list[str] = []
    while chain is not None:
        texts.append(str(chain))
        chain = chain.__cause__ or chain.__context__
    whole = "\n".join(texts)
    operator = re.search(r"op='([\w:.]+)'", whole) or re.search(r"\b(aten[:.]+[\w.]+)", whole)
    places = re.findall(r'File "([^"]+)", line (\d+), in (\w+)', whole)
    own = [place for place in places if "/torch/" not in place[0].replace("\\", "/")]
    what = f"the operator {operator[1]}" if operator else first_line(whole)
    at = ""
    if own:
        file, line, name = own[-1]
        at = f" in {shown(file.replace(chr(92), '/').rpartition('/')[2])}, line {line}, {name}()"
    return UsageError(
        f"this network cannot be exported to ONNX: {what}{at}",
        safe="nothing was written",
        fix="ganzfeld sample, or ganzfeld serve --engine torch, which run it as it is",
    )


def first_line(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)  # colours
    return shown(next((line.strip() for line in text.splitlines() if line.strip()), "unknown"), 200)


def operators(proto: Any) -> list[str]:
    """The operators of a graph, each once, those of functions in it included."""
    nodes = [*proto.graph.node, *(node for f in proto.functions for node in f.node)]
    inner = [
        node
        for outer in nodes
        for attribute in outer.attribute
        if attribute.HasField("g")
        for node in attribute.g.node
    ]
    return sorted({f"{n.domain}:{n.op_type}" if n.domain else n.op_type for n in [*nodes, *inner]})


def refuse_chance(proto: Any) -> None:
    """UsageError where a graph draws random numbers, or needs operators of nobody's standard."""
    for name in operators(proto):
        if RANDOM.search(name):
            raise UsageError(
                f"this network draws random numbers ({name}), so that its samples are no functions "
                "of their latents: it cannot be exported",
                safe="nothing was written",
                fix="take all noise from z",
            )
        if ":" in name:
            raise UsageError(
                f"this network cannot be exported to ONNX: the operator {name} is not in ONNX",
                safe="nothing was written",
            )


def tidy(proto: Any) -> None:
    """Without the exporter's notes, which hold paths of this machine and stack traces."""
    proto.doc_string = ""
    del proto.metadata_props[:]
    for one in (
        proto.graph,
        *proto.graph.node,
        *proto.graph.value_info,
        *proto.graph.initializer,
        *proto.graph.input,
        *proto.graph.output,
    ):
        one.doc_string = ""
        if hasattr(one, "metadata_props"):
            del one.metadata_props[:]
