"""Parameterised label propagation."""

from __future__ import annotations
