"""A comparison: what may stand in one table, and the numbers that need two of its rows.

Its rows share the data (by content hash), split, setting, metric, teacher and student.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.read.rows import RANKED, Row, RowKey
from graph_distillery.leaderboard.read.runs import Replicate
from graph_distillery.leaderboard.statistics import (
    Estimate,
    PairedTest,
    Sampling,
    SplitFacts,
    Standing,
    clear_lead,
    gap_closed,
    paired_gain,
    paired_test,
    pareto_front,
    sampling_of,
    standings,
)
from graph_distillery.leaderboard.text import sampling_words, seen_words

if TYPE_CHECKING:
    from graph_distillery.leaderboard.statistics.interquartile import Scale
    from graph_distillery.leaderboard.statistics.resampling import Floats

#: Differences of scores that are nothing in practice, unless a board says otherwise: half a point.
MARGIN = 0.005


@dataclass(frozen=True)
class Data:
    """The data and the task on it: what any two rows of one table must share."""

    dataset: str
    split: str
    setting: str
    task: str
    metric: str
    dataset_sha256: str
    node_order_sha256: str

    @property
    def stratum(self) -> str:
        """What names the data where seeds are resampled: no method's name is in it."""
        return "|".join((self.dataset, self.split, self.setting, self.metric, self.dataset_sha256))

    @staticmethod
    def of(record: Record) -> Data:
        cell = record.cell
        return Data(
            cell.dataset,
            cell.split,
            cell.setting,
            cell.task,
            cell.metric,
            cell.dataset_sha256,
            cell.node_order_sha256,
        )


