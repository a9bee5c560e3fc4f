"""The task of translation: samples of one domain from those of another, with pairs or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganzfeld.config import Config
from ganzfeld.modalities import Spec, spec_of
from ganzfeld.models.task import Task, Weights, assemble_network, described, game_of
from ganzfeld.models.translator import Translator


class Translation(Task):
    """Samples "b" from samples "a", or back; a model is one translator a direction."""

    name = "translation"
    noun, inputs, title, compared = "Translations", "inputs", "Translate", False
    command = "translate {} PICTURES --out translated --sheet sheet.png"
    usual = (
        "translate MODEL PICTURES --out FOLDER; how far translations are from the truth is in its "
        "run's metrics.jsonl and report.html"
    )

    def specs(self, config: Config) -> dict[str, Spec]:
        data = config.data
        a = spec_of(data.spec, (data.channels or 1, *(data.size or (1, 1))))
        return {"a": a, "b": Spec(a.modality, (data.channels_b or 1, *a.shape[1:]), a.dtype)}

    def parts(self, about: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        return {f"{one['network']}.": one["part"] for one in about["translators"].values()}

    def describe(self, config: Config) -> dict[str, Any]:
        directions = directions_of(config)
        return {
            "task": self.name,
            "translators": {
                way: {"network": name, "part": described(config, name)}
                for way, name in directions.items()
            },
            "channels": {"a": config.data.channels, "b": config.data.channels_b},
            "size": config.data.size,
            "spec": self.specs(config)["a"].to_json(),
        }

    def assemble(
        self,
        about: dict[str, Any],
        weights: Weights,
        judge: Weights | None = None,
        *,
        trust_code: bool,
        where: str = "the model",
    ) -> Translator:
        networks = {}
        spec = spec_of(about.get("spec"), (about["channels"]["a"], *about["size"]))
        for way, one in about["translators"].items():
            start = f"{one['network']}."
            own = {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}
            networks[way] = assemble_network(one["part"], own, where, spec)
        return Translator(about, networks)

    def python(self, about: Mapping[str, Any], load: str, label: str | None) -> str:
        return (
            f"import ganzfeld\nfrom PIL import Image\n\nmodel = {load}\n"
            'model.translate(Image.open("picture.png")).show()'
        )

    def card(self, about: Mapping[str, Any]) -> str:
        data, run = about["training"]["data"], about["training"]["run"]
        height, width = about["size"]
        ways = " and ".join(f"{way[0]} to {way[1]}" for way in about["translators"])
        first = next(iter(about["translators"]))
        return f"""---
library_name: ganzfeld
pipeline_tag: image-to-image
tags: [gan, image-to-image]
---

# {data["source"]} by {about["recipe"]}

Translates images from {ways}: {about["channels"]["a"]} and {about["channels"]["b"]} channel(s),
any height and width; trained on {height}x{width} pixels with ganzfeld {about["version"]}.

```python
import ganzfeld
from PIL import Image

model = ganzfeld.load("path/to/this/folder")
model.translate(Image.open("picture.png"), to="{first[1]}").show()
```

| | |
|---|---|
| data | {data["source"]}, {data["samples"]:,} {data["kind"]} |
| fingerprint | `{data["fingerprint"][:16]}` |
| recipe | {about["recipe"]}, seed {run["seed"]}, batch {run["batch_size"]} |
| images seen | {about["images_seen"]:,} |
| weights | exponential moving average |

All settings of the training are in `config.json`.

## Limits

It invents what the input does not say, in the manner of its training images and with their
biases. Its images are synthetic: say so where they are used.
"""


def directions_of(config: Config) -> dict[str, str]:
    """The networks that translate, by direction."""
    return dict(game_of(config).directions) or {config.game.options["direction"]: "G"}
