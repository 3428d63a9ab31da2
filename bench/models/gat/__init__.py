"""GAT."""

from __future__ import annotations
