"""What a model makes of chosen inputs, to compare an exported graph with."""

from __future__ import annotations

import copy
import hashlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganzfeld.core.latents import normals
from ganzfeld.data import captions
from ganzfeld.data.conditions import is_captioned
from ganzfeld.models.draws import CHUNK
from ganzfeld.models.generator import Model
from ganzfeld.models.sample_translator import SampleTranslator
from ganzfeld.models.translator import Translator
from ganzfeld.shipping.engine import TorchEngine, padded
from ganzfeld.shipping.onnx_check import Arrays, Case
from ganzfeld.shipping.onnx_graph import LEAST

SPREADS = (0.0, 1.5)  # of latents, beside 1
ROWS = 64  # samples that translators of lines and sounds are compared on
BESIDE = 16  # samples of each
MOST_CLASSES = 1_024  # that are drawn, each once; and captions of all words
KEPT = 8  # samples of a case in check.npz
FAR = (2**64 - 1, 2**40 + 5)  # a seed and a number that need all their bits
MOST_SIDE = 512  # px, of a translator's double size


Plan = dict[str, tuple[list[tuple[int, int]], list[int] | None, float]]


def planned(model: Model, seeds: int) -> Plan:
    """By case: (seed, number) pairs, a class for each where the model has such, and the spread.

    Samples of so many seeds, each class at least once; and fewer of spreads 0 and 1.5.
    """
    count = max(seeds, min(len(model.classes), MOST_CLASSES))
    pairs = [FAR, *((seed, 3 * seed + 1) for seed in range(count - 1))]
    labels = [n % len(model.classes) for n in range(count)] if model.classes else None
    found: Plan = {"samples of spread 1": (pairs, labels, 1.0)}
    for std in SPREADS:
        found[f"samples of spread {std:g}"] = (pairs[:BESIDE], labels and labels[:BESIDE], std)
    return found


def generation(model: Model, seeds: int) -> list[Case]:
    """The samples of a plan, by PyTorch in float32 and in float64; and of each word of captions."""
    engine = TorchEngine(model)
    cases = []
    for what, (pairs, labels, std) in planned(model, seeds).items():
        given = engine.inputs.of(pairs, labels, std=std)
        wanted = engine.samples(pairs, labels, std=std)
        cases.append(Case(given, wanted, in_double(model.generator, given), what))
    if is_captioned(model.conditions):
        rows = every_word(model.conditions["columns"][0])
        pairs = [(3, index) for index in range(len(rows))]
        given, wanted = engine.inputs.of(pairs, None, rows), engine.samples(pairs, None, rows)
        cases.append(
            Case(given, wanted, in_double(model.generator, given), "captions of all words")
        )
    return cases


