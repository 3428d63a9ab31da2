"""The tasks: what one item is, how predictions are trained and judged, and stand-in data for each."""

from __future__ import annotations
