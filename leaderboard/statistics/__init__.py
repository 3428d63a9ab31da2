"""The numbers of the board as plain functions of scores: no record, no row, no page."""

from __future__ import annotations

from graph_distillery.leaderboard.statistics.budget import BudgetCurve, budget_curve
from graph_distillery.leaderboard.statistics.gap import Gap, clear_lead, gap_closed, mean_gap
from graph_distillery.leaderboard.statistics.groups import Standing, standings
from graph_distillery.leaderboard.statistics.paired import PairedTest, holm, paired_test, smallest_p, wilcoxon_p
from graph_distillery.leaderboard.statistics.summary import (
    Estimate,
    Summary,
    average_ranks,
    geometric_mean,
    mean,
    mean_interval,
    paired_gain,
    pareto_front,
    summarise,
    summarise_scores,
    t_interval,
)

__all__ = [
    "BudgetCurve",
    "Estimate",
    "Gap",
    "PairedTest",
    "Standing",
    "Summary",
    "average_ranks",
    "budget_curve",
    "clear_lead",
    "gap_closed",
    "geometric_mean",
    "holm",
    "mean",
    "mean_gap",
    "mean_interval",
    "paired_gain",
    "paired_test",
    "pareto_front",
    "smallest_p",
    "standings",
    "summarise",
    "summarise_scores",
    "t_interval",
    "wilcoxon_p",
]
