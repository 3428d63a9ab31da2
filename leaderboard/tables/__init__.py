"""Comparisons, and the files that tell them: markdown, CSV, JSON, parquet."""

from __future__ import annotations
