"""One published table: its protocol, its numbers with their source, and the runs behind our side of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from graph_distillery.search_spaces.errors import unknown

Confidence = Literal["table", "secondary", "unverified"]
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _number(value: Any) -> Any:
    """`80.5` and `[80.5, 1.2]` are short for a mapping with a mean, or with a mean and a standard deviation."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"mean": value}
    if isinstance(value, list) and len(value) in (1, 2):
        return dict(zip(("mean", "std"), value, strict=False))
    return value


class Number(_Part):
    """A published score in percent. confidence and source: where they differ from the table's."""

    mean: float = Field(ge=0, le=100)
    std: float | None = Field(None, ge=0, le=100)
    confidence: Confidence | None = None
    source: Text | None = None


class Protocol(_Part):
    """How the paper got its numbers, in words, for the page."""

    dataset: Text
    split: Text
    setting: Text
    teacher: Text
    student: Text
    hyperparameters: Text
    seeds: Text
    selection: Text
    epochs: Text


class Run(_Part):
    """A spec less its datasets, nothing tuned. datasets: fields that are different for some of them."""

    split: Text | None = None
    setting: Text | None = None
    teachers: list[Any] = Field(default_factory=list)
    students: list[Any] = Field(default_factory=list)
    methods: list[Any] = Field(min_length=1)
    seeds: int = Field(10, ge=1, le=10_000)
    time_limit_s: float | None = Field(None, gt=0)
    note: Text | None = None
    datasets: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_fields(self) -> Run:
        fields = [name for name in Run.model_fields if name != "datasets"]
        for dataset, changes in self.datasets.items():
            for name in changes:
                if name not in fields:
                    raise ValueError(unknown("field", name, fields, f"datasets.{dataset}"))
        return self

    def on(self, dataset: str) -> Run:
        """The run as it is for one dataset."""
        changes = self.datasets.get(dataset, {})
        return Run.model_validate({**self.model_dump(exclude={"datasets"}), **changes})


class Selector(_Part):
    """One of our rows: what a run trains under this method. student, teacher: named where a run has several."""

    run: Text | None = None
    method: Text | None = None
    variant: Text | None = None
    student: Text | None = None
    teacher: Text | None = None

    def over(self, base: Selector) -> Selector:
        """The fields given here, the others from `base`."""
        given = {name: value for name, value in self._own().items() if value is not None}
        return Selector(**{**base._own(), **given})

    def _own(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Selector.model_fields}


class Quirk(Selector):
    """The same row run otherwise: as the released code, say. note: what is different."""

    note: Text


class Row(Selector):
    """A published row. needs: what the suite lacks for it; then nothing is run."""

    needs: Text | None = None
    quirks: dict[str, Quirk] = Field(default_factory=dict)


class Column(_Part):
    """A published column. part: of the inductive setting (ind, tran, prod); run: where it is not the row's.

    needs: what the suite lacks for it; then `dataset` need not be a name of the registry.
    """

    dataset: Text
    part: Text | None = None
    run: Text | None = None
    needs: Text | None = None


class Table(_Part):
    """A paper's table. numbers: row by row, column by column, in percent; what the paper leaves out is left out.

    confidence: `table`, read in the paper or its repository; `secondary`, read elsewhere; `unverified`, shown and
    never judged. stand_ins: generated data of the same shape for datasets that cannot be had everywhere.
    explanations: by row and column, why ours is above or below: what was varied, and what it moved.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")
    title: Text
    paper: Text
    venue: Text
    year: int
    url: Text
    table: Text
    confidence: Confidence
    source: Text
    metric: Text = "accuracy"
    protocol: Protocol
    differences: list[Text] = Field(default_factory=list)
    runs: dict[str, Run] = Field(default_factory=dict)
    rows: dict[str, Row] = Field(min_length=1)
    columns: dict[str, Column] = Field(min_length=1)
    numbers: dict[str, dict[str, Annotated[Number, BeforeValidator(_number)]]]
    stand_ins: dict[str, str] = Field(default_factory=dict)
    explanations: dict[str, dict[str, Text]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_fit(self) -> Table:
        for field, cells in (("numbers", self.numbers), ("explanations", self.explanations)):
            for row, by_column in cells.items():
                _known("row", row, self.rows, field)
                for column in by_column:
                    _known("column", column, self.columns, f"{field}.{row}")
        for name, described in self.rows.items():
            if described.needs is None and described.method is None:
                raise ValueError(f"rows.{name}: field 'method' is missing (or say what it needs)")
            for selector in (described, *described.quirks.values()):
                if selector.run is not None:
                    _known("run", selector.run, self.runs, f"rows.{name}")
        for name, column_ in self.columns.items():
            if column_.run is not None:
                _known("run", column_.run, self.runs, f"columns.{name}")
            for row_name, described in self.rows.items():
                if not (column_.needs or described.needs or column_.run or described.run):
                    raise ValueError(f"rows.{row_name}: neither the row nor column {name!r} names a run")
        return self

    def selector(self, row: str, column: str, quirk: str | None = None) -> Selector:
        """What is set against a cell: of the row itself, or of one of its quirks."""
        base = Selector(**{**self.rows[row]._own(), "run": self.columns[column].run or self.rows[row].run})
        chosen = base if quirk is None else self.rows[row].quirks[quirk].over(base)
        return chosen.model_copy(update={"variant": chosen.variant or "paper"})

    def needs(self, row: str, column: str) -> str | None:
        """What the suite lacks for a cell."""
        return self.rows[row].needs or self.columns[column].needs


def _known(kind: str, name: str, valid: Iterable[str], where: str) -> None:
    if name not in set(valid):
        raise ValueError(unknown(kind, name, valid, where))
