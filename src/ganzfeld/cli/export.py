"""The command that exports a model to what runs without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from ganzfeld.core.language import tell


def export(
    model: Positional[Path | None] = None,
    /,
    *,
    out: Path | None = None,
    to: Literal["onnx"] = "onnx",
    precision: Literal["float32", "float16", "int8"] = "float32",
    with_discriminator: bool = False,
    seeds: int = 64,
    check: Path | None = None,
    which: Literal["best", "last"] = "best",
    trust_code: bool = False,
) -> None:
    """Export a model to ONNX, compared with PyTorch on many samples before it is kept.

    Args:
        model: A run's folder or a model's folder.
        out: A new folder for the graphs, a description, and run.py, which draws without ganzfeld.
        to: onnx: graphs for onnxruntime and others.
        precision: Of the stored weights. float16 halves the file, int8 quarters it.
        with_discriminator: Also export the discriminator, which scores samples.
        seeds: Samples that are compared with PyTorch.
        check: Repeat the check of an exported folder, without PyTorch. Nothing is written.
        which: Of a run. best: the shipped model. last: the newest checkpoint.
        trust_code: Allow the model's own Python code to run.
    """
    from ganzfeld.core.console import Screen
    from ganzfeld.errors import UsageError

    if check is not None:
        if model is not None or out is not None:
            raise UsageError(
                "--check takes an exported folder alone", fix=f"ganzfeld export --check {check}"
            )
        again(check)
        return
    if model is None:
        raise UsageError(
            "which model should be exported?", fix="ganzfeld export runs/NAME --out FOLDER"
        )
    if out is None:
        raise UsageError("where should the export go?", fix="--out FOLDER")
    from ganzfeld.shipping.export import export as write

    screen = Screen()
    done = write(
        model,
        out,
        to=to,
        precision=precision,
        with_discriminator=with_discriminator,
        seeds=seeds,
        which=which,
        trust_code=trust_code,
        say=screen.say,
    )
    for name, found in done.graphs.items():
        file = done.folder / f"{name}.onnx"
        tell(f"{file}: {file.stat().st_size:,} bytes")
        tell(f"{found.samples:,} results compared with PyTorch; greatest error {found.error:.1e}")
    tell(f"exported to {done.folder}; python {done.folder / 'run.py'} draws without ganzfeld")


def again(folder: Path) -> None:
    """Repeat the check of a folder."""
    from ganzfeld.shipping.onnx_folder import check_folder

    for name, found in check_folder(folder).items():
        tell(f"{name}: {found.samples:,} results as they were; greatest error {found.error:.1e}")
    tell(f"{folder} gives what the model gave")
