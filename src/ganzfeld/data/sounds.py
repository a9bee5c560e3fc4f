"""Sound files as samples; `ganzfeld.modalities.audio` decodes them and brings them to one form."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from ganzfeld.core.names import capped, shown, suffix
from ganzfeld.core.progress import Progress
from ganzfeld.data import audio_sets
from ganzfeld.data.columns import Values, ragged
from ganzfeld.data.other_kinds import SOUNDS
from ganzfeld.data.readers import Unreadable
from ganzfeld.data.source import Encoded, Gathered, Raw
from ganzfeld.data.typed import number, typed
from ganzfeld.errors import UsageError
from ganzfeld.modalities.audio.bad import BadSound
from ganzfeld.modalities.audio.read import NEEDS, read_sound
from ganzfeld.modalities.audio.wav import Sound

USUAL = "16-bit PCM"  # of a file: nothing to say about it
MOST_SHARE = 0.5  # distinct parts of names to files, above which a part is no class
PARTS = re.compile(r"[_\-]+")


def is_sound(name: str) -> bool:
    return suffix(name) in SOUNDS


def sounds_of(files: Encoded, *, every: bool = False) -> Gathered:
    """A source of the sounds among some files, whose labels and columns are known.

    every: all of them, whatever they are called.
    """
    kept = [place for place, title in enumerate(files.titles) if every or is_sound(title)]
    aside = {*range(len(files.titles))} - {*kept}

    def gather(progress: Progress) -> Raw:
        return _gather(files, kept, source, progress)

    source = Gathered(
        kind=files.kind,
        name=files.name,
        place=files.place,
        part=files.part,
        stamps=files.stamps,
        ignored=files.ignored + [files.titles[place] for place in sorted(aside)],
        notes=files.notes,
        warnings=files.warnings,
        taken=files.taken,
        aside=files.aside,
        modality="audio",
        gather=gather,
    )
    source.taken["modality"] = "sounds: a sample a file"
    return source


def _gather(files: Encoded, kept: list[int], source: Gathered, progress: Progress) -> Raw:
    """All sounds: "x" (1, n) each, float32, "rate", and what tables and names say of them."""
    raw = Raw(columns={}, titles=[files.titles[place] for place in kept])
    sounds: list[Sound | None] = []
    for row, place in enumerate(kept):
        found = None
        try:
            found = read_sound(files.reader.read(files.names[place]))
            raw.facts[found.kind] += found.kind != USUAL
            raw.facts["mixed to one channel"] += len(found.samples) > 1
            found = Sound(found.samples.mean(0, keepdims=True), found.rate, found.kind)
        except Unreadable as error:
            raw.bad[row], raw.passing = str(error), raw.passing + 1
        except BadSound as error:
            raw.bad[row] = str(error)
        sounds.append(found)
        progress("reading", row + 1, len(kept))
    raw.facts += Counter()  # without what was never done
    if raw.bad and len(raw.bad) == len(kept) and all(NEEDS in said for said in raw.bad.values()):
        raise UsageError(
            f"{shown(source.place)} holds sounds that are no WAV files; soundfile, which reads "
            "them, is not installed",
            fix=f"{NEEDS}   or convert: ffmpeg -i in.flac out.wav",
        )
    good = [sound for sound in sounds if sound is not None]
    rates = Counter(sound.rate for sound in good)
    usual = rates.most_common(1)[0][0] if rates else 0
    nothing = np.zeros((1, 0), np.float32)
    rows = [nothing if sound is None else sound.samples for sound in sounds]
    raw.columns["x"] = ragged(rows, "audio", "float32", (1,), rate=usual)
    listed = np.array([np.nan if sound is None else sound.rate for sound in sounds])
    if good:
        raw.columns["rate"] = number(listed, whole=True)
    _beside(raw, files, kept, source.rules)
    seconds = [sound.samples.shape[1] / sound.rate for sound in good] or [0.0]
    told = ", ".join(capped([f"{n:,} of {rate:,} Hz" for rate, n in rates.most_common()], 3))
    span = f"{min(seconds):.2f} to {max(seconds):.2f} s, {sum(seconds) / 60:.1f} minutes in all"
    raw.values = f"{told}; {span}" if good else "no sound could be read"
    if len(rates) > 1:
        source.warnings.append(f"the sounds have several rates: {told}")
    return raw


def _beside(raw: Raw, files: Encoded, kept: list[int], rules: int) -> None:
    """Labels and columns of the files, and the parts of their names where all have as many."""
    for name, values in files.columns.items():
        raw.columns.setdefault(name, values.kept(kept))
    if files.labels is not None:
        raw.labels, raw.classes = files.labels[kept], files.classes
    for name, values in parts_of_names(raw.titles, rules).items():
        raw.columns.setdefault(name, values)


def parts_of_names(titles: Any, rules: int) -> dict[str, Values]:
    """Columns "name_1", "name_2" ... of `7_jackson_32.wav`, where all names have as many parts."""
    stems = [title.rpartition("/")[2].rpartition(".")[0] for title in titles]
    parts = [[part for part in PARTS.split(stem) if part] for stem in stems]
    counts = {len(row) for row in parts}
    if len(counts) != 1 or counts.pop() < 2:
        return {}
    found: dict[str, Values] = {}
    for place, cells in enumerate(zip(*parts, strict=True), 1):
        distinct = len(set(cells))
        if 1 < distinct <= max(2, MOST_SHARE * len(cells)):
            values = typed(cells, classes=True, rules=rules)
            if values is not None and values.spec.modality == "class":
                found[f"name_{place}"] = values
    return found


def vowels(count: int) -> Raw:
    """The embedded set "vowels", see `audio_sets`."""
    made = audio_sets.vowels(count)
    raw = Raw(columns={}, titles=[f"vowel {i}" for i in range(count)])
    waves = list((made.x / np.float32(32768)).astype(np.float32)[:, None])
    raw.columns["x"] = ragged(waves, "audio", "float32", (1,), rate=audio_sets.RATE)
    raw.columns["pitch"] = number(made.pitch, whole=False)
    for place in range(3):
        raw.columns[f"formant_{place + 1}"] = number(made.formants[:, place], whole=False)
    raw.labels, raw.classes = made.y, audio_sets.NAMES
    raw.values = f"{count:,} sung vowels of {audio_sets.LENGTH / audio_sets.RATE:.3f} s"
    return raw
