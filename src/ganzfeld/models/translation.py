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
from ganzfeld.models.task import (
    Task,
    Weights,
    assemble_network,
    described,
    game_of,
    learned_from,
    sources,
    title_of,
)
from ganzfeld.models.translation_forms import form_of
from ganzfeld.models.translator import Translator


class Translation(Task):
    """Samples "b" from samples "a", or back; a model is one translator a direction."""

    name = "translation"
    noun, inputs, title, compared = "Translations", "inputs", "Translate", False
    command = "translate {} IMAGES --out translated --sheet sheet.png"
    usual = (
        "translate MODEL INPUTS --out PLACE; how far translations are from the truth is in its "
        "run's metrics.jsonl and report.html"
    )

    def specs(self, config: Config) -> dict[str, Spec]:
        data = config.data
        a = spec_of(data.spec, (data.channels or 1, *(data.size or (1, 1))))
        return {"a": a, "b": form_of(a).other_side(a, data)}

    def parts(self, about: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        return {f"{one['network']}.": one["part"] for one in about["translators"].values()}

    def describe(self, config: Config) -> dict[str, Any]:
        directions, spec = directions_of(config), self.specs(config)["a"]
        return {
            "task": self.name,
            "translators": {
                way: {"network": name, "part": described(config, name)}
                for way, name in directions.items()
            },
            "spec": spec.to_json(),
            **form_of(spec).sides(config.data),
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
        return form_of(spec).translator(about, networks, spec)

    def next_command(self, config: Config, folder: Path, label: str | None = None) -> str:
        words = form_of(self.specs(config)["a"]).words
        return f"ganzfeld translate {quoted(folder)} {words}{trust(config)}"

    def python(self, about: Mapping[str, Any], load: str, label: str | None) -> str:
        return form_of(spec_from(about)).python(load)

    def card(self, about: Mapping[str, Any]) -> str:
        data, run = about["training"]["data"], about["training"]["run"]
        spec = spec_from(about)
        kind, form = modality_of(spec), form_of(spec)
        ways = " and ".join(f"{way[0]} to {way[1]}" for way in about["translators"])
        first = next(iter(about["translators"]))
        use = form.python('ganzfeld.load("path/to/this/folder")', first[1])
        return f"""---
library_name: ganzfeld
pipeline_tag: {form.hub_task}
tags: [gan, translation]
---

# {title_of(about)}

Translates {kind.noun} from {ways}: {form.trained_on(about)} with ganzfeld {about["version"]}.

```python
{use}
```

| | |
|---|---|
| data | {sources(data)}, {learned_from(data, data["kind"])} |
| fingerprint | `{data["fingerprint"][:16]}` |
| recipe | {about["recipe"]}, seed {run["seed"]}, batch {run["batch_size"]} |
| {kind.noun} seen | {about["images_seen"]:,} |
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


def directions_of(config: Config) -> dict[str, str]:
    """The networks that translate, by direction."""
    return dict(game_of(config).directions) or {config.game.options["direction"]: "G"}
