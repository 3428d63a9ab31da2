"""Records as rows of an index, and back: equal to what reading their lines gives, without checking them again.

What many records share (cells, searches, configurations, a record's shape) is a part of its own. A record with anything
unusual about it is kept as its line.
"""

from __future__ import annotations

import json
import sqlite3
import struct
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel

from graph_distillery.bench.records.schema import Cell, Environment, Metrics, Record, Search, Timings, parse_record

TABLES = """
create table part (number integer primary key, value text not null);
create table record (
  number integer primary key, of text, id text unique, kind text, line text, shape, cell, hparams, search, trial, seed,
  init_seed, teacher_seed, created, status, scores, train_s, epochs, teacher_s, tune_s, curve
);
create index of_cell on record (of);
"""
#: What a row has a place for; a record with more to it is kept as its line.
_MADE_BY = ("schema_version", "store_id", "suite_version", "git_sha", "engine")
_COLUMNS = {
    *_MADE_BY,
    *("kind", "id", "created", "cell", "hparams", "search"),
    *("seed", "init_seed", "teacher_seed", "metrics", "curve", "timings", "status", "environment"),
}
_OTHERS = tuple(name for name in Record.model_fields if name not in _COLUMNS)
_Model = TypeVar("_Model", bound=BaseModel)


class _Numbers:
    """Numbers parts as they come; equal ones have one number."""

    def __init__(self, index: sqlite3.Connection) -> None:
        self._index = index
        self._numbers = {value: number for number, value in index.execute("select number, value from part")}
        self._met: dict[Any, tuple[Any, int]] = {}

    def number(self, part: Any, text: Callable[[Any], str], key: Any = None) -> int | None:
        """key: tells parts apart; left out: which object it is, since equal ones are mostly one and the same."""
        if part is None:
            return None
        key = id(part) if key is None else key
        if key not in self._met:
            value = text(part)
            if value not in self._numbers:
                self._numbers[value] = len(self._numbers) + 1
                self._index.execute("insert into part values (?, ?)", (self._numbers[value], value))
            self._met[key] = part, self._numbers[value]  # kept, so that nothing else takes its place in memory
        return self._met[key][1]


def insert(index: sqlite3.Connection, records: Iterable[Record]) -> None:
    """Add records after those that are there."""
    parts = _Numbers(index)
    places = ", ".join("?" * 20)
    index.executemany(f"insert into record values (null, {places})", (_row(record, parts) for record in records))


def _row(record: Record, parts: _Numbers) -> tuple[Any, ...]:
    head = record.cell.id, record.id, record.kind
    scores, timings, search = record.metrics.val, record.timings, record.search
    unusual = record.metrics.test is not None or (search is not None and search.trial is None)
    if unusual or any(getattr(record, name) is not None for name in _OTHERS):
        line = record.model_dump_json(exclude_unset=True)
        return (*head, line, *(None,) * 9, record.status, None, timings.train_s, *(None,) * 4)
    return (
        *head,
        None,
        parts.number(record, _shape_text, _shape_key(record)),
        parts.number(record.cell, _text),
        parts.number(record.hparams, lambda values: json.dumps(list(values.values()))),
        None if search is None else parts.number(search, _of_any_trial, _search_key(search)),
        None if search is None else search.trial,
        record.seed,
        record.init_seed,
        record.teacher_seed,
        record.created,
        record.status,
        struct.pack(f"<{len(scores)}d", *scores.values()),
        timings.train_s,
        timings.epochs,
        timings.teacher_s,
        timings.tune_s,
        None if record.curve is None else json.dumps(record.curve),
    )


def _shape_key(record: Record) -> tuple[Any, ...]:
    """What `_shape_text` hangs on."""
    parts = record, record.metrics, record.timings
    return (
        *(*(getattr(record, name) for name in _MADE_BY), record.environment),
        *(tuple(record.hparams), tuple(record.metrics.val), *(frozenset(part.model_fields_set) for part in parts)),
    )


def _shape_text(record: Record) -> str:
    """All but numbers: who made it where, how its values are called, which fields were given."""
    given = [sorted(part.model_fields_set) for part in (record, record.metrics, record.timings)]
    told = {name: getattr(record, name) for name in _MADE_BY}
    environment = record.environment.model_dump(exclude_unset=True)
    return json.dumps([told, environment, list(record.hparams), list(record.metrics.val), given])


class _Shape:
    """A record with nothing in it: `content` has its fields in their order."""

    def __init__(self, text: str) -> None:
        told, environment, self.hparams, self.scores, given = json.loads(text)
        made = Environment.model_validate(environment)
        self.content: dict[str, Any] = {**dict.fromkeys(Record.model_fields), **told, "environment": made}
        self.record, self.metrics, self.timings = map(set, given)
        self.unpack = struct.Struct(f"<{len(self.scores)}d").unpack


def _text(part: BaseModel) -> str:
    return part.model_dump_json(exclude_unset=True)


