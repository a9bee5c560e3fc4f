"""A trained generator that draws samples, without any training options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from ganzfeld.core import latents
from ganzfeld.core.device import torch_device
from ganzfeld.core.names import place_of
from ganzfeld.data.conditions import slot_of
from ganzfeld.errors import UsageError, did_you_mean
from ganzfeld.modalities import modality_of
from ganzfeld.models.asked import Text, fixed_by, parted
from ganzfeld.models.batches import Batches
from ganzfeld.models.draws import CHUNK, Labels
from ganzfeld.models.task import spec_in
from ganzfeld.text import shown

BLOCK = 8 * CHUNK  # latents drawn at once, which is quicker and changes none of them


class Model:
    """A trained generator, ready to sample from.

    about: the content of the model folder's config.json.
    generator: maps (z, y) to samples; (z, y, c=numbers) where it was trained with such.
    discriminator: maps (samples, y) to logits, as it was trained beside the generator; or None.

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
        self.batches = Batches(self.generator)
        self.discriminator = discriminator and discriminator.eval().requires_grad_(False)
        self.shape: tuple[int, ...] = tuple(about["shape"])
        self.spec = spec_in(about)
        self.modality = modality_of(self.spec)
        self.latent: int = about["latent"]
        self.classes: list[str] = about["classes"]
        # numbers that samples are conditioned on: their names, and rows of the data's own
        self.conditions: dict[str, Any] = about.get("conditions") or {}
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
        numbers: Any = None,
        text: Text = None,
        shift: Tensor | None = None,
    ) -> Tensor:
        """Samples (count, ...), float32, on the CPU; images (count, C, H, W) are in [-1, 1].

        Sample i depends on (seed, start + i) and its label alone, to the bit, whatever `count`.
        They are computed 32 at a time, or few of them in the smallest batch with the same bits.

        labels: names or numbers of classes, repeated over the samples; None: a random one each.
            UsageError where the model has no such class, or no classes.
        start: number of the first sample, to go on where an earlier call ended.
        mean, std: of the latents. Below 1, samples are more alike and often cleaner
            (Brock et al. 2019, "truncation", here without the cut).
        numbers: conditions by name, {"age": 30, "kind": "a"}, the class among them; or a row
            (k,) for all, or rows, repeated. What is left out is as in a random sample of the data.
        text: of a model that was trained with captions: one for all samples, or several that are
            repeated over them. UsageError for words that the training captions never had.
        of, rank: the best `count` of `of` samples by a score; see `ganzfeld.models.rank.best`.
        shift: what to add to each latent, (latent,); see `ganzfeld.models.directions`.

        Example::

            import ganzfeld

            model = ganzfeld.load("runs/avatars-default")
            x = model.sample(4, seed=0)
            more = model.sample(2, seed=0, start=4)  # samples 4 and 5 of the same seed
        """
        labels, numbers = parted(self, labels, numbers, count, seed, start, text)
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
                numbers=numbers,
                shift=shift,
            ).samples
        return torch.cat(
            list(
                self.chunks(
                    count,
                    seed=seed,
                    labels=labels,
                    start=start,
                    mean=mean,
                    std=std,
                    numbers=numbers,
                    shift=shift,
                )
            )
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
        text: Text = None,
    ) -> list[Image.Image]:
        """The same samples as PIL images.

        Example::

            import ganzfeld

            model = ganzfeld.load("runs/avatars-default")
            model.images(1, seed=7)[0].save("seven.png")
        """
        x = self.sample(count, seed=seed, labels=labels, start=start, text=text)
        return [self.modality.to_image(one, self.spec) for one in self.store(x)]

    def store(self, samples: Tensor) -> NDArray[Any]:
        """Samples as their kind stores them, such as uint8 pixels (N, C, H, W)."""
        return self.modality.to_store(samples, self.spec)

    def save(
        self,
        count: int,
        folder: str | Path,
        *,
        seed: int = 0,
        labels: Labels = None,
        mark: bool = True,
    ) -> list[Path]:
        """Write samples as files of their kind, SEED-NUMBER.png or the like; their paths.

        Rows of a table are one file, SEED.csv.

        mark: the files say that they were generated, and from what; see `ganzfeld.core.marks`.
        """
        from ganzfeld.models.saving import save

        return save(self, count, Path(folder), seed=seed, labels=labels, mark=mark)

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
        numbers: Any = None,
        shift: Tensor | None = None,
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
        labels, given = parted(self, labels, numbers, count, seed, start)
        wanted = self.label_numbers(labels)
        end = start + count
        for block in range(start, end, BLOCK):
            last = min(block + BLOCK, end)
            ahead = self.latents_of(range(block, last), seed, mean, std)
            ahead = ahead if shift is None else ahead + shift
            for low, z in zip(range(block, last, CHUNK), torch.split(ahead, CHUNK), strict=True):
                each = range(low, low + len(z))
                own = self.numbers_of(each, seed, given, start)
                yield self.draw_few(z, self.labels_of(each, seed, wanted, start), own)

    @torch.inference_mode()
    def draw_exact(
        self,
        wanted: Sequence[tuple[int, int, int | str | None]],
        *,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> Tensor:
        """Samples (n, C, H, W) of any (seed, number, label), with the same bits as `sample`.

        A row of them is what `sample(1, seed=seed, start=number, labels=label)` gives.

        label: a class by name or number; None: the random one that the sample has by itself, or
            where the model has no classes.
        """
        found = [torch.zeros(0, *self.shape)]
        for low in range(0, len(wanted), CHUNK):
            some = list(wanted[low : low + CHUNK])
            seeds, numbers = [seed for seed, _, _ in some], [number for _, number, _ in some]
            chosen = [None if label is None else self.label_numbers(label) for *_, label in some]
            own = self.labels_of(numbers, seeds, [])
            if own is not None:
                own = [one[0] if one else random for one, random in zip(chosen, own, strict=True)]
            given = self.numbers_of(numbers, seeds, None)
            found.append(self.draw_few(self.latents_of(numbers, seeds, mean, std), own, given))
        return torch.cat(found)

    def latents_of(
        self,
        numbers: Sequence[int],
        seed: int | Sequence[int],
        mean: float = 0.0,
        std: float = 1.0,
    ) -> Tensor:
        """The latents (n, latent) of samples by number, of one seed or of a seed each."""
        z = latents.draw(self.latents, self.latent, seed, numbers)
        return torch.from_numpy(latents.scaled(z, mean, std))

    def draw_few(
        self, z: Tensor, classes: Sequence[int] | None, numbers: Tensor | None = None
    ) -> Tensor:
        """`draw` of up to 32 latents, each sample with the bits that it has among 32."""
        return self.batches.few(self.draw, z, classes, numbers)

    def draw(
        self, z: Tensor, classes: Sequence[int] | None, numbers: Tensor | None = None
    ) -> Tensor:
        """Samples of latents (n, latent), with the numbers of their classes and their conditions
        (n, k) where the model has such."""
        y = None if classes is None else torch.tensor(classes, device=self.device)
        slot = slot_of(self.conditions)
        given = {} if numbers is None else {slot: numbers.to(self.device)}
        x: Tensor = self.generator(z.to(self.device), y, **given)
        return x.float().cpu()

    def given(
        self, values: Mapping[str, Any], count: int, *, seed: int = 0, start: int = 0
    ) -> Tensor:
        """Conditions (count, k) for `sample(numbers=...)`, from values in the data's own units.

        values: by the names of the conditions; of those that are left out, each sample has what a
        random sample of the data has.

        Example::

            model = ganzfeld.load("runs/faces-default")
            x = model.sample(8, numbers=model.given({"age": 30}, 8))
        """
        fixed = fixed_by(self.about, values)
        rows = self.numbers_of(range(start, start + count), seed, None)
        assert rows is not None
        for place, value in fixed.items():
            rows[:, place] = value
        return rows

    def numbers_of(
        self,
        samples: Sequence[int],
        seed: int | Sequence[int],
        wanted: Tensor | None,
        start: int = 0,
    ) -> Tensor | None:
        """Conditions (n, k) of samples by number: `wanted` over and over, or the data's own."""
        if not self.conditions:
            return None
        if wanted is not None:
            return wanted[[(i - start) % len(wanted) for i in samples]]
        rows = torch.tensor(self.conditions["rows"], dtype=torch.float32)
        return rows[latents.labels(self.latents, len(rows), seed, samples)]

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
        if (place := place_of(label, self.classes)) is not None:
            return place
        raise UsageError(f"no class {shown(repr(label))}. {did_you_mean(str(label), self.classes)}")


def latent(size: int, seed: int, index: int, name: str = latents.PORTABLE) -> Tensor:
    """The z of sample `index`, (size,): standard normal, a function of (seed, index)."""
    return latents.tensor(name, size, seed, [index])[0]
