"""Compare an exported graph with what the model gave: the check that no export goes without.

Nothing here needs torch, so that the owner of an exported folder can repeat it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganzfeld.errors import CheckpointError
from ganzfeld.shipping.engine import first_line
from ganzfeld.shipping.onnx_guard import Refused, run, session
from ganzfeld.text import shown

Arrays = dict[str, NDArray[Any]]
Store = Callable[[NDArray[Any]], NDArray[Any]]

BATCHES = (1, 2, 7, 32, 64)
JUMPS = {  # operators whose results jump: a rounding more, and a sample is another one
    *("Round", "Floor", "Ceil", "Sign", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"),
    *("ArgMax", "ArgMin", "TopK", "Hardmax"),
}
LEVEL = 2 / 255  # of 8 bits, where samples lie in [-1, 1]
JUMPED = 0.02  # of the samples may, in a graph with such operators


@dataclass(frozen=True)
class Limits:
    """most, mean: of the error of a number, in parts of the greatest one or of 1. psnr: dB, at
    least. share, levels: of 8-bit values that differ, and by how much."""

    most: float
    mean: float
    psnr: float
    share: float
    levels: int


LIMITS = {
    "float32": Limits(2e-5, 2e-5, 0, 3e-4, 1),
    "float16": Limits(5e-3, 0.1 * LEVEL, 0, 1, 1),
    "int8": Limits(16 * LEVEL, 1.5 * LEVEL, 40, 1, 16),
}


@dataclass(frozen=True)
class Case:
    """Inputs of a graph and what the model made of them, (n, ...) each.

    exact: the same in float64, where the network could be run so. what: for messages.
    batches: how many rows are computed together, in turn.
    """

    given: Arrays
    wanted: NDArray[Any]
    exact: NDArray[Any] | None = None
    what: str = "samples"
    batches: tuple[int, ...] = BATCHES


@dataclass
class Found:
    """What a check measured of one graph, over all its cases.

    error, mean: the greatest and the mean difference from PyTorch's float32, in parts of the
    greatest value or of 1; of_float64: the greatest from float64. jumped: samples that a choice
    made others. differ: the share of 8-bit values that differ, None where there are none. alone:
    a sample has the same bits in a batch of any size.
    """

    samples: int = 0
    numbers: int = 0
    error: float = 0.0
    mean: float = 0.0
    of_float64: float | None = None
    torch_of_float64: float | None = None
    jumped: int = 0
    psnr: float = math.inf
    differ: float | None = None
    levels: int = 0
    alone: bool = True
    operators: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        values = dict(self.__dict__)
        values["psnr"] = None if math.isinf(self.psnr) else round(self.psnr, 1)
        return values


def check_graph(
    data: bytes,
    cases: Sequence[Case],
    *,
    name: str,
    precision: str = "float32",
    store: Store | None = None,
    operators: Sequence[str] = (),
) -> Found:
    """Run a graph on all cases; CheckpointError with the reason where it gives anything else.

    name: of its file. store: what makes stored samples of a network's, to count 8-bit values.
    operators: of the graph, in which those that jump are looked for.
    """
    try:
        ready = session(data)
    except CheckpointError:
        raise
    except Refused as error:
        raise refused(name, str(error)) from error
    except Exception as error:
        if type(error).__module__.startswith("ganzfeld"):
            raise
        raise refused(name, f"onnxruntime does not load it: {first_line(error)}") from error
    found = Found(operators=list(operators))
    jumps = bool(JUMPS & set(operators))
    squares, eights = 0.0, [0, 0]
    for case in cases:
        got = run_case(ready, case, name, found)
        compare(got, case, found, name, LIMITS[precision], jumps)
        scale = scale_of(case.wanted)
        steady = steady_rows(got, case.wanted, LIMITS[precision].most) if jumps else slice(None)
        gap = (got[steady].astype(np.float64) - case.wanted[steady]) / scale
        squares += float((gap**2).sum())
        if store is not None:
            count(got[steady], case.wanted[steady], store, found, eights)
    mse = squares / max(found.numbers, 1)
    found.psnr = 10 * math.log10(4 / mse) if mse else math.inf
    found.differ = eights[0] / eights[1] if eights[1] else None
    judge(found, eights, name, precision)
    return found


def run_case(ready: Any, case: Case, name: str, found: Found) -> NDArray[Any]:
    """The graph's results for a case, computed in batches of all sizes; they must be the same."""
    total = len(case.wanted)
    whole = rows(ready, case, 0, total, name)
    for size in case.batches:
        if size >= total:
            continue
        for low in (0, total - size):
            part = rows(ready, case, low, low + size, name)
            same = whole[low : low + size]
            found.alone &= bool(np.array_equal(part, same))
            if (far := by_sample(part, same).max()) > LIMITS["float32"].most:
                what = f"a batch of {size} gives other results than one of {total}, by {far:.2g}"
                raise refused(name, f"{case.what}: {what}")
    if not np.array_equal(rows(ready, case, 0, total, name), whole):
        raise refused(name, f"{case.what}: the same batch gives other bits the second time")
    return whole


