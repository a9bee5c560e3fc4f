"""The task of translation: samples of one domain from those of another, with pairs or without."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzfeld.config import Config
from ganzfeld.core.names import quoted
from ganzfeld.core.trust import trust
from ganzfeld.modalities import Spec, modality_of, spec_of
from ganzfeld.models.sample_translator import SampleTranslator
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
        if not modality_of(a).rescaled:
            return {"a": a, "b": a}
        return {"a": a, "b": Spec(a.modality, (data.channels_b or 1, *a.shape[1:]), a.dtype)}

    def parts(self, about: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        return {f"{one['network']}.": one["part"] for one in about["translators"].values()}

    def describe(self, config: Config) -> dict[str, Any]:
        directions, data = directions_of(config), config.data
        spec = self.specs(config)["a"]
        channels = {"a": data.channels, "b": data.channels_b}
        sides = {"channels": channels, "size": data.size}
        return {
            "task": self.name,
            "translators": {
                way: {"network": name, "part": described(config, name)}
                for way, name in directions.items()
            },
            "spec": spec.to_json(),
            **(sides if modality_of(spec).rescaled else {}),
        }

    def assemble(
        self,
        about: dict[str, Any],
        weights: Weights,
        judge: Weights | None = None,
        *,
        trust_code: bool,
        where: str = "the model",
    ) -> Translator | SampleTranslator:
        networks = {}
        spec = spec_from(about)
        for way, one in about["translators"].items():
            start = f"{one['network']}."
            own = {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}
            networks[way] = assemble_network(one["part"], own, where, spec)
        if not modality_of(spec).rescaled:
            return SampleTranslator(about, networks, spec)
        return Translator(about, networks)

    def next_command(self, config: Config, folder: Path, label: str | None = None) -> str:
        kind = modality_of(self.specs(config)["a"])
        if kind.rescaled:
            return super().next_command(config, folder, label)
        suffix = kind.sheet_suffix if kind.one_file else ""
        given = f"{kind.noun}{suffix} --out translated{suffix}"
        return f"ganzfeld translate {quoted(folder)} {given}{trust(config)}"

    def python(self, about: Mapping[str, Any], load: str, label: str | None) -> str:
        if not modality_of(spec_from(about)).rescaled:
            return f"import ganzfeld\n\nmodel = {load}\ntranslated = model.translate(samples)"
        return (
            f"import ganzfeld\nfrom PIL import Image\n\nmodel = {load}\n"
            'model.translate(Image.open("picture.png")).show()'
        )

    def card(self, about: Mapping[str, Any]) -> str:
        data, run = about["training"]["data"], about["training"]["run"]
        spec = spec_from(about)
        kind = modality_of(spec)
        ways = " and ".join(f"{way[0]} to {way[1]}" for way in about["translators"])
        first = next(iter(about["translators"]))
        if kind.rescaled:
            height, width = about["size"]
            hub_task, use = "image-to-image", CARD_IMAGES.format(to=first[1])
            lies = (
                f"{about['channels']['a']} and {about['channels']['b']} channel(s),\n"
                f"any height and width; trained on {height}x{width} pixels"
            )
        else:
            hub_task, use = kind.hub_task, CARD_SAMPLES.format(to=first[1], noun=kind.noun)
            lies = f"{kind.describe(spec)};\ntrained"
        return f"""---
library_name: ganzfeld
pipeline_tag: {hub_task}
tags: [gan, translation]
---

# {data["source"]} by {about["recipe"]}

Translates {kind.noun} from {ways}: {lies} with ganzfeld {about["version"]}.

```python
{use}
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

It invents what the input does not say, in the manner of its training data and with their
biases. Its {kind.noun} are synthetic: say so where they are used.
"""


def spec_from(about: Mapping[str, Any]) -> Spec:
    """How samples of domain a lie; models of before specs hold images."""
    if about.get("spec"):
        return spec_of(about["spec"])
    return spec_of(None, (about["channels"]["a"], *about["size"]))


CARD_IMAGES = """import ganzfeld
from PIL import Image

model = ganzfeld.load("path/to/this/folder")
model.translate(Image.open("picture.png"), to="{to}").show()"""
CARD_SAMPLES = """import ganzfeld

model = ganzfeld.load("path/to/this/folder")
translated = model.translate({noun}, to="{to}")"""


def directions_of(config: Config) -> dict[str, str]:
    """The networks that translate, by direction."""
    return dict(game_of(config).directions) or {config.game.options["direction"]: "G"}
