"""The command that exports a model to what runs without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from ganzfeld.core.language import tell

Precision = Literal["float32", "float16", "int8"]


def export(
    model: Positional[Path | None] = None,
    /,
    *,
    out: Path | None = None,
    to: Literal["onnx", "page"] = "onnx",
    precision: Precision | None = None,
    with_discriminator: bool = False,
    seeds: int = 64,
    check: Path | None = None,
    which: Literal["best", "last"] = "best",
    trust_code: bool = False,
) -> None:
    """Export a model to ONNX or to one HTML page, compared with PyTorch before it is kept.

    Args:
        model: A run's folder or a model's folder.
        out: A new folder for the graphs, a description, and run.py, which draws without ganzfeld;
            or the .html file of a page.
        to: onnx: graphs for onnxruntime and others. page: one file that draws in a browser.
        precision: Of the stored weights. float16 halves the file, int8 quarters it. Default:
            float32, and float16 of a page.
        with_discriminator: Also export the discriminator, which scores samples.
        seeds: Samples that are compared with PyTorch.
        check: Repeat the check of an exported folder, without PyTorch. Nothing is written.
        which: Of a run. best: the shipped model. last: the newest checkpoint.
        trust_code: Allow the model's own Python code to run.
    """
    from ganzfeld.core.console import Screen
    from ganzfeld.core.names import quoted
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
        where = "--out FOLDER" if to == "onnx" else "--out page.html"
        raise UsageError("where should the export go?", fix=where)
    if to == "page":
        page(model, out, precision or "float16", with_discriminator, which, trust_code)
        return
    from ganzfeld.shipping.export import export as write

    if (end := out.suffix.lower()) in (".html", ".htm", ".onnx") and not out.is_dir():
        fixes = {".onnx": f"--out {quoted(out.with_suffix(''))}"}
        raise UsageError(
            f"{out} would be a folder: the graphs, a description and run.py lie in one",
            safe="nothing was written",
            fix=fixes.get(end, f"--to page --out {quoted(out)}"),
        )
    screen = Screen()
    done = write(
        model,
        out,
        to=to,
        precision=precision or "float32",
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
    drawn_by = quoted(done.folder / "run.py")
    tell(f"exported to {done.folder}; python {drawn_by} draws without ganzfeld")


def page(
    model: Path, out: Path, precision: Precision, judge: bool, which: str, trust_code: bool
) -> None:
    """Write the page of a model."""
    from ganzfeld.errors import UsageError
    from ganzfeld.shipping.page import export_page

    if out.suffix.lower() not in (".html", ".htm") or out.is_dir():
        raise UsageError(f"a page is one .html file, not {out}", fix=f"--out {out}.html")
    done = export_page(
        model,
        out,
        precision=precision,
        with_discriminator=judge,
        which=which,
        trust_code=trust_code,
    )
    tell(
        f"{out}: {out.stat().st_size:,} bytes, {done.precision}; {done.compared:,} samples "
        f"compared with PyTorch, greatest difference {done.error:.1e} of their range"
    )
    tell("open it in a browser: it needs no server and no network")


def again(folder: Path) -> None:
    """Repeat the check of a folder."""
    from ganzfeld.shipping.onnx_folder import check_folder

    for name, found in check_folder(folder).items():
        tell(f"{name}: {found.samples:,} results as they were; greatest error {found.error:.1e}")
    tell(f"{folder} gives what the model gave")
