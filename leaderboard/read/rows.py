"""A row of a comparison: one method and variant, with its configurations, its search and its speed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.read.runs import (
    Origin,
    Placed,
    Replicate,
    Result,
    SpeedRow,
    Tuning,
    make_result,
    make_speeds,
    make_tuning,
)
from graph_distillery.leaderboard.statistics import Summary, same_mean

Role = Literal["teacher", "majority", "supervised", "method"]
ROLES: tuple[Role, ...] = ("teacher", "majority", "supervised", "method")
RANKED: tuple[Role, ...] = ("supervised", "method")


#: What records say of the student of a method that has none.
NO_STUDENT = "none"


def role_of(method: str) -> Role:
    """The control rows go by their method's name."""
    return next((role for role in ROLES if role == method), "method")


def selections(record: Record) -> tuple[Origin, ...]:
    """The configurations a report or speed record stands for: "both" is a winner that is the default."""
    selection = record.search.selection if record.search else None
    if selection == "both":
        return ("tuned", "default")
    return (selection,) if selection else ("fixed",)


@dataclass(frozen=True, order=True)
class RowKey:
    """What makes two records belong to one row; fixed configurations have a row of their own.

    ``sender``: who sent it, where a board's file names senders and several sent a row of this method.
    """

    method: str
    variant: str
    fixed: bool
    sender: str = ""

    @property
    def name(self) -> str:
        """The method as shown; says where it is not the paper's variant, or where no search was made."""
        notes = [self.variant] if self.variant != "paper" else []
        notes += ["fixed"] if self.fixed and role_of(self.method) in RANKED else []
        notes += [f"by {self.sender}"] if self.sender else []
        return f"{self.method} ({', '.join(notes)})" if notes else self.method


@dataclass(frozen=True)
class Repeat:
    """The same row, run again on other hardware: its report runs there, and whether they agree with the row's own.

    ``agrees``: Welch's test of two means finds no difference at 5 %, so that one in twenty honest repeats fails it.
    None where the repeat has fewer seeds, or is of another configuration or another version of the suite.
    """

    fingerprint: str
    store_ids: tuple[str, ...]
    result: Result
    agrees: bool | None


@dataclass(frozen=True)
class Row:
    """One line of a comparison; ``speed`` is keyed by hardware fingerprint.

    ``untuned``: it shows its default, its search's winner has no run yet, and peers show their tuned configurations.
    ``apart``: why it stands apart from its peers and is not ranked; empty where it does not. ``extra``: report seeds it
    had beyond its table's, which are left out. ``order``: the place of its sender in the board's file.
    """

    key: RowKey
    role: Role
    results: dict[Origin, Result]
    speed: dict[str, SpeedRow]
    tuning: Tuning
    teacher_ids: frozenset[str]
    teacher_s: float | None = None
    repeats: tuple[Repeat, ...] = ()
    expected: int = 0
    missing: frozenset[Replicate] = field(default=frozenset())
    untuned: bool = False
    apart: str = ""
    extra: int = 0
    order: int = 0
    without_student: bool = False

    @property
    def headline(self) -> Result | None:
        """The configuration that represents the method: tuned, else default, else fixed."""
        order: tuple[Origin, ...] = ("tuned", "default", "fixed")
        return next((self.results[name] for name in order if name in self.results), None)

    @property
    def test(self) -> dict[Replicate, float]:
        return self.headline.test if self.headline else {}

    @property
    def summary(self) -> Summary | None:
        return self.headline.summary if self.headline else None

    @property
    def optimism(self) -> float | None:
        """How far the winner's validation score, best of its trials, is above the same on the report seeds."""
        scores = [trial.score for trial in self.tuning.trials if trial.score is not None]
        again = self.headline.validation if self.headline and self.headline.selection == "tuned" else None
        return max(scores) - again.mean if scores and again else None

    @property
    def failed_runs(self) -> int:
        return len(self.headline.failed) if self.headline else 0

    @property
    def failed_trials(self) -> int:
        return self.tuning.failed

    @property
    def verified(self) -> bool:
        """An independent run on other hardware agrees, and none disagrees."""
        verdicts = [repeat.agrees for repeat in self.repeats if repeat.agrees is not None]
        return bool(verdicts) and all(verdicts)

    @property
    def complete(self) -> bool:
        """Has every report seed its peers have, and a score, and is not a default among tuned ones, nor apart."""
        return bool(self.test) and not (self.missing or self.failed_runs or self.untuned or self.apart)

    @property
    def status(self) -> str:
        """ "complete", or what is missing, or why the row stands apart."""
        if self.complete:
            return "complete"
        if self.apart:
            return f"apart ({self.apart})"
        failed = f", {self.failed_runs} failed" if self.failed_runs else ""
        failed += ", of the default alone" if self.untuned else ""
        return f"partial ({self.expected - len(self.missing)}/{self.expected} seeds{failed})"


