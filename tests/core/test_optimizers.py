"""Optimizers without the compiler: the same steps, and over a second less at the start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ganzfeld.core import optimizers

TRAINED = """
import sys, traceback
from ganzfeld.training import run

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch._dynamo":  # who asks for it, innermost last
            frames = [f for f in traceback.extract_stack() if "importlib" not in f.filename]
            print([f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in frames[:-1]][-8:])

sys.meta_path.insert(0, Watch())

settings = ["networks.*.width=4", *sys.argv[3:]]
run.train("avatars:40", out=sys.argv[1], recipe=sys.argv[2], size=(8, 8), images=32, batch=16,
          quiet=True, labels="none", settings=settings)
print("torch._dynamo" in sys.modules, "at the end")
"""

SAME = """
import sys
import torch
from ganzfeld.core import optimizers

optimizers.spare_compiler()
KINDS = {
    "Adam": {"fused": True}, "AdamW": {"lr": 0.1}, "SGD": {"lr": 0.1, "momentum": 0.9},
    "RMSprop": {"lr": 0.1},
}

def trained(name, step):
    torch.manual_seed(1)
    layer = torch.nn.Linear(7, 5)
    optimiser = getattr(torch.optim, name)(layer.parameters(), **KINDS[name])
    for _ in range(4):
        layer(torch.randn(3, 7)).square().sum().backward()
        step(optimiser)
        optimiser.zero_grad()
    return layer.weight.detach()

found = {name: trained(name, optimizers.step) for name in KINDS}
assert "torch._dynamo" not in sys.modules
for name, weight in found.items():
    assert torch.equal(weight, trained(name, lambda o: o.step())), name
assert "torch._dynamo" in sys.modules  # by their own step
for name, weight in found.items():
    assert torch.equal(weight, trained(name, optimizers.step)), name
kept = torch.optim.Optimizer.zero_grad.__wrapped__
assert getattr(kept, "__dynamo_disable").__name__ != "call", "PyTorch's own wrapper from then on"
print("same")
"""


def printed(code: str, *words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_steps_have_the_same_bits_without_the_compiler() -> None:
    assert printed(SAME) == "same"


@pytest.mark.parametrize("recipe", ["dcgan", "hinge"])  # exact slopes take it for torch.func
def test_a_run_without_exact_slopes_imports_no_compiler(recipe: str, tmp_path: Path) -> None:
    assert printed(TRAINED, tmp_path / "run", recipe) == "False at the end"


def test_hooks_are_called() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    optimiser = torch.optim.SGD([weight], 0.5)
    seen = []
    optimiser.register_step_post_hook(lambda *_: seen.append(1))
    optimizers.step(optimiser)
    assert seen == [1] and weight.tolist() == [0.5, 0.5]


def test_an_optimizer_of_ones_own_steps_as_it_is() -> None:
    class Own(torch.optim.SGD):
        def step(self, closure: object = None) -> None:  # type: ignore[override]
            with torch.no_grad():
                self.param_groups[0]["params"][0].fill_(7)

    weight = torch.nn.Parameter(torch.ones(2))
    optimizers.step(Own([weight], 0.5))
    assert weight.tolist() == [7, 7]
