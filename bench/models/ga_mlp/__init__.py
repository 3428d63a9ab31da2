"""GA-MLP."""

from __future__ import annotations
