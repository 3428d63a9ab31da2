"""What a mean over report runs says of data that were not seen: how far runs on one dataset are samples of it.

Ten runs on ten splits of one dataset are not ten samples: their test items overlap, and so do their training items. Ten
runs on one split are one sample of test items, trained on ten times. Taken as independent, two equal methods are told
apart at 5 % in 16 to 25 % of cases on redrawn splits, and in most cases on a fixed one
(``tests/leaderboard/test_null_boards.py``). So the variance of a mean is

- on redrawn splits s^2 (1 / n + t / r), s^2 the variance between splits, t test items and r items that train or
  validate (Nadeau and Bengio, Machine Learning 52, 2003: two test parts share t / (t + r) of their items); where t is
  larger than r, as under GLNN's split, the items' own variance, below, and training parts that share r / (t + r) say
  less, and the smaller of the two counts;
- on one set of test items s^2 / n and the variance of the items themselves: p (1 - p) / t for a share p of right
  answers, p (1 - p) / t + q (1 - q) / t at most for the difference of two whose answers are not opposed. Where
  predictions are at hand, ``paired_items`` knows it better;
- s^2 / n alone where records do not tell their splits, or the score is no share of items.

The degrees of freedom of a sum are Welch's and Satterthwaite's (1946); the items' part has as good as infinitely many.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

Kind = Literal["redrawn", "fixed", "unknown"]
Run = TypeVar("Run", bound=Hashable)


@dataclass(frozen=True)
class SplitFacts:
    """What a record tells of its split: names of the whole and of its test part, and the sizes of its three parts."""

    split: str | None = None
    test: str | None = None
    items: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Sampling:
    """How runs draw on their data.

    ``kind``: "redrawn" where runs have different test items, "fixed" where all have the same, "unknown" where records
    do not tell. ``splits``: the split of each run, by what names the run. ``test_items`` and ``other_items``: how many
    items test, and how many train or validate, None where records do not tell. ``counted``: the score is the share of
    test items that are right.
    """

    kind: Kind = "unknown"
    splits: Mapping[Hashable, str] = field(default_factory=dict)
    test_items: int | None = None
    other_items: int | None = None
    counted: bool = False

    @property
    def known(self) -> bool:
        """Whether the variance that is shared by all runs can be told."""
        return (self.kind == "redrawn" and self.ratio is not None) or (self.kind == "fixed" and self.items_known)

    @property
    def ratio(self) -> float | None:
        """Test items over all others; what Nadeau and Bengio add to 1 / n."""
        return self.test_items / self.other_items if self.test_items and self.other_items else None

    @property
    def items_known(self) -> bool:
        return self.counted and bool(self.test_items)

    def groups(self, runs: Sequence[Hashable]) -> list[int]:
        """The number of each run's split; of runs that share one split, or do not tell, each stands for itself."""
        names = [self.splits.get(run) for run in runs]
        if self.kind == "unknown" or len(set(names)) < 2:
            return list(range(len(runs)))
        order = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return [order[name] for name in names]

    def samples(self, runs: Sequence[Hashable]) -> int:
        """How many of the runs vary independently."""
        return len(set(self.groups(runs)))


UNKNOWN = Sampling()


def sampling_of(facts: Mapping[Run, SplitFacts], counted: bool) -> Sampling:
    """How runs with these facts draw on their data; "unknown" where one of them does not tell its split."""
    splits: dict[Hashable, str] = {run: each.split for run, each in facts.items() if each.split is not None}
    if not facts or len(splits) < len(facts):
        return Sampling(counted=counted)
    tests = {each.test for each in facts.values()}
    fixed = len(set(splits.values())) == 1 or (len(tests) == 1 and None not in tests)
    sizes = [each.items for each in facts.values() if each.items is not None]
    if len(sizes) < len(facts):
        return Sampling("fixed" if fixed else "redrawn", splits, counted=counted)
    tested = round(sum(test for _, _, test in sizes) / len(sizes))
    others = round(sum(train + val for train, val, _ in sizes) / len(sizes))
    return Sampling("fixed" if fixed else "redrawn", splits, tested, others, counted)
