"""P&D, propagate and distil."""

from __future__ import annotations
