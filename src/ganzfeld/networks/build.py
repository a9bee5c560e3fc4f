"""networks.build"""

from __future__ import annotations

from torch import nn

from ganzfeld.config import Part
from ganzfeld.core.plugins import call, find
from ganzfeld.networks import NETWORKS


def build_network(part: Part) -> nn.Module:
    make = find(part.name, NETWORKS, "network")
    network: nn.Module = call(f"network {part.name}", make, **part.options)
    return network
