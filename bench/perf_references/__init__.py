"""Plain readings of papers, which `bench.perf` times our paths against."""

from __future__ import annotations
