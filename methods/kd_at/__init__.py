"""Attention transfer joined with `kd`."""

from __future__ import annotations
