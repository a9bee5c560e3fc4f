"""The folder of an exported model: graphs, description, what to check them with, how to run them.

model.onnx (of a translation model-ab.onnx and model-ba.onnx), discriminator.onnx, config.json,
check.npz, README.md, run.py and SHA256SUMS.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ganzfeld.core import files, npy, reader
from ganzfeld.core.latents import OF_TORCH
from ganzfeld.core.schema import anything, fields, table
from ganzfeld.data.conditions import symbols_of
from ganzfeld.errors import CheckpointError
from ganzfeld.modalities import modality_of, spec_of
from ganzfeld.shipping import run_py
from ganzfeld.shipping.engine import graph_bytes, read_export
from ganzfeld.shipping.inputs import Inputs
from ganzfeld.shipping.onnx_check import Arrays, Found, as_cases, check_graph, refused
from ganzfeld.text import shown

SUMS = "SHA256SUMS"
MOST_CHECK = 1 << 29  # bytes of a check.npz, packed and unpacked
CHECKED = fields(  # what a check is made by, beside what `read_export` looks at
    {
        "precision": anything,
        "drawn": anything,
        "graphs": table(fields({"operators": anything})),
    }
)
TASKS = {"model": "samples", "discriminator": "logits"}


def as_npz(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def from_npz(folder: Path) -> Arrays:
    """What check.npz holds; CheckpointError where it is damaged."""
    path = folder / "check.npz"
    with reader.refused(path):
        return npy.arrays(reader.read_whole(path, MOST_CHECK), MOST_CHECK)


def sums_of(written: Mapping[str, Mapping[str, Any]]) -> bytes:
    lines = [f"{about['sha256']}  {name}" for name, about in sorted(written.items())]
    return files.utf8("\n".join(lines) + "\n")


def check_sums(folder: Path) -> int:
    """How many files are as SHA256SUMS says; CheckpointError for one that is not."""
    import hashlib

    if not os.path.lexists(folder / SUMS):
        raise CheckpointError(
            f"{folder} is no exported folder: it has no {SUMS}",
            fix="the folder that `ganzfeld export MODEL --out FOLDER` made",
        )
    with reader.refused(folder / SUMS):
        text = reader.read_whole(folder / SUMS, reader.LINE_BYTES).decode()
    for line in (lines := text.splitlines()):
        expected, _, name = line.partition("  ")
        if Path(name).name != name or not name:
            raise CheckpointError(f"{folder / SUMS} is damaged: {shown(line)}")
        with reader.refused(folder / name), reader.open_regular(folder / name) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise CheckpointError(
                f"{folder} is damaged: {name} does not match its SHA-256",
                fix="copy the folder again from its source",
            )
    return len(lines)


def check_folder(folder: Path) -> dict[str, Found]:
    """Repeat the check of an exported folder from its check.npz, without torch.

    Every file must be as SHA256SUMS has it, the latents and labels as this machine draws them,
    and the graphs' results as PyTorch's were, within the limits of their precision.
    Returns what was measured, by graph. Raises CheckpointError with the reason.
    """
    check_sums(folder)
    about = read_export(folder)
    export = about["export"]
    with reader.refused(folder / "config.json"):
        CHECKED(export, "export")
    held = from_npz(folder)
    names = list(export["graphs"])
    if "model" in names:
        check_inputs(about, held)
    spec = spec_of(about.get("spec"), about.get("shape"))
    kind = modality_of(spec)
    found = {}
    for name, cases in as_cases(held, names).items():
        eight = spec.dtype == "uint8" and name != "discriminator"
        found[name] = check_graph(
            graph_bytes(folder, about, name),
            cases,
            name=export["graphs"][name]["file"],
            precision=export["precision"],
            store=(lambda x: kind.stored(x, spec)) if eight else None,
            operators=export["graphs"][name]["operators"],
        )
    return found


def check_inputs(about: Mapping[str, Any], held: Arrays) -> None:
    """CheckpointError where this machine does not draw the latents and labels in check.npz."""
    inputs, drawn = Inputs(about), about["export"]["drawn"]
    for case, (pairs, labels, std) in drawn.items():
        pairs = [(int(seed), int(index)) for seed, index in pairs]
        for name, value in inputs.of(pairs, labels, std=float(std)).items():
            if not np.array_equal(value, held.get(f"model/{case}/{name}", np.zeros(0))):
                raise refused("model", f"{name} of {case} is not what this machine draws")


def readme(about: Mapping[str, Any], card: str) -> str:
    """README.md: how to run it, what was measured, and the card of the model."""
    front, _, rest = card.removeprefix("---\n").partition("\n---\n")
    front = front.replace("tags: [", "tags: [onnx, ", 1)
    rest = rest.replace("path/to/this/folder", "path/to/the/model/that/was/exported")
    export = about["export"]
    graphs = export["graphs"]
    lines = [f"---\n{front}\n---\n", "# An exported model", "", usage(about), "", "## Graphs", ""]
    for name, graph in graphs.items():
        ins = ", ".join(f"`{k}` {v}" for k, v in graph["inputs"].items())
        lines.append(f"- `{graph['file']}` ({graph['size']:,} bytes): {ins} to "
                     + ", ".join(f"`{k}` {v}" for k, v in graph["outputs"].items()))  # fmt: skip
        if name == "discriminator":
            lines.append("  Higher logits look more real to it.")
    lines += ["", "## Check", "", measured(about), "", rest.lstrip("\n")]
    return "\n".join(lines)


def usage(about: Mapping[str, Any]) -> str:
    if "translators" in about:
        call, what = "python run.py FILE", f"FILE is {run_py.taken(about)}."
        if "channels" in about:
            what += " Images are float32 in [-1, 1], (n, C, h, w), with sides of 8 or more."
    else:
        label = run_py.options(about)
        call = f"python run.py --seed 0 --index 5{label}"
        what = (
            f"`z` are latents by `{about.get('latents', OF_TORCH)}` (docs/latents.md of ganzfeld), "
            "so that sample i of a seed is the one that `ganzfeld sample` draws."
        )
        if symbols_of(about.get("conditions")):
            what += (
                " `caption` are the numbers of its words, 0 behind its end: their places in "
                "`conditions.columns[0].symbols` of config.json. `run.py` splits a text into words "
                "as ganzfeld does."
            )
    return (
        f"Written by ganzfeld {about['export']['ganzfeld']}. It needs numpy and onnxruntime:\n\n"
        f"```sh\npip install numpy onnxruntime\n{call}\n```\n\n{what} The weights are stored in "
        f"{about['export']['precision']}; all is computed in float32."
    )


def measured(about: Mapping[str, Any]) -> str:
    """The check's numbers as a table."""
    rows = [
        "Each graph was run on other samples than it was traced with, in batches of 1, 2, 7, 32 "
        "and 64, and compared with PyTorch. `ganzfeld export --check FOLDER` repeats it from "
        "`check.npz`.\n",
        "| graph | samples | greatest error | 8-bit values that differ |",
        "|---|---|---|---|",
    ]
    for name, graph in about["export"]["graphs"].items():
        found = graph["check"]
        differ = "" if found["differ"] is None else f"{found['differ']:.1e}, by {found['levels']}"
        rows.append(f"| {name} | {found['samples']} | {found['error']:.1e} | {differ} |")
    return "\n".join(rows)


