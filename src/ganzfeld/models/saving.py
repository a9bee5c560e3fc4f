"""Write samples as files of their kind, each with its mark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganzfeld.core import marks
from ganzfeld.models.draws import Labels
from ganzfeld.models.marking import mark_of, of_model

Model = Any  # a `ganzfeld.Model`, which itself imports this module


def save(
    model: Model, count: int, folder: Path, *, seed: int, labels: Labels, mark: bool
) -> list[Path]:
    """`Model.save`: one file a sample, or one of all where their kind has it; the paths."""
    kind, chunks = model.modality, model.chunks(count, seed=seed, labels=labels)
    if kind.one_file:
        path = folder / f"{seed}{kind.suffix}"
        said = of_model(model, seed=seed, indices=[[0, count - 1]]) if mark else None
        with marks.marking(path, said) as place:
            kind.write((model.store(x) for x in chunks), place, model.spec)
        return [path]
    wanted = model.label_numbers(labels)
    paths: list[Path] = []
    for chunk in chunks:
        for one in model.store(chunk):
            index = len(paths)
            own = model.labels_of([index], seed, wanted) if mark else None
            label = model.classes[own[0]] if own else None
            said = mark_of(model, seed=seed, index=index, label=label) if mark else None
            paths.append(folder / f"{seed}-{index:06d}{kind.suffix}")
            kind.save_marked(one, paths[-1], model.spec, said)
    return paths
