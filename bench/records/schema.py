"""The record schema, version 1: what a finished run says about itself.

Models are frozen and refuse unknown fields. Scores (the metric's own name, and prod, tran, ind) are
fractions in [0, 1], latencies milliseconds, durations seconds, memory MiB.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from graph_distillery.bench.records.fields import (
    NEWER,
    NEWER_OF_CELL,
    Collapse,
    Count,
    Curve,
    Finite,
    HexId,
    Hyperparameter,
    Kind,
    MetricName,
    Name,
    NonNegative,
    RecordId,
    Selection,
    Sha256,
    Status,
    UtcTime,
    Variant,
)
from graph_distillery.near_names import hint

SCHEMA_VERSION = 1

INDUCTIVE_SCORES = ("prod", "tran", "ind")


class RecordError(ValueError):
    """A record, or a file of records, is wrong: one line that says what and where."""


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class Items(_Part):
    """How many items each part of a split has."""

    train: Count
    val: Count
    test: Count


#: After the name of teachers whose settings come of a search of their own.
TUNED = " (tuned)"


class Cell(_Part):
    """Dataset x split x setting x teacher x student x method: the unit of comparison.

    Two control rows are cells too: method ``teacher`` (student is the teacher's model) and method
    ``majority`` (student is ``none``).

    split_sha256: of the items of the split that ``split_seed`` gave; records from before it had the field have none,
    nor have those whose worker died or was stopped before it could say. ``test_sha256`` (of the test items alone, the
    same for seeds that share them) and ``items`` came later still. ``test_selected``: true of a variant that chooses an
    epoch or a setting by test labels; ``trains_on_validation``: of a method that learns from validation labels.

    teacher: of several that teach together the names joined by a plus, as in ``gcn+sage``; teacher_ids: then the id of
    each one, in that order, and ``teacher_id`` is that of them all. derived_from: of a teacher that was made anew from
    a teacher, by ``method``, the id of that one. teacher_tuned: true where a teacher's settings come of a
    search of its own (of a teacher's row and record, that teacher's).
    """

    id: HexId
    dataset: Name
    dataset_sha256: Sha256
    node_order_sha256: Sha256
    split: Name
    split_seed: int
    split_sha256: Sha256 | None = None
    test_sha256: Sha256 | None = None
    items: Items | None = None
    setting: Literal["transductive", "inductive", "graph-level"]
    task: Name
    metric: MetricName
    teacher: Name | None
    teacher_id: HexId | None
    teacher_ids: tuple[HexId, ...] | None = Field(None, min_length=2)
    derived_from: HexId | None = None
    teacher_tuned: bool | None = None
    student: Name
    method: Name
    variant: Variant
    test_selected: bool | None = None
    trains_on_validation: bool | None = None

    @property
    def every_teacher_id(self) -> tuple[str, ...]:
        """The ids of its teachers, in order."""
        return self.teacher_ids or ((self.teacher_id,) if self.teacher_id else ())

    @property
    def taught_by(self) -> str | None:
        """What boards call its teachers: a tuned one is another than one of published settings."""
        return f"{self.teacher or self.student}{TUNED}" if self.teacher_tuned else self.teacher


class Search(_Part):
    """How the configuration was found; ``selection`` says which one a report or speed record is.

    ``both``: a winner that is the default. ``ablated``, of reports alone: the winner, or what was not tuned, with the
    method's own term switched off and all else as it is.
    """

    space: HexId
    sampler: Name
    pruner: Name
    trials: Count
    budget: Name
    trial: Count | None = None
    selection: Selection | None = None


class Metrics(_Part):
    """Validation scores, and test scores on report records alone."""

    val: dict[str, Finite] = Field(default_factory=dict)
    test: dict[str, Finite] | None = None


class Timings(_Part):
    """Seconds, and the number of epochs trained."""

    train_s: NonNegative
    epochs: Count
    teacher_s: NonNegative | None = None
    tune_s: NonNegative | None = None


class Latency(_Part):
    """Median and 95th percentile, in milliseconds."""

    p50: NonNegative
    p95: NonNegative

    @model_validator(mode="after")
    def _ordered(self) -> Latency:
        if self.p95 < self.p50:
            raise ValueError(f"p95 {self.p95} is below p50 {self.p50}")
        return self


class RequestLatency(_Part):
    """Latency of answering for 1 and for 10 nodes (or graphs)."""

    batch_1: Latency
    batch_10: Latency


class SpeedRounds(_Part):
    """The median latencies of each round of a measurement, in milliseconds; ``request_ms`` is of one item.

    ``rows``: how many networks took turns in a round, 1 for one that was timed alone. ``shape`` hashes what a forward
    does whatever its weights: rows of one shape were timed as one.
    """

    full_forward_ms: Annotated[tuple[NonNegative, ...], Field(min_length=1)]
    request_ms: tuple[NonNegative, ...] = ()
    rows: Annotated[int, Field(ge=1)] = 1
    shape: HexId | None = None


class Speed(_Part):
    """What inference costs: milliseconds, parameters, multiply-accumulates of one full forward, MiB."""

    full_forward_ms: Latency
    request_ms: RequestLatency | None = None
    params: Count
    macs: Count
    peak_memory_mb: NonNegative
    repeats: Annotated[int, Field(ge=1)]
    rounds: SpeedRounds | None = None


class Environment(_Part):
    """Where it ran; ``fingerprint`` hashes what identifies the hardware and its threads."""

    fingerprint: HexId
    python: str
    torch: str
    pyg: str
    ray: str | None = None
    optuna: str
    device: str
    cpu: str
    threads: Annotated[int, Field(ge=1)]
    os: str


class Record(_Part):
    """One finished (configuration, seed). Python calls the JSON field ``schema`` ``schema_version``.

    seen_in_tuning: on reports, the share of the test items whose labels the tuning seeds read, to train or to validate.
    predictions_sha256: on finished reports, of the file that holds what was predicted for every test item.
    supersedes: ids of earlier records of the same kind in whose place this one stands, such as a failed run's that
    was tried again; readers leave those out. seed: the run's number, which seeds split, initialisation and teacher.
    init_seed, teacher_seed: where runs share splits, whose seed is the cell's: each seed for itself. repeats: the id of
    the trial record, or of an ablated report the report, of the same configuration and seed whose scores this one took
    over; nothing was trained for it, so that train_s is 0. collapsed: how a finished run learned nothing. engine: the
    number of the engine that trained it (`bench.environment.ENGINE`), of older records none, which is 1: another's run
    of the same differs in its last bits, and may in its score.
    """

    schema_version: Literal[1] = Field(1, alias="schema")
    kind: Kind
    id: RecordId
    store_id: RecordId
    created: UtcTime
    suite_version: Name
    git_sha: str | None = None
    engine: Annotated[int, Field(ge=1, strict=True)] | None = None
    cell: Cell
    hparams: dict[str, Hyperparameter]
    search: Search | None = None
    seed: Count
    init_seed: Count | None = None
    teacher_seed: Count | None = None
    metrics: Metrics
    curve: Curve | None = None
    timings: Timings
    speed: Speed | None = None
    status: Status
    error: str | None = None
    environment: Environment
    supersedes: tuple[RecordId, ...] | None = None
    seen_in_tuning: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    predictions_sha256: Sha256 | None = None
    repeats: RecordId | None = None
    collapsed: Collapse | None = None

    @field_validator("created")
    @classmethod
    def _real_date(cls, value: str) -> str:
        datetime.fromisoformat(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Record:
        for problem in (
            self._status_problem(),
            self._test_problem(),
            self._score_problem(),
            self._kind_problem(),
            self._curve_problem(),
        ):
            if problem:
                raise ValueError(problem)
        return self

    def to_json(self) -> str:
        """The record as one line of JSON, without the newline."""
        absent: dict[str, Any] = {name: True for name in NEWER if getattr(self, name) is None}
        absent["cell"] = {name for name in NEWER_OF_CELL if getattr(self.cell, name) is None}
        if self.speed is not None and self.speed.rounds is None:
            absent["speed"] = {"rounds"}
        return self.model_dump_json(exclude=absent)

    def _status_problem(self) -> str | None:
        if self.status == "ok":
            if self.error is not None:
                return "error: a record with status ok has no error"
            if self.kind != "speed" and self.cell.metric not in self.metrics.val:
                return f"metrics.val: a {self.kind} record with status ok needs {self.cell.metric!r}"
            return None
        if self.status == "pruned":
            return "status: only trial and teacher records are pruned" if self.kind in ("report", "speed") else None
        if not (self.error or "").strip():
            return f"error: status {self.status} needs an error text"
        return "metrics.val: must be empty when status is nan" if self.status == "nan" and self.metrics.val else None

    def _test_problem(self) -> str | None:
        test = self.metrics.test
        if self.kind != "report":
            return f"metrics.test: only report records read the test set, not {self.kind}" if test is not None else None
        if self.status != "ok":
            return f"metrics.test: a report with status {self.status} has no test score" if test is not None else None
        needed = [self.cell.metric, *(INDUCTIVE_SCORES if self._hides_nodes() else ())]
        missing = [name for name in needed if name not in (test or {})]
        if test is None or missing:
            return f"metrics.test: an ok report of setting {self.cell.setting} needs {', '.join(missing)}"
        if self._hides_nodes() and test["prod"] != test[self.cell.metric]:
            return f"metrics.test: {self.cell.metric} must equal prod in the inductive setting"
        return None

    def _hides_nodes(self) -> bool:
        """Whether this is GLNN's inductive setting; many-graph sets are inductive by their test graphs alone."""
        return self.cell.setting == "inductive" and self.cell.task == "node-classification"

    def _score_problem(self) -> str | None:
        for part, scores in (("val", self.metrics.val), ("test", self.metrics.test or {})):
            for name, value in scores.items():
                if name in (self.cell.metric, *INDUCTIVE_SCORES) and not 0 <= value <= 1:
                    return f"metrics.{part}.{name}: {value} is not a fraction in [0, 1]"
        return None

    def _curve_problem(self) -> str | None:
        if self.curve is None:
            return None
        if self.kind != "trial":
            return f"curve: only trials report on the way, not {self.kind}"
        epochs = [epoch for epoch, _ in self.curve]
        return "curve: epochs must rise" if epochs != sorted(set(epochs)) else None

    def _kind_problem(self) -> str | None:
        if self.seen_in_tuning is not None and self.kind != "report":
            return f"seen_in_tuning: only report records test, not {self.kind}"
        if self.predictions_sha256 is not None and not (self.kind == "report" and self.status == "ok"):
            return f"predictions_sha256: only finished report records have predictions, not {self.status} {self.kind}"
        if self.kind == "speed":
            return "speed: a speed record with status ok needs it" if self.status == "ok" and not self.speed else None
        if self.collapsed is not None and self.status != "ok":
            return f"collapsed: only finished runs have collapsed, not {self.status} {self.kind}"
        if self.speed is not None and self.kind != "trial":  # a trial's, where latency is an objective
            return f"speed: only speed and trial records carry it, not {self.kind}"
        selection = self.search.selection if self.search else None
        if self.repeats is not None and self.kind != "trial" and (self.kind, selection) != ("report", "ablated"):
            return f"repeats: only a trial or an ablated report takes over another's scores, not a {self.kind}"
        if self.search is None:
            return None
        if self.kind == "report":
            return "search.selection: a report says default, tuned or both, or ablated" if not selection else None
        return f"search.selection: a {self.kind} record has none" if self.search.selection else None


def parse_record(line: str | bytes, where: str = "record") -> Record:
    """Validate one JSON line; RecordError begins with ``where`` and names the field."""
    try:
        return Record.model_validate_json(line)
    except ValidationError as error:
        raise RecordError(f"{where}: {describe(error)}") from None


def describe(error: ValidationError) -> str:
    """The first problem of a pydantic error as one line: field, what is wrong, the nearest valid name."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ").splitlines()[0]
    if first["type"] == "extra_forbidden":
        message = "unknown field; " + hint(str(first["loc"][-1]), _field_names(first["loc"][:-1]))
    elif field == "schema":
        message = f"this suite reads version {SCHEMA_VERSION}, not {first['input']!r}"
    return f"{field}: {message}" if field else message


def _field_names(path: tuple[int | str, ...]) -> list[str]:
    """Field names of the part at ``path``, read from the JSON schema: aliases and nesting are right there."""
    schema = json_schema()
    node: dict[str, Any] = schema
    for part in path:
        node = node.get("properties", {}).get(str(part), {})
        options = [node, *node.get("anyOf", [])]
        reference = next((option["$ref"] for option in options if "$ref" in option), None)
        if reference is None:
            return []
        node = schema["$defs"][reference.rsplit("/", 1)[1]]
    return list(node.get("properties", {}))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a record, as committed in ``record.schema.json``."""
    schema = Record.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return dict(sorted(schema.items()))


def json_schema_text() -> str:
    """The exact text of the committed ``record.schema.json``, which a test compares with it."""
    return json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
