"""Deep mutual learning."""

from __future__ import annotations
