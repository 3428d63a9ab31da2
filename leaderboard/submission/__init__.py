"""What a maintainer must look at before a foreign store joins a board: `distillery submit`.

Nothing here proves a store honest. It refuses what breaks the protocol, and points at what honest stores seldom show.
"""

from __future__ import annotations

from graph_distillery.leaderboard.submission.check import Submission, check_submission
from graph_distillery.leaderboard.submission.findings import Finding, Level

__all__ = ["Finding", "Level", "Submission", "check_submission"]
