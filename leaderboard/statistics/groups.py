"""Who is distinguishable from whom: tie groups and rank intervals among the rows of one table.

Every pair of rows is tested on the seeds. The p of a pair is adjusted by Holm within the comparisons of the one row
with all others, and within those of the other; the larger counts. So for each row the chance of a false difference to
any other row is at most 5 %, and in particular the truly best row is shown as tied with the best at least 95 times in
100 (the confidence set for the best of Hsu, 1984, and of Mogstad et al., 2024, with Wilcoxon-Holm in place of
theirs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from graph_distillery.leaderboard.statistics.paired import (
    LEVEL,
    PairedTest,
    Test,
    choose_test,
    holm,
    p_of,
    paired_test,
    seeds_needed,
)
from graph_distillery.leaderboard.statistics.summary import average_ranks, mean

Key = TypeVar("Key")
Seed = TypeVar("Seed")


@dataclass(frozen=True)
class Standing(Generic[Key]):
    """A row among its peers.

    ``rank`` is by mean score; ``rank_low`` and ``rank_high`` bound it: one more than the rows that are significantly
    better, and the rows that are not significantly worse. Rows that share a letter of ``letters`` are not
    distinguishable.
    ``best`` compares with the row of the highest mean (None for that row); ``tied`` tells that it is not
    distinguishable from it (for the best row: that another is so). ``test`` is what decided: Wilcoxon's wherever it
    could find a difference on these seeds (``seeds_needed`` are enough for it), else the paired t test, or None where
    the seeds are too few for either. ``pairs`` holds the adjusted p against every other row, 1 where nothing was
    tested.
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


def standings(runs: Mapping[Key, Mapping[Seed, float]]) -> dict[Key, Standing[Key]]:
    """Standings of rows with scores on the same seeds, in the order of their means (equal means: as given)."""
    means = {key: mean(list(scores.values())) for key, scores in runs.items()}
    keys = sorted(runs, key=lambda key: -means[key])
    if not keys:
        return {}
    ranks = average_ranks(means)
    others = len(keys) - 1
    test = choose_test(min(len(scores) for scores in runs.values()), others)
    adjusted = adjusted_pairs({key: runs[key] for key in keys}, test)
    differ = {pair for pair, p in adjusted.items() if p <= LEVEL}
    letters = letter_groups(keys, differ)
    leader = keys[0]
    tied = {key for key in keys[1:] if (leader, key) not in differ}
    found = {}
    for key in keys:
        better = sum((other, key) in differ and means[other] > means[key] for other in keys)
        worse = sum((other, key) in differ and means[other] < means[key] for other in keys)
        best = paired_test(runs[key], runs[leader], test, adjusted[key, leader]) if key != leader else None
        found[key] = Standing(
            rank=ranks[key],
            rank_low=1 + better,
            rank_high=len(keys) - worse,
            letters=letters[key],
            leader=key == leader,
            tied=bool(tied) if key == leader else key in tied,
            best=best,
            test=test,
            seeds_needed=seeds_needed(others),
            pairs={other: adjusted[key, other] for other in keys if other != key},
        )
    return found


def adjusted_pairs(runs: Mapping[Key, Mapping[Seed, float]], test: Test | None) -> dict[tuple[Key, Key], float]:
    """Adjusted p of every ordered pair, the same both ways: the larger of Holm's among either row's comparisons."""
    keys = list(runs)
    raw: dict[tuple[Key, Key], float] = {}
    for position, one in enumerate(keys):
        for other in keys[position + 1 :]:
            shared = [seed for seed in runs[one] if seed in runs[other]]
            differences = [runs[one][seed] - runs[other][seed] for seed in shared]
            raw[one, other] = raw[other, one] = p_of(test, differences) if test and shared else 1.0
    own: dict[tuple[Key, Key], float] = {}
    for key in keys:
        others = [other for other in keys if other != key]
        own |= {(key, o): p for o, p in zip(others, holm([raw[key, o] for o in others]), strict=True)}
    return {(one, other): max(p, own[other, one]) for (one, other), p in own.items()}


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