def describe_graph(proto: Any, file: str, written: Mapping[str, Any]) -> dict[str, Any]:
    """What config.json says of a graph but for its check."""
    return {
        "file": file,
        **written,
        "inputs": {one.name: axes_of(one) for one in proto.graph.input},
        "outputs": {one.name: axes_of(one) for one in proto.graph.output},
    }


def axes_of(value: Any) -> str:
    import onnx

    tensor = value.type.tensor_type
    kind = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    kind = {"float": "float32"}.get(kind, kind)
    sides = ", ".join(str(d.dim_param or d.dim_value) for d in tensor.shape.dim)
    return f"{kind} ({sides})"


def note(proto: Any, about: Mapping[str, Any], precision: str) -> None:
    """What a graph says of itself wherever it is copied to."""
    facts = {
        "ganzfeld": about["export"]["ganzfeld"],
        "recipe": about["recipe"],
        "weights_sha256": about["weights"]["sha256"],
        "latents": about.get("latents", ""),
        "classes": json.dumps(about.get("classes", []), ensure_ascii=False),
        "precision": precision,
    }
    if words := symbols_of(about.get("conditions")):
        facts["words"] = json.dumps(words, ensure_ascii=False)
    for key, value in facts.items():
        proto.metadata_props.add(key=key, value=str(value))
