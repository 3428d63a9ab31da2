"""Attention transfer."""

from __future__ import annotations
