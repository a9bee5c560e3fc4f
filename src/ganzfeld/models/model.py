"""Load the model of a run and sample from it, without any training options."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from ganzfeld.config import Part, from_dict
from ganzfeld.core import checkpoint, latents, metrics_log, reader
from ganzfeld.core.device import torch_device
from ganzfeld.core.runfolder import read_config
from ganzfeld.core.tensors import read_layouts
from ganzfeld.core.trust import refuse, trusted
from ganzfeld.errors import CheckpointError, UsageError, did_you_mean
from ganzfeld.modalities.image import draw as pictures
from ganzfeld.models.draws import CHUNK, Labels
from ganzfeld.models.fitting import check_fit, check_run, fitted, of
from ganzfeld.models.folder import JUDGE, describe, judge_of, read_about, read_weights, with_code
from ganzfeld.models.translator import Translator
from ganzfeld.networks import NETWORKS
from ganzfeld.networks.layers import channels_last
from ganzfeld.text import shown

BLOCK = 8 * CHUNK  # latents drawn at once, which is quicker and changes none of them


class Model:
    """A trained generator, ready to sample from.

    about: the content of the model folder's config.json.
    generator: maps (z, y) to images.
    discriminator: maps (images, y) to logits, as it was trained beside the generator; or None.

    Example::

        import ganzfeld

        model = ganzfeld.load("runs/avatars-default")
        print(model.shape, model.latent, model.classes)
    """

    def __init__(
        self,
        about: dict[str, Any],
        generator: nn.Module,
        discriminator: nn.Module | None = None,
    ) -> None:
        self.about = about
        self.generator = generator.eval().requires_grad_(False)
        self.discriminator = discriminator and discriminator.eval().requires_grad_(False)
        self.shape: tuple[int, ...] = tuple(about["shape"])
        self.latent: int = about["latent"]
        self.classes: list[str] = about["classes"]
        # how latents and labels are drawn; models that do not say are from before 0.2
        self.latents = latents.check(about.get("latents", latents.OF_TORCH), "this model")

    @property
    def device(self) -> torch.device:
        """Where the networks compute; samples come back to the CPU."""
        return next(self.generator.parameters()).device

    def to(self, device: str | torch.device) -> Model:
        """The model itself, its networks moved to a device: "auto", "cpu", "cuda" or "mps".

        Samples of one device differ from another's by rounding.

        Example::

            import ganzfeld

            model = ganzfeld.load("runs/avatars-default").to("cpu")
        """
        where = torch_device(device)
        self.generator.to(where)
        if self.discriminator is not None:
            self.discriminator.to(where)
        return self

    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        labels: Labels = None,
        start: int = 0,
        mean: float = 0.0,
        std: float = 1.0,
        of: int | None = None,
        rank: str | None = None,
    ) -> Tensor:
        """Samples (count, C, H, W), float32 in [-1, 1], on the CPU.

        They are computed 32 at a time whatever `count` is, for their bits depend on it.

        Sample i depends on (seed, start + i) and its label alone, to the bit, whatever `count`.

        labels: names or numbers of classes, repeated over the samples; None: a random one each.
            UsageError where the model has no such class, or no classes.
        start: number of the first sample, to go on where an earlier call ended.
        mean, std: of the latents. Below 1, samples are more alike and often cleaner
            (Brock et al. 2019, "truncation", here without the cut).
        of, rank: the best `count` of `of` samples by a score; see `ganzfeld.models.rank.best`.

        Example::

            import ganzfeld

            model = ganzfeld.load("runs/avatars-default")
            x = model.sample(4, seed=0)
            more = model.sample(2, seed=0, start=4)  # samples 4 and 5 of the same seed
        """
        if rank is not None or of is not None:
            from ganzfeld.models.rank import best

            return best(
                self,
                count,
                of=of,
                rank=rank,
                seed=seed,
                labels=labels,
                start=start,
                mean=mean,
                std=std,
            ).samples
        return torch.cat(
            list(self.chunks(count, seed=seed, labels=labels, start=start, mean=mean, std=std))
        )

    def score(self, samples: Tensor, labels: Labels = None) -> Tensor:
        """The discriminator's logits (N,), float32, of samples (N, C, H, W) in [-1, 1].

        labels: one for each sample, or one for all; needed where the model has classes.
        See `ganzfeld.models.rank.score`.

        Example::

            import ganzfeld

            model = ganzfeld.load("runs/avatars-default")
            one = model.classes[0]
            x = model.sample(4, labels=one)
            best = x[model.score(x, one).argmax()]
        """
        from ganzfeld.models.rank import score

        return score(self, samples, labels)

    def interpolate(
        self, seeds: Sequence[int], *, frames: int = 24, loop: bool = False, label: Labels = None
    ) -> Tensor:
        """Samples (F, C, H, W) on the way from the first image of each seed to the next.

        See `ganzfeld.models.interpolate.frames`, which gives them a few at a time.

        Example::

            import ganzfeld

            model = ganzfeld.load("runs/avatars-default")
            frames = model.interpolate([1, 2, 3], frames=8, loop=True)
        """
        from ganzfeld.models import interpolate as interpolation

        return torch.cat(
            list(interpolation.frames(self, seeds, per_leg=frames, loop=loop, label=label))
        )

    def images(
        self,
        count: int,
        *,
        seed: int = 0,
        labels: Labels = None,
        start: int = 0,
    ) -> list[Image.Image]:
        """The same samples as PIL images.

        Example::

            import ganzfeld

            model = ganzfeld.load("runs/avatars-default")
            model.images(1, seed=7)[0].save("seven.png")
        """
        x = self.sample(count, seed=seed, labels=labels, start=start)
        return [pictures.to_image(p) for p in pictures.to_pixels(x)]

    @torch.inference_mode()
    def chunks(
        self,
        count: int,
        *,
        seed: int = 0,
        labels: Labels = None,
        start: int = 0,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> Iterator[Tensor]:
        """`sample` a few at a time, for counts that do not fit into memory.

        Example::

            import ganzfeld

            model = ganzfeld.load("runs/avatars-default")
            count = sum(len(x) for x in model.chunks(100))  # 32 at a time
        """
        if count < 1 or start < 0:
            raise UsageError(f"count must be 1 or more and start 0 or more, not {count}, {start}")
        if std < 0:
            raise UsageError(f"the latents' standard deviation must be 0 or more, not {std}")
        wanted = self.label_numbers(labels)
        end = start + count
        for block in range(start - start % CHUNK, end, BLOCK):
            last = min(block + BLOCK, end + -end % CHUNK)
            ahead = self.latents_of(range(block, last), seed, mean, std)
            for low, z in zip(range(block, last, CHUNK), torch.split(ahead, CHUNK), strict=True):
                numbers = range(low, low + CHUNK)
                x = self.draw(z, self.labels_of(numbers, seed, wanted, start))
                yield x[max(start - low, 0) : end - low]

    @torch.inference_mode()
    def draw_exact(
        self,
        wanted: Sequence[tuple[int, int, int | str | None]],
        *,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> Tensor:
        """Samples (n, C, H, W) of any (seed, number, label), with the same bits as `sample`.

        A row of them is what `sample(1, seed=seed, start=number, labels=label)` gives. They are
        computed in batches of 32, whatever their seeds.

        label: a class by name or number; None: the random one that the sample has by itself, or
            where the model has no classes.
        """
        found = [torch.zeros(0, *self.shape)]
        for low in range(0, len(wanted), CHUNK):
            some = list(wanted[low : low + CHUNK])
            full = [*some, *some[:1] * (CHUNK - len(some))]
            seeds, numbers = [seed for seed, _, _ in full], [number for _, number, _ in full]
            chosen = [None if label is None else self.label_numbers(label) for *_, label in full]
            own = self.labels_of(numbers, seeds, [])
            if own is not None:
                own = [one[0] if one else random for one, random in zip(chosen, own, strict=True)]
            x = self.draw(self.latents_of(numbers, seeds, mean, std), own)
            found.append(x[: len(some)])
        return torch.cat(found)

    def latents_of(
        self,
        numbers: Sequence[int],
        seed: int | Sequence[int],
        mean: float = 0.0,
        std: float = 1.0,
    ) -> Tensor:
        """The latents (n, latent) of samples by number, of one seed or of a seed each."""
        z = torch.from_numpy(latents.draw(self.latents, self.latent, seed, numbers))
        return z if (mean, std) == (0.0, 1.0) else mean + std * z

    def draw(self, z: Tensor, numbers: Sequence[int] | None) -> Tensor:
        """Samples of latents (n, latent) and, with classes, of their labels' numbers."""
        y = None if numbers is None else torch.tensor(numbers, device=self.device)
        x: Tensor = self.generator(z.to(self.device), y)
        return x.float().cpu()

    def labels_of(
        self,
        samples: Sequence[int],
        seed: int | Sequence[int],
        wanted: Sequence[int],
        start: int = 0,
    ) -> list[int] | None:
        """Numbers of the classes of samples by number: `wanted` over and over, or random ones."""
        if not self.classes:
            return None
        if wanted:
            return [wanted[(i - start) % len(wanted)] for i in samples]
        return latents.labels(self.latents, len(self.classes), seed, samples)

    def label_numbers(self, labels: Labels) -> list[int]:
        if labels is None:
            return []
        if not self.classes:
            raise UsageError("this model was trained without labels: leave --label out")
        if isinstance(labels, int | str):
            labels = [labels]
        return [self.label_number(label) for label in labels]

    def label_number(self, label: int | str) -> int:
        if str(label) in self.classes:
            return self.classes.index(str(label))
        if str(label).isdecimal() and int(label) < len(self.classes):
            return int(label)
        raise UsageError(f"no class {label!r}. {did_you_mean(str(label), self.classes)}")


