"""Sets of the Open Graph Benchmark."""

from __future__ import annotations
