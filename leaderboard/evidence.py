"""What stands behind a number: the runs of a row, their configuration, and the command that runs it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.records import Record
from leaderboard.comparison import Comparison, Data
from leaderboard.rows import Result, Row, RowKey, Selection, selections
from leaderboard.text import ranges

Hyperparameters = Mapping[str, str | int | float | bool | None]
NO_STUDENT = "none"


@dataclass(frozen=True)
class Evidence:
    """The report runs of one configuration, by (split seed, seed); ``teacher`` holds the teachers' settings."""

    runs: tuple[Record, ...]
    teacher: Hyperparameters = field(default_factory=dict)

    @property
    def hparams(self) -> Hyperparameters:
        """The configuration of the first split seed; where each split was tuned, the others may differ."""
        return self.runs[0].hparams if self.runs else {}

    @property
    def one_configuration(self) -> bool:
        """Whether all runs share their hyperparameters, so that one command covers them."""
        return all(run.hparams == self.hparams for run in self.runs)

    @property
    def command(self) -> str | None:
        """The `distillery run` that trains this configuration again; of several, the first split seed's."""
        if not self.runs:
            return None
        cell = self.runs[0].cell
        words = ["distillery", "run", "--dataset", cell.dataset, "--method", cell.method]
        if cell.student != NO_STUDENT and cell.method != "teacher":
            words += ["--student", cell.student]
        if cell.teacher:
            words += ["--teacher", cell.teacher]
        words += ["--split", cell.split]
        if cell.setting != "graph-level":
            words += ["--setting", cell.setting]
        if cell.variant != "paper":
            words += ["--variant", cell.variant]
        mine = [run.seed for run in self.runs if run.hparams == self.hparams]
        words += ["--seeds", ranges(sorted(set(mine))).replace(" ", "")]
        settings = {**self.hparams, **{f"teacher.{name}": value for name, value in self.teacher.items()}}
        for name, value in settings.items():
            words += ["--set", f"{name}={json.dumps(value)}"]
        return shlex.join([*words, "--out", "rerun"])


class EvidenceBook:
    """Finds the records behind a row of a comparison."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._reports: dict[tuple[object, ...], list[Record]] = {}
        self._trials: dict[tuple[object, ...], list[Record]] = {}
        self._teachers: dict[str, Record] = {}
        for record in records:
            if record.kind == "teacher":
                if record.cell.teacher_id and record.status == "ok":
                    self._teachers.setdefault(record.cell.teacher_id, record)
            elif record.kind in ("report", "trial"):
                key = (
                    Data.of(record),
                    _side(record),
                    RowKey(record.cell.method, record.cell.variant, not record.search),
                )
                (self._reports if record.kind == "report" else self._trials).setdefault(key, []).append(record)

    def of(self, comparison: Comparison, row: Row, result: Result) -> Evidence:
        """The finished runs of one of the row's configurations."""
        found = [r for r in self._find(self._reports, comparison, row) if result.selection in selections(r)]
        found = [r for r in found if r.status == "ok"]
        found.sort(key=lambda r: (r.cell.split_seed, r.seed, r.id))
        teacher = next((self._teachers[r.cell.teacher_id] for r in found if r.cell.teacher_id in self._teachers), None)
        settings = {n.removeprefix("student."): v for n, v in teacher.hparams.items()} if teacher else {}
        return Evidence(tuple(found), settings)

    def trials(self, comparison: Comparison, row: Row) -> list[Record]:
        """The tuning records of the row's cell."""
        return self._find(self._trials, comparison, row)

    @staticmethod
    def _find(index: dict[tuple[object, ...], list[Record]], comparison: Comparison, row: Row) -> list[Record]:
        if row.role == "teacher":
            sides: list[tuple[str | None, str]] = [("teacher", comparison.teacher or "")]
        else:
            sides = [(comparison.teacher, comparison.student), (None, comparison.student), (None, NO_STUDENT)]
        for side in sides:
            found = index.get((comparison.data, side, row.key))
            if found:
                return found
        return []


def _side(record: Record) -> tuple[str | None, str]:
    if record.cell.method == "teacher":
        return "teacher", record.cell.student
    if record.cell.student == NO_STUDENT:
        return None, NO_STUDENT
    return record.cell.teacher, record.cell.student


def headline_selection(row: Row) -> Selection | None:
    """The configuration that the row shows."""
    return row.headline.selection if row.headline else None
