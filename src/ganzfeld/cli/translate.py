"""The command that translates images, sounds or lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from ganzfeld.core.language import tell


def translate(
    model: Positional[Path],
    inputs: Positional[Path],
    /,
    *,
    out: Path,
    to: Literal["a", "b"] | None = None,
    side: int | None = None,
    sheet: Path | None = None,
    dropout: int | None = None,
    part: Literal["auto", "whole", "left", "right"] = "auto",
    mark: bool = True,
    trust_code: bool = False,
) -> None:
    """Translate images, sounds or lines with a run of cyclegan, pix2pix or their kin.

    Images keep their height and width, and files their names.

    Args:
        model: A run's folder or a model's folder.
        inputs: One image, a folder, or a ZIP, of images or sounds; a text file, for a model of
            lines.
        out: Folder for the translations, one PNG or WAV each; a file, for lines.
        to: The target domain. Default: b, or the only one that was learned.
        side: First scale images so that the shorter side has this many pixels.
        sheet: Also write one image with the first 16 inputs beside their translations.
        dropout: Keep dropout on (the noise of pix2pix), with this seed.
        part: Of images that hold a pair side by side, as pix2pix learns from. auto: the half that
            is to be translated, where an image has that shape.
        mark: Say in each file, for machines, that a model made it, and which.
        trust_code: Allow the model's own Python code to run.
    """
    from ganzfeld.cli.drawing import check_picture
    from ganzfeld.errors import UsageError
    from ganzfeld.models import model as generate
    from ganzfeld.models.translating_files import translate_files
    from ganzfeld.models.translator import Translator

    if side is not None and side < 1:
        raise UsageError(f"--side is a number of pixels, not {side}")
    if sheet is not None:
        check_picture(sheet, "--sheet")
    loaded: Any = generate.load(model, task="translation", trust_code=trust_code)
    if not isinstance(loaded, Translator):
        if side is not None or sheet is not None or dropout is not None or part != "auto":
            raise UsageError("--side, --sheet, --dropout and --part are for images")
        count = loaded.translate_files(inputs, out, to=to, mark=mark, say=tell)
        tell(f"{count:,} {loaded.kind.noun} in {out}")
        return
    count = translate_files(
        loaded,
        inputs,
        out,
        to=to,
        side=side,
        sheet=sheet,
        dropout=dropout,
        part=part,
        mark=mark,
        say=tell,
    )
    tell(f"{count:,} images in {out}" + (f", sheet in {sheet}" if sheet else ""))