def every_word(about: Mapping[str, Any]) -> list[list[int]]:
    """Captions as word numbers (T,): one of a single word, and as many as have each word once.

    about: of the condition: "symbols" and "length".
    """
    known, length = len(about["symbols"]) - 1, about["length"]
    rows = 1 + np.arange(min(-(-known // length), MOST_CLASSES) * length) % max(known, 1)
    return [[known, *[0] * (length - 1)], *rows.reshape(-1, length).tolist()]


def discriminator(model: Model, drawn: list[Case]) -> list[Case]:
    """The logits of those samples, as they are and with noise."""
    assert model.discriminator is not None
    judge, x, cases = model.discriminator, drawn[0].wanted, []
    inputs = {"samples": x}
    if not np.array_equal(x, np.rint(x)):  # whole numbers stand for symbols
        noise = normals(x[0].size, 1, range(len(x))).reshape(x.shape)
        inputs["samples with noise"] = x + np.float32(0.3) * noise
    for what, x in inputs.items():
        given = {"x": x, **{k: v for k, v in drawn[0].given.items() if k != "z"}}
        cases.append(Case(given, in_chunks(judge, given), in_double(judge, given), what))
    return cases


def in_chunks(network: nn.Module, given: Arrays) -> NDArray[Any]:
    """What a network makes, 32 at a time, as a model does it."""
    count, found = len(next(iter(given.values()))), []
    for low in range(0, count, CHUNK):
        part = {k: padded(v[low : low + CHUNK], CHUNK) for k, v in given.items()}
        found.append(called(network, part)[: count - low])
    return np.concatenate(found)


@torch.inference_mode()
def called(network: nn.Module, given: Arrays, dtype: torch.dtype = torch.float32) -> NDArray[Any]:
    tensors: list[Tensor] = []
    for value in given.values():
        tensor = torch.from_numpy(np.ascontiguousarray(value))
        tensors.append(tensor.to(dtype) if tensor.is_floating_point() else tensor)
    named = dict(zip(given, tensors, strict=True))
    first = tensors[0]
    if set(given) == {"x"} and not takes_labels(network):
        out = network(first)
    else:
        extra = {name: value for name, value in named.items() if name in ("c", captions.KIND)}
        out = network(first, named.get("y"), **extra)
    found: NDArray[Any] = out.cpu().numpy()
    return found


def takes_labels(network: nn.Module) -> bool:
    return len(inspect.signature(network.forward).parameters) > 1


def in_double(network: nn.Module, given: Arrays) -> NDArray[Any] | None:
    """The same in float64; None where the network cannot be run so."""
    try:
        exact = copy.deepcopy(network).double()
        return called(exact, given, torch.float64)
    except Exception:  # somebody's own network may insist on float32
        return None


def translation(model: Translator | SampleTranslator, way: str) -> list[Case]:
    """What a translator is compared on."""
    return of_images(model, way) if isinstance(model, Translator) else of_samples(model, way)


def of_samples(model: SampleTranslator, way: str) -> list[Case]:
    """Lines that have all symbols and lines of every length, or values of chance in [-1, 1]."""
    network, shape = model.networks[way], model.spec.shape
    if model.kind.symbols:
        x = lines_of(len(model.spec.extra["symbols"]), shape[0])
    else:
        x = {"values": np.tanh(normals(model.spec.size, 1, range(ROWS))).reshape(ROWS, *shape)}
    return [
        Case({"x": one}, in_chunks(network, {"x": one}), in_double(network, {"x": one}), what)
        for what, one in x.items()
    ]


def lines_of(symbols: int, length: int) -> Arrays:
    """Rows (n, length) of symbols, END behind each: all symbols in turn; and of every length."""
    rows = min(max(-(-(symbols - 1) // (length - 1)), ROWS), MOST_CLASSES)
    each = 1 + np.arange(rows * (length - 1)) % (symbols - 1)
    mixed = np.random.default_rng(0).permutation(each).reshape(rows, length - 1)
    whole = np.pad(mixed, ((0, 0), (0, 1)))
    ends = 1 + np.arange(rows)[:, None] % (length - 1)
    short = np.where(np.arange(length) < ends, whole, 0)
    return {"lines of all symbols": whole, "lines of every length": short}


def of_images(model: Translator, way: str) -> list[Case]:
    """Images of the trained size, twice that, a bit more, of unequal sides, and of the least."""
    high, wide = (max(side, LEAST) for side in model.size)
    sizes = [(high, wide), (high + 1, wide + 1), (high + 3, wide + 3), (high, wide + 5)]
    sizes += [(LEAST, LEAST), (LEAST + 1, LEAST)]
    if 2 * max(high, wide) <= MOST_SIDE:
        sizes.append((2 * high, 2 * wide))
    network, channels = model.networks[way], model.channels[way[0]]
    cases = []
    for h, w in dict.fromkeys(sizes):
        x = np.tanh(normals(channels * h * w, h, range(2))).reshape(2, channels, h, w)
        given = {"x": np.ascontiguousarray(x)}
        wanted = np.concatenate([called(network, {"x": one[None]}) for one in x])
        exact = in_double(network, given)
        cases.append(Case(given, wanted, exact, f"{w}x{h} px", (1,)))
    return cases


def kept(cases: dict[str, list[Case]]) -> Arrays:
    """The first samples of each case, as check.npz holds them."""
    found: Arrays = {}
    for graph, own in cases.items():
        for case in own:
            for name, value in {**case.given, "wanted": case.wanted}.items():
                found[f"{graph}/{case.what}/{name}"] = value[:KEPT]
    return found


def drawn(model: Model, seeds: int) -> dict[str, Any]:
    """How the inputs that check.npz keeps are drawn: by case (seed, number) pairs, classes, std."""
    plan = planned(model, seeds)
    return {
        what: [
            [[str(seed), str(index)] for seed, index in pairs[:KEPT]],
            labels and labels[:KEPT],
            std,
        ]
        for what, (pairs, labels, std) in plan.items()
    }


def weights_of(model: Model | Translator | SampleTranslator) -> dict[str, Any]:
    """Size and SHA-256 of a model's weights as a model folder stores them."""
    if not isinstance(model, Model):
        names = {way: one["network"] for way, one in model.about["translators"].items()}
        states = {
            f"{names[way]}.{k}": v
            for way, network in model.networks.items()
            for k, v in network.state_dict().items()
        }
    else:
        states = model.generator.state_dict()
    data = safetensors.torch.save({k: v.contiguous().clone() for k, v in states.items()})
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
