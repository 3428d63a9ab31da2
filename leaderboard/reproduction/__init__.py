"""Published numbers beside ours: a verdict per cell, a page and a figure per table, an index of all.

The published side comes in as data (`ReproductionTable`); this room knows records and no paper.
"""

from __future__ import annotations

from graph_distillery.leaderboard.reproduction.cells import (
    Ours,
    Published,
    ReproductionCell,
    ReproductionTable,
    ours_of,
)
from graph_distillery.leaderboard.reproduction.verdicts import VERDICTS, Verdict, judge
from graph_distillery.leaderboard.reproduction.write import check_pages, write_pages

__all__ = [
    "VERDICTS",
    "Ours",
    "Published",
    "ReproductionCell",
    "ReproductionTable",
    "Verdict",
    "check_pages",
    "judge",
    "ours_of",
    "write_pages",
]
