"""A folder per family of datasets: `info.py` says what there is, `loader.py` reads it."""

from __future__ import annotations
