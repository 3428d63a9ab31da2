"""`board.yaml`: what a board is. Its tracks, the stores it accepts and who sent them, whom to ask, links, a date.

The words of a track are those of a sweep's spec: `search` has the trials and the tuning seeds, `report` the seeds that
are reported.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.text import METRICS
from graph_distillery.near_names import did_you_mean, nearest, unknown_line
from graph_distillery.search_spaces.errors import SpaceError, first_problem
from graph_distillery.search_spaces.strict_yaml import load_yaml

_ADDRESS = re.compile(r"https?://[^\s<>\"'`]+")
_EVERY = "*"


def _seeds(value: Any) -> Any:
    """A number n stands for the seeds 0 to n - 1."""
    return tuple(range(value)) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else value


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _splits(value: Any) -> Any:
    """One name, several, or a mapping from datasets to these; names for all datasets stand under ``*``."""
    if isinstance(value, Mapping):
        return {name: _names(each) for name, each in value.items()}
    return {_EVERY: _names(value)} if isinstance(value, str | list | tuple) else value


Text = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Text, ...], BeforeValidator(_names), Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, strict=True)]
Seeds = Annotated[tuple[Seed, ...], BeforeValidator(_seeds), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("code", "paper", check_fields=False)
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not _ADDRESS.fullmatch(value):
            raise ValueError(f"{value!r} is no address that opens with https:// or http://")
        return value

    @field_validator("date", check_fields=False)
    @classmethod
    def _is_day(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                datetime.date.fromisoformat(value)
            except ValueError:
                raise ValueError(f"{value!r} is no day written as 2026-11-26") from None
        return value


class Budget(_Part):
    """Trials of a cell, and the seeds that they are tuned on."""

    trials: int = Field(ge=1, le=100_000, strict=True)
    seeds: Seeds


class Reported(_Part):
    """The seeds that count."""

    seeds: Seeds


class Track(_Part):
    """What ranks together. ``search`` left out: fixed configurations are compared.

    ``methods``: these alone, beside the student alone, the teacher and the largest class; a method that a track names
    is in no track of the same tables that names none. Left out: every other method.
    """

    name: Text
    datasets: Names
    splits: Annotated[dict[Text, Names], BeforeValidator(_splits)]
    setting: Literal["transductive", "inductive", "graph-level"]
    teachers: Annotated[tuple[Text, ...], BeforeValidator(_names)] = ()
    students: Names
    methods: Annotated[tuple[Text, ...], BeforeValidator(_names)] = ()
    metric: Annotated[str, Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$", max_length=40)] = "accuracy"
    search: Budget | None = None
    report: Reported

    @field_validator("metric")
    @classmethod
    def _not_misspelt(cls, metric: str) -> str:
        """Another package's metric may have any name; one that is nearly ours is a slip of the fingers."""
        near = nearest(metric, METRICS)
        if metric not in METRICS and near is not None:
            raise ValueError(f"must be a metric's name, got {metric!r}; {did_you_mean(near)}")
        return metric

    @model_validator(mode="after")
    def _agrees(self) -> Track:
        for kind, names in (
            ("datasets", self.datasets), ("students", self.students), ("teachers", self.teachers),
            ("methods", self.methods),
        ):  # fmt: skip
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(f"{kind}: {twice!r} is named twice")
        for name in self.splits:
            if name != _EVERY and name not in self.datasets:
                raise ValueError(f"splits: {unknown_line('dataset', name, self.datasets)}")
        if untold := [name for name in self.datasets if not self.splits_of(name)]:
            raise ValueError(f"splits: dataset {untold[0]!r} has none")
        if self.search and (shared := sorted(set(self.search.seeds) & set(self.report.seeds))):
            raise ValueError(f"seeds {shared} are tuned on and reported")
        return self

    def splits_of(self, dataset: str) -> tuple[str, ...]:
        """The splits of one of its datasets."""
        return self.splits.get(dataset, self.splits.get(_EVERY, ()))

    def holds(self, dataset: str, split: str, setting: str, metric: str) -> bool:
        """Whether a table of these data belongs to it."""
        if dataset not in self.datasets or split not in self.splits_of(dataset):
            return False
        return (setting, metric) == (self.setting, self.metric)

    def compares(self, teacher: str | None, student: str) -> bool:
        """Whether it has a table of this teacher and this student."""
        return student in self.students and (teacher in self.teachers if self.teachers else teacher is None)

    def shows(self, method: str, beside: Iterable[Track]) -> bool:
        """Whether a method is in it. beside: the tracks that have the same table."""
        named = {name for track in beside for name in track.methods}
        return method in self.methods if self.methods else method not in named

    @property
    def budget(self) -> tuple[int, int] | None:
        """Trials and the number of tuning seeds."""
        return (self.search.trials, len(self.search.seeds)) if self.search else None