def _search_key(search: Search) -> tuple[Any, ...]:
    return *(value for name, value in search.__dict__.items() if name != "trial"), frozenset(search.model_fields_set)


def _of_any_trial(search: Search) -> str:
    return search.model_dump_json(exclude_unset=True, exclude={"trial"})


class Parts:
    """Parts of an index by their number, each made once."""

    def __init__(self, index: sqlite3.Connection) -> None:
        self._texts = dict(index.execute("select number, value from part").fetchall())
        self.shapes: dict[int, _Shape] = {}
        self.cells: dict[int, Cell] = {}
        self.hparams: dict[tuple[int, int], dict[str, Any]] = {}
        self.searches: dict[tuple[int, int], Search | None] = {(0, 0): None}
        self._search_parts: dict[int, tuple[Search, set[str]]] = {}

    def shape(self, number: int) -> _Shape:
        made = self.shapes[number] = _Shape(self._texts[number])
        return made

    def cell(self, number: int) -> Cell:
        made = self.cells[number] = Cell.model_validate_json(self._texts[number])
        return made

    def configuration(self, shape: int, number: int) -> dict[str, Any]:
        values = json.loads(self._texts[number])
        made = self.hparams[shape, number] = dict(zip(self.shapes[shape].hparams, values, strict=True))
        return made

    def search(self, number: int, trial: int) -> Search:
        if number not in self._search_parts:
            of = Search.model_validate_json(self._texts[number])
            self._search_parts[number] = of, {*of.model_fields_set, "trial"}
        of, given = self._search_parts[number]
        made = self.searches[number, trial] = _made(Search, given, {**of.__dict__, "trial": trial})
        return made


def rows(
    index: sqlite3.Connection, parts: Parts, column: str = "of", values: Collection[str] | None = None
) -> Iterator[tuple[str, Record]]:
    """The kind and the record of each row, in order, or of those that have one of these values in a column.

    Raises:
        RecordError: a line in it is no record.
        sqlite3.Error, LookupError, ValueError: it is no such index.
    """
    wanted = "" if values is None else f"where {column} in ({_places(values)})"
    for row in index.execute(f"select * from record {wanted} order by number", tuple(values or ())):
        kind = sys.intern(row[3])
        yield kind, parse_record(row[4]) if row[4] is not None else _record(row, kind, parts)


def superseded(index: sqlite3.Connection) -> set[str]:
    """Ids in whose place other records stand; those are kept as their lines."""
    lines = index.execute("select line from record where line is not null and instr(line, '\"supersedes\":[')")
    return {each for (line,) in lines for each in json.loads(line)["supersedes"] or ()}


def seconds(index: sqlite3.Connection, kinds: Collection[str], statuses: Collection[str]) -> tuple[float, int]:
    """Of training, by the records of these kinds and statuses, and how many they are."""
    wanted = f"kind in ({_places(kinds)}) and status in ({_places(statuses)})"
    of = index.execute(f"select total(train_s), count(*) from record where {wanted}", (*kinds, *statuses))
    found: tuple[float, int] = of.fetchone()
    return found


def _places(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))


def _record(row: tuple[Any, ...], kind: str, known: Parts) -> Record:
    _, _, id_, _, _, shape_, cell, hparams, search, trial, seed, init_seed, teacher_seed, created, status, *rest = row
    scores, train_s, epochs, teacher_s, tune_s, curve = rest
    shape = known.shapes.get(shape_) or known.shape(shape_)
    under = search or 0, trial or 0
    values = dict(zip(shape.scores, shape.unpack(scores), strict=True))
    times = {"train_s": train_s, "epochs": epochs, "teacher_s": teacher_s, "tune_s": tune_s}
    content = {
        **shape.content,
        "kind": kind,
        "id": id_,
        "created": created,
        "cell": known.cells.get(cell) or known.cell(cell),
        "hparams": known.hparams.get((shape_, hparams)) or known.configuration(shape_, hparams),
        "search": known.searches[under] if under in known.searches else known.search(*under),
        "seed": seed,
        "init_seed": init_seed,
        "teacher_seed": teacher_seed,
        "metrics": _made(Metrics, shape.metrics, {"val": values, "test": None}),
        "curve": None if curve is None else tuple((epoch, score) for epoch, score in json.loads(curve)),
        "timings": _made(Timings, shape.timings, times),
        "status": sys.intern(status),
    }
    return _made(Record, shape.record, content)


_put_content = BaseModel.__dict__["__dict__"].__set__
_put_given = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_put_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_put_private = BaseModel.__dict__["__pydantic_private__"].__set__


def _made(of: type[_Model], given: set[str], content: dict[str, Any]) -> _Model:
    """What `model_construct` makes, for a tenth of its time; given: the fields that were."""
    made = object.__new__(of)
    _put_content(made, content)
    _put_given(made, given)
    _put_extra(made, None)
    _put_private(made, None)
    return made
