"""Rows to compare with: no distillation in them."""

from __future__ import annotations
