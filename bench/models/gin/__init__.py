"""GIN."""

from __future__ import annotations
