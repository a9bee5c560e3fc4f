"""What a run is made of, as plain dataclasses that go to JSON and back without loss."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ganzfeld.errors import UsageError, did_you_mean
from ganzfeld.text import shown

T = TypeVar("T")


@dataclass(kw_only=True)
class Part:
    """A network or a game: a name that ganzfeld knows or `module:name`, and its arguments."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Optimiser:
    """One player's optimiser and how its settings follow the clock."""

    name: str = "adam"
    lr: float = 5e-4
    betas: tuple[float, float] = (0.0, 0.99)
    final_lr: float | None = None  # reached along the decay at `burn_in`; None, or no less: lr
    final_beta2: float | None = None  # likewise
    decay: str = "cosine"  # or "linear"
    hold: float = 0.0  # part of the run, below `burn_in`, before the decay starts
    hold_steps: int | None = None  # and at most so many steps
    burn_in: float = 1.0  # part of the run, in (0, 1], at which the decay ends
    burn_in_steps: int | None = None  # and after at most so many steps
    warm_up: float = 0.0  # part of the run over which lr rises from zero
    at_width: int | None = None  # channels that lr is for: times at_width / width; None: as it is
    options: dict[str, Any] = field(default_factory=dict)  # further arguments


@dataclass(kw_only=True)
class Ema:
    """The averaged networks that are sampled and shipped.

    Several averages are kept, and the run ships the one with the best score.
    """

    half_life_images: float | None = None  # None: a twentieth of the run; 0: no averaging
    ramp: float | None = 0.05  # the half-life is at most this part of the images seen
    spans: dict[str, float] = field(  # factors of both, by name; the first is drawn meanwhile
        default_factory=lambda: {"medium": 1.0, "short": 0.25, "long": 4.0}
    )


@dataclass(kw_only=True)
class Data:
    """What is learned from, and how it was packed."""

    source: str = "avatars"  # a relative path starts at the run's folder
    kind: str = "pictures"  # samples of one set; or "paired", "unpaired": two domains, a and b
    other: str | None = None  # where b is, if not in the source too
    home: str | None = None  # where the run's folder lay then; see `ganzfeld.whereabouts`
    halves: bool | None = None  # each file holds a pair side by side; None: not known
    spec: dict[str, Any] | None = None  # how a sample lies; None: images of size and channels
    size: tuple[int, int] | None = None  # (height, width), of images
    channels: int | None = None
    channels_b: int | None = None  # of domain b
    modality: str = "image"  # what they were to be taken for; "auto": decided by what they are
    window: int | None = None  # steps of a series out of a longer one; None: chosen from the data
    labels: str = "auto"  # "none", "clusters", "folders" (insists), "names", or a table's path
    clusters: str | None = None  # digest of the groups that stand for labels
    range: str | None = None  # LOW:HIGH or p1:p99 that become black and white; None: found
    limits: tuple[float, float] | None = None  # numbers that became 0 and 255, if not they
    frames: str = "first"  # or "all" of animations and files with pages
    splits: str = "train"  # "all" takes test and validation images too
    follow_links: bool = False  # out of the data's folder too
    stream: bool = False  # shards are read while training, and only a sample is packed
    max_megapixels: float = 64.0  # larger images are bad
    rules: int = 1  # how folders, tables and ranges are understood; see `ganzfeld.data.source`
    alpha: str = "white"  # what shows through: "white", "black", or "keep" as a channel
    on_bad_image: str | None = None  # "fail", "skip"; None: fail above one in a hundred
    mirror: bool = False  # each image left to right, half of the time
    jitter: float = 0.0  # enlarge by this part of the side and take a random window
    vicinity: float = 0.0  # numbers as conditions are moved by so many of their largest gaps
    fingerprint: str = ""  # of the packed content
    samples: int = 0
    conditions: dict[str, Any] | None = None  # numbers that come with samples: names, some rows
    grown: list[dict[str, Any]] = field(default_factory=list)  # what it was, for each time
    held_out: int | None = None  # samples never trained on; None: a run from before, trains on all
    classes: list[str] = field(default_factory=list)


# rules of the doctor: FEWER has fewer samples a look, beside more real ones; from UNAIDED on, a
# discriminator that overfits is told and not treated, as no treatment was seen to help; LIGHT has
# cheaper looks, and fewer of them in runs of few steps
FEWER, UNAIDED, LIGHT = 2, 3, 4
WATCH = LIGHT


