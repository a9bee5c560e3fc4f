"""PyTorch's optimizers without its compiler: the same numbers, and nothing else imported."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import Optimizer

from ganzfeld.core import optimizers

NAMES = ("Adam", "AdamW", "SGD", "RMSprop")
OPTIONS: list[dict[str, Any]] = [
    {"lr": 0.1, "weight_decay": 0.01},
    {"lr": 0.1, "foreach": True},
    {"lr": 0.1, "fused": True},
]


def trained(make: type[Optimizer], options: dict[str, Any]) -> tuple[list[torch.Tensor], Any]:
    """Parameters and state after three steps, one of them with a closure."""
    draw = torch.Generator().manual_seed(0)
    p, q = (torch.randn(3, 4, generator=draw).requires_grad_() for _ in range(2))
    optimizer = make([{"params": [p]}, {"params": [q], "lr": 0.02}], **options)
    seen: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = (p.sin() * q).sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    for _ in range(2):
        loss()
        optimizer.step()
    optimizer.step(loss)  # type: ignore[arg-type]
    assert seen == ["before", "after"] * 3 and torch.is_grad_enabled()
    return [p.detach(), q.detach()], optimizer.state_dict()


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: list(options)[-1])
@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_are_those_of_pytorch(name: str, options: dict[str, Any]) -> None:
    if "fused" in options and name == "RMSprop":
        options = {"lr": 0.1, "momentum": 0.9}
    theirs, state = trained(getattr(torch.optim, name), options)
    ours, own_state = trained(getattr(optimizers, name), options)
    assert all(torch.equal(a, b) for a, b in zip(theirs, ours, strict=True))
    assert str(own_state) == str(state)


@pytest.mark.parametrize("name", NAMES)
def test_neither_making_one_nor_a_step_imports_the_compiler(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in [n for n in sys.modules if n.split(".")[:2] == ["torch", "_dynamo"]]:
        monkeypatch.delitem(sys.modules, known)
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # an import of it raises
    p = torch.ones(3, requires_grad=True)
    p.grad = torch.ones(3)
    optimizer = getattr(optimizers, name)([p], lr=0.1)
    optimizer.step()
    optimizer.zero_grad()
    assert (p != 1).all() and p.grad is None


@pytest.mark.parametrize("name", NAMES)
def test_where_pytorch_marks_nothing_the_functions_are_taken_as_they_are(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another version of PyTorch might have it: no `__wrapped__` anywhere."""
    base = getattr(torch.optim, name)
    for owner, method in ((Optimizer, "add_param_group"), (Optimizer, "zero_grad"), (base, "step")):
        bare = inspect.unwrap(getattr(owner, method))
        monkeypatch.setattr(owner, method, lambda self, *given, bare=bare: bare(self, *given))
    plain, _ = trained(getattr(optimizers, name), {"lr": 0.1})
    monkeypatch.undo()
    usual, _ = trained(base, {"lr": 0.1})
    assert all(torch.equal(a, b) for a, b in zip(plain, usual, strict=True))


COMMANDS = """
import sys
from ganzfeld.cli.main import main
from ganzfeld.metrics import learned
learned.PATCHES, learned.ROUNDS = 1_500, 3
run, made = sys.argv[1], sys.argv[2]
small = ["--set", "networks.*.width=4", "run.evaluate_count=32"]
for words in (
    ["train", "avatars:90", "--size", "16", "--images", "64", "--out", run, *small],
    ["resume", run, "--images", "96"],
    ["sample", run, "--count", "2", "--out", made],
    ["evaluate", run, "avatars:90", "--extractor", "learned", "--count", "32"],
    ["report", run],
    *(["train", *kind, "--images", "64", "--out", run + "-2", "--dry-run"] for kind in (
        ["table:120"], ["ar:60"], ["fields:60"],
        ["avatars:90", "--size", "16", "--recipe", "r3gan"],
    )),
):
    assert not main(words), words
    found = sorted({"torch._dynamo", "torch._inductor", "sympy", "torch.onnx"} & sys.modules.keys())
    assert not found, (words[0], found)
"""


@pytest.mark.long
def test_no_common_command_imports_the_compiler(tmp_path: Path) -> None:
    """It would cost each of them a second or more."""
    words = [sys.executable, "-c", COMMANDS, str(tmp_path / "run"), str(tmp_path / "made")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
