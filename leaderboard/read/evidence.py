"""What stands behind a row: its configuration, its teacher's, and the command that runs it again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.read.rows import NO_STUDENT
from graph_distillery.leaderboard.read.runs import Hparams, Result
from graph_distillery.leaderboard.text import ranges


@dataclass(frozen=True)
class Evidence:
    """The finished report runs of one configuration.

    ``teacher``: the settings its teacher was trained with; of several each name opens with the model's, as in
    ``gcn.hidden``.
    """

    runs: tuple[Record, ...]
    teacher: Hparams = field(default_factory=dict)

    @property
    def hparams(self) -> Hparams:
        return self.runs[0].hparams if self.runs else {}

    @property
    def settings(self) -> list[str]:
        """What `distillery run` is to `--set`: hyperparameters of the configuration and of its teachers."""
        every = {**self.hparams, **{f"teacher.{name}": value for name, value in self.teacher.items()}}
        return [f"{name}={_value(value)}" for name, value in every.items()]

    @property
    def command(self) -> str | None:
        """The `distillery run` that trains this configuration on the same seeds, quoted for a POSIX shell."""
        if not self.runs:
            return None
        cell = self.runs[0].cell
        words = ["distillery", "run", "--dataset", cell.dataset, "--method", cell.method]
        if cell.student != NO_STUDENT and cell.method != "teacher":
            words += ["--student", cell.student]
        if cell.teacher:
            words += ["--teacher", cell.teacher]
        words += ["--split", cell.split]
        if cell.setting != "graph-level":  # which follows from the dataset
            words += ["--setting", cell.setting]
        if cell.variant != "paper":
            words += ["--variant", cell.variant]
        words += ["--seeds", ranges(sorted({run.seed for run in self.runs})).replace(" ", "")]
        for setting in self.settings:
            words += ["--set", setting]
        return shlex.join([*words, "--out", "rerun"])


def _value(value: str | float | bool | None) -> str:
    """As `--set` reads it; plain words without their quotes."""
    text = json.dumps(value)
    return value if isinstance(value, str) and value.isalpha() and value not in _NOT_TEXT else text


_NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity"}


class EvidenceBook:
    """Finds the records behind a configuration of a row."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._reports: dict[tuple[str, str], Record] = {}
        self._teachers: dict[str, tuple[str, Hparams]] = {}
        for record in records:
            if record.kind == "report" and record.status == "ok":
                self._reports[record.id, record.environment.fingerprint] = record
            elif record.kind == "teacher" and record.status == "ok" and record.cell.teacher_id:
                every = record.hparams.items()  # those of the method by which one was made anew are that method's own
                settings = {n.removeprefix("student."): value for n, value in every if n.startswith("student.")}
                self._teachers.setdefault(record.cell.teacher_id, (record.cell.student, settings))

    def of(self, result: Result) -> Evidence:
        """The finished runs of one configuration."""
        keys = [(source.record_id, source.fingerprint) for source in result.sources]
        return self.of_runs([self._reports[key] for key in keys if key in self._reports])

    def of_runs(self, reports: Iterable[Record]) -> Evidence:
        """What stands behind report runs of one configuration."""
        runs = tuple(reports)
        return Evidence(runs, next((found for run in runs if (found := self._settings(run))), {}))

    def _settings(self, run: Record) -> Hparams:
        taught_by = [self._teachers[each] for each in run.cell.every_teacher_id if each in self._teachers]
        if run.cell.teacher_ids is None:
            return taught_by[0][1] if taught_by else {}
        return {f"{model}.{name}": value for model, settings in taught_by for name, value in settings.items()}
