"""Measure a model that captions images: what can be said of any, and the truth of avatars."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganzfeld.core.names import shown
from ganzfeld.core.optimizers import AdamW
from ganzfeld.core.randomness import key, numpy_generator
from ganzfeld.data import captions as captions_
from ganzfeld.data import held
from ganzfeld.data.avatars.parsing import parse
from ganzfeld.data.candidates import AS_TEXT, holds_words
from ganzfeld.data.pack import Pack, PackOptions, open_pack
from ganzfeld.data.request import understood
from ganzfeld.errors import DataError, UsageError
from ganzfeld.games.caption_terms import contrast
from ganzfeld.metrics import caption_truth
from ganzfeld.metrics.learning import Progress, same_everywhere
from ganzfeld.metrics.text_metrics import JUDGE, ORDERS, text_metrics
from ganzfeld.modalities.captions import decode, encode
from ganzfeld.models.captioner import Captioner
from ganzfeld.models.open import opened as opened_before
from ganzfeld.networks.caption_readers import CaptionEncoder
from ganzfeld.networks.captions import ImageEncoder
from ganzfeld.version import __version__

COUNT, LEAST = 2_000, 16  # images that are captioned, and the fewest that say anything
AMONG = 100  # captions, of which one is the image's own
STEPS, BATCH = 400, 64  # of the encoders that judge which caption belongs to an image
SEED = 303  # of these


def misplaced(option: str) -> UsageError:
    """What to say where an option of images' metrics is given."""
    return UsageError(
        f"{option} is for models that draw samples, and this one captions images",
        safe="nothing was measured",
        fix="ganzfeld evaluate MODEL DATA, with --count and --seed alone",
    )


def measure(
    model: Captioner,
    data: Any,
    *,
    count: int | None = None,
    seed: int = 0,
    progress: Progress,
    temperature: float = 1.0,
    on_bad_image: str | None = None,
) -> dict[str, Any]:
    """Captions of the data's images, one each, beside the images' own captions ("real data").

    Of data that the model was trained on, only images that were held out are captioned.

    f1, f1_new, precision_said, grammatical, wording, vocabulary: where the captions of the data
        are of the grammar of avatars, on as many avatars of which all is known; see
        `caption_truth.scores`.
    js_n, forward, reverse, distinct, novel: of words, as for text; see `text_metrics`.
    r_precision: share of the images whose caption is the likeliest of 100 by a pair of encoders
        that learned from the data's images and captions, not from the model.
    """
    pack = opened(model, data, progress, on_bad_image)
    own, others = rows_of(model, pack)
    own = own[: min(count or COUNT, COUNT)]
    if len(own) < LEAST:
        raise DataError(
            f"{len(own):,} images with captions are too few to measure anything: {LEAST} or more"
        )
    rows = pack.rows(own)
    said: list[str] = []
    for start in range(0, len(own), 64):
        part = rows["x"][start : start + 64]
        said += [one for (one,) in model.caption(part, seed=seed, temperature=temperature)]
        progress("captions", len(said), len(own))
    real = [decode(row, model.symbols) for row in rows["caption"].tolist()]
    length = rows["caption"].shape[1]
    tokens = encode(said, model.symbols, length)
    training = pack.rows(others[:20_000])["caption"]
    found: dict[str, Any] = {"count": len(own), "vocabulary": len(set(tokens[tokens > 0]))}
    theirs: dict[str, Any] = {"vocabulary": len(set(rows["caption"][rows["caption"] > 0]))}
    of_text = text_metrics(
        tokens, training.astype(np.int16), rows["caption"].astype(np.int16),
        symbols=len(model.symbols),
    )  # fmt: skip
    for name in (*(f"js_{n}" for n in ORDERS), "forward", "reverse", "distinct"):
        found[name], theirs[name] = of_text[name], of_text[f"{name}_floor"]
    found["novel"] = of_text["novel"]
    if len(own) >= AMONG and len(others) >= AMONG:
        net = Judges(model, pack, others, progress)
        found["r_precision"] = net.precision(rows["x"], said)
        theirs["r_precision"] = net.precision(rows["x"], real)
    if by_grammar(real):
        ours, truth = of_avatars(model, len(own), seed, temperature)
        found, theirs = found | ours, theirs | truth
    return {
        **found,
        "real": theirs,
        "real_count": [len(own), len(others)],
        "real_from": "captions",
        "protocol": protocol(pack, len(own), seed, temperature),
        "warnings": [],
    }


def opened(
    model: Captioner, data: Any, progress: Progress, on_bad_image: str | None = None
) -> Pack:
    """The data in the model's size, with captions in its words."""
    trained = model.about.get("training", {}).get("data", {})
    channels, height, width = model.shape
    read = understood(trained) if trained else {}
    about = dict(model.about["conditions"]["columns"][0])
    told = str(read.get("labels", ""))
    read |= {"labels": told if told.startswith(AS_TEXT) else "none"}
    read |= {"size": (height, width), "channels": channels}
    read |= {"modality": model.spec.modality, "alpha": model.alpha}
    read |= {"on_bad_image": on_bad_image or trained.get("on_bad_image")}
    there = opened_before(data)
    bare = there or open_pack(data, PackOptions(**read), progress=progress)
    column = bare.columns.get(about["name"])
    if column is not None and column.spec.modality == "several" and there is None:
        read |= {"labels": f"{AS_TEXT}{about['name']}"}
        bare = open_pack(data, PackOptions(**read), progress=progress)
        column = bare.columns[about["name"]]
    if column is None or column.spec.modality == "several" or not holds_words(column.spec):
        raise DataError(
            f"the data have no captions in a column {shown(about['name'])}, from which the model "
            "learned",
            safe="nothing was measured",
            fix="a metadata.csv with that column beside the images",
        )
    return captions_.Captioned(bare, about)


