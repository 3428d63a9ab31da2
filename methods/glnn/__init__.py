"""GLNN."""

from __future__ import annotations
