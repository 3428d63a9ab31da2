"""SIGN."""

from __future__ import annotations