def rows(ready: Any, case: Case, low: int, high: int, name: str) -> NDArray[Any]:
    wanted = case.wanted[low:high]
    known = {one.name for one in ready.get_inputs()}
    if missing := known - case.given.keys():
        raise refused(name, f"it asks for inputs that the model has not: {', '.join(missing)}")
    try:
        got = run(ready, {key: value[low:high] for key, value in case.given.items()})
    except Exception as error:
        raise refused(
            name, f"{case.what}: a batch of {high - low} fails: {first_line(error)}"
        ) from error
    if got.shape != wanted.shape:
        raise refused(
            name, f"{case.what}: a batch of {high - low} gives {got.shape}, not {wanted.shape}"
        )
    if not np.isfinite(got).all():
        raise refused(name, f"{case.what}: it gives values that are not finite")
    return got


def compare(
    got: NDArray[Any], case: Case, found: Found, name: str, limits: Limits, jumps: bool
) -> None:
    """Add the errors of a case; CheckpointError where a sample is off that must not be."""
    far = by_sample(got, case.wanted)
    off = np.flatnonzero(far > limits.most)
    steady = far <= limits.most
    if len(off) and not jumps:
        raise refused(name, told(got, case, off, float(far.max()), limits))
    found.jumped += len(off)
    found.samples += len(far)
    gap = np.abs(got[steady].astype(np.float64) - case.wanted[steady]) / scale_of(case.wanted)
    total = found.numbers + gap.size
    if gap.size:
        found.error = max(found.error, float(gap.max()))
        found.mean = (found.mean * found.numbers + float(gap.sum())) / total
    found.numbers = total
    if case.exact is not None:
        own = by_sample(got[steady], case.exact[steady])
        theirs = by_sample(case.wanted[steady], case.exact[steady])
        for field_, values in (("of_float64", own), ("torch_of_float64", theirs)):
            kept = values[values <= limits.most] if jumps else values
            if len(kept):
                setattr(found, field_, max(getattr(found, field_) or 0.0, float(kept.max())))


def told(got: NDArray[Any], case: Case, off: NDArray[Any], worst: float, limits: Limits) -> str:
    """Which samples are off and by how much, and whether it is PyTorch that is."""
    what = (
        f"{case.what}: {len(off)} of {len(got)} differ from the model's, by up to {worst:.2g} "
        f"where {limits.most:.2g} is allowed"
    )
    if case.exact is None:
        return what
    own = float(by_sample(got, case.exact).max())
    theirs = float(by_sample(case.wanted, case.exact).max())
    if own <= limits.most < theirs:
        return (
            f"{what}; from float64 the graph is off by {own:.2g} and PyTorch by {theirs:.2g}: the "
            "fault is PyTorch's"
        )
    return f"{what}; from float64 the graph is off by {own:.2g}, PyTorch by {theirs:.2g}"


