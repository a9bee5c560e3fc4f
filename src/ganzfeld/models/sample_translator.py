"""Translate samples of any kind but images with a trained model: lines into lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ganzfeld.core import marks
from ganzfeld.core.device import torch_device
from ganzfeld.core.names import capped, shown
from ganzfeld.data.adopting import as_spec
from ganzfeld.data.alike import titles_of
from ganzfeld.data.options import PackOptions
from ganzfeld.data.pack import open_pack
from ganzfeld.errors import DataError
from ganzfeld.modalities import Spec, modality_of
from ganzfeld.models.marking import of_translation
from ganzfeld.models.translating_files import need_apart
from ganzfeld.models.translator import way_to

CHUNK = 64  # samples at a time


class SampleTranslator:
    """Trained translators of samples that all lie alike, ready to use.

    about: the content of the model folder's config.json.
    networks: by direction, such as {"ab": ..., "ba": ...}.
    spec: how samples of both domains lie.

    Example::

        import ganzfeld

        ganzfeld.train("cipher:200", recipe="text-cyclegan", images=64, out="runs/cipher",
                       quiet=True)
        model = ganzfeld.load("runs/cipher", task="translation")
        print(model.translate(["a_cat_sleeps"]))
    """

    def __init__(self, about: dict[str, Any], networks: Mapping[str, nn.Module], spec: Spec):
        self.about, self.spec = about, spec
        self.kind = modality_of(spec)
        self.networks = {way: n.eval().requires_grad_(False) for way, n in networks.items()}

    def to(self, device: str | torch.device) -> SampleTranslator:
        """The model itself, its networks moved to a device: "auto", "cpu", "cuda" or "mps"."""
        where = torch_device(device)
        for network in self.networks.values():
            network.to(where)
        return self

    def way(self, to: str | None) -> str:
        """The direction that leads to a domain: "ab" for "b"."""
        return way_to(self.networks, to)

    def translate(self, samples: Any, *, to: str | None = None) -> Any:
        """Samples in the other domain, as those that went in: a list of lines, or an array.

        A translation depends on its own sample alone, whatever is translated with it.

        samples: a list of lines, of text; or stored samples (N, ...) as `spec` says.
        to: "b" or "a"; by default b, or the only one that was learned.

        Raises UsageError where that direction was not learned, DataError for a sample that the
        model cannot read, such as a line with a letter that it has never seen.
        """
        stored = self.kind.from_python(samples, self.spec)
        found = list(self.blocks(stored, self.way(to)))
        done = np.concatenate(found) if found else stored
        return self.kind.to_python(done, self.spec, like=samples)

    @torch.inference_mode()
    def blocks(self, stored: NDArray[Any], way: str) -> Iterator[NDArray[Any]]:
        """Translations of stored samples, some at a time."""
        network = self.networks[way]
        device = next(network.parameters()).device
        # in batches of one size, which may decide the last bits: maps alone, lines filled up
        size = CHUNK if len(self.spec.shape) == 1 else 1
        for start in range(0, len(stored), size):
            rows = np.asarray(stored[start : start + size])
            block = torch.from_numpy(np.resize(rows, (size, *rows.shape[1:]))).to(device)
            x = self.kind.to_network(block, self.spec)
            yield self.kind.to_store(network(self.kind.arrange(x)), self.spec)[: len(rows)]

    def translate_files(
        self,
        source: Path,
        out: Path,
        *,
        to: str | None = None,
        mark: bool = True,
        say: Callable[[str], None] = lambda text: None,
    ) -> int:
        """Write the translation of each sample of a source, and say how many there are.

        out: a file, where samples of this kind are in one, such as lines of text; else a folder,
            in which each has the name of its file, or its number where it has none.
        mark: the files say that a model made them, within or beside them (`ganzfeld.core.marks`).
        """
        way = self.way(to)
        need_apart(source, out)
        options = PackOptions(modality=self.spec.modality, labels="none", least=1)
        pack = open_pack(source, options)
        if lacking := self.kind.foreign(pack.spec, self.spec):
            raise DataError(
                f"{shown(str(source))} holds {', '.join(capped(lacking, 8))}, which the model has "
                "never seen",
                safe="nothing was written",
                fix="leave it out of these, or train on data that have it",
            )
        if left := len(pack.report["skipped"]):
            say(f"note: {left:,} {self.kind.noun} that cannot be read are left out")
        pack = as_spec(pack, self.spec)

        def translated() -> Iterator[NDArray[Any]]:
            for start in range(0, len(pack), CHUNK):
                rows = pack.rows(np.arange(start, min(start + CHUNK, len(pack))))["x"]
                yield from self.blocks(rows, way)

        own = of_translation(self, way[1]) if mark else None
        if self.kind.one_file:
            with marks.marking(out, own) as place:
                self.kind.write(translated(), place, self.spec)
        else:
            names = names_of(source, options, len(pack))
            for name, sample in zip(names, chain.from_iterable(translated()), strict=True):
                self.kind.save_marked(sample, out / f"{name}{self.kind.suffix}", self.spec, own)
        return len(pack)


def names_of(source: Path, options: PackOptions, count: int) -> list[str]:
    """What translations are called, with their sub-folders; no two alike."""
    titles = titles_of(source, options)
    if len(titles) != count:
        return [f"{number:05d}" for number in range(count)]
    short = [title.rpartition(".")[0] or title for title in titles]
    several = Counter(short)
    return [title if several[name] > 1 else name for title, name in zip(titles, short, strict=True)]
