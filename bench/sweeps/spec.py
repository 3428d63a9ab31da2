"""The spec: what a user asks for, read strictly; every mistake is one line that names the field."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
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


class ResourceNeeds(_Part):
    cpus: float | None = Field(None, gt=0)
    gpus: float | None = Field(None, ge=0)
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
    max_failures: how often a trial is begun again after its worker died under it. overrides: per method.
    """

    cpus: float = Field(1, gt=0)
    gpus: float = Field(0, ge=0)
    memory: Bytes | None = None
    time_limit_s: float | None = Field(None, gt=0)
    max_failures: int = Field(2, ge=0, le=1000)
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