class Accepted(_Part):
    """A store that the board accepts: a folder, its id, or both; and who sent it.

    ``planned``: the folder need not be there yet; the board tells which of its tracks' datasets wait for it.
    ``hours``: what it is expected to take, in hours of one core; told while it is not there. ``taken_out``: which runs
    were taken out of it by hand, and why; no record can tell.
    """

    path: Text | None = None
    planned: bool = False
    hours: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    taken_out: Text | None = None
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    by: Text
    contact: Text | None = None
    code: Text | None = None
    paper: Text | None = None
    date: Text | None = None

    @model_validator(mode="after")
    def _is_named(self) -> Accepted:
        if self.path is None and self.id is None:
            raise ValueError(f"the store of {self.by!r} has neither a path nor an id")
        return self


class BoardFile(_Part):
    """The whole file.

    ``margin``: what two scores may differ by and be equal in practice, in points. ``previous``: an earlier version of
    the board, its folder or its `leaderboard.json`, from where the file lies; the board tells what changed since.
    """

    name: Text
    contact: Text | None = None
    code: Text | None = None
    paper: Text | None = None
    date: Text | None = None
    version: Text | None = None
    previous: Text | None = None
    margin: float = Field(default=0.5, ge=0, le=100, allow_inf_nan=False)
    tracks: tuple[Track, ...] = Field(min_length=1)
    stores: tuple[Accepted, ...] = Field(min_length=1)
    #: Where the file lies.
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _is_unique(self) -> BoardFile:
        for what, names in (
            ("track", [each.name for each in self.tracks]),
            ("store path", [each.path for each in self.stores if each.path]),
            ("store id", [each.id for each in self.stores if each.id]),
        ):
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(f"{what} {twice!r} is named twice")
        return self

    @cached_property
    def senders(self) -> tuple[str, ...]:
        """Who sent stores, each once, in the order of the file: it decides whose a row is."""
        return tuple(dict.fromkeys(each.by for each in self.stores))

    @property
    def away(self) -> tuple[Accepted, ...]:
        """The planned stores that are not there yet."""
        return tuple(each for each in self.stores if each.planned and each.path and not self._is_there(each.path))

    def _is_there(self, path: str) -> bool:
        return (self._folder / path).exists()

    def paths(self, folder: Path) -> list[Path]:
        """The folders of the stores it names, relative ones from where the file lies, less those that are planned and
        not there; BoardError where one has none."""
        for each in self.stores:
            if each.path is None:
                raise BoardError(f"the store {each.id} of {each.by!r} has no path in the board's file: name its folder")
        named = [(folder / each.path, each.planned) for each in self.stores if each.path]
        return [path for path, planned in named if not planned or path.exists()]

    def beside(self, folder: Path, file: str) -> frozenset[str]:
        """What lies in the file's own folder and is not the board's, where the board is written there: the file, and
        the top folder of each of its stores and of the earlier version."""
        paths = [*(each.path for each in self.stores if each.path), *([self.previous] if self.previous else [])]
        inside = [Path(os.path.relpath(folder / path, folder)) for path in paths]
        return frozenset({file, *(path.parts[0] for path in inside if path.parts and path.parts[0] != "..")})

    def entries(self, folder: Path, path: Path, ids: Iterable[str]) -> dict[str, int]:
        """By store id, the number of the entry that accepts these records of the store at ``path``.

        An entry with a path accepts all that lies there (of its id, where it has one); one with an id alone accepts
        that id wherever it lies.
        """
        found = {}
        for store in ids:
            for number, each in enumerate(self.stores):
                here = each.path is None or (folder / each.path).resolve() == path.resolve()
                if here and each.id in (None, store):
                    found[store] = number
                    break
        return found


def read_board_file(path: Path) -> BoardFile:
    """The board's file; BoardError, one line with the field and the nearest valid name, where it is wrong."""
    try:
        content = load_yaml(Path(path), source=Path(path).name)
    except SpaceError as error:
        raise BoardError(str(error)) from None
    if not isinstance(content, dict):
        raise BoardError(f"{Path(path).name}: a board is a mapping of fields, not {type(content).__name__}")
    try:
        file = BoardFile.model_validate(content)
    except ValidationError as error:
        raise BoardError(first_problem(error, Path(path).name, _fields_at)) from None
    file._folder = Path(path).parent
    return file


def _fields_at(location: tuple[Any, ...]) -> Iterable[str]:
    parts: dict[str, type[_Part]] = {"tracks": Track, "stores": Accepted, "search": Budget, "report": Reported}
    words = [each for each in location if isinstance(each, str)]
    part: type[_Part] = parts[words[-1]] if words else BoardFile
    return part.model_fields