def latent(size: int, seed: int, index: int, name: str = latents.PORTABLE) -> Tensor:
    """The z of sample `index`, (size,): standard normal, a function of (seed, index)."""
    return torch.from_numpy(latents.draw(name, size, seed, [index])[0])


def load(
    path: str | os.PathLike[str],
    *,
    which: str = "best",
    device: str | torch.device = "cpu",
    trust_code: bool = False,
    task: str | None = None,
) -> Model | Any:
    """Load a run or a model folder: a `Model`, or the `Translator` of a translation.

    which: of a run. "best": the shipped model, or, while the run goes on, the checkpoint that
        scored best. "last": the newest whole checkpoint.
    device: where to compute: "auto", "cpu", "cuda" or "mps"; see `Model.to`.
    task: "generation" or "translation", to refuse the other with a UsageError.
    trust_code: allow a model whose network is your own Python (`module:name`), which is
        imported; models of ganzfeld's own networks never run code.
    Raises CheckpointError where there is nothing to load or it is damaged.

    Example::

        import ganzfeld

        model = ganzfeld.load("runs/avatars-default", device="auto")
        x = model.sample(16, seed=1)  # (16, C, H, W) in [-1, 1]
        model.images(1, seed=1)[0].save("first.png")
    """
    where = torch_device(device)
    model = load_any(Path(path), which, trust_code=trust_code)
    has = model.about.get("task", "generation")
    if task not in (None, has):
        other = (
            "translate MODEL PICTURES --out FOLDER; how far translations are from the truth is "
            "in its run's metrics.jsonl and report.html"
        )
        if has == "generation":
            other = "sample MODEL --out FOLDER"
        raise UsageError(f"{path} is a model for {has}, not for {task}", fix=f"ganzfeld {other}")
    return model if where.type == "cpu" else model.to(where)


