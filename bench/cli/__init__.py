"""The command `distillery`. Importing it, asking for help and listing load neither torch nor ray."""

from __future__ import annotations

from graph_distillery.bench.cli.entry import main

__all__ = ["main"]
