"""Local structure preserving."""

from __future__ import annotations