def load_any(path: Path, which: str, *, trust_code: bool) -> Model | Translator:
    if which not in ("best", "last"):
        raise UsageError(f"which is best or last, not {which!r}")
    if os.path.lexists(path / "model.safetensors"):
        return load_model(path, trust_code=trust_code)
    folder = path / "model"
    steps = checkpoint.listing(path / "checkpoints") if path.is_dir() else []
    if os.path.lexists(folder / "config.json") and (which == "best" or not steps):
        of_run = read_about(folder).get("run_images", 0)
        if not steps or checkpoint.images_of(steps[0]) <= of_run:
            return load_model(folder, trust_code=trust_code)
    if steps:
        return from_checkpoint(path, which, trust_code=trust_code)
    raise CheckpointError(
        f"{path} holds no model and no checkpoint"
        if path.exists()
        else f"there is no run or model at {path}",
        fix="give the folder of a run, or a folder with model.safetensors and config.json",
    )


def load_model(folder: Path, *, trust_code: bool = False) -> Model | Translator:
    about = read_about(folder)
    where = str(folder / "config.json")
    with reader.refused(folder / "model.safetensors"):
        given = read_layouts(folder / "model.safetensors")
    if trust_code:
        about = trusted(about) if "code" not in about else with_code(trusted(about), folder)
    for part, start in parts_of(about):  # before memory is taken for the weights
        if part.get("name") in NETWORKS:
            check_fit(from_dict(Part, part, where), of(given, start), where)
    weights = read_weights(folder, "model.safetensors", about["weights"])
    judge = None
    if "discriminator" in about and os.path.lexists(folder / JUDGE):
        expected = about["discriminator"].get("weights")
        if expected is None:
            raise CheckpointError(f"{where} is damaged: it has no discriminator.weights")
        judge = read_weights(folder, JUDGE, expected)
    return assemble(about, weights, judge, trust_code=trust_code, where=where)


