"""Small data and settings for each recipe that makes samples of one kind from those of another."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganzfeld.data.audio_sets import RATE, vowels
from ganzfeld.modalities.audio.wav import wav_bytes

LINES = ("a small blue one", "a large red one", "小的蓝色", "大的红色")
IMAGES = ("networks.*.width=4", "networks.G.latent=8")
MAPS = (*IMAGES, "game.encoder_share=0.4")
WRITER = ("networks.*.width=4", "networks.*.hidden=16", "networks.*.embedding=8")
DRAWN = ("text-to-image", "text-to-image-encoder")
SETTINGS: dict[str, tuple[str, ...]] = {  # of some, encoders of captions learn first
    "text-to-image": IMAGES,
    "text-to-image-encoder": MAPS,
    "text-to-field": MAPS,
    "text-to-audio": MAPS,
    "text-to-table": ("networks.*.widths=[8,8]",),
    "image-to-text": (*WRITER, "game.likelihood_share=0.4"),
    "image-to-text-mle": WRITER,
    "text-cyclegan": (),
    "text-pix2pix": ("networks.*.hidden=8",),
    "audio-cyclegan": (
        *("networks.*.width=4", "networks.G_ab.blocks=1", "networks.G_ba.blocks=1"),
    ),
}


def sounds(folder: Path, labels: tuple[int, ...], told: bool = False) -> str:
    folder.mkdir()
    made, rows = vowels(160), ["file_name,caption"]
    for number, wave in enumerate(made.x[np.isin(made.y, labels)]):
        (folder / f"{number}.wav").write_bytes(wav_bytes(wave, RATE))
        rows.append(f"{number}.wav,number {number} of {LINES[number % 4]}")
    if told:
        (folder / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    return str(folder)


def data_of(recipe: str, folder: Path) -> list[str]:
    """The words of the command that name its data, which are made for it."""
    if recipe == "text-to-field":
        x = np.random.default_rng(0).normal(size=(80, 1, 16, 16)).astype(np.float32)
        np.savez(folder / "maps.npz", x=x, caption=[LINES[i % 2 :: 2] for i in range(80)])
        return [str(folder / "maps.npz"), "--condition", "caption"]
    if recipe == "text-to-table":
        rows = [f"{i % 7},{'red' if i % 2 else 'blue'},{i} {LINES[i % 4]}" for i in range(200)]
        text = "\n".join(["size,color,told", *rows])
        (folder / "things.csv").write_text(text, encoding="utf-8")
        return [str(folder / "things.csv"), "--condition", "told"]
    if recipe == "text-to-audio":
        return [sounds(folder / "said", (0, 3), told=True), "--condition", "caption"]
    if recipe == "audio-cyclegan":
        return [sounds(folder / "a", (0,)), "--with", sounds(folder / "b", (3,))]
    if "image" in recipe:
        return ["avatars-paraphrases:160", "--size", "16"]
    return ["cipher:200"]