def make_row(key: RowKey, records: list[Placed]) -> Row:
    """Gather the trial, report and speed records of one row."""
    home, away = _homes([each for each in records if each[0].kind == "report"])
    results = _results(home)
    row = Row(
        key=key,
        role=role_of(key.method),
        results=results,
        speed={},
        tuning=make_tuning(_own_search([r for r, _ in records if r.kind == "trial"], home)),
        teacher_ids=frozenset(each for r, _ in home for each in r.cell.every_teacher_id),
        without_student=bool(home) and all(record.cell.student == NO_STUDENT for record, _ in home),
        teacher_s=max((r.timings.teacher_s for r, _ in home if r.timings.teacher_s is not None), default=None),
    )
    head = row.headline
    row.speed.update(make_speeds(r for r, _ in records if r.kind == "speed" and head and _is_of(r, head)))
    return row if not away or head is None else _with_repeats(row, head, away)


def _is_of(speed: Record, head: Result) -> bool:
    """Whether what was timed is what the row's scores are of: a repeat elsewhere may have tuned to another student."""
    return head.selection in selections(speed) and (not head.test or speed.hparams == head.hparams)


def _results(reports: list[Placed]) -> dict[Origin, Result]:
    names = sorted({name for record, _ in reports for name in selections(record)})
    return {name: make_result(name, [(r, place) for r, place in reports if name in selections(r)]) for name in names}


def _homes(reports: list[Placed]) -> tuple[list[Placed], dict[str, list[Placed]]]:
    """The row's own runs, and those that others repeated, by hardware fingerprint.

    A row belongs to the store that brought it first. Stores and machines that share out a row's seeds are one home.
    Where a run is there twice, or in two configurations, the row is that of the earliest store (of its earliest
    machine, where these contradict each other), whatever the others have; theirs are repeats.
    """
    groups: dict[tuple[str, str], list[Placed]] = {}
    for each in reports:
        groups.setdefault((each[0].store_id, each[0].environment.fingerprint), []).append(each)
    if len(groups) < 2 or _agree(reports):
        return reports, {}
    first = min(groups, key=lambda name: (min(r.created for r, _ in groups[name]), name))
    home = [each for name, group in groups.items() if name[0] == first[0] for each in group]
    own = {name for name in groups if name[0] == first[0]} if _agree(home) else {first}
    away: dict[str, list[Placed]] = {}
    for name, group in groups.items():
        if name not in own:
            away.setdefault(name[1], []).extend(group)
    return [each for name in groups if name in own for each in groups[name]], away


def _agree(reports: list[Placed]) -> bool:
    """Whether all runs can be of one row: no seed twice, one configuration."""
    try:
        _results(reports)
    except BoardError:
        return False
    return True


def _own_search(trials: list[Record], home: list[Placed]) -> list[Record]:
    """The trials that the row's reports came of, once: not those that tuned a teacher of the student's model, nor
    another machine's. All of them where there is no report."""
    cells = {record.cell.id for record, _ in home}
    machines = {record.environment.fingerprint for record, _ in home}
    found = [record for record in trials if record.cell.id in cells] if cells else trials
    own = [record for record in found if record.environment.fingerprint in machines]
    return own or found


def _with_repeats(row: Row, head: Result, away: dict[str, list[Placed]]) -> Row:
    repeats = []
    for fingerprint, reports in sorted(away.items()):
        if not _agree(reports):
            continue  # several stores of one machine that contradict each other prove nothing
        result = _results(reports).get(head.selection)
        if result is None:
            continue
        stores = tuple(sorted({record.store_id for record, _ in reports}))
        repeats.append(Repeat(fingerprint, stores, result, agrees(head, result)))
    return replace(row, repeats=tuple(repeats))


def agrees(head: Result, again: Result) -> bool | None:
    """Whether the two means may be one, by Welch's test at 5 %; seeds are not paired, which errs towards agreement."""
    versions = {source.suite_version for source in (*head.sources, *again.sources)}
    if head.hparams != again.hparams or len(versions) > 1 or not again.test.keys() >= head.test.keys():
        return None
    return same_mean(list(head.test.values()), [again.test[seed] for seed in head.test])
