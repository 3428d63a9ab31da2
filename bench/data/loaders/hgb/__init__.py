"""The Heterogeneous Graph Benchmark."""

from __future__ import annotations
