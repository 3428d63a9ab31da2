"""Geometric knowledge distillation."""

from __future__ import annotations
