"""What the own term of every method of a table is worth: the row less the same configuration with that term off.

The tests of a table's column are read together, and their p values adjusted by Holm over all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from graph_distillery.leaderboard.read.rows import Row, RowKey
from graph_distillery.leaderboard.read.runs import Replicate, Result
from graph_distillery.leaderboard.statistics import PairedTest, Sampling, holm, paired_test
from graph_distillery.leaderboard.statistics.paired import LEVEL, choose_test

if TYPE_CHECKING:
    from graph_distillery.leaderboard.statistics.resampling import Floats

Verdict = Literal["", "nothing measurable", "better without it", "undecided"]


@dataclass(frozen=True)
class _Pair:
    """A row's runs, and those without its own term, on the seeds of both."""

    key: RowKey
    ours: Result
    theirs: Result
    seeds: tuple[Replicate, ...]

    @property
    def same(self) -> bool:
        """Whether the term is off in the row itself, so that both are the same runs."""
        alike = all(self.ours.test[seed] == self.theirs.test[seed] for seed in self.seeds)
        return self.ours.hparams == self.theirs.hparams and alike

    def scores(self) -> tuple[dict[Replicate, float], dict[Replicate, float]]:
        one, other = ({seed: result.test[seed] for seed in self.seeds} for result in (self.ours, self.theirs))
        return one, other


def own_terms(rows: Sequence[Row], sampling: Sampling, stratum: str) -> Mapping[RowKey, PairedTest]:
    """By row, the test of its own term; rows whose configuration was not run without it have none.

    Where all runs of a row and of its ablation share their test items and have predictions, seeds and items are drawn
    again (``items``), as in the table's other tests. Where the term is off in the row itself both are the same runs,
    nothing is drawn, and it is worth 0, 0 to 0. stratum: what names the draws.
    """
    pairs = []
    for row in rows:
        head, off = row.headline, row.results.get("ablated")
        seeds = tuple(sorted(head.test.keys() & off.test.keys())) if head and off else ()
        if head and off and seeds:
            pairs.append(_Pair(row.key, head, off, seeds))
    found = {pair.key: _test(pair, len(pairs), sampling, stratum) for pair in pairs}
    known = {key: test for key, test in found.items() if test is not None}
    tested = [key for key, test in known.items() if test.p is not None]
    adjusted = dict(zip(tested, holm([known[key].p or 0.0 for key in tested]), strict=True))
    return {key: replace(test, p_holm=adjusted.get(key)) for key, test in known.items()}


def _test(pair: _Pair, family: int, sampling: Sampling, stratum: str) -> PairedTest | None:
    ours, theirs = pair.scores()
    if pair.same:
        test = paired_test(ours, theirs, "wilcoxon")
        return None if test is None else replace(test, low=0.0, high=0.0)
    drawn = _drawn(pair, sampling, stratum)
    chosen = choose_test(sampling.samples(pair.seeds), family, sampling)
    chosen = "items_bootstrap" if drawn is not None else chosen
    return paired_test(ours, theirs, chosen, sampling=sampling, drawn=drawn)


def _drawn(pair: _Pair, sampling: Sampling, stratum: str) -> Floats | None:
    """Differences of the means when seeds and items are drawn again; None where predictions do not tell them."""
    if sampling.kind != "fixed" or not sampling.counted:
        return None
    from graph_distillery.leaderboard.read.answers import right_answers
    from graph_distillery.leaderboard.statistics.items import resampled_means

    right = right_answers([pair.ours, pair.theirs], pair.seeds)
    if right is None:
        return None
    one, other = resampled_means(right, stratum)
    return one - other


def verdict(test: PairedTest) -> Verdict:
    """In words, what a term is worth that does not clearly add to its method."""
    reaches = test.low is None or test.high is None or test.low <= 0 <= test.high
    if reaches:
        return "nothing measurable"
    if test.p_holm is None:
        return "undecided"
    if test.p_holm > LEVEL:
        return "nothing measurable"
    return "better without it" if test.difference < 0 else ""
