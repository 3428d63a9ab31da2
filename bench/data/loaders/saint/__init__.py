"""Large graphs as GraphSAINT and GraphSAGE publish them."""

from __future__ import annotations