def parts_of(about: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """The networks that a model describes, and how the names of their weights begin."""
    if about.get("task") == "translation":
        return [(one["part"], f"{one['network']}.") for one in about["translators"].values()]
    return [(about["generator"], "")]


def from_checkpoint(run: Path, which: str, *, trust_code: bool = False) -> Model | Translator:
    config, folder = read_config(run), run / "checkpoints"
    names = [config.game.name, *(p.name for n, p in config.networks.items() if n != "D")]
    if trust_code:
        config = trusted(config)
    for name in names if not trust_code else ():
        refuse(name)
    drawn = {name: part for name, part in config.networks.items() if name != "D" or trust_code}
    check_run(run, dataclasses.replace(config, networks=drawn))
    found, _ = checkpoint.newest(folder)
    assert found is not None
    best = checkpoint.best(folder, metrics_log.scores(run / "metrics.jsonl"))
    if which == "best" and best is not None:
        with contextlib.suppress(CheckpointError):  # a damaged one: the newest will do
            found = checkpoint.load(folder / checkpoint.name_of(best))
    images, span = found.manifest["images"], next(iter(config.ema.spans))
    prefix = f"{span}."
    with reader.refused(run / "config.json"):
        about = describe(config, {"images": images, "average": span}, images)
    if about["task"] == "generation":
        prefix += "G."
    average = found.state.get("average", {})
    weights = {
        k.removeprefix(prefix): v
        for k, v in average.items()
        if k.startswith(prefix) and isinstance(v, Tensor)
    }
    judge = judge_of(config, found.state.get("game", {}))
    if judge is not None:
        about["discriminator"] = {"network": dataclasses.asdict(config.networks["D"])}
    return assemble(about, weights, judge, trust_code=trust_code, where=str(found.path))


def assemble(
    about: dict[str, Any],
    weights: dict[str, Tensor],
    judge: dict[str, Tensor] | None = None,
    *,
    trust_code: bool,
    where: str = "the model",
) -> Model | Translator:
    """where: the file that describes the networks, for errors."""
    if about.get("task") == "translation":
        networks = {}
        for way, one in about["translators"].items():
            start = f"{one['network']}."
            own = {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}
            networks[way] = assemble_network(one["part"], own, where)
        return Translator(about, networks)
    generator = assemble_network(about["generator"], weights, where)
    agree(about, generator, where)
    if judge is None:
        return Model(about, generator)
    described = about["discriminator"]["network"]
    if ":" in described["name"] and not trust_code:
        return Model(about, generator)  # its code is not run either; the generator needs none
    return Model(about, generator, assemble_network(described, judge, where))


def agree(about: dict[str, Any], generator: nn.Module, where: str) -> None:
    """CheckpointError where a model says of its generator what that is not."""
    options = about["generator"].get("options", {})
    classes = options.get("classes") or 0
    checks = [
        ("latent", about["latent"], getattr(generator, "latent", about["latent"])),
        ("shape", list(about["shape"]), list(options.get("shape", about["shape"]))),
    ]
    if about["generator"]["name"] in NETWORKS:
        checks.append(("the number of classes", len(about["classes"]), classes))
    for name, said, true in checks:
        if said != true:
            raise CheckpointError(
                f"{where} is damaged: {name} is {shown(said, 60)}, and its generator's "
                f"{shown(true, 60)}"
            )


def assemble_network(
    described: dict[str, Any], weights: dict[str, Tensor], where: str
) -> nn.Module:
    try:
        part = from_dict(Part, described, "network")
    except UsageError as error:
        raise CheckpointError(f"{where} is damaged: {error.what}") from error
    refuse(part.name)
    network = fitted(part, weights, where)
    channels_last(network)
    return network
