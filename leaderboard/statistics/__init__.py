"""The numbers of the board as plain functions of scores: no record, no row, no page."""

from __future__ import annotations

from graph_distillery.leaderboard.statistics.budget import BudgetCurve, budget_curve
from graph_distillery.leaderboard.statistics.gap import clear_lead, gap_closed
from graph_distillery.leaderboard.statistics.groups import Standing, standings
from graph_distillery.leaderboard.statistics.paired import PairedTest, holm, paired_test, smallest_p, wilcoxon_p
from graph_distillery.leaderboard.statistics.sampling import UNKNOWN, Sampling, SplitFacts, sampling_of
from graph_distillery.leaderboard.statistics.summary import (
    Estimate,
    Summary,
    average_ranks,
    geometric_mean,
    mean,
    mean_interval,
    paired_gain,
    pareto_front,
    same_mean,
    summarise,
    summarise_scores,
    t_interval,
)

__all__ = [
    "UNKNOWN",
    "BudgetCurve",
    "Estimate",
    "PairedTest",
    "Sampling",
    "SplitFacts",
    "Standing",
    "Summary",
    "average_ranks",
    "budget_curve",
    "clear_lead",
    "gap_closed",
    "geometric_mean",
    "holm",
    "mean",
    "mean_interval",
    "paired_gain",
    "paired_test",
    "pareto_front",
    "same_mean",
    "sampling_of",
    "smallest_p",
    "standings",
    "summarise",
    "summarise_scores",
    "t_interval",
    "wilcoxon_p",
]
