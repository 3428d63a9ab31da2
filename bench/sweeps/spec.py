"""The spec: what a user asks for, read strictly; every mistake is one line that names the field."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_serializer,
    model_validator,
)

from graph_distillery.bench.data.files.source import DataSource, adopt, sorted_out
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.seeds import MOST_RUNS, Runs, Seed
from graph_distillery.bench.training.fused.when import Fused
from graph_distillery.search_spaces import SpaceError, load_yaml
from graph_distillery.search_spaces.errors import first_problem

Sampler = Literal["tpe", "random", "grid", "gp", "cma-es", "nsga-ii"]
Pruner = Literal["none", "seed-racing", "median", "asha", "hyperband"]
Objective = Literal["accuracy", "latency"]
Setting = Literal["transductive", "inductive", "graph-level"]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _named(key: str) -> Any:
    """A bare name stands for a mapping with that name alone."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


class ModelChoice(_Part):
    """A teacher's or student's model; `fix` pins hyperparameters, `space` replaces ranges.

    tune: trials of the teacher's own search (teachers only; 0 keeps the published settings). preset: settings tuned
    elsewhere that are pinned, as `tunedgnn`; `sage@tunedgnn` is short for it.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    model: Name
    fix: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Any] = Field(default_factory=dict)
    tune: int = Field(0, ge=0, le=100_000)
    preset: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        """`{model: sage, hidden: 128}` is short for `{model: sage, fix: {hidden: 128}}`."""
        if not isinstance(value, dict):
            return value
        own = {key: item for key, item in value.items() if key in cls.model_fields}
        if isinstance(own.get("model"), str) and "@" in own["model"] and "preset" not in own:
            own["model"], _, own["preset"] = own["model"].partition("@")
        fix = own.get("fix", {})
        if isinstance(fix, dict):
            own["fix"] = {**{key: v for key, v in value.items() if key not in cls.model_fields}, **fix}
        return own

    @model_serializer(mode="wrap")
    def _lean(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it was before there were presets by a name, where none is asked for."""
        return {name: value for name, value in handler(self).items() if name != "preset" or value is not None}


def _read_choice(value: Any, model: ValidatorFunctionWrapHandler) -> tuple[ModelChoice, ...]:
    """`gcn`, or `[gcn, sage]` for one choice made of two; the place in an error is that of the choice."""
    several = value if isinstance(value, (list, tuple)) else [value]
    if not several:
        raise ValueError("an empty list is no choice of teachers")
    return tuple(model({"model": each} if isinstance(each, str) else each) for each in several)


def _write_choice(choice: tuple[ModelChoice, ...]) -> Any:
    """One alone is written as it always was, so that older plans keep their ids."""
    written = [each.model_dump(mode="json") for each in choice]
    return written[0] if len(written) == 1 else written


if TYPE_CHECKING:
    TeacherChoice = tuple[ModelChoice, ...]
else:  # each is validated as a model, whether it stands in a list or alone
    TeacherChoice = Annotated[ModelChoice, WrapValidator(_read_choice), PlainSerializer(_write_choice)]


class MethodChoice(_Part):
    """A method of the registry; `fix` pins hyperparameters, `space` replaces ranges."""

    name: Name
    variant: Name = "paper"
    fix: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Any] = Field(default_factory=dict)


class Within(_Part):
    """Choose the fastest of those at most `within` points (hundredths of the score) below the best."""

    within: float = Field(ge=0, le=100)