@dataclass(frozen=True)
class Comparison:
    """One table: control rows first, then methods by mean test score; ``slug`` names its files.

    ``margin``: what two scores may differ by and be equal in practice, as a fraction. ``track``: the track of the
    board's file that it belongs to, if there is one.
    """

    data: Data
    teacher: str | None
    student: str
    rows: tuple[Row, ...]
    slug: str = ""
    margin: float = MARGIN
    track: str = ""

    @property
    def title(self) -> str:
        teacher = f"{self.teacher} → {self.student}" if self.teacher else f"{self.student}, no teacher"
        title = f"{self.data.dataset}, {self.data.split} split, {self.data.setting}, {teacher}"
        return f"{self.track}: {title}" if self.track else title

    @property
    def sort_key(self) -> tuple[str, ...]:
        d = self.data
        names = (d.dataset, d.split, d.setting, self.teacher or "", self.student, d.metric, d.task)
        return (*([self.track] if self.track else []), *names, d.dataset_sha256, d.node_order_sha256)

    def whose(self, row: Row) -> str:
        """What the teacher's row is the row of: of several that teach together it is one of them."""
        return self.teacher or "" if row.key.variant == "paper" else f"of {self.teacher}"

    @property
    def fingerprints(self) -> list[str]:
        """Hardware fingerprints measured here, the one with most rows first."""
        counts: dict[str, int] = {}
        for row in self.rows:
            for name in row.speed:
                counts[name] = counts.get(name, 0) + 1
        return sorted(counts, key=lambda name: (-counts[name], name))

    def control(self, role: str, *, fixed: bool = False) -> Row | None:
        """The control row of a role that has a score to compare with; of several, the same kind's and the paper's, and
        of those the one whose sender the board's file has first."""
        rows = [row for row in self.rows if row.role == role and row.test and not row.untuned]
        return min(rows, key=lambda row: (row.key.fixed != fixed, row.key.variant != "paper", row.order), default=None)

    @cached_property
    def standings(self) -> Mapping[RowKey, Standing[RowKey]]:
        """Ranks, tie groups and tests of the complete student rows, on the seeds that all of them have."""
        shared = self.shared_seeds
        runs = {row.key: {seed: row.test[seed] for seed in shared} for row in self._ranked}
        return standings(runs, self.sampling, self.drawn)

    @cached_property
    def drawn(self) -> Mapping[RowKey, Floats] | None:
        """Resampled means of the complete student rows, where they share their test items and all have predictions."""
        if self.sampling.kind != "fixed" or not self.sampling.counted or len(self._ranked) < 2:
            return None
        from graph_distillery.leaderboard.read.answers import right_answers
        from graph_distillery.leaderboard.statistics.items import resampled_means

        found = right_answers([row.headline for row in self._ranked if row.headline], self.shared_seeds)
        if found is None:
            return None
        means = resampled_means(found, self.data.stratum)
        return dict(zip((row.key for row in self._ranked), means, strict=True))

    @cached_property
    def sampling(self) -> Sampling:
        """How the seeds that all complete student rows have draw on the data."""
        results = [row.headline for row in self._ranked if row.headline]
        told: dict[Replicate, SplitFacts] = {}
        for seed in self.shared_seeds:  # records of different age tell more or less of the same split
            known = [result.splits[seed] for result in results]
            told[seed] = max(known, key=lambda facts: (facts.split is not None, facts.items is not None))
        return sampling_of(told, all(result.counted for result in results))

    @property
    def sampling_words(self) -> str:
        """What its tests and intervals speak of, and how far its test labels were sealed."""
        spoken = sampling_words(self.sampling, self.sampling.samples(self.shared_seeds))
        return f"{spoken} {seen_words(self.seen_in_tuning)}{self.collapsed_words}"

    @property
    def collapsed_words(self) -> str:
        """Which rows stand on seeds that learned nothing; empty where none does."""
        found = [
            f"{row.key.name} {len(row.headline.collapsed)} of {len(row.test)}"
            for row in self.rows
            if row.headline is not None and row.headline.collapsed and row.role != "majority"
        ]
        if not found:
            return ""
        return f" Collapsed seeds, which predict one class or score no better than the largest one: {', '.join(found)}."

    @cached_property
    def seen_in_tuning(self) -> tuple[float, float] | None:
        """The least and the largest share of a report split's test labels that tuning had read, over the complete
        student rows and the seeds that they share; None where a record does not say."""
        results = [row.headline for row in self._ranked if row.headline]
        shares = [result.seen.get(seed) for result in results for seed in self.shared_seeds]
        known = [share for share in shares if share is not None]
        return (min(known), max(known)) if known and len(known) == len(shares) else None

    def equal_to_best(self, row: Row) -> bool | None:
        """Whether the row's whole interval to the best lies within the margin; None for rows that are not compared."""
        standing = self.standings.get(row.key)
        return standing.best.within(self.margin) if standing and standing.best else None

    @cached_property
    def _ranked(self) -> list[Row]:
        return [row for row in self.rows if row.role in RANKED and row.complete]

    @cached_property
    def shared_seeds(self) -> list[Replicate]:
        """The seeds that all complete student rows have: what one of them ran beyond its peers decides nothing."""
        return sorted(frozenset.intersection(*(frozenset(row.test) for row in self._ranked))) if self._ranked else []

    def against_student(self, row: Row) -> PairedTest | None:
        """The row against the student alone on the same seeds; adjusted p where both are complete, else none."""
        return self._against_student[row.key]

    @cached_property
    def _against_student(self) -> dict[RowKey, PairedTest | None]:
        return {row.key: self._test_against_student(row) for row in self.rows}

    def _test_against_student(self, row: Row) -> PairedTest | None:
        alone = self.control("supervised", fixed=row.key.fixed)
        standing = self.standings.get(row.key)
        if alone is None or row.role != "method" or standing is None or alone.key not in self.standings:
            return None
        ours, theirs = ({seed: each.test[seed] for seed in self.shared_seeds} for each in (row, alone))
        drawn = self.drawn[row.key] - self.drawn[alone.key] if self.drawn else None
        return paired_test(ours, theirs, standing.test, standing.pairs[alone.key], self.sampling, drawn)

    def pareto(self, fingerprint: str) -> dict[RowKey, bool]:
        """Which rows measured on the hardware no other beats in request latency, parameters and mean score at once, in
        one of them by more than the intervals; the full forward stands in where no request was timed.

        The teacher takes part; partial rows do not.
        """
        return self._fronts.get(fingerprint, {})

    @cached_property
    def _fronts(self) -> dict[str, dict[RowKey, bool]]:
        found = {}
        for fingerprint in self.fingerprints:
            points, bands = {}, []
            for row in self.rows:
                speed, summary = row.speed.get(fingerprint), row.summary
                if speed and summary and row.complete and row.role != "majority":
                    latency, low, high = speed.first
                    points[row.key] = (latency, float(speed.params), summary.mean)
                    bands.append([(low, high), (speed.params, speed.params), summary.ends])
            found[fingerprint] = dict(zip(points, pareto_front(list(points.values()), bands), strict=True))
        return found

    def gain(self, row: Row) -> float | None:
        """Mean over seeds of (this row - student alone on the same seed), as a fraction."""
        alone = self.control("supervised", fixed=row.key.fixed)
        return paired_gain(row.test, alone.test) if alone and row.role == "method" else None

    def gap(self, row: Row) -> Estimate | None:
        """Gain over (teacher - student alone); None where the teacher is not clearly better."""
        return self._gaps[row.key]

    @cached_property
    def _gaps(self) -> dict[RowKey, Estimate | None]:
        return {row.key: self._gap(row) for row in self.rows}

    def _gap(self, row: Row) -> Estimate | None:
        teacher = self.control("teacher", fixed=row.key.fixed)
        alone = self.control("supervised", fixed=row.key.fixed)
        if row.role != "method" or teacher is None or alone is None:
            return None
        return gap_closed(row.test, alone.test, teacher.test, self.sampling)

    def gap_closed(self, row: Row) -> float | None:
        """Gain over (teacher - student alone); None where the teacher is not clearly better than that."""
        gap = self.gap(row)
        return gap.value if gap else None

    def scale(self, *, fixed: bool = False) -> Scale | None:
        """The majority class as 0 and the teacher (a perfect score, where there is none) as 1, on the shared seeds.

        None where one of the two is missing or lacks a seed, or the teacher is not clearly better than the majority
        class (``clear_lead``). fixed: of fixed configurations rather than those of a search.
        """
        import numpy as np

        from graph_distillery.leaderboard.statistics.interquartile import Scale
        from graph_distillery.leaderboard.statistics.variance import overlap

        majority, teacher = self.control("majority", fixed=fixed), self.control("teacher", fixed=fixed)
        seeds = self.shared_seeds
        if majority is None or not seeds or not majority.test.keys() >= set(seeds):
            return None
        floors = {seed: majority.test[seed] for seed in seeds}
        tops = dict.fromkeys(seeds, 1.0)
        if self.teacher:
            if teacher is None or not teacher.test.keys() >= set(seeds):
                return None
            tops = {seed: teacher.test[seed] for seed in seeds}
        if clear_lead(tops, floors, self.sampling) is None:
            return None
        found = [np.array([scores[seed] for seed in seeds]) for scores in (floors, tops)]
        return Scale(found[0], found[1], overlap=overlap(seeds, self.sampling))

    def tuning_gain(self, row: Row) -> float | None:
        """Mean over seeds of (tuned - default), as a fraction."""
        if not {"tuned", "default"} <= row.results.keys():
            return None
        return paired_gain(row.results["tuned"].test, row.results["default"].test)

    def own_term(self, row: Row) -> PairedTest | None:
        """The row less the same configuration with its method's own term off, on the seeds of both; None where that
        was not run. p is adjusted over all such tests of the table."""
        return self._own_terms.get(row.key)

    @cached_property
    def _own_terms(self) -> Mapping[RowKey, PairedTest]:
        from graph_distillery.leaderboard.tables.worth import own_terms

        return own_terms(self.rows, self.sampling, self.data.stratum)

    def speedup(self, row: Row, fingerprint: str, request: bool = False) -> float | None:
        """Teacher's median latency over this row's, both on one fingerprint."""
        teacher = next((each for each in self.rows if each.role == "teacher" and fingerprint in each.speed), None)
        if teacher is None or fingerprint not in row.speed:
            return None
        theirs, ours = teacher.speed[fingerprint], row.speed[fingerprint]
        above, below = (
            (theirs.request_ms, ours.request_ms) if request else (theirs.full_forward_ms, ours.full_forward_ms)
        )
        return above / below if above is not None and below else None
