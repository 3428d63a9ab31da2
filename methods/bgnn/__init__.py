"""BGNN: several teachers, one after the other."""

from __future__ import annotations
