"""Every public docstring has an example, and the example runs as it stands."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ganzfeld

ALIASES = {"Batch", "Losses"}  # of types: they have no docstring of their own
METHODS = {  # what is called on an object that a user holds
    "Model": ["to", "sample", "score", "interpolate", "images", "chunks"],
    "Run": ["metrics"],
}


EXTRAS = {"export": "onnx"}  # packages that an example needs
LONG = {"train", "resume", "Translator"}  # which train


def public() -> Iterator[Any]:
    """Names, and what they are of."""
    for name in ganzfeld.__all__:
        if name in ALIASES:
            continue
        thing = getattr(ganzfeld, name)
        marks = [pytest.mark.long] if name in LONG else []
        yield pytest.param(name, thing, id=name, marks=marks)
        for method in METHODS.get(name, []):
            yield pytest.param(f"{name}.{method}", getattr(thing, method), id=f"{name}.{method}")


def example_of(thing: Any) -> str:
    """The block behind "Example::" in a docstring, as a script."""
    _, _, text = (inspect.getdoc(thing) or "").partition("Example::\n")
    return textwrap.dedent(text)


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of the name that `ganzfeld train` gives it."""
    place = tmp_path_factory.mktemp("examples")
    ganzfeld.train(
        "avatars:64",
        size=16,
        images=64,
        batch=16,
        settings=["networks.*.width=4", "networks.G.latent=16"],
        quiet=True,
        out=place / "runs" / "avatars-default",
    )
    return place


@pytest.mark.parametrize(("name", "thing"), list(public()))
def test_examples_run(
    name: str, thing: Any, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = example_of(thing)
    assert text, f"the docstring of {name} has no example"
    assert not [line for line in text.splitlines() if len(line) > 92]
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    shutil.copytree(small_run, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    exec(compile(text, f"the example of {name}", "exec"), {"__name__": "example"})


def test_what_an_example_writes_is_there(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(small_run, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    exec(example_of(ganzfeld.load), {})
    assert Path("first.png").stat().st_size > 100
