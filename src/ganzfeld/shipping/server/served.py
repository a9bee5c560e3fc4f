"""A model that is served: what it says of itself, and the work that its requests ask for."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganzfeld.core import marks
from ganzfeld.data.conditions import is_captioned
from ganzfeld.data.label_names import class_of
from ganzfeld.errors import GanzfeldError, UsageError
from ganzfeld.modalities import Modality, Spec, captions, modality_of, spec_of
from ganzfeld.shipping.engine import Engine
from ganzfeld.shipping.server.answers import media_of, several, single
from ganzfeld.shipping.server.batching import Wanted
from ganzfeld.shipping.server.problem import Problem

SIGNATURES = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"RIFF": "WEBP"}
TOLD = ("names", "mean", "deviation", "step")  # of a `Spec.extra`: what charts are drawn by
MOVING = ["webp", "gif", "png"]
Breathe = Callable[[], None]


class Served:
    """A model by its name in addresses.

    engine: draws samples; None where the model translates or captions. model: as PyTorch has it,
    for scores, interpolations, translations and captions; None without PyTorch.
    """

    def __init__(self, name: str, about: Mapping[str, Any], engine: Engine | None, model: Any):
        self.name, self.about, self.engine, self.model = name, about, engine, model
        shape = about.get("shape")
        if "channels" in about:  # of a translator of images
            shape = [about["channels"]["a"], *about["size"]]
        self.spec: Spec = spec_of(about.get("spec"), shape)
        self.kind: Modality = modality_of(self.spec)
        self.classes: list[str] = list(about.get("classes", []))
        self.conditions: list[str] = list((about.get("conditions") or {}).get("names", []))
        self.captioned = is_captioned(about.get("conditions"))
        self.weights = self.hash()
        self.revision = self.weights[:16]
        self.networks: Mapping[str, Any] = getattr(model, "networks", None) or {}
        self.judged = getattr(model, "discriminator", None) is not None
        self.writes = about.get("task") == "captioning"
        self.moves = self.kind.draws and hasattr(model, "generator") and not self.writes
        self.finds = self.moves and not about.get("conditions")  # images in its latent space
        self.first = b""  # SHA-256 of the first sample, once it was drawn

    def hash(self) -> str:
        if self.model is not None:
            from ganzfeld.models.marking import weights_of

            return weights_of(self.model)
        return str(self.about["weights"]["sha256"])

    @property
    def needs(self) -> frozenset[str]:
        """The kind of sample and the task, by which the app knows how to show them."""
        found = {"projection"} if self.finds else set()
        return frozenset({self.kind.name, self.about.get("task", "generation"), *found})

    @property
    def asked(self) -> str:
        """What to ask of it, behind its name in an address."""
        if self.engine is not None:
            return "sample?seed=1"
        return "captions" if self.writes else "translation"

    def describe(self) -> dict[str, Any]:
        """As GET /v1/models has it."""
        draws = self.engine is not None
        return {
            "name": self.name,
            "task": self.about.get("task", "generation"),
            "modality": self.kind.name,
            "noun": "captions" if self.writes else self.kind.noun,
            "one": "caption" if self.writes else self.kind.one,
            "recipe": self.about.get("recipe"),
            "shape": list(self.spec.shape),
            "classes": self.classes,
            "conditions": [] if self.captioned else self.conditions,
            "captions": self.writes,
            "text": self.captioned and draws,
            "extra": {name: self.spec.extra[name] for name in TOLD if name in self.spec.extra},
            "latent": self.about.get("latent"),
            "latents": self.about.get("latents"),
            "weights": self.weights,
            "revision": self.revision,
            "license": self.about.get("license"),
            "engine": self.engine.name if self.engine is not None else "torch",
            "media_type": media_of(self.kind.suffix[1:]),
            "formats": {
                "sample": single(self.kind) if draws else [],
                "samples": several(self.kind) if draws else [],
                "interpolation": MOVING if self.moves else [],
            },
            "score": self.judged,
            "projection": self.finds,
            "directions": [{"from": way[0], "to": way[1]} for way in self.networks],
            "size": self.about.get("size"),
        }

    # Requests for samples

    def wanted(self, given: Mapping[str, Any], index: int, label: str | None) -> Wanted:
        """One sample of a request. Problem 422 for what the model does not have."""
        assert self.engine is not None
        numbers = given.get("numbers")
        if label is not None:
            label = self.label(label)
        if given.get("text") is not None:
            numbers = self.row_of_text(given["text"], numbers)
        elif numbers:
            self.check_numbers(numbers)
        return Wanted(given["seed"], index, label, numbers or None, given["std"], given["mean"])

    def settle(self, given: dict[str, Any]) -> None:
        """A class among the numbers of a request becomes its label. Problem 422 for two of them."""
        try:
            name, left = class_of(self.about, given["numbers"] or {})
        except UsageError as error:
            raise Problem(422, error.what, field="numbers") from error
        if name is None:
            return
        if given["labels"]:
            raise Problem(422, "labels and numbers both name the class", field="numbers")
        given["labels"], given["numbers"] = [self.label(name)], left

    def label(self, label: str) -> str:
        """The name of a class by its name or number."""
        assert self.engine is not None
        if not self.classes:
            raise Problem(422, "this model has no classes", field="label", fix="leave it out")
        try:
            return self.classes[self.engine.inputs.label_number(label)]
        except UsageError as error:
            raise Problem(422, error.what, field="label") from error

    def row_of_text(self, text: str, numbers: Any = None) -> list[float]:
        """A caption as the network takes it. Problem 422 for words that it does not know."""
        if not self.captioned or numbers:
            told = "this model takes no text" if not numbers else "either numbers or a text"
            raise Problem(422, told, field="text", fix="leave it out")
        from ganzfeld.modalities import captions

        try:
            row = captions.asked(text, self.about["conditions"]["columns"][0])
        except GanzfeldError as error:
            raise Problem(422, error.what, field="text") from error
        return [float(value) for value in row]

    def check_numbers(self, numbers: Mapping[str, Any]) -> None:
        assert self.engine is not None
        try:
            self.engine.inputs.of([(0, 0)], None, [numbers])
        except GanzfeldError as error:
            raise Problem(422, error.what, field="numbers") from error

    def marks_of(self, wanted: list[Wanted]) -> list[marks.Mark]:
        """The mark of each sample: what `ganzfeld sample` writes into its file."""
        assert self.engine is not None
        inputs = self.engine.inputs
        found = []
        for one in wanted:
            label, numbers, caption = one.label, None, None
            if label is None and self.classes:
                label = self.classes[int(inputs.labels_of([one.seed], [one.index], [None])[0])]
            if self.conditions:
                row = inputs.numbers_of([one.seed], [one.index], [one.numbers])[0]
                numbers = [float(value) for value in row]
                if self.captioned:
                    symbols = list(inputs.conditions["columns"][0]["symbols"])
                    caption = captions.decode(row, symbols)
            found.append(
                marks.new(
                    model=self.weights,
                    recipe=self.about.get("recipe"),
                    latents=inputs.latents,
                    mean=one.mean,
                    std=one.std,
                    seed=one.seed,
                    index=one.index,
                    label=label,
                    numbers=numbers,
                    caption=caption,
                )
            )
        return found

    def mark_of_many(self, wanted: list[Wanted], **says: Any) -> marks.Mark:
        first = wanted[0]
        return marks.new(
            model=self.weights,
            recipe=self.about.get("recipe"),
            mean=first.mean,
            std=first.std,
            seed=first.seed,
            indices=marks.ranges([one.index for one in wanted]),
            **says,
        )

    # Calls: each works in the thread that draws, and lets others have a turn by `breathe`

    def best(self, given: Mapping[str, Any], breathe: Breathe) -> Any:
        """`models.rank.best` of a request for samples: samples, numbers and scores."""
        from ganzfeld.models.rank import best

        rows = None
        if given.get("text") is not None:
            rows = [self.row_of_text(given["text"])]
        elif given.get("numbers"):
            rows = self.model.given(given["numbers"], given["count"], seed=given["seed"])
        return best(
            self.model,
            given["count"],
            of=given["of"],
            seed=given["seed"],
            start=given["start"],
            labels=[self.label(one) for one in given["labels"] or []] or None,
            mean=given["mean"],
            std=given["std"],
            numbers=rows,
            progress=lambda stage, done, total: breathe(),
        )

    def between(self, given: Mapping[str, Any], breathe: Breathe) -> bytes:
        """An animation, or a strip, from one seed's first sample to the next."""
        from ganzfeld.modalities.image import animation, draw
        from ganzfeld.models import interpolate
        from ganzfeld.models.marking import of_model

        drawn = []
        for chunk in interpolate.frames(
            self.model,
            given["seeds"],
            per_leg=given["frames"],
            loop=given["loop"],
            label=given["label"],
        ):
            drawn.append(draw.to_pixels(chunk))
            breathe()
        pixels = np.concatenate(drawn)
        says = {name: given[name] for name in ("seeds", "frames", "label")}
        mark = of_model(self.model, indices=[[0, 0]], **says)
        if given["format"] == "png":
            data = draw.image_bytes(draw.grid(pixels, given["frames"]))
        else:
            shown = [
                draw.on_white(animation.enlarged(draw.to_image(one))).convert("RGB")
                for one in pixels
            ]
            buffer, each = io.BytesIO(), round(1000 / 12)
            options = {"quality": 90, "method": 2} if given["format"] == "webp" else {}
            shown[0].save(
                buffer,
                given["format"].upper(),
                save_all=True,
                append_images=shown[1:],
                duration=each,
                loop=0,
                **options,
            )
            data = buffer.getvalue()
        return marks.stamp(data, mark) or data

    def kind_of_images(self) -> None:
        """Problem 404 where samples are no images."""
        if not self.kind.draws:
            raise Problem(404, f"only images are scored here, and these are {self.kind.noun}")

    def score(self, data: bytes, label: str | None, pixels: int) -> float:
        """The discriminator's logit of an image in the model's size."""
        return float(self.model.score(self.decoded(data, pixels), label)[0])

    def decoded(self, data: bytes, pixels: int) -> Any:
        """An image from outside as the network takes it, (1, C, H, W), cut to the model's size.

        pixels: of the image, at most. Problem and BadPicture for what cannot be used.
        """
        import torch

        from ganzfeld.modalities.image.codec import Target, decode

        check_image(data, pixels)
        channels, height, width = self.spec.shape
        target = Target(
            height=height,
            width=width,
            channels=channels,
            alpha="white" if channels in (1, 3) else "keep",
            max_megapixels=pixels / 1e6,
        )
        found = torch.from_numpy(decode(data, target).pixels[None])
        return self.kind.to_network(found, self.spec)

    def digest(self, rows: NDArray[Any], drawn: Any = None) -> bytes:
        """What tells samples apart: a hash of their bits."""
        return hashlib.sha256(np.ascontiguousarray(rows).tobytes()).digest()


