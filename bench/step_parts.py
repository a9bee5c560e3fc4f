"""Where the time of a training step goes, and how near its products come to the processor's rate.

    python bench/step_parts.py                                   # all cases
    python bench/step_parts.py --cases "default, 64 px, width 16, batch 16" --rounds 9
    python bench/step_parts.py --movers                          # Adam and averages at batch 1

One thread, CPU time of the thread, so that other programs are not counted; medians of rounds, in
each of which all is measured in turn. Steps are those of a run, in float32, with penalties in their
share. Every operator is timed alone in some steps; others are timed as a whole, and what they take
beyond the operators is Python, autograd and the calls. "guard" is what keeps losses that are not
finite from doing harm. Work is two operations for each weight and place of convolutions and linear
layers. Two rates stand beside it: that of square products of 2,048, and that of the step's own
products as matrices: each convolution (forward, and both gradients) as one product of the same
numbers, without the gathering that it would need.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from timing import machine
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from train_speed import FULL, pictures, settings_of, wide

from ganzfeld.core import optimizers, runtime
from ganzfeld.training.build import build_trainer
from ganzfeld.training.trainer import Trainer, as_data

CASES = {  # recipe, pixels, width, batch
    f"{recipe}, {pixels} px, width {width}, batch {batch}": (recipe, pixels, width, batch)
    for recipe, pixels, width, batch in [
        ("default", 32, 32, 32),
        ("default", 64, 16, 16),
        ("default", 64, 32, 32),
        ("dcgan", 64, 64, 64),
    ]
}
Shape = tuple[int, int, int]  # of a product (m, k) (k, n)
WIDE, FEW = "products", "products of 8 channels at most"
PARTS = {  # of names of operators, the first that fits
    WIDE: ("convolution", "addmm", "mm", "bmm"),
    "normalisation": ("batch_norm",),
    "activations": ("relu", "tanh", "softplus", "sigmoid"),
}
REST = "Python, autograd, calls"
ORDER = (
    *(WIDE, FEW, "normalisation", "activations", "Adam"),
    *("averages", "guard", "data", "others", REST),
)


def trainer_of(recipe: str, pixels: int, width: int, batch: int) -> Trainer:
    settings = [*wide(width), *FULL, f"run.batch_size={batch}"]
    config = settings_of(recipe, 3, pixels, settings)
    return build_trainer(config, as_data(pictures(3, pixels)), torch.device("cpu"))


def spent(work: Callable[[], Any]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


class Parts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """CPU seconds by part, and the products of convolutions and linear layers by shape."""

    def __init__(self, trainer: Trainer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.place: str | None = None
        self.clear()
        assert trainer.average is not None
        self.within(trainer, "update", "Adam")
        self.within(trainer.average, "update", "averages")
        for name in ("keep", "finite"):
            self.within(trainer, name, "guard")
        self.within(trainer, "batch", "data")

    def clear(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.products: Counter[Shape] = Counter()
        self.work: Counter[str] = Counter()  # of products, by part

    def within(self, owner: Any, name: str, part: str) -> None:
        """Count what this method computes as that part."""
        real = getattr(owner, name)

        def marked(*args: Any, **kwargs: Any) -> Any:
            self.place = part
            try:
                return real(*args, **kwargs)
            finally:
                self.place = None

        setattr(owner, name, marked)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func.overloadpacket.__name__
        start = time.thread_time()
        found = func(*args, **(kwargs or {}))
        taken = time.thread_time() - start
        part = next((part for part, words in PARTS.items() if any(w in name for w in words)), None)
        if part == WIDE and not self.place:
            own = [*shapes(name, args, found)]
            part = FEW if "convolution" in name and fewest(name, args) <= 8 else WIDE
            self.products.update(own)
            self.work[part] += sum(2 * m * k * n for m, k, n in own)
        self.seconds[self.place or part or "others"] += taken
        return found


def fewest(name: str, args: Any) -> int:
    """Channels of the thinner side of a convolution."""
    return int(min(args[2 if "backward" in name else 1].shape[:2]))


def shapes(name: str, args: Any, found: Any) -> Iterator[Shape]:
    """The products of matrices (m, k) (k, n) that this operator stands for."""
    if "convolution" not in name:
        a, b = [x for x in args if isinstance(x, Tensor)][-2:]
        yield a.shape[-2], a.shape[-1], b.shape[-1]
        return
    backward = "backward" in name
    y, x, weight = args[:3] if backward else (found, *args[:2])
    transposed = args[7] if backward else args[6]
    kernel, small = weight[0, 0].numel(), x if transposed else y
    m, (k, n) = len(small) * small[0, 0].numel(), weight.shape[:2]
    k, n = (k, n * kernel) if transposed else (n * kernel, k)
    if not backward:
        yield m, k, n
        return
    of_x, of_weight = args[-1][:2]
    if of_x:
        yield m, n, k
    if of_weight:
        yield k, m, n


def product_time(shape: Shape) -> float:
    """CPU seconds of a product of this shape, after one that is not counted."""
    m, k, n = shape
    a, b, out = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
    often = max(1, round(2e7 / (m * k * n)))
    torch.mm(a, b, out=out)
    return spent(lambda: [torch.mm(a, b, out=out) for _ in range(often)]) / often


def run(trainer: Trainer, steps: int) -> None:
    for _ in range(steps):
        trainer.take_step()


class Square:
    """Products of two square matrices, which the processor does as fast as it can."""

    def __init__(self, side: int = 2048) -> None:
        self.a, self.b, self.out = torch.randn(3, side, side).unbind()
        self.work = 2 * side**3

    def __call__(self) -> None:
        torch.mm(self.a, self.b, out=self.out)


def compare(name: str, rounds: int) -> str:
    trainer, steps = trainer_of(*CASES[name]), 4 if name.startswith("default") else 1
    parts, square = Parts(trainer), Square()
    run(trainer, 4)
    square()
    found: list[list[float]] = []
    for _ in range(rounds):
        parts.clear()
        whole = least = 0.0
        for watched in (False, True, True, False):
            least += spent(square)
            if watched:
                with parts:
                    run(trainer, steps)
            else:
                whole += spent(lambda: run(trainer, steps))
        work, least = sum(parts.work.values()), least / 4
        its, few = parts.seconds[WIDE] + parts.seconds[FEW], parts.seconds[FEW]
        own = sum(count * product_time(shape) for shape, count in parts.products.items())
        rates = [work / whole, work / its, parts.work[FEW] / few, work / own, square.work / least]
        shares = {part: 100 * taken / whole for part, taken in parts.seconds.items()}
        shares[REST] = 100 - sum(shares.values())
        shown = [whole / 2 / steps * 1000, *(shares.get(part, 0.0) for part in ORDER)]
        ratios = [*(rate / rates[-1] for rate in (rates[0], rates[1], rates[3])), own / its]
        found.append([*shown, work / 2e9 / steps, *(rate / 1e9 for rate in rates), *ratios])
    middle = [statistics.median(column) for column in zip(*found, strict=True)]
    cells = [f"{x:.1f}" for x in middle[:-4]] + [f"{x:.2f}" for x in middle[-4:]]
    cells[-4] += f" ({min(row[-4] for row in found):.2f} to {max(row[-4] for row in found):.2f})"
    first = 1 + len(ORDER)
    return "\n".join(f"| {' | '.join([name, *own])} |" for own in (cells[:first], cells[first:]))


# Adam and averages


@contextmanager
def one_by_one(active: bool) -> Iterator[None]:
    """Let averages take their parameters one by one, in place of all in one call."""
    real = torch._foreach_lerp_

    def each(own: list[Tensor], new: list[Tensor], weight: float) -> None:
        for a, b in zip(own, new, strict=True):
            a.lerp_(b, weight)

    if active:
        torch._foreach_lerp_ = each  # type: ignore[assignment]
    try:
        yield
    finally:
        torch._foreach_lerp_ = real


def movers(recipe: str, pixels: int, width: int, rounds: int) -> str:
    """CPU milliseconds of Adam and of the averages in a step of one image, each way in turn."""
    trainer = trainer_of(recipe, pixels, width, 1)
    kinds: dict[str, dict[str, bool]] = {
        "fused": {"fused": True},
        "foreach": {"foreach": True, "fused": False},
        "one by one": {"foreach": False, "fused": False},
    }
    ways = {
        kind: {
            player: optimizers.Adam(trainer.parameters[player], lr=1e-4, betas=(0.0, 0.99), **how)
            for player in trainer.parameters
        }
        for kind, how in kinds.items()
    }
    timed: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in ways}
    clock = Counter[str]()
    assert trainer.average is not None
    for owner, part in ((trainer, "Adam"), (trainer.average, "averages")):
        real: Any = owner.update

        def update(*args: Any, real: Any = real, part: str = part) -> None:
            clock[part] += spent(lambda: real(*args))  # type: ignore[assignment]

        setattr(owner, "update", update)  # noqa: B010
    for number in range(rounds + 1):
        for kind in list(ways)[:: -1 if number % 2 else 1]:
            trainer.optimisers = ways[kind]
            clock.clear()
            with one_by_one(kind == "one by one"):
                whole = spent(lambda: run(trainer, 4)) / 4
            if number:  # the first makes the moments
                timed[kind].append((whole, clock["Adam"] / 4, clock["averages"] / 4))
    weights = sum(p.numel() for p in trainer.game.parameters())
    lines = []
    for kind, own in timed.items():
        whole, adam, average = (1000 * statistics.median(x) for x in zip(*own, strict=True))
        times = statistics.median(a[0] / b[0] for a, b in zip(own, timed["fused"], strict=True))
        cells = [f"{recipe}, {pixels} px, width {width}, {weights / 1e6:.1f} M weights", kind]
        cells += [f"{whole:.1f}", f"{adam:.1f} ({100 * adam / whole:.0f} %)"]
        cells += [f"{average:.1f} ({100 * average / whole:.0f} %)", f"{times:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Where the time of a training step goes.")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--movers", action="store_true", help="Adam and averages at batch 1")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    runtime.tune()
    print(machine(), end="\n\n", flush=True)
    if options.movers:
        heads = ["batch 1", "optimiser and averages", "step, ms", "Adam, ms", "averages, ms"]
        print(f"| {' | '.join([*heads, 'times fused'])} |\n{'|---' * 6}|")
        for pixels, width in ((32, 32), (64, 64)):
            print(movers("default", pixels, width, options.rounds), flush=True)
        raise SystemExit
    print(f"| per cent of a step | CPU ms | {' | '.join(ORDER)} |")
    heads = ["GFLOP a step", "GFLOP/s: step", "its products", FEW, "as matrices", "squares"]
    heads += ["step / squares", "its / squares", "matrices / squares", "its / matrices"]
    print(f"| rates | {' | '.join(heads)} |")
    for case in options.cases:
        print(compare(case, options.rounds), flush=True)
