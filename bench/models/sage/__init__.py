"""GraphSAGE."""

from __future__ import annotations