def rows_of(model: Captioner, pack: Pack) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that are captioned, and rows that judges learn from; they share none."""
    trained = model.about.get("training", {}).get("data", {})
    if trained.get("fingerprint") == pack.fingerprint and trained.get("held_out"):
        own = held.held_rows(pack, trained["held_out"])
    else:
        mixed = numpy_generator("captions", len(pack)).permutation(len(pack))
        own = mixed[: max(len(pack) // 2, 1)]
    return own, np.setdiff1d(np.arange(len(pack)), own)


def by_grammar(real: list[str]) -> bool:
    """Whether captions are of the grammar of avatars."""
    return all(parse(line) is not None for line in real[:100])


def of_avatars(
    model: Captioner, count: int, seed: int, temperature: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Numbers of captions of avatars of which all is known, and of true captions."""

    def write(images: NDArray[np.uint8]) -> list[str]:
        return [one for (one,) in model.caption(images, seed=seed, temperature=temperature)]

    _, height, width = model.shape
    told = caption_truth.report(write, (height, width), count=count)
    both = []
    for who in ("model", "true"):
        seen = told["seen"][who]
        one = {name: seen[name] for name in ("f1", "grammatical", "wording", "vocabulary")}
        both.append(one | {"f1_new": told["new"][who]["f1"], "precision_said": seen["precision"]})
    both[0]["wording_worst"] = told["seen"]["model"]["wording_worst"]
    both[0]["by_attribute"] = told["seen"]["model"]["by_attribute"]
    return both[0], both[1]


def protocol(pack: Pack, count: int, seed: int, temperature: float) -> dict[str, Any]:
    """All that the numbers depend on but the model."""
    library = f"ganzfeld {__version__}"
    about = {
        "extractor": "captions",
        "generated": count,
        "reference": count,
        "data": pack.fingerprint,
        "seed": seed,
        "temperature": temperature,
        "judges": [AMONG, STEPS, BATCH, SEED, JUDGE],
        "library": library,
    }
    words = ["captions", f"n{count}", f"temperature {temperature:g}"]
    words += [f"data {pack.fingerprint[:8]}", f"seed {seed}", library]
    digest = f"{key(json.dumps(about, sort_keys=True)):016x}"
    return {"id": f"{' / '.join(words)} / {digest[:8]}", "protocol": None, **about}


class Judges:
    """A pair of encoders that learned which captions belong to which images of the data."""

    def __init__(
        self, model: Captioner, pack: Pack, rows: NDArray[np.int64], progress: Progress
    ) -> None:
        self.model = model
        self.length = int(model.about["conditions"]["columns"][0]["length"])
        with same_everywhere("caption judges"):
            self.text = CaptionEncoder(len(model.symbols))
            self.image = ImageEncoder(model.shape, width=32)
            self.learn(pack, rows, progress)
        self.text.eval()
        self.image.eval()

    def learn(self, pack: Pack, rows: NDArray[np.int64], progress: Progress) -> None:
        parameters = [*self.text.parameters(), *self.image.parameters()]
        optimiser = AdamW(parameters, lr=2e-3, weight_decay=0.01)
        order = numpy_generator(SEED, len(rows))
        size = min(BATCH, len(rows))
        for step in range(STEPS):
            part = pack.rows(rows[order.choice(len(rows), size, replace=False)])
            own = torch.from_numpy(part["caption"])
            vectors = self.image(self.ready(part["x"])), self.text(own)
            loss = torch.stack(contrast(*vectors, own, None, 0.1)).sum()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            progress("training the judge of captions", step + 1, STEPS)

    def ready(self, images: NDArray[np.uint8]) -> torch.Tensor:
        kind, spec = self.model.kind, self.model.spec
        return kind.arrange(kind.to_network(torch.from_numpy(np.ascontiguousarray(images)), spec))

    @torch.no_grad()
    def precision(self, images: NDArray[np.uint8], lines: list[str]) -> float:
        """Share of the images whose own caption is the likeliest of AMONG (Xu et al. 2018)."""
        tokens = encode(lines, self.model.symbols, self.length).astype(np.int64)
        said = self.text(torch.from_numpy(tokens))
        vectors = torch.cat([
            self.image(self.ready(images[i : i + 256])) for i in range(0, len(images), 256)
        ])  # fmt: skip
        order = numpy_generator("r-precision", len(lines))
        right = 0
        for row, own in enumerate(lines):
            mixed = order.permutation(len(lines))[: 2 * AMONG].tolist()
            others = [i for i in mixed if i != row and lines[i] != own][: AMONG - 1]
            right += int((said[[row, *others]] @ vectors[row]).argmax() == 0)
        return right / len(lines)
