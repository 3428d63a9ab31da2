"""GCNII."""

from __future__ import annotations
