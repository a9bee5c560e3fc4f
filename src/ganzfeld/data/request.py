"""What data are asked for and how they are to be read: from a command, or as a run noted it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ganzfeld.config import Data
from ganzfeld.data.options import PackOptions, alpha_of
from ganzfeld.data.source import RULES

# how data are understood: options of a pack that a run notes in its configuration
READ = (
    *("labels", "range", "frames", "splits", "follow_links", "max_megapixels", "rules"),
    *("modality", "window"),
)
SHAPED = ("size", "channels", "alpha", "on_bad_image")  # the other options


@dataclass(frozen=True, kw_only=True)
class DataRequest:
    """Data by name, with every option of reading them; see `PackOptions` for what these mean.

    other: the second domain, where the source does not hold both. channels_b: of that domain.
    conditions: columns to condition on; None: those that the data come with, () for none.
    spared: images that will be held out of training. stream: whether shards are read while training
    (`data.shard_stream`) in place of being packed.

    The options are checked where a pack of them is asked for, in `options`.

    Example::

        from ganzfeld.data.request import DataRequest

        assert DataRequest(source="avatars:64", size=(16, 16)).options.size == (16, 16)
    """

    source: str = "avatars"
    other: str | None = None
    channels_b: int | None = None
    conditions: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None
    labels: str = "auto"
    modality: str = "auto"
    window: int | None = None
    range: str | None = None
    frames: str = "first"
    splits: str = "train"
    follow_links: bool = False
    max_megapixels: float = 64.0
    rules: int = RULES
    alpha: str = "white"
    on_bad_image: str | None = None
    spared: int = 0
    stream: bool = False

    @property
    def options(self) -> PackOptions:
        """How these data become a pack. Raises UsageError for an option that cannot be meant."""
        found = {name: getattr(self, name) for name in (*READ, *SHAPED, "spared")}
        if self.labels == "clusters":
            found["labels"] = "none"  # one pack for both
        return PackOptions(**found)

    @classmethod
    def of_flags(cls, flags: Mapping[str, Any]) -> DataRequest:
        """From parameters of a command or a call by name; what else is among them is left aside."""
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in flags.items() if name in names})

    @classmethod
    def of_config(cls, data: Data) -> DataRequest:
        """The data that a run was trained on."""
        return cls(
            source=data.source,
            other=data.other,
            channels_b=data.channels_b,
            size=data.size,
            channels=data.channels,
            alpha=alpha_of(data.channels, data.alpha),
            on_bad_image=data.on_bad_image,
            stream=data.stream,
            **understood(vars(data)),
        )

    def noted(self, data: Data, **more: Any) -> Data:
        """The configuration's part on data, with how these are read. more: other fields of it."""
        read = {name: getattr(self, name) for name in (*READ, "alpha", "on_bad_image", "stream")}
        return replace(data, **read, **more)


def understood(data: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run's or a model's notes on its data: how they are to be understood."""
    return {name: data[name] for name in READ if name in data}
