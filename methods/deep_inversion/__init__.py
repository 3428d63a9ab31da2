"""DeepInversion on random structures."""

from __future__ import annotations
