"""The task of generation: samples from noise, a model is one generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ganzfeld.config import Config, Part
from ganzfeld.core.latents import PORTABLE
from ganzfeld.core.names import classes_told
from ganzfeld.core.tensors import MOST
from ganzfeld.data.conditions import is_captioned
from ganzfeld.errors import CheckpointError
from ganzfeld.modalities import Spec, modality_of, spec_of
from ganzfeld.modalities.captions import decode
from ganzfeld.models.fitting import on_meta
from ganzfeld.models.generator import Model
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
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.build import build_network
from ganzfeld.text import shown

HUB_TASKS = ("text-to-image", "text-to-audio")  # as model hubs name them
KINDS = {  # what a model is, and its tag, by the name of its game
    "adversarial": ("generative adversarial network", "gan"),
    "vae": ("variational autoencoder", "vae"),
    "gmmn": ("generative moment matching network", "gmmn"),
    "drifting": ("generator that follows a drift", "drifting"),
    "text-to-image": ("generative adversarial network that draws captions", "text-to-image"),
    "text-gan": ("generative adversarial network", "gan"),
    "text-mle": ("recurrent language model", "language-model"),
}


class Generation(Task):
    """Samples "x" from noise, given their class "y" and numbers "c" where the data have such."""

    name = "generation"
    command = "sample {} --count 64 --seed 1{label} --out {out}"
    usual = "sample MODEL --out FOLDER"

    def specs(self, config: Config) -> dict[str, Spec]:
        data = config.data
        return {"x": spec_of(data.spec, (data.channels or 1, *(data.size or (1, 1))))}

    def parts(self, about: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        return {"": about["generator"]}

    def describe(self, config: Config) -> dict[str, Any]:
        name = shipped_of(config)[0]
        options = config.networks[name].options
        spec = spec_of(config.data.spec, options["shape"]) if "shape" in options else None
        spec = spec or self.specs(config)["x"]
        return {
            "task": self.name,
            "generator": described(config, name),
            "shape": options.get("shape", list(spec.shape)),
            "spec": spec.to_json(),
            "latent": latent_of(config.networks[name]),
            "classes": config.data.classes if options.get("classes") else [],
            "latents": config.run.latents or PORTABLE,
            **({"conditions": config.data.conditions} if config.data.conditions else {}),
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
    ) -> Model:
        spec = spec_in(about)
        generator = assemble_network(about["generator"], weights, where, spec)
        agree(about, generator, where)
        if judge is None:
            return Model(about, generator)
        network = about["discriminator"]["network"]
        if ":" in network["name"] and not trust_code:
            return Model(about, generator)  # its code is not run either; the generator needs none
        return Model(about, generator, assemble_network(network, judge, where, spec))

    def python(self, about: Mapping[str, Any], load: str, label: str | None) -> str:
        pick = f", labels=[{label!r}]" if label is not None else ""
        shape = ", ".join(str(n) for n in about.get("shape") or [])
        spec = spec_in(about) if shape else None
        sizes = f" (64, {shape})" if shape else ""
        values = f" {modality_of(spec).values}" if spec else ""
        drawn = "64"
        if is_captioned(about.get("conditions")):
            caption = captions_of(about)
            pick, drawn = f", text={caption!r}", f"64, text={caption!r}"
        first = f"model.save(1, 'first', seed=7{pick})"
        if spec is None or modality_of(spec).draws:
            first = f"model.images(1, seed=7{pick})[0].show()"
        return (
            f"import ganzfeld\n\nmodel = {load}\n{first}\n"
            f"x = model.sample({drawn})  # float32{sizes}{values}"
        )

    def card(self, about: Mapping[str, Any]) -> str:
        data, run, spec = about["training"]["data"], about["training"]["run"], spec_in(about)
        kind = modality_of(spec)
        classes = classes_told(about["classes"], bool(data.get("clusters")))
        label = about["classes"][0] if about["classes"] else None
        game, tag = KINDS.get(about["training"]["game"]["name"], KINDS["adversarial"])
        average = f"exponential moving average, {about['chosen']['average']} half-life"
        weights = average if about["averaged"] else "as last trained"
        short = data["fingerprint"][:16]
        captioned = is_captioned(about.get("conditions"))  # by recipes that are named like tasks
        own = captioned and kind.captioned in HUB_TASKS
        hub_task = kind.captioned if own else kind.hub_task
        code = self.python(about, 'ganzfeld.load("path/to/this/folder")', label)
        return f"""---
library_name: ganzfeld
pipeline_tag: {hub_task}
tags: [{", ".join([tag, *kind.tags])}]
---

# {title_of(about)}

A {game}: {kind.describe(spec)}, latents of
{about["latent"]} numbers. Trained with ganzfeld {about["version"]}.

```python
{code}
```

| | |
|---|---|
| data | {data["source"]}, {learned_from(data, kind.noun)}, fingerprint `{short}` |
| classes | {classes} |
| recipe | {about["recipe"]}, seed {run["seed"]}, batch {run["batch_size"]} |
| {kind.noun} seen | {about["images_seen"]:,} |
| weights | {weights} |
| latents | {about["latents"]} |

All settings of the training are in `config.json`.

## Limits

It imitates its training {kind.noun}, with their biases, and may come close to single ones of them.
Its {kind.noun} are synthetic: say so where they are used.
"""


def captions_of(about: Mapping[str, Any]) -> str:
    """A caption that a model knows, of those of its data."""
    conditions = about["conditions"]
    return decode(conditions["rows"][0], list(conditions["columns"][0]["symbols"]))


def latent_of(part: Part) -> int:
    """Numbers in the latent of a generator; it is built without memory where that is possible."""
    bare = on_meta(part, "networks.G", MOST) or build_network(part)
    return int(bare.latent)  # type: ignore[arg-type]


def agree(about: dict[str, Any], generator: nn.Module, where: str) -> None:
    """CheckpointError where a model says of its generator what that is not."""
    options = about["generator"].get("options", {})
    classes = options.get("classes") or 0
    shape = list(about["shape"])
    checks = [
        ("latent", about["latent"], getattr(generator, "latent", about["latent"])),
        ("shape", shape, list(options.get("shape", shape))),
        ("spec.shape", list(spec_in(about).shape), shape),
    ]
    if about["generator"]["name"] in NETWORKS:
        checks.append(("the number of classes", len(about["classes"]), classes))
    for name, said, true in checks:
        if said != true:
            raise CheckpointError(
                f"{where} is damaged: {name} is {shown(said, 60)}, and its generator's "
                f"{shown(true, 60)}"
            )
