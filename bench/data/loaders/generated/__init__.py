"""Datasets made from a seed."""

from __future__ import annotations
