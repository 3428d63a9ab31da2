"""The error of this room."""

from __future__ import annotations


class BoardError(ValueError):
    """Stores or an output folder are wrong: one clear line that names them."""
