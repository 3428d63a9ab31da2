"""The spec: what a user asks for, read strictly; every mistake is one line that names the field."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from bench.errors import UserError
from search_spaces import SpaceError, load_yaml
from search_spaces.errors import first_problem

Sampler = Literal["tpe", "random", "grid"]
Pruner = Literal["none", "seed-racing"]
Setting = Literal["transductive", "inductive", "graph-level"]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _named(key: str) -> Any:
    """A bare name stands for a mapping with that name alone."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


class ModelChoice(_Part):
    """A teacher's or student's model; `fix` pins hyperparameters, `space` replaces ranges.

    tune: trials of the teacher's own search (teachers only; 0 keeps the published settings).
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    model: Name
    fix: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Any] = Field(default_factory=dict)
    tune: int = Field(0, ge=0, le=100_000)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        """`{model: sage, hidden: 128}` is short for `{model: sage, fix: {hidden: 128}}`."""
        if not isinstance(value, dict):
            return value
        own = {key: item for key, item in value.items() if key in cls.model_fields}
        fix = own.get("fix", {})
        if isinstance(fix, dict):
            own["fix"] = {**{key: item for key, item in value.items() if key not in own}, **fix}
        return own


class MethodChoice(_Part):
    """A method of the registry; `fix` pins hyperparameters, `space` replaces ranges."""

    name: Name
    variant: Name = "paper"
    fix: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Any] = Field(default_factory=dict)


class Search(_Part):
    """trials: configurations per cell, the published default first; seeds: the tuning seeds.

    p_threshold: of the seed-racing pruner; None takes the smallest that can act before the last seed.
    """

    sampler: Sampler = "tpe"
    pruner: Pruner = "seed-racing"
    trials: int = Field(30, ge=0, le=100_000)
    seeds: tuple[Seed, ...] = (100, 101, 102)
    p_threshold: float | None = Field(None, gt=0, le=1)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds:
            raise ValueError("at least one tuning seed is needed")
        return _no_repeats(seeds)


class Report(_Part):
    """seeds: how many report seeds, counted from 0, or the seeds themselves."""

    seeds: tuple[Seed, ...] = tuple(range(10))

    @field_validator("seeds", mode="before")
    @classmethod
    def _counted(cls, seeds: Any) -> Any:
        if isinstance(seeds, int) and not isinstance(seeds, bool):
            if not 0 < seeds <= 10_000:
                raise ValueError(f"the number of report seeds must be 1 to 10000, got {seeds}")
            return tuple(range(seeds))
        return seeds

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        return _no_repeats(seeds)


def _no_repeats(seeds: tuple[int, ...]) -> tuple[int, ...]:
    repeated = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if repeated:
        raise ValueError(f"seed {repeated[0]} is named twice")
    return seeds


class ResourceNeeds(_Part):
    cpus: float | None = Field(None, gt=0)
    gpus: float | None = Field(None, ge=0)
    time_limit_s: float | None = Field(None, gt=0)


class Resources(_Part):
    """What one trial takes. time_limit_s: of one seed of one trial, in seconds; overrides: per method."""

    cpus: float = Field(1, gt=0)
    gpus: float = Field(0, ge=0)
    time_limit_s: float | None = Field(None, gt=0)
    overrides: dict[str, ResourceNeeds] = Field(default_factory=dict)


class Spec(_Part):
    """A sweep: the product of datasets, teachers, students and methods under one budget."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    datasets: tuple[Name, ...] = Field(min_length=1)
    split: Name | dict[str, Name] | None = None
    setting: Setting | None = None
    teachers: tuple[Annotated[ModelChoice, _named("model")], ...] = ()
    students: tuple[Annotated[ModelChoice, _named("model")], ...] = ()
    methods: tuple[Annotated[MethodChoice, _named("name")], ...] = Field(min_length=1)
    search: Search = Search()
    report: Report = Report()
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _disjoint_seeds(self) -> Spec:
        both = sorted(set(self.search.seeds) & set(self.report.seeds))
        tuned = self.search.trials or any(teacher.tune for teacher in self.teachers)
        if both and tuned:
            raise ValueError(f"report.seeds: seed {both[0]} is also a tuning seed; the two must be disjoint")
        return self


def read_spec(path: Path) -> Spec:
    """Read a spec file.

    Raises:
        UserError: it cannot be read, or a field is wrong; one line.
    """
    try:
        content = load_yaml(path, source=str(path))
    except SpaceError as error:
        raise UserError(str(error)) from None
    return parse_spec(content, str(path))


def parse_spec(content: Any, where: str) -> Spec:
    """A spec from plain data; `where` opens the error's line."""
    if not isinstance(content, dict):
        raise UserError(f"{where}: a spec is a mapping of fields, not {type(content).__name__}")
    try:
        return Spec.model_validate(content)
    except ValidationError as error:
        raise UserError(first_problem(error, where, _fields_at)) from None


def _fields_at(location: tuple[Any, ...]) -> Iterable[str]:
    """The valid field names of the part of a spec at `location`."""
    parts: dict[str, type[BaseModel]] = {
        "search": Search,
        "report": Report,
        "resources": Resources,
        "methods": MethodChoice,
        "teachers": ModelChoice,
        "students": ModelChoice,
        "overrides": ResourceNeeds,
    }
    for part in reversed(location):
        if part in parts:
            return parts[part].model_fields
    return Spec.model_fields
