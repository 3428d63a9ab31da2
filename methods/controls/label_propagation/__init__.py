"""Label propagation."""

from __future__ import annotations