@dataclass(kw_only=True)
class Run:
    """How long, how often, on what. Intervals are in images seen."""

    images: int | None = None
    minutes: float | None = None  # asked for; `images` was fixed from the measured speed
    afford: int | None = None  # images the recipe's full networks could have seen in that time
    batch_size: int = 64
    accumulate: int = 1  # parts that a batch is computed in, one after another
    seed: int = 0
    device: str = "cpu"
    threads: int | None = None  # of a CPU; None: as many as are fastest at the start
    precision: str = "float32"  # or "bfloat16"; "auto": that where a CPU is faster with it
    products: bool | None = None  # deep convolutions as products; None: where a CPU is faster so
    compile: bool = False
    deterministic: bool = False  # float32, a fixed number of threads, and no choice by a probe
    latents: str | None = None  # how samples' latents are drawn; None: core.latents.PORTABLE
    noise: str | None = None  # how training's draws are keyed; None: ganzfeld.randomness.WIDE
    save_every: int | None = None
    save_minutes: float = 10.0  # save at least this often, whatever `save_every` says
    sample_every: int | None = None
    evaluate_every: int | None = None  # about eight times a run; the best is kept and shipped
    evaluate_count: int | None = None  # samples each time
    evaluate_final: bool = True  # measure the model that ships, at the end
    inception_count: int | None = None  # samples that Inception looks at in the end; 0: none
    log_every: int | None = None
    doctor: str | None = None  # "watch", "treat", "off"; None: a run from before, not watched
    looks: int = 1  # by which rules it looks, see WATCH; 1: a run from before
    patience: int | None = None  # images without better quality after which the run ends
    planned: int | None = None  # images that it was to see, where patience ended it
    log_to: list[str] = field(default_factory=list)  # trackers beside metrics.jsonl
    keep: int = 3  # checkpoints
    init: str | None = None  # the run or model whose weights it started from


@dataclass(kw_only=True)
class Config:
    """A whole run. A recipe makes one; the resolved one is written into the run's folder.

    Example::

        from ganzfeld import Facts, recipes
        from ganzfeld.config import with_settings

        facts = Facts(count=1_000, channels=3, height=32, width=32, classes=0)
        config = with_settings(recipes.default(facts), ["networks.G.width=16"])
        assert config.networks["G"].options["width"] == 16
    """

    recipe: str
    game: Part
    networks: dict[str, Part]
    optimisers: dict[str, Optimiser]
    ema: Ema = field(default_factory=Ema)
    data: Data = field(default_factory=Data)
    run: Run = field(default_factory=Run)