def check_image(data: bytes, pixels: int) -> None:
    """Problem where bytes are no PNG, JPEG or WebP of one frame and so few pixels. Looks at the
    header only: nothing is decoded."""
    kind = next((name for start, name in SIGNATURES.items() if data.startswith(start)), None)
    if kind is None or (kind == "WEBP" and data[8:12] != b"WEBP"):
        raise Problem(415, "the body is no PNG, JPEG or WebP", fix="send the file as it is")
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None  # ours follows at once, and names the size
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            width, height = image.size
            frames = int(getattr(image, "n_frames", 1))
    except Exception as error:  # each decoder has errors of its own
        raise Problem(422, f"the body is a damaged {kind}") from error
    finally:
        Image.MAX_IMAGE_PIXELS = before
    if width * height > pixels:
        raise Problem(
            413,
            f"the image has {width * height:,} pixels, and this server takes {pixels:,}",
            fix="make it smaller",
        )
    if frames > 1:
        raise Problem(422, f"the image has {frames:,} frames: send one", fix="a still image")


def load(
    name: str, path: str, *, engine: str = "auto", threads: int = 1, trust_code: bool = False
) -> Served:
    """A run's or a model's folder, an exported one, or hub:USER/NAME, ready to serve.

    engine: "torch", "onnx", or "auto": what the folder is made for. UsageError where it is not.
    """
    from ganzfeld.shipping import engine as engines

    folder = Path(path)
    exported = not path.startswith("hub:") and is_export(folder)
    if engine == "onnx" and not exported:
        raise UsageError(
            f"{path} is no exported model, which --engine onnx needs",
            fix=f"ganzfeld export {path} --to onnx --out FOLDER, and serve FOLDER",
        )
    if exported and engine == "torch":
        raise UsageError(
            f"{path} is an exported model, and --engine torch needs one as it was trained",
            fix="--engine auto, or the folder of its run",
        )
    if exported:
        onnx = engines.OnnxEngine(folder, threads=threads)
        return Served(name, onnx.about, onnx, None)
    import torch

    from ganzfeld.models.captioner import Captioner
    from ganzfeld.models.model import load as load_model

    torch.set_num_threads(threads)
    model = load_model(path, trust_code=trust_code)
    own = hasattr(model, "generator") and not isinstance(model, Captioner)
    draws = engines.TorchEngine(model) if own else None
    return Served(name, model.about, draws, model)


def is_export(folder: Path) -> bool:
    from ganzfeld.core import reader
    from ganzfeld.errors import CheckpointError

    try:
        about = reader.read_json(folder / "config.json")
    except CheckpointError:
        return False
    return isinstance(about, dict) and "export" in about
