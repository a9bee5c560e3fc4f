"""Do images show what their captions say? For avatars, whose truth is known.

Everything is printed beside what real images have in the same place (`ceiling`), and beside
chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganzfeld.core.randomness import numpy_generator
from ganzfeld.data.avatars import sentences
from ganzfeld.data.avatars.description import Scene
from ganzfeld.data.avatars.scene import draw
from ganzfeld.data.avatars.sentences import LANGUAGES, SAID, VALUES, Wording
from ganzfeld.metrics.caption_judges import Attributes, Retrieval, ready, truth
from ganzfeld.metrics.diversity import pairwise_distance
from ganzfeld.metrics.frechet import frechet_distance

SEED = 202  # of the avatars whose captions are asked for: others than in any training
AMONG, NEAR = 100, 10  # captions that the right one is among: any, or wrong in one thing
EACH = 8  # images of one caption, whose variety is measured
OPEN = {"hair": "hair_colour", "clothes": "clothes_colour", "background": "background_colour"}
NAMED = (  # attributes that captions name, in tables first
    *("hair_colour", "background_colour", "clothes_colour", "hat", "glasses"),
    *("hat_colour", "hair", "beard", "mouth", "clothes", "background", "eyes", "earrings"),
    "eye_colour",
)

Images = NDArray[np.uint8]
Drawer = Callable[[list[str]], Images]  # images (N, 3, H, W) of captions


@dataclass(frozen=True)
class Questions:
    """Captions that say everything, of avatars that nobody was trained on, and these avatars."""

    scenes: list[Scene]
    captions: list[str]
    facts: list[dict[str, str]]

    def images(self, height: int, width: int) -> Images:
        """The avatars themselves."""
        parts = [self.scenes[i : i + 256] for i in range(0, len(self.scenes), 256)]
        return np.concatenate([draw(part, height, width) for part in parts])


def questions(count: int, *, new: bool = False, language: str | None = None) -> Questions:
    """new: combinations that the training data never show. language: None for both in turn.

    >>> questions(1, language="en").captions[0].split()[0]
    'A'
    """
    scenes = sentences.scenes(count, SEED, new=new)
    facts = [sentences.facts(one) for one in scenes]
    languages = [language or LANGUAGES[i % 2] for i in range(count)]
    lines = [
        sentences.sentence(one, Wording(spoken))
        for one, spoken in zip(facts, languages, strict=True)
    ]
    return Questions(scenes, lines, facts)


def visible(name: str, one: dict[str, str]) -> bool:
    """Whether an image shows this attribute, if the caption says it."""
    if name == "hair_colour":  # short hair under a hat leaves the eyebrows, as a bald head does
        covered = one["hair"] == "bald" or (one["hair"] == "short" and one["hat"] != "none")
        return not covered or one["beard"] != "none"
    if name == "hat_colour":
        return one["hat"] != "none"
    if name == "eye_colour":
        return one["eyes"] not in ("hidden", "happy")
    return name != "eyes" or one["eyes"] != "hidden"


def found_in(net: Attributes, images: Images) -> dict[str, Tensor]:
    """Which value the judge finds in each image: places (N,) in `VALUES`, by attribute."""
    with torch.no_grad():
        parts = [net(ready(images[i : i + 256])) for i in range(0, len(images), 256)]
    return {name: torch.cat([part[name] for part in parts]).argmax(1) for name in parts[0]}


def accuracy(net: Attributes, images: Images, facts: list[dict[str, str]]) -> dict[str, float]:
    """Share of the images that show the value that was asked for, by attribute."""
    found, known = found_in(net, images), truth(facts)
    shares = {}
    for name in NAMED:
        said = torch.tensor([visible(name, one) for one in facts])
        right = found[name] == known[name]
        shares[name] = float(right[said].float().mean()) if said.any() else float("nan")
    return shares


def chance(facts: list[dict[str, str]]) -> dict[str, float]:
    """What always saying the most frequent value would get."""
    shares = {}
    for name in NAMED:
        values = [one[name] for one in facts if visible(name, one)]
        shares[name] = max((values.count(v) for v in set(values)), default=0) / max(len(values), 1)
    return shares


def r_precision(net: Retrieval, images: Images, lines: list[str]) -> float:
    """Share of the images whose own caption is the likeliest of AMONG (Xu et al. 2018).

    The others are of the same list, by chance; equal captions are left out. Chance: 1 / AMONG.
    """
    vectors, said = vectors_of(net, images), said_of(net, lines)
    order = numpy_generator("r-precision", len(lines))
    right = 0
    for row, own in enumerate(lines):
        mixed = order.permutation(len(lines)).tolist()
        others = [i for i in mixed if i != row and lines[i] != own][: AMONG - 1]
        scores = said[[row, *others]] @ vectors[row]
        right += int(scores.argmax() == 0)
    return right / len(lines)


def hard_precision(
    net: Retrieval, images: Images, facts: list[dict[str, str]], lines: list[str]
) -> float:
    """The same among NEAR captions, all of which but one are wrong in one thing."""
    vectors = vectors_of(net, images)
    near = []
    for row, one in enumerate(facts):
        how = Wording("zh" if captions_chinese(lines[row]) else "en")
        chance_of = numpy_generator("hard precision", row)
        some = [lines[row]]
        while len(some) < NEAR:  # all of them different
            wrong = sentences.changed(one, how, chance_of)[0]
            some += [wrong] if wrong not in some else []
        near += some
    said = said_of(net, near).view(len(facts), NEAR, -1)
    return float(((said @ vectors[:, :, None])[:, :, 0].argmax(1) == 0).float().mean())


def captions_chinese(line: str) -> bool:
    return line.startswith("一")


def vectors_of(net: Retrieval, images: Images) -> torch.Tensor:
    with torch.no_grad():
        parts = [net.image(ready(images[i : i + 256])) for i in range(0, len(images), 256)]
    return torch.cat(parts)


def said_of(net: Retrieval, lines: list[str]) -> torch.Tensor:
    with torch.no_grad():
        tokens = net.encode(lines)
        return torch.cat([net.text(part) for part in torch.split(tokens, 512)])


def variety(net: Attributes, several: list[Images]) -> float:
    """Mean distance between images of one caption, by the features of the judge."""
    return float(np.mean([pairwise_distance(features_of(net, one)) for one in several]))


def short_prompts(asked: Questions) -> tuple[list[str], list[set[str]]]:
    """Captions that say two parts of what is there, by chance, and the attributes that they say.

    Those that the image does not show are left out: see `visible`.
    """
    lines, named = [], []
    for place, one in enumerate(asked.facts):
        draw_of = numpy_generator("short captions", place)
        parts = [part for part in SAID if one[part] not in ("none", "hidden")]
        two = frozenset(draw_of.permutation(parts)[:2].tolist())
        language = "zh" if captions_chinese(asked.captions[place]) else "en"
        lines.append(sentences.sentence(one, Wording(language, two)))
        colours = {"eye_colour" if part == "eyes" else f"{part}_colour" for part in two}
        said = (two | colours) & VALUES.keys()
        named.append({name for name in said if visible(name, one)})
    return lines, named


def share_said(
    net: Attributes, images: Images, facts: list[dict[str, str]], named: list[set[str]]
) -> float:
    """Share of the attributes that short prompts name which their images show."""
    found, known = found_in(net, images), truth(facts)
    right = []
    for name in VALUES:
        rows = torch.tensor([name in one for one in named])
        right.append((found[name] == known[name])[rows])
    return float(torch.cat(right).float().mean())


def features_of(net: Attributes, images: Images) -> NDArray[np.float64]:
    with torch.no_grad():
        parts = [net.trunk(ready(images[i : i + 256])) for i in range(0, len(images), 256)]
    return torch.cat(parts).double().numpy()


def left_open(few: int) -> dict[str, list[str]]:
    """Captions that say everything but one thing, by its color; no beard shows that of hair."""
    facts = [one for one in questions(8 * few).facts if one["beard"] == "none"][:few]
    return {
        colour: [
            sentences.sentence(one, Wording(LANGUAGES[i % 2], frozenset(SAID) - {part}))
            for i, one in enumerate(facts)
        ]
        for part, colour in OPEN.items()
    }


def freedom(net: Attributes, images: Images, name: str) -> float:
    """Entropy in bits of what images (N * EACH, 3, H, W) show of an attribute, caption by caption.

    Of so few images it is below that of the data: compare it with that of real ones.
    """
    found = found_in(net, images)[name].view(-1, EACH)
    shares = torch.nn.functional.one_hot(found).float().mean(1)
    return float(torch.special.entr(shares).sum(1).mean() / np.log(2))


def alike(one: Scene, other: Scene) -> Scene:
    """An avatar of the same caption as one, and all else as in another."""
    names = ("hair", "hat", "eyes", "glasses", "mouth", "beard", "earrings", "clothes")
    kept = {name: getattr(one, name) for name in (*names, "background")}
    colours = ("hair_colour", "eye_colour", "hat_colour", "clothes_colour", "background_colour")
    kept |= {name: getattr(one, name) for name in colours}
    return replace(other, **kept, background_second=one.background_second)


def report(
    drawer: Drawer,
    judges: tuple[Attributes, Retrieval],
    size: tuple[int, int],
    *,
    count: int = 1_000,
    few: int = 32,
) -> dict[str, Any]:
    """Every number for a model, its ceiling and chance. few: captions whose variety is measured.

    open: entropy of a color that captions leave open; see `freedom`. "real": of any avatars.
    """
    attributes, retrieval = judges
    result: dict[str, Any] = {"count": count}
    for part, new in (("seen", False), ("new", True)):
        asked = questions(count, new=new)
        found: dict[str, Any] = {"chance": chance(asked.facts)}
        pairs = {"model": drawer(asked.captions), "ceiling": asked.images(*size)}
        for name, images in pairs.items():
            found[name] = {
                "attributes": accuracy(attributes, images, asked.facts),
                "r_precision": r_precision(retrieval, images, asked.captions),
                "hard_precision": hard_precision(retrieval, images, asked.facts, asked.captions),
            }
        result[part] = found
    asked = questions(few)
    others = sentences.scenes(few * EACH, SEED, start=1_000_000)
    theirs = [
        draw([alike(one, other) for other in others[i * EACH : (i + 1) * EACH]], *size)
        for i, one in enumerate(asked.scenes)
    ]
    ours = several(drawer, asked.captions)
    result["variety"] = variety(attributes, ours) / variety(attributes, theirs)
    any_ = draw(others, *size)
    result["open"] = {"model": {}, "real": {}}
    for name, lines in left_open(few).items():
        drawn = np.concatenate(several(drawer, lines))
        result["open"]["model"][name] = freedom(attributes, drawn, name)
        result["open"]["real"][name] = freedom(attributes, any_, name)
    result["short"] = report_of_short(drawer, attributes, size, count, few)
    return result


def several(drawer: Drawer, lines: list[str]) -> list[Images]:
    """EACH images of each caption."""
    drawn = drawer([line for line in lines for _ in range(EACH)])
    return list(drawn.reshape(-1, EACH, *drawn.shape[1:]))


def report_of_short(
    drawer: Drawer, net: Attributes, size: tuple[int, int], count: int, few: int
) -> dict[str, Any]:
    """Of captions that say two parts: said, and how far the rest is from that of real images.

    frechet: by the features of the judge, from real images of the same avatars; the ceiling's is
    that of other real images. variety: of images of a caption, in parts of that of any avatars.
    """
    asked = questions(count)
    lines, named = short_prompts(asked)
    real, drawn = asked.images(*size), drawer(lines)
    other = draw(sentences.scenes(count, SEED, start=2_000_000), *size)
    free = draw(sentences.scenes(min(few, count) * EACH, SEED, start=3_000_000), *size)
    free_each = list(free.reshape(-1, EACH, *free.shape[1:]))
    theirs = features_of(net, real)
    return {
        "model": {
            "said": share_said(net, drawn, asked.facts, named),
            "frechet": frechet_distance(features_of(net, drawn), theirs),
            "variety": variety(net, several(drawer, lines[:few])) / variety(net, free_each),
        },
        "ceiling": {
            "said": share_said(net, real, asked.facts, named),
            "frechet": frechet_distance(features_of(net, other), theirs),
        },
    }