class Search(Runs):
    """trials: configurations per cell, the published default first; seeds: the tuning seeds.

    p_threshold: of the seed-racing pruner; None takes the smallest that can act before the last seed.
    min_epochs, reduction_factor: the first rung of asha and hyperband (and between two looks of median; None takes
    a 27th of the longest training, or 1 / reduction_factor^3 of it) and the share of a rung that goes on.
    lag: trial n looks at the trials up to n - lag alone, and waits until these have ended; more of them run side by
    side, and fewer tell the next one anything. So the same spec gives the same trials on any number of workers. What
    fails for want of time or memory, and a latency that is an objective, are as the machine made them.
    transfer: try what won on the datasets before this one, once their searches are over; transfer_from: and in other
    stores.
    objectives: accuracy (the dataset's own metric) alone, or with the latency of the student's full forward.
    lock: the winner has the best accuracy, or is the fastest within so many points of it.
    """

    sampler: Sampler = "tpe"
    pruner: Pruner = "seed-racing"
    trials: int = Field(30, ge=0, le=100_000)
    seeds: tuple[Seed, ...] = (100, 101, 102)
    p_threshold: float | None = Field(None, gt=0, le=1)
    min_epochs: int | None = Field(None, ge=1)
    reduction_factor: int = Field(3, ge=2, le=100)
    lag: int = Field(4, ge=1, le=100_000)
    transfer: bool = False
    transfer_from: tuple[Name, ...] = ()
    objectives: tuple[Objective, ...] = ("accuracy",)
    lock: Literal["accuracy"] | Within = "accuracy"

    @field_validator("objectives")
    @classmethod
    def _known_objectives(cls, objectives: tuple[str, ...]) -> tuple[str, ...]:
        if objectives not in (("accuracy",), ("accuracy", "latency")):
            raise ValueError("must be [accuracy] or [accuracy, latency]")
        return objectives

    @field_validator("lock", mode="before")
    @classmethod
    def _lock_rule(cls, value: Any) -> Any:
        if value == "accuracy" or isinstance(value, Within):
            return value
        try:
            return Within.model_validate(value)
        except ValidationError:
            raise ValueError("must be accuracy, or {within: POINTS} with 0 to 100 points") from None

    @model_validator(mode="before")
    @classmethod
    def _no_pruning_of_several(cls, value: Any) -> Any:
        """Two objectives have no order to prune by; the default pruner stands back, one that was asked for does not."""
        if isinstance(value, dict) and "pruner" not in value and len(value.get("objectives") or ()) > 1:
            return {**value, "pruner": "none"}
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Search:
        several = len(self.objectives) > 1
        if several and self.pruner != "none":
            raise ValueError(f"pruner: {self.pruner} needs one objective; with latency the pruner is none")
        if several and self.sampler == "cma-es":
            raise ValueError("sampler: cma-es needs one objective; with latency take tpe, nsga-ii, gp, random or grid")
        if isinstance(self.lock, Within) and not several:
            raise ValueError("lock: within needs objectives: [accuracy, latency]")
        if self.transfer_from and not self.transfer:
            raise ValueError("transfer_from: needs transfer: true")
        if self.transfer and self.sampler == "grid":
            raise ValueError("transfer: the grid sampler takes no warm starts")
        return self

    @model_serializer(mode="wrap")
    def _lean(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Options that came later are left out where they say nothing, so that older plans keep their ids."""
        content: dict[str, Any] = handler(self)
        plain = Search.model_fields
        return {k: v for k, v in content.items() if k not in _LATER or getattr(self, k) != plain[k].default}

    def later_options(self) -> dict[str, Any]:
        """Those of the options above that say something."""
        return {name: value for name, value in self.model_dump(mode="json").items() if name in _LATER}


_LATER = ("splits", "min_epochs", "reduction_factor", "lag", "transfer", "transfer_from", "objectives", "lock")


class Report(Runs):
    """seeds: how many report seeds, counted from 0, or the seeds themselves.

    predictions: what the store keeps of the predictions for the test items: `labels`, a byte an item (logits where the
    metric ranks), `logits`, or `none`. ablated: the locked configuration with the method's own term off, too, on the
    same seeds. A store that is there keeps to what it was made with unless a spec says `true`.
    """

    seeds: tuple[Seed, ...] = tuple(range(10))
    predictions: Literal["labels", "logits", "none"] = "labels"
    ablated: bool = True

    @field_validator("seeds", mode="before")
    @classmethod
    def _counted(cls, seeds: Any) -> Any:
        if isinstance(seeds, int) and not isinstance(seeds, bool):
            if not 0 < seeds <= MOST_RUNS:
                raise ValueError(f"the number of report seeds must be 1 to {MOST_RUNS}, got {seeds}")
            return tuple(range(seeds))
        return seeds

    @model_serializer(mode="wrap")
    def _lean(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it was before there were splits, predictions and ablated runs, where nothing is said of them."""
        content: dict[str, Any] = handler(self)
        usual = {"splits": None, "predictions": "labels", "ablated": True}
        return {k: v for k, v in content.items() if k not in usual or getattr(self, k) != usual[k]}


_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


def _bytes(value: Any) -> Any:
    """`2 GB`, `512MiB` or a number of bytes."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", value)
    if match is None or match[2].lower() not in _UNITS:
        raise ValueError(f"a size is a number of bytes or a text such as '2 GB' or '512 MiB', not {value!r}")
    return math.ceil(float(match[1]) * _UNITS[match[2].lower()])


Bytes = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]


def _shares(gpus: float) -> float:
    """Ray gives a share of one GPU or whole ones, and fails in the middle of a sweep over anything else."""
    if gpus > 1 and gpus != math.floor(gpus):
        raise ValueError(f"a share below 1, or whole GPUs, not {gpus:g}")
    return gpus


Gpus = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_shares)]


class ResourceNeeds(_Part):
    cpus: float | None = Field(None, gt=0, allow_inf_nan=False)
    gpus: Gpus | None = None
    memory: Bytes | None = None
    time_limit_s: float | None = Field(None, gt=0)
    max_failures: int | None = Field(None, ge=0, le=1000)


@dataclass(frozen=True)
class Needs:
    """What one trial takes, overrides applied; the fields are those of `Resources`."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int | None = None
    max_failures: int = 2


class Resources(_Part):
    """What one trial takes.

    cpus, gpus: logical, for Ray's placement; fractions of a GPU share it. memory: bytes that a trial may allocate
    beyond what its worker holds, past which it ends as `oom`. time_limit_s: of one seed of one trial, in seconds.
    max_failures: how often a trial is begun again after its worker died under it. fused: whether its seeds are one
    program (auto: on a GPU). overrides: per method.
    """

    cpus: float = Field(1, gt=0, allow_inf_nan=False)
    gpus: Gpus = 0
    memory: Bytes | None = None
    time_limit_s: float | None = Field(None, gt=0)
    max_failures: int = Field(2, ge=0, le=1000)
    fused: Fused = "auto"
    overrides: dict[str, ResourceNeeds] = Field(default_factory=dict)

    def of(self, method: str) -> Needs:
        """What a trial of this method takes."""
        return Needs(**{name: self._choose(method, name) for name in ("cpus", "gpus", "memory", "max_failures")})

    def time_limit(self, method: str) -> float | None:
        """Seconds that one seed of one trial of this method may take, or None."""
        limit: float | None = self._choose(method, "time_limit_s")
        return limit

    def _choose(self, method: str, name: str) -> Any:
        own = getattr(self.overrides.get(method), name, None)
        return getattr(self, name) if own is None else own

    def every(self) -> list[Needs]:
        """What trials of any method may take: the common needs, and each override."""
        return [Needs(self.cpus, self.gpus, self.memory), *(self.of(method) for method in self.overrides)]


class Spec(_Part):
    """A sweep: the product of datasets, teachers, students and methods under one budget.

    teachers: choices, each of one teacher or of several that teach together. own: what is said of datasets that are the
    user's own; in a file it stands in the place of their names.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    datasets: tuple[Name, ...] = Field(min_length=1)
    own: tuple[DataSource, ...] = ()
    split: Name | dict[str, Name] | None = None
    setting: Setting | None = None
    teachers: tuple[TeacherChoice, ...] = ()
    students: tuple[Annotated[ModelChoice, _named("model")], ...] = ()
    methods: tuple[Annotated[MethodChoice, _named("name")], ...] = Field(min_length=1)
    search: Search = Search()
    report: Report = Report()
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _disjoint_seeds(self) -> Spec:
        both = sorted(set(self.search.seeds) & set(self.report.seeds))
        tuned = self.search.trials or any(teacher.tune for choice in self.teachers for teacher in choice)
        if both and tuned:
            raise ValueError(f"report.seeds: seed {both[0]} is also a tuning seed; the two must be disjoint")
        return self

    @model_serializer(mode="wrap")
    def _lean(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As it was before there were datasets of one's own, where there is none."""
        own = [source.model_dump(mode="json", exclude_none=True) for source in self.own]
        return {k: own if k == "own" else v for k, v in handler(self).items() if k != "own" or own}

    def runs_of(self, seed: int) -> Runs:
        """The report runs or the tuning runs, whichever a run's number is of."""
        return self.report if seed in self.report.seeds else self.search


def with_ablated(spec: Spec, ablated: bool) -> Spec:
    """The spec, saying whether locked configurations are reported with their own term off, too."""
    return spec.model_copy(update={"report": spec.report.model_copy(update={"ablated": ablated})})


def read_spec(path: Path) -> Spec:
    """Read a spec file.

    Raises:
        UserError: it cannot be read, or a field is wrong; one line.
    """
    try:
        content = load_yaml(path, source=str(path))
    except SpaceError as error:
        raise UserError(str(error)) from None
    return parse_spec(content, str(path), path.absolute().parent)


def parse_spec(content: Any, where: str, folder: Path | None = None) -> Spec:
    """A spec from plain data; `where` opens the error's line, paths of own datasets begin in `folder`.

    Own datasets are those of this process from then on.
    """
    if not isinstance(content, dict):
        raise UserError(f"{where}: a spec is a mapping of fields, not {type(content).__name__}")
    content = sorted_out(content, folder or Path.cwd(), where)
    try:
        spec = Spec.model_validate(content)
    except ValidationError as error:
        raise UserError(first_problem(error, where, _fields_at)) from None
    for source in spec.own:
        if source.name in spec.datasets:
            adopt(source, f"{where}: datasets")
    return spec


def _fields_at(location: tuple[Any, ...]) -> Iterable[str]:
    """The valid field names of the part of a spec at `location`."""
    parts: dict[str, type[BaseModel]] = {
        "search": Search,
        "report": Report,
        "resources": Resources,
        "methods": MethodChoice,
        **dict.fromkeys(("teachers", "students"), ModelChoice),
        "overrides": ResourceNeeds,
    }
    for part in reversed(location):
        if part in parts:
            return parts[part].model_fields
    return Spec.model_fields
