"""Vector mathematics is warmed up before any thread but one may call it.

MKL chooses a function's kernel at its first call, and one of several threads that make it together
may be given another kernel, of low accuracy (github.com/pytorch/pytorch/issues/188792).
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import ganzfeld
from ganzfeld.core import runtime

pytestmark = pytest.mark.long

SOURCE = Path(ganzfeld.__file__).parent
# compute nothing of the kind, or only where others have been imported
BARE = {"cli.bench", "core.distributed", "core.lock", "core.latents", "training.resume"}
BARE |= {"core.device", "core.randomness", "core.trees", "core.types", "metrics.inception_resize"}
BARE |= {"modalities.image.plain", "modalities.image.tensors", "modalities.image.transforms"}

WATCH = """
import json, sys, torch
from torch.utils._python_dispatch import TorchDispatchMode

calls = {}

class Watch(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if args and isinstance(args[0], torch.Tensor):
            name = func.overloadpacket.__name__.rstrip("_")
            calls.setdefault(name + " " + str(args[0].dtype), []).append(args[0].numel())
        return func(*args, **(kwargs or {}))

with Watch():
    exec(sys.argv[1])
print(json.dumps(calls))
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ganzfeld.train(
        "avatars:64",
        out=tmp_path_factory.mktemp("runs") / "run",
        size=32,
        images=64,
        batch=32,
        settings=["networks.*.width=4", "run.evaluate_final=false"],
        quiet=True,
    ).path


@pytest.mark.parametrize(
    "work",
    [
        "import ganzfeld; ganzfeld.load(RUN).sample(32)",
        "import ganzfeld; ganzfeld.train('avatars:64', out=RUN + '-2', size=32, images=64, "
        "batch=32, settings=['networks.*.width=4', 'run.evaluate_final=false'], quiet=True)",
        pytest.param(
            "import ganzfeld; ganzfeld.resume(RUN + '-3', images=128, quiet=True)",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "import ganzfeld; ganzfeld.evaluate(RUN, 'avatars:64', extractor='random', count=32)",
            marks=pytest.mark.slow,
        ),
        "import torch, ganzfeld; from ganzfeld.networks.mlp import MLPGenerator; "
        "MLPGenerator((3, 32, 32), latent=8)(torch.zeros(32, 8), None)",
    ],
    ids=["sample", "train", "resume", "evaluate", "networks alone"],
)
def test_the_first_call_of_each_function_is_on_one_number(work: str, run: Path) -> None:
    if "-3" in work:
        subprocess.run(["cp", "-r", run, f"{run}-3"], check=True)
    done = subprocess.run(
        [sys.executable, "-c", WATCH, work.replace("RUN", repr(str(run)))],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    calls = json.loads(done.stdout.splitlines()[-1])
    for name in runtime.VECTOR_MATHS:
        for kind in ("float32", "float64"):
            assert calls[f"{name} torch.{kind}"][0] == 1, f"{name} in {kind}"
    assert max(calls["tanh torch.float32"]) > 50_000, "no call that threads would share was seen"


def imports(path: Path) -> set[str]:
    """Modules that this one imports when it is imported."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules() -> dict[str, set[str]]:
    found = {}
    for path in SOURCE.rglob("*.py"):
        name = ".".join(("ganzfeld", *path.relative_to(SOURCE).with_suffix("").parts))
        found[name.removesuffix(".__init__")] = imports(path)
    for name in list(found):
        if "." in name:  # a package comes before what is in it
            found[name].add(name.rpartition(".")[0])
    return found


def reached(name: str, graph: dict[str, set[str]]) -> set[str]:
    found, left = set(), [name]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += graph.get(one, ())
    return found


def test_whatever_imports_torch_warms_it_up() -> None:
    graph = modules()
    uses = {name: reached(name, graph) for name in graph}
    torch_too = {n for n, seen in uses.items() if any(m.split(".")[0] == "torch" for m in seen)}
    cold = {n for n in torch_too if "ganzfeld.core.runtime" not in uses[n]}
    assert cold <= {f"ganzfeld.{name}" for name in BARE}
    assert len(torch_too) > 50
    assert "ganzfeld.data.workers" not in torch_too, "its processes need no warming up"


def test_warming_up_happens_once_and_draws_nothing() -> None:
    before = torch.random.get_rng_state()
    assert runtime.warm_up.cache_info().currsize == 1
    runtime.warm_up.cache_clear()
    runtime.warm_up()
    assert torch.equal(torch.random.get_rng_state(), before)


# Processes whose first parallel work is a sample. The parent imports PyTorch and calls nothing of
# it, so that its forks are fresh to MKL and to OpenMP, at a tenth of the cost of a start.
FORKS = """
import os, sys
import numpy, PIL.Image, safetensors.torch, torch

def child(path):
    import ganzfeld
    model = ganzfeld.load(path)
    assert torch.get_num_threads() == 2
    first, second = model.sample(64), model.sample(64)
    return 0 if torch.equal(first, second) else 3

count, together, running, codes = int(sys.argv[1]), 4, 0, []
while len(codes) < count:
    while running < together and len(codes) + running < count:
        if not os.fork():
            try:
                code = child(sys.argv[2])
            except BaseException as error:
                print(repr(error), file=sys.stderr)
                code = 4
            os._exit(code)
        running += 1
    codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
    running -= 1
print(codes.count(0), codes.count(3), len(codes))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_first_samples_of_many_processes_equal_second_ones(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With two threads each, four at once. GANZFELD_TEST_PROCESSES: how many, 1,000 if not said."""
    count = os.environ.get("GANZFELD_TEST_PROCESSES", "1000")
    done = subprocess.run(
        [sys.executable, "-c", FORKS, count, str(run)],
        env=os.environ | {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr
    equal, differ, total = map(int, done.stdout.split())
    with capsys.disabled():
        print(f"\n{equal}/{total} processes: the first samples equal the second")
    assert (equal, differ, total) == (int(count), 0, int(count)), done.stderr
