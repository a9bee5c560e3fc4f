"""From a command to the shipped model."""

from ganzfeld.core import runtime as _runtime  # noqa: F401  (it warms MKL up)
