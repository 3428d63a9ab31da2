"""What a board says in words, every number with what stands behind it: `FINDINGS.md`."""

from __future__ import annotations

from graph_distillery.leaderboard.findings.page import findings

__all__ = ["findings"]
