"""Commands that measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg


def evaluate(
    model: Positional[str],
    data: Positional[str],
    /,
    *,
    metrics: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    extractor: str | None = None,
    protocol: Literal["tf1", "pytorch-fid", "clean"] | None = None,
    count: int | None = None,
    reference: int | None = None,
    held_out: str | None = None,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Path | None = None,
    quiet: bool = False,
) -> None:
    """Measure a generator, or any folder of pictures, against data.

    Args:
        model: A run's folder, a model's folder, or a folder or ZIP of pictures.
        data: What they should look like, as `train` takes it.
        metrics: Names, such as frechet kernel recall. Default: all that can be had.
        extractor: inception, domain, random, or your own module as file.py:name. Default: domain
            where the labels of the data can be learned, else random.
        protocol: How inception's pictures are resized. Default: tf1.
        count: Pictures to generate. Default: as many as the data, at most 10,000.
        reference: Pictures of the data to compare with. Default: as many as generated.
        held_out: Data that were not trained on, to judge memorisation by.
        seed: Which pictures are generated.
        device: Where to compute.
        json: A file for all results.
        quiet: Print nothing but errors.
    """
    from ganzfeld.checkpoint import as_json, replace
    from ganzfeld.evaluation import evaluate as run_evaluation
    from ganzfeld.metrics.summary import summary
    from ganzfeld.screen import Screen

    screen = Screen(quiet=quiet)
    result = run_evaluation(
        model,
        data,
        metrics=metrics or None,
        extractor=extractor,
        protocol=protocol,
        count=count,
        reference=reference,
        held_out=held_out,
        seed=seed,
        device=device,
        progress=(lambda stage, done, total: None) if quiet else screen.progress,
    )
    if json:
        replace(json, as_json(result))
    for line in summary(result):
        screen.say(line)
