"""The command that says what images show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tyro.conf import Positional

from ganzfeld.core.language import tell


def caption(
    model: Positional[Path],
    images: Positional[Path],
    /,
    *,
    out: Path | None = None,
    count: int = 1,
    seed: int = 0,
    temperature: float = 1.0,
    mark: bool = True,
    trust_code: bool = False,
) -> None:
    """Write captions of images with an image-to-text run, as CSV.

    A caption depends on the seed, its number and the image alone.

    Args:
        model: A run's folder or a model's folder.
        images: One image, a folder, or a ZIP.
        out: A CSV file with the columns file and caption, and index where --count is above 1.
            Default: print it.
        count: Captions of each image.
        seed: Seed of the captions.
        temperature: Below 1, likely words become likelier, and captions more alike.
        mark: Say in a file beside the CSV, for machines, that a model made it, and which.
        trust_code: Allow the model's own Python code to run.
    """
    from ganzfeld.core import border
    from ganzfeld.models import model as generate
    from ganzfeld.models.captioner import HOTTEST, MOST
    from ganzfeld.models.captioning_files import caption_files, need_free

    border.whole(count, "--count", 1, MOST)
    border.whole(seed, "--seed", 0, border.MOST_SEED)
    border.real(temperature, "--temperature", 0, HOTTEST, above=True)
    if out is not None:
        need_free(images, out)
    loaded: Any = generate.load(model, task="captioning", trust_code=trust_code)
    caption_files(
        loaded, images, out, count=count, seed=seed, temperature=temperature, mark=mark, say=tell
    )
