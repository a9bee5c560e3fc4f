"""Recipes for tables."""

from __future__ import annotations

from ganzfeld.config import Config, Ema, Optimiser, Part, Run
from ganzfeld.modalities.table.schema import Schema
from ganzfeld.recipes.base import Facts, Recipe

PAIRS = 5.0  # weight of what columns have in common, two by two
PACK = 8  # rows that the discriminator sees together
ROWS = 2_000_000  # seen in a run without a limit of time


def schema_of(facts: Facts) -> Schema:
    """What was learned of the table's columns from its training part."""
    return Schema.from_json(facts.spec.extra["schema"])


def conditions_of(facts: Facts, schema: Schema) -> dict[str, int]:
    """Options of a network that makes rows by a class of a column, and by numbers."""
    options = {"classes": facts.classes if facts.labels else 0}
    if options["classes"]:
        options["condition"] = schema.index(facts.labels)
    if facts.conditions:
        options["conditions"] = facts.conditions
    return options


def table_gan(facts: Facts) -> Config:
    """Rows of a table: choices in every column, packs of rows for the discriminator, R1.

    After Xu et al. 2019 (CTGAN), with R1 in place of the gradient penalty, a condition on any
    column that has something to choose, and the tables of all pairs of columns compared batch by
    batch, which makes it learn in seconds what depends on what.
    """
    schema = schema_of(facts)
    layout = [list(head) for head in schema.layout.heads]
    generator = {
        "layout": layout,
        "shape": facts.shape,
        "shares": schema.shares,
        "modes": schema.modes,
        "spread": True,
        "hard": True,
        **conditions_of(facts, schema),
    }
    judge = {"layout": layout, "pack": PACK}
    if facts.conditions:
        judge["conditions"] = facts.conditions
    options = {"moments": 1.0, "pairs": PAIRS, "marginals": 1.0}
    if generator["classes"]:  # a label that is asked for must be there, early
        options["choice"] = 4.0
    return Config(
        recipe="table-gan",
        game=Part(name="table-gan", options=options),
        networks={
            "G": Part(name="table-generator", options=generator),
            "D": Part(name="table-discriminator", options=judge),
        },
        optimisers={
            player: Optimiser(lr=1e-3, betas=(0.5, 0.9), final_lr=1e-5, hold=0.5)
            for player in ("discriminator", "generator")
        },
        ema=Ema(),
        run=Run(batch_size=512, images=ROWS),
    )


def table_vae(facts: Facts) -> Config:
    """Rows of a table by a variational autoencoder: no opponent, one loss, quick."""
    schema = schema_of(facts)
    layout, noise = [list(head) for head in schema.layout.heads], 64
    decoder = {"layout": layout, "shape": facts.shape, "noise": noise, "shares": schema.shares}
    decoder |= conditions_of(facts, schema)
    return Config(
        recipe="table-vae",
        game=Part(name="table-vae", options={"marginals": 1.0}),
        networks={
            "G": Part(name="table-decoder", options=decoder),
            "E": Part(name="table-encoder", options={"layout": layout, "outputs": 2 * noise}),
        },
        optimisers={"autoencoder": Optimiser(lr=1e-3, betas=(0.9, 0.99), final_lr=1e-5, hold=0.5)},
        ema=Ema(),
        run=Run(batch_size=512, images=ROWS),
    )


TABLES: dict[str, Recipe] = {
    "table-gan": Recipe(table_gan, modality="table"),
    "table-vae": Recipe(table_vae, modality="table"),
}
