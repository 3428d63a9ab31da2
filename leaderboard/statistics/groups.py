"""Who is distinguishable from whom: tie groups and rank intervals among the rows of one table.

Every pair of rows is tested on the seeds, and its p adjusted by Holm (1979) over all pairs of the table, which is what
is read together: the chance of a single false difference in it is at most 5 %.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from graph_distillery.leaderboard.statistics.paired import (
    LEVEL,
    PairedTest,
    Test,
    choose_test,
    holm,
    paired_test,
    seeds_needed,
    t_pairs,
    wilcoxon_p,
)
from graph_distillery.leaderboard.statistics.sampling import UNKNOWN, Sampling
from graph_distillery.leaderboard.statistics.summary import average_ranks, mean

if TYPE_CHECKING:
    from graph_distillery.leaderboard.statistics.resampling import Floats

Key = TypeVar("Key")
Seed = TypeVar("Seed", bound=Hashable)

#: Above so many rows letters say less than ranges of ranks, and there can be thousands of them.
MOST_LETTERED = 15


@dataclass(frozen=True)
class Standing(Generic[Key]):
    """A row among its peers.

    ``rank`` is by mean score; ``rank_low`` and ``rank_high`` bound it: one more than the rows that are significantly
    better, and the rows that are not significantly worse. Rows that share a letter of ``letters`` are not
    distinguishable; a table of more than 15 rows has none.
    ``best`` compares with the row of the highest mean (None for that row); ``tied`` tells that it is not
    distinguishable from it (for the best row: that another is so). ``test`` is what decided (``choose_test``;
    ``seeds_needed`` are enough for Wilcoxon's), or None where the seeds are too few for any. ``pairs`` holds the
    adjusted p against every other row, 1 where nothing was tested.
    """

    rank: float
    rank_low: int
    rank_high: int
    letters: str
    leader: bool
    tied: bool
    best: PairedTest | None
    test: Test | None
    seeds_needed: int
    pairs: Mapping[Key, float]

    @property
    def undecided(self) -> bool:
        return self.test is None

    @property
    def verdict(self) -> str:
        """ "best", "tied for best", "below best", or "undecided" where the seeds are too few for any verdict."""
        if self.undecided:
            return "undecided"
        return "tied for best" if self.tied else "best" if self.leader else "below best"


def standings(
    runs: Mapping[Key, Mapping[Seed, float]], sampling: Sampling = UNKNOWN, drawn: Mapping[Key, Floats] | None = None
) -> dict[Key, Standing[Key]]:
    """Standings of rows with scores on the same seeds, in the order of their means (equal means: as given).

    drawn: of every row its resampled means (``items.resampled_means``), where predictions are at hand; they decide.
    """
    means = {key: mean(list(scores.values())) for key, scores in runs.items()}
    keys = sorted(runs, key=lambda key: -means[key])
    if not keys:
        return {}
    ranks = average_ranks(means)
    pairs = len(keys) * (len(keys) - 1) // 2
    test = choose_test(min(sampling.samples(list(scores)) for scores in runs.values()), pairs, sampling)
    test = "items_bootstrap" if drawn else test
    adjusted = adjusted_pairs({key: runs[key] for key in keys}, test, sampling, drawn)
    differ = {pair for pair, p in adjusted.items() if p <= LEVEL}
    letters = letter_groups(keys, differ) if len(keys) <= MOST_LETTERED else dict.fromkeys(keys, "")
    leader = keys[0]
    tied = {key for key in keys[1:] if (leader, key) not in differ}
    found = {}
    for key in keys:
        better = sum((other, key) in differ and means[other] > means[key] for other in keys)
        worse = sum((other, key) in differ and means[other] < means[key] for other in keys)
        apart = drawn[key] - drawn[leader] if drawn else None
        beaten = None if key == leader else adjusted[key, leader]
        best = None if key == leader else paired_test(runs[key], runs[leader], test, beaten, sampling, apart)
        found[key] = Standing(
            rank=ranks[key],
            rank_low=1 + better,
            rank_high=len(keys) - worse,
            letters=letters[key],
            leader=key == leader,
            tied=bool(tied) if key == leader else key in tied,
            best=best,
            test=test,
            seeds_needed=seeds_needed(pairs),
            pairs={other: adjusted[key, other] for other in keys if other != key},
        )
    return found


def adjusted_pairs(
    runs: Mapping[Key, Mapping[Seed, float]],
    test: Test | None,
    sampling: Sampling = UNKNOWN,
    drawn: Mapping[Key, Floats] | None = None,
) -> dict[tuple[Key, Key], float]:
    """Adjusted p of every ordered pair, the same both ways: Holm's over all pairs, on the seeds that all rows have."""
    keys = list(runs)
    pairs = list(itertools.combinations(range(len(keys)), 2))
    shared = [seed for seed in runs[keys[0]] if all(seed in scores for scores in runs.values())]
    scores = [[runs[key][seed] for seed in shared] for key in keys]
    raw = _raw(scores, pairs, shared, test, sampling) if drawn is None else _drawn_p(scores, pairs, drawn, keys)
    adjusted = dict(zip(pairs, holm(raw), strict=True))
    return {(keys[a], keys[b]): p for (one, other), p in adjusted.items() for a, b in ((one, other), (other, one))}


def _drawn_p(
    scores: list[list[float]], pairs: Sequence[tuple[int, int]], drawn: Mapping[Key, Floats], keys: Sequence[Key]
) -> list[float]:
    from graph_distillery.leaderboard.statistics.items import items_test  # numpy loads here

    means = [mean(each) for each in scores]
    return [items_test(means[one] - means[other], drawn[keys[one]] - drawn[keys[other]]).p for one, other in pairs]


def _raw(
    scores: list[list[float]],
    pairs: Sequence[tuple[int, int]],
    shared: Sequence[Hashable],
    test: Test | None,
    sampling: Sampling,
) -> list[float]:
    if test is None or not shared:
        return [1.0] * len(pairs)
    if test == "wilcoxon":
        return [wilcoxon_p([a - b for a, b in zip(scores[one], scores[other], strict=True)]) for one, other in pairs]
    import numpy as np

    found = t_pairs(np.array(scores), shared, sampling)
    return [float(found[pair]) for pair in pairs]


def letter_groups(keys: Sequence[Key], differ: set[tuple[Key, Key]]) -> dict[Key, str]:
    """Compact letter display (Piepho, 2004): two keys share a letter exactly if they do not differ.

    ``a`` is the group of the first key; after ``z`` come ``aa``, ``ab``...
    """
    columns: list[frozenset[Key]] = [frozenset(keys)]
    for position, one in enumerate(keys):
        for other in keys[position + 1 :]:
            if (one, other) not in differ:
                continue
            split = [part for c in columns for part in ((c - {one}, c - {other}) if {one, other} <= c else (c,))]
            unique = list(dict.fromkeys(split))
            columns = [c for c in unique if not any(c < wider for wider in unique)]
    order = {key: position for position, key in enumerate(keys)}
    columns.sort(key=lambda column: sorted(order[key] for key in column))
    many = len(columns) > 26
    names = [f"{chr(97 + i // 26)}{chr(97 + i % 26)}" if many else chr(97 + i) for i in range(len(columns))]
    joint = " " if many else ""
    return {key: joint.join(n for n, column in zip(names, columns, strict=True) if key in column) for key in keys}
