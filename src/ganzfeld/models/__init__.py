"""Load what a run ships, and draw from it."""

from ganzfeld.core import runtime as _runtime  # noqa: F401  (it warms MKL up)
