"""The task of captioning: what images show, in words; a model is one writer with its vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ganzfeld.config import Config
from ganzfeld.core.latents import PORTABLE
from ganzfeld.data.conditions import in_words
from ganzfeld.modalities import Spec, modality_of, spec_of
from ganzfeld.models.captioner import Captioner
from ganzfeld.models.task import (
    Task,
    Weights,
    assemble_network,
    described,
    learned_from,
    shipped_of,
    spec_in,
    title_of,
)


class Captioning(Task):
    """Captions "caption" of images "x", by chance; a model is one writer."""

    name = "captioning"
    noun, inputs, title, compared = "Captions", "images", "Caption", False
    command = "caption {} IMAGES --out captions.csv"
    usual = "caption MODEL IMAGES --out captions.csv"

    def specs(self, config: Config) -> dict[str, Spec]:
        data = config.data
        return {"x": spec_of(data.spec, (data.channels or 1, *(data.size or (1, 1))))}

    def parts(self, about: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        return {"": about["writer"]}

    def describe(self, config: Config) -> dict[str, Any]:
        part = config.networks[shipped_of(config)[0]]
        spec = self.specs(config)["x"]
        return {
            "task": self.name,
            "writer": described(config, shipped_of(config)[0]),
            "shape": list(spec.shape),
            "spec": spec.to_json(),
            "latent": int(part.options["longest"]) + 1,
            "latents": config.run.latents or PORTABLE,
            "conditions": config.data.conditions,
        }

    def weights(self, config: Config, average: Mapping[str, Tensor], start: str = "") -> Weights:
        return super().weights(config, average, f"{start}{shipped_of(config)[0]}.")

    def initial(self, about: Mapping[str, Any], weights: Weights) -> Weights:
        return {f"G.{name}": value for name, value in weights.items()}

    def assemble(
        self,
        about: dict[str, Any],
        weights: Weights,
        judge: Weights | None = None,
        *,
        trust_code: bool,
        where: str = "the model",
    ) -> Captioner:
        return Captioner(about, assemble_network(about["writer"], weights, where, spec_in(about)))

    def python(self, about: Mapping[str, Any], load: str, label: str | None) -> str:
        return (
            f"import ganzfeld\nfrom PIL import Image\n\nmodel = {load}\n"
            'print(model.caption(Image.open("image.png"), count=3))'
        )

    def card(self, about: Mapping[str, Any]) -> str:
        data, run, spec = about["training"]["data"], about["training"]["run"], spec_in(about)
        short = data["fingerprint"][:16]
        return f"""---
library_name: ganzfeld
pipeline_tag: image-to-text
tags: [gan, image-to-text]
---

# {title_of(about)}

Says what images show: {modality_of(spec).describe(spec)}. Trained with ganzfeld
{about["version"]}.

```python
{self.python(about, 'ganzfeld.load("path/to/this/folder")', None)}
```

| | |
|---|---|
| data | {data["source"]}, {learned_from(data, "images")}, fingerprint `{short}` |
| captions | {in_words(about["conditions"])} |
| recipe | {about["recipe"]}, seed {run["seed"]}, batch {run["batch_size"]} |
| images seen | {about["images_seen"]:,} |
| latents | {about["latents"]} |

All settings of the training are in `config.json`.

## Limits

It knows the words of its training captions and no others, and says something of every image, also
of one that is unlike all that it was trained on. Captions are drawn by chance and may be wrong.
They are synthetic: say so where they are used.
"""