def judge(found: Found, eights: list[int], name: str, precision: str) -> None:
    """CheckpointError where the errors of all cases together are beyond the limits."""
    limits = LIMITS[precision]
    most = max(1, int(JUMPED * found.samples))
    if found.jumped > most:
        raise refused(
            name,
            f"{found.jumped} of {found.samples} samples are others than the model's, where "
            f"{most} may be: its choices are all or nothing, and a rounding decides some",
            fix="--precision float32" if precision != "float32" else "",
        )
    if found.mean > limits.mean:
        raise refused(name, f"the mean error is {found.mean:.2g}, above {limits.mean:.2g}")
    if found.psnr < limits.psnr:
        raise refused(name, f"the signal is {found.psnr:.1f} dB above the error, not {limits.psnr}")
    if found.levels > limits.levels or eights[0] > max(limits.share * eights[1], 2):
        raise refused(
            name,
            f"{eights[0]:,} of {eights[1]:,} 8-bit values differ, by up to {found.levels}",
        )


def count(
    got: NDArray[Any], wanted: NDArray[Any], store: Store, found: Found, eights: list[int]
) -> None:
    """Count 8-bit values that differ, of samples that are stored so."""
    if not len(got):
        return
    one, other = store(got), store(wanted)
    if other.dtype != np.uint8:
        return
    gap = np.abs(one.astype(np.int16) - other)
    eights[0] += int((gap > 0).sum())
    eights[1] += gap.size
    found.levels = max(found.levels, int(gap.max()))


def by_sample(got: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.float64]:
    """The greatest error of each sample, (n,), in parts of the greatest value or of 1."""
    gap = np.abs(got.astype(np.float64) - wanted.astype(np.float64)) / scale_of(wanted)
    each = gap.reshape(len(gap), math.prod(gap.shape[1:]))  # of no samples, too
    far: NDArray[np.float64] = each.max(1, initial=0.0)
    return far


def steady_rows(got: NDArray[Any], wanted: NDArray[Any], most: float) -> NDArray[np.bool_]:
    return by_sample(got, wanted) <= most


def scale_of(wanted: NDArray[Any]) -> float:
    return max(1.0, float(np.abs(wanted).max(initial=0.0)))


def check_operators(proto: Any, name: str) -> None:
    """onnx's own checker, with shapes inferred; CheckpointError with its reason."""
    import onnx

    try:
        onnx.checker.check_model(proto, full_check=True)
    except Exception as error:
        raise refused(name, f"onnx.checker refuses it: {first_line(error)}") from error


def refused(name: str, why: str, *, fix: str = "") -> CheckpointError:
    return CheckpointError(
        f"the exported graph {name} does not give what the model gives: {why}",
        safe="nothing was written",
        fix=fix,
    )


def as_cases(arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> dict[str, list[Case]]:
    """The cases of each graph that a check.npz holds; `GRAPH/CASE/NAME` are its arrays."""
    found: dict[str, list[Case]] = {}
    for graph in names:
        parts: dict[str, Arrays] = {}
        for key, value in arrays.items():
            owner, _, rest = key.partition("/")
            case, _, name = rest.partition("/")
            if owner == graph and name:
                parts.setdefault(case, {})[name] = value
        if not parts:
            raise refused(graph, "check.npz has nothing to compare it with")
        cases = []
        for case, own in parts.items():
            rows = {value.shape[:1] for value in own.values()}
            if "wanted" not in own or len(rows) != 1 or rows & {(), (0,)}:
                raise refused(graph, f"check.npz is damaged: {shown(case)}")
            wanted = own.pop("wanted")
            cases.append(Case(own, wanted, what=case))
        found[graph] = cases
    return found
