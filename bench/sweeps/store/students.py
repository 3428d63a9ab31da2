"""Which students of a sweep are kept, and their way into the store's folder `students/`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.environment import git_sha, suite_version
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record
from graph_distillery.bench.records.fields import Selection
from graph_distillery.bench.students.card import FOLDER, DataCard, StudentCard, saved_in, student_id
from graph_distillery.bench.sweeps.cell_run import CellRun, JobRequest
from graph_distillery.bench.sweeps.jobs import Outcome
from graph_distillery.bench.training.artefacts import Artefact, ArtefactCache
from graph_distillery.bench.training.problem import ProblemKey, whole_dataset
from graph_distillery.near_names import did_you_mean, nearest

_NEEDED = frozenset({"record", "network", "reads"})
_SAME = 1e-9


@dataclass(frozen=True)
class StudentsKept:
    """What `--save-students` asks for: of every cell the report run of its shown configuration with the best
    validation score; all report runs; or those of some report records, by their ids.
    """

    which: Literal["best", "all", "named"]
    records: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> StudentsKept:
        """`best`, `all`, or ids of records joined by commas; raises UserError for anything else."""
        if text == "best":
            return cls("best")
        if text == "all":
            return cls("all")
        ids = tuple(part.strip() for part in text.split(","))
        if all(re.fullmatch(r"[0-9a-f]{16}(-[0-9a-z]+)*", each) for each in ids):
            return cls("named", ids)
        near = nearest(text, ("best", "all"))
        more = f"; {did_you_mean(near)}" if near else ""
        raise UserError(f"--save-students {text}: best, all, or the id of a report record{more}")


@dataclass
class Keeper:
    """Keeps the students that are wanted, and says whose runs are to be trained again, since nobody kept theirs."""

    wanted: StudentsKept
    store: Path
    store_id: str
    tell: Callable[[str], None]
    _there: dict[str, StudentCard] = field(default_factory=dict)
    _given_up: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._there = saved_in(self.store)
        self._cache = ArtefactCache(self.store / FOLDER, "student", _NEEDED)

    def check(self, runs: Mapping[str, CellRun]) -> None:
        """Raises UserError where a record that is asked for is none of the store's report runs."""
        known = [record.id for run in runs.values() for record in run.reports.values()]
        for each in self.wanted.records:
            if each not in known:
                near = nearest(each, known)
                more = f"; {did_you_mean(near)}" if near else ""
                raise UserError(f"--save-students: {self.store} has no report record {each}{more}")

    def keeps(self, run: CellRun, work: JobRequest) -> bool:
        """Whether a report run is to bring its student along."""
        if work.purpose != "report" or work.selection == "ablated" or not _has_student(run):
            return False
        return self.wanted.which == "all" or (self.wanted.which == "best" and work.selection == _shown(run))

    def next(self, run: CellRun) -> JobRequest | None:
        """The next report run whose student is wanted and is not there; None where there is none."""
        if not (run.searched and _has_student(run)):
            return None
        for record in self._of(run):
            name = student_id(record)
            busy = ("student", record.id) in run.busy
            if name in self._there or name in self._given_up or busy or record.search is None:
                continue
            hparams, selection = dict(record.hparams), record.search.selection
            return JobRequest("report", hparams, (record.seed,), selection=selection, student_of=record.id)
        return None

    def accept(self, run: CellRun, record: Record, outcome: Outcome) -> None:
        """Save what a run brought along, where it is wanted now."""
        name = student_id(record)
        if outcome.student is None:
            if outcome.status == "ok" or outcome.unsaved is not None or record.status == "ok":
                self._give_up(run, name, outcome.unsaved or outcome.error or "it did not come along")
            return
        if self.wanted.which == "best" and name not in (student_id(each) for each in self._best_so_far(run)):
            return
        self._save(name, outcome.student, record, outcome)
        if self.wanted.which == "best":
            self._drop_others(run, name)

    def _give_up(self, run: CellRun, name: str, why: str) -> None:
        self._given_up.add(name)
        said = f"no student saved of {run.cell.label}: {why}"
        if said not in self._told:
            self._told.add(said)
            self.tell(said)

    def _of(self, run: CellRun) -> Sequence[Record]:
        """The report records whose students are wanted."""
        finished = [r for r in run.reports.values() if r.status == "ok" and run.stands(r)]
        if self.wanted.which == "named":
            return [record for record in run.reports.values() if record.id in self.wanted.records]
        if self.wanted.which == "all":
            return [record for record in finished if record.search and record.search.selection != "ablated"]
        shown = _shown(run)
        ended = all(run.stands(run.reports.get((shown, seed))) for seed in run.spec.report.seeds) if shown else False
        return list(self._best_so_far(run)) if ended else []

    def _best_so_far(self, run: CellRun) -> Iterator[Record]:
        shown = _shown(run)
        found = [r for (name, _), r in run.reports.items() if name == shown and r.status == "ok" and run.stands(r)]
        if found:
            yield max(found, key=lambda record: (record.metrics.val[record.cell.metric], -record.seed))

    def _save(self, name: str, made: Artefact, record: Record, outcome: Outcome) -> None:
        facts = self._card(name, made, record, outcome)
        try:
            self._cache.save(replace(made, id=name, facts=facts))
        except OSError as error:
            self._given_up.add(name)
            self.tell(f"student {name} cannot be written: {error.strerror or error}")
            return
        self._there |= {name: saved_in(self.store)[name]}
        if not facts["repeats_record"]:
            self.tell(f"student {name}: trained again it scores otherwise than its record; its card has its own scores")

    def _card(self, name: str, made: Artefact, record: Record, outcome: Outcome) -> dict[str, Any]:
        cell = record.cell
        info = DATASETS.get(cell.dataset) if cell.dataset in DATASETS else None
        scores = {"val": dict(outcome.validation), "test": dict(outcome.test or {})}
        told = {"val": record.metrics.val, "test": record.metrics.test or {}}
        same = all(abs(scores[part].get(k, 2.0) - v) <= _SAME for part in told for k, v in told[part].items())
        key = ProblemKey(cell.dataset, cell.split, cell.setting)
        data = DataCard(
            name=cell.dataset,
            sha256=cell.dataset_sha256,
            node_order_sha256=cell.node_order_sha256,
            split=cell.split,
            split_seed=cell.split_seed,
            setting=cell.setting,
            source=info.source if info else None,
            licence=(info.licence if info else None) or "not stated by its source",
            class_names=whole_dataset(key).class_names if info is not None and info.kind == "own" else (),
        )
        where = outcome.environment or record.environment
        card = StudentCard(
            id=name,
            record=record.id,
            store_id=self.store_id,
            kept=self.wanted.which,
            created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            suite_version=suite_version(),
            git_sha=git_sha(),
            task=cell.task,
            metric=cell.metric,
            data=data,
            cell=cell.id,
            method=cell.method,
            variant=cell.variant,
            teacher=cell.teacher,
            selection=record.search.selection if record.search else None,
            seed=record.seed,
            hparams=dict(record.hparams),
            network=made.facts["network"],
            reads=made.facts["reads"],
            scores=scores,
            repeats_record=same,
            environment=where.model_dump(mode="json"),
            load=f"graph_distillery.load_student('{FOLDER}/{name}').predict(graph)",
            dataset_sha256=cell.dataset_sha256,
            node_order_sha256=cell.node_order_sha256,
            sha256="",
        )
        facts: dict[str, Any] = card.model_dump(mode="json", by_alias=True)
        del facts["sha256"]
        return facts

    def _drop_others(self, run: CellRun, name: str) -> None:
        """Of the cell, those that were the best before."""
        for other, card in list(self._there.items()):
            if other != name and card.cell == run.cell.id and card.kept == "best":
                shutil.rmtree(self.store / FOLDER / other, ignore_errors=True)
                (self.store / FOLDER / f".{other}.lock").unlink(missing_ok=True)
                del self._there[other]


def _has_student(run: CellRun) -> bool:
    return run.cell.student is not None


def _shown(run: CellRun) -> Selection | None:
    """The configuration that a cell is shown by: the tuned one, where there is one."""
    return next(reversed(run.selections()), None)
