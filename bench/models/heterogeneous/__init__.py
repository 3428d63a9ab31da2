"""Models of graphs with typed nodes and edges."""

from __future__ import annotations
