"""Joins a paper's table with the records of its stages, for the pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.papers import Stage, Table, find_tables, stages_of, table_names
from graph_distillery.bench.papers.schema import Number, Run, Selector
from graph_distillery.bench.records import Record, RecordError, read_records
from graph_distillery.bench.sweeps.plan.plan import Cell
from graph_distillery.leaderboard.reproduction import Ours, Published, ReproductionCell, ReproductionTable, ours_of
from graph_distillery.leaderboard.reproduction.cells import Variation

#: Why a cell is not judged whose records say something else than its table does now.
STALE = "new runs: its records are of other settings than the table's"


@dataclass(frozen=True)
class _Found:
    """The report runs of a stage: those of the settings that the table has, and those of others that it once had."""

    current: list[Record] = field(default_factory=list)
    stale: list[Record] = field(default_factory=list)


def of_stores(stores: Iterable[Path]) -> list[ReproductionTable]:
    """The packaged tables of which these stores, each in TABLE/STAGE, are stages; records of no other store count.

    Raises:
        UserError: a bad record; one line.
    """
    found = []
    for table, given in _stages_among(stores):
        try:
            found.append(join(table, {name: store.resolve() for name, store in given.items()}))
        except RecordError as error:
            raise UserError(str(error)) from None
    return found


def variations(stores: Iterable[Path]) -> dict[Path, str]:
    """Stages that run a row of an earlier one otherwise, with a teacher trained in another way say, and that one's id.

    On a board the two would be one row of two configurations.
    """
    rows: dict[Any, tuple[str, str]] = {}
    found: dict[Path, str] = {}
    for table, given in _stages_among(stores):
        for stage in stages_of(table):
            if stage.id not in given:
                continue
            name = f"{table.name}/{stage.id}"
            here = {_row_of(cell): (cell.id, name) for cell in stage.plan().cells}
            rivals = [rows[row][1] for row, (cell_id, _) in here.items() if row in rows and rows[row][0] != cell_id]
            if rivals:
                found[given[stage.id]] = rivals[0]
            else:
                rows |= here
    return found


def _row_of(cell: Cell) -> tuple[Any, ...]:
    """What tells the rows of a board apart."""
    return cell.data, cell.method.name, cell.variant, cell.student, cell.teacher


def _stages_among(stores: Iterable[Path]) -> list[tuple[Table, dict[str, Path]]]:
    """The packaged tables of which these stores, each in TABLE/STAGE, are stages; with the stores by stage."""
    given: dict[str, dict[str, Path]] = {}
    for store in stores:
        place = store.resolve()
        given.setdefault(place.parent.name, {})[place.name] = store
    tables = find_tables(sorted(given.keys() & set(table_names())))
    return [(t, given[t.name]) for t in tables if any(stage.id in given[t.name] for stage in stages_of(t))]


def join(
    table: Table, records: Path | Mapping[str, Path], *, stand_in: bool = False, seeds: int | None = None
) -> ReproductionTable:
    """The table with what the records hold of it. Runs that were made with other settings than the table has do not
    count: the page says what was run in the table's words.

    records: the folder with TABLE/STAGE/records/*.jsonl, or stores by the id of their stage.
    """
    stages = {(s.run, s.stands_for or s.dataset): s for s in stages_of(table, stand_in=stand_in, seeds=seeds)}
    if isinstance(records, Path):
        records = {stage.id: records / table.name / stage.id for stage in stages.values()}
    read = {key: _read(stage, records.get(stage.id)) for key, stage in stages.items()}
    cells = []
    for column in table.columns:
        dataset = table.columns[column].dataset
        for row in table.rows:
            number, lacks = table.numbers.get(row, {}).get(column), table.needs(row, column)
            if (number is None and lacks) or (stand_in and dataset not in table.stand_ins):
                continue
            ours = _ours(table, column, table.selector(row, column), stages, read)
            if lacks is None and stand_in:
                lacks = f"{dataset}; ours are runs on {table.stand_ins[dataset]}"
            elif (
                lacks is None
                and not ours.values
                and _ours(table, column, table.selector(row, column), stages, read, stale=True).values
            ):
                lacks = STALE
            elif lacks is None and dataset in table.stand_ins and not ours.values:
                lacks = dataset
            quirks = tuple(
                Variation(name, quirk.note, _ours(table, column, table.selector(row, column, name), stages, read))
                for name, quirk in table.rows[row].quirks.items()
                if not table.needs(row, column)
            )
            explanation = table.explanations.get(row, {}).get(column)
            theirs, dataset = _published(table, number), table.columns[column].dataset
            cells.append(ReproductionCell(row, column, theirs, ours, lacks, quirks, explanation, dataset))
    versions = sorted({record.suite_version for found in read.values() for record in found.current})
    option = " --stand-in" if stand_in else ""
    return ReproductionTable(
        name=table.name,
        title=table.title,
        paper=table.paper,
        venue=f"{table.venue} {table.year}",
        url=table.url,
        table=table.table,
        metric=table.metric,
        source=table.source,
        confidence=table.confidence,
        protocol=table.protocol.model_dump(),
        differences=tuple(table.differences),
        runs={name: _in_words(run) for name, run in table.runs.items()},
        rows=tuple(table.rows),
        columns=tuple(table.columns),
        cells=tuple(cells),
        command=f"distillery reproduce {table.name}{option} --out STORE",
        versions=tuple(versions),
        stand_in=stand_in,
    )


def _published(table: Table, number: Number | None) -> Published | None:
    if number is None:
        return None
    return Published(number.mean, number.std, number.confidence or table.confidence, number.source or table.source)


def _in_words(run: Run) -> str:
    """What a run trains, on one line, as the table's file has it."""
    fields = run.model_dump(exclude={"note", "datasets"}, exclude_defaults=True)
    said = "; ".join(f"{name} `{json.dumps(value)}`" for name, value in fields.items())
    for dataset, changes in run.datasets.items():
        said += f"; on {dataset}: " + ", ".join(f"{name} `{json.dumps(value)}`" for name, value in changes.items())
    return f"{run.note} ({said})" if run.note else said


def _ours(
    table: Table,
    column: str,
    selector: Selector,
    stages: dict[tuple[str, str], Stage],
    read: dict[tuple[str, str], _Found],
    stale: bool = False,
) -> Ours:
    """Our runs of a cell or of one of its quirks; none where there is no such stage."""
    key = (selector.run or "", table.columns[column].dataset)
    if key not in stages or selector.method is None:
        return Ours(0)
    return ours_of(
        read[key].stale if stale else read[key].current,
        stages[key].settings.seeds,
        selector.method,
        selector.variant or "paper",
        selector.student,
        selector.teacher,
        table.columns[column].part,
    )


def _read(stage: Stage, store: Path | None) -> _Found:
    if store is None or not (store / "records").is_dir():
        return _Found()
    records = read_records(store, kinds=["report", "teacher"]).records
    taught = {record.cell.teacher_id: record.hparams for record in records if record.kind == "teacher"}
    found, cells = _Found(), stage.plan().cells
    for record in records:
        if record.kind == "report":
            own = [taught.get(teacher_id, {}) for teacher_id in record.cell.every_teacher_id]
            agrees = any(_agrees(record, cell, own) for cell in cells)
            (found.current if agrees else found.stale).append(record)
    return found


def _agrees(record: Record, cell: Cell, taught: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the record is of this cell, and nothing that it says of its settings contradicts the cell's.

    taught: the settings of the record's teachers, in order.
    A hyperparameter that only one of them has is no contradiction: the suite may have learnt of it since.
    """
    ran = record.cell
    if (ran.dataset, ran.split, ran.setting) != (cell.data.dataset, cell.data.split, cell.data.setting):
        return False
    if (ran.method, ran.variant, ran.teacher) != (cell.method.name, cell.variant, cell.teacher):
        return False
    if ran.student != (cell.student or cell.teacher or "none") or not _fits(record.hparams, cell.defaults):
        return False
    return all(_fits(settings, teacher.defaults) for settings, teacher in zip(taught, cell.teachers, strict=False))


def _fits(ran: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(ran[name] == wanted[name] for name in ran.keys() & wanted.keys())
