"""Cold Brew."""

from __future__ import annotations
