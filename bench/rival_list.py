"""The rivals of `peers.py`: what is installed for each, and which script runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Rival:
    """Somebody else's GAN.

    packages: what pip is asked for; none: it runs where this does. needs: what it is given instead
        of the versions that it pins, where those cannot be installed. like: the recipe whose rule
        sets its sizes. widths: whether its API takes a width.
    """

    name: str
    script: Path
    packages: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    like: str = "dcgan"
    widths: bool = True
    fitted: bool = True

    @property
    def environment(self) -> str:
        return self.packages[0].partition("=")[0] if self.packages else ""


VEGANS = ("torchvision", "numpy", "matplotlib", "pandas", "tensorboard", "wget")
RIVALS = (
    Rival("keras-dcgan", HERE / "rivals" / "keras_gan.py", ("keras",)),
    Rival("torch-dcgan", HERE / "rivals" / "torch_dcgan_native.py"),
    Rival("torchgan", HERE / "rivals" / "torchgan_dcgan.py", ("torchgan", "torchvision")),
    Rival("keras-wgan-gp", HERE / "rivals" / "keras_wgan_gp.py", ("keras",), like="wgan-gp"),
    Rival("vegans", HERE / "rivals" / "vegans_gan.py", ("vegans",), VEGANS),
    Rival("vegans-wgan-gp", HERE / "rivals" / "vegans_wgan_gp.py", ("vegans",), VEGANS, "wgan-gp"),
    Rival(
        "bolts-gan",
        HERE / "rivals" / "bolts_gan.py",
        ("lightning-bolts", "setuptools<80"),
        like="mlp",
        widths=False,
    ),
    Rival("torch-dcgan-64", HERE / "rivals" / "torch_dcgan.py", fitted=False),
)