def to_json(config: Any) -> str:
    """As JSON; half a character, as in a path that is not UTF-8, becomes an escape."""
    text = json.dumps(dataclasses.asdict(config), indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


def from_dict(kind: type[T], value: Any, where: str = "") -> T:
    """Build a dataclass from parsed JSON; unknown keys and wrong types are `UsageError`s."""
    if not isinstance(value, dict):
        raise UsageError(
            f"{where or 'the configuration'} should be an object, not {shown(repr(value))}"
        )
    hints = typing.get_type_hints(kind)
    for name in value:
        if name not in hints:
            path = f"{where}.{name}".lstrip(".")
            known = [f"{where}.{one}".lstrip(".") for one in hints]
            raise UsageError(f"unknown setting {shown(repr(path))}. {did_you_mean(path, known)}")
    needed = [f.name for f in dataclasses.fields(kind) if has_no_default(f)]  # type: ignore[arg-type]
    for name in needed:
        if name not in value:
            raise UsageError(f"{f'{where}.{name}'.lstrip('.')} is missing")
    return kind(
        **{
            name: convert(hints[name], v, f"{where}.{name}".lstrip("."))
            for name, v in value.items()
        }
    )


def has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def convert(kind: Any, value: Any, where: str) -> Any:
    """The value as the annotated type, or a `UsageError` that names the setting."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin is types.UnionType:
        if value is None and type(None) in arguments:
            return None
        return convert(next(a for a in arguments if a is not type(None)), value, where)
    if dataclasses.is_dataclass(kind):
        return from_dict(typing.cast(type, kind), value, where)
    if origin is dict and isinstance(value, dict):
        return {k: convert(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    if origin in (list, tuple) and isinstance(value, list | tuple):
        kinds = [arguments[0]] * len(value) if origin is list else arguments
        if len(kinds) == len(value):
            return origin(convert(k, v, where) for k, v in zip(kinds, value, strict=True))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number and abs(value) < 1e300:
        return float(value)
    if kind is int and number and math.isfinite(value) and int(value) == value:
        return int(value)
    if kind in (bool, str) and isinstance(value, kind):
        return value
    name = getattr(kind, "__name__", str(kind)) if origin is None else str(kind)
    raise UsageError(f"{shown(where)} should be {name}, not {shown(repr(value))}")


THEIRS = {  # settings as other libraries call them
    "gradient_accumulation_steps": "run.accumulate",
    "accumulate_grad_batches": "run.accumulate",
}


def with_settings(config: Config, settings: typing.Sequence[str]) -> Config:
    """The configuration after `PATH=VALUE` settings, such as `networks.G.width=32`.

    A value is JSON, or else text. `options` may be left out of a path, and `networks.*.width`
    means all networks.
    """
    tree = dataclasses.asdict(config)
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--set takes PATH=VALUE, not {setting!r}")
        start, star, _ = path.partition(".*.")
        if star and isinstance(tree.get(start), dict):
            alike = [setting.replace(star, f".{name}.", 1) for name in tree[start]]
            tree = dataclasses.asdict(with_settings(from_dict(Config, tree), alike))
            continue
        place: Any = tree
        *parents, last = path.split(".")
        for parent in parents:
            if parent not in place and parent in place.get("options", {}):
                place = place["options"]
            if not isinstance(place.get(parent), dict):
                known = [k for k, v in place.items() if isinstance(v, dict)]
                raise UsageError(f"--set {path}: no {parent!r}. {did_you_mean(parent, known)}")
            place = place[parent]
        near = sorted(set(elsewhere(tree, last))) if place is tree and last not in tree else []
        near = [THEIRS[last]] if last in THEIRS else near
        if near:
            raise UsageError(
                f"unknown setting {last!r}. Did you mean {', '.join(map(repr, near[:4]))}?",
                fix=f"--set {near[0]}={text[:40]}",
            )
        if last not in place and "options" in place:
            place = place["options"]
        place[last] = parse(text)
    return from_dict(Config, tree)


WORDS: dict[str, Any] = {"True": True, "False": False, "None": None}  # as Python spells them
NUMBER = re.compile(r"[+-]?(?!0\d)(\d+(_\d+)*\.?\d*|\.\d+)([eE][+-]?\d+)?")


def parse(text: str) -> Any:
    """A value as JSON or Python spells it: `.02`, `1_000` and `False` too. Others are words."""
    if text in WORDS:
        return WORDS[text]
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        if not NUMBER.fullmatch(text):
            return text
        number = float(text)
        whole = number.is_integer() and not set(text) & set(".eE")
        return int(number) if whole else number
    except (ValueError, RecursionError):
        raise UsageError(f"--set: {text[:40]}... is no value: too deep, or too long") from None


def elsewhere(tree: dict[str, Any], name: str, path: str = "") -> typing.Iterator[str]:
    """Paths that end in a setting's bare name: `lr` is `optimisers.*.lr`."""
    for key, value in tree.items():
        where = f"{path}.{key}".lstrip(".").replace(".options.", ".")
        if key == name and path:
            yield re.sub(r"^(networks|optimisers)\.[^.]+\.", r"\1.*.", where)
        if isinstance(value, dict):
            yield from elsewhere(value, name, where)


def flatten(tree: Any, where: str = "") -> dict[str, Any]:
    """A nested configuration as dotted paths, to compare two of them."""
    if isinstance(tree, dict) and tree:
        return {
            path: v
            for name, value in tree.items()
            for path, v in flatten(value, f"{where}.{name}".lstrip(".")).items()
        }
    return {where: tree}


def differences(
    old: Config, new: Config, ignored: typing.Container[str]
) -> list[tuple[str, str, str]]:
    """Rows (setting, old value, new value) where two configurations differ, as JSON text."""
    before, after = (json.loads(to_json(c)) for c in (old, new))
    left, right = flatten(before), flatten(after)
    return [
        (path, json.dumps(left.get(path)), json.dumps(right.get(path)))
        for path in sorted({**left, **right})
        if left.get(path) != right.get(path) and path not in ignored
    ]
