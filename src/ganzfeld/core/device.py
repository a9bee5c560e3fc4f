"""Where to compute: names of devices, and what is there."""

from __future__ import annotations

import torch

from ganzfeld.core import border
from ganzfeld.errors import UsageError


def choose_device(kind: str) -> str:
    """A device that is there, by its name; "auto" is the fastest. UsageError for others."""
    if not isinstance(kind, str):
        raise border.ArgumentError(f"device is a name such as 'cpu', not {border.told(kind)}")
    available = {"cpu": True, "cuda": torch.cuda.is_available()}
    available["mps"] = torch.backends.mps.is_available()
    if kind == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available.get(kind):
        have = ", ".join(name for name, there in available.items() if there)
        raise UsageError(
            f"there is no device {kind!r} here{why_not(kind)}",
            safe="nothing was computed",
            fix=f"--device auto, which takes the best of what is there: {have}",
        )
    return kind


def why_not(kind: str) -> str:
    """Where PyTorch itself was built without a device, as from the index for the CPU."""
    built = (torch.backends.cuda if kind == "cuda" else torch.backends.mps).is_built()
    if kind not in ("cuda", "mps") or built:
        return ""
    return f": this PyTorch ({torch.__version__}) was built without it; pytorch.org has others"


def torch_device(device: str | torch.device) -> torch.device:
    """The device of a name, such as "auto", "cuda" or "cuda:1"."""
    if isinstance(device, torch.device):
        return device
    kind, colon, number = device.partition(":") if isinstance(device, str) else (device, "", "")
    if colon and not (number.isdecimal() and len(number) < 4):
        raise border.ArgumentError(f"device is a name such as 'cuda:1', not {border.told(device)}")
    return torch.device(choose_device(kind) + colon + number)
