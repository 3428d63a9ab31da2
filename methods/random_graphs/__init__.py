"""Distillation on random graphs."""

from __future__ import annotations
