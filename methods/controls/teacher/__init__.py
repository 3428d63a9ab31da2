"""The teacher alone."""

from __future__ import annotations
