"""One tuned hyperparameter: its range, its condition, its published default, its source."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from graph_distillery.search_spaces.errors import shown
from graph_distillery.search_spaces.values import Scalar, finite, integer, is_number, like, position, same, scalar

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

GRID_POINTS = 5  # of a range that names no grid of its own
SPEC = "spec"  # the source of a range that a spec put in the place of the library's
MANY = 100_000  # values of a range that nobody counts: no search has more trials
_STEP_TOLERANCE = 1e-8


class TrialLike(Protocol):
    """What `JointSpace.suggest` needs of an Optuna trial."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int: ...

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...


def _pair(value: Any) -> tuple[Any, Any]:
    try:
        low, high = value if isinstance(value, list | tuple) else ()
    except ValueError:
        raise ValueError(f"expected a range [low, high], got {shown(value)}") from None
    return low, high


def _float_range(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    low, high = _pair(value)
    return float(finite(low)), float(finite(high))


def _int_range(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    low, high = _pair(value)
    return integer(low), integer(high)


def _scalars(value: Any) -> tuple[Scalar, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"expected a list with at least one value, got {shown(value)}")
    values = tuple(scalar(item) for item in value)
    for index, item in enumerate(values):
        # Optuna finds a choice by ==, so True and 1, which are equal to Python, could not be told apart
        # either.
        if item in values[:index]:
            raise ValueError(f"{shown(item)} is listed twice")
    return values


def _step(value: Any) -> int | float | None:
    return None if value is None else finite(value)


def _condition(value: Any) -> Any:
    if isinstance(value, Condition):
        return value
    negated = isinstance(value, dict) and set(value) == {"not"}
    wanted = value["not"] if negated else value
    if isinstance(wanted, dict):
        if {"values", "negated"} == set(wanted):  # what model_dump wrote
            return wanted
        raise ValueError(f"expected a value, a list of values or {{not: ...}}, got {shown(wanted)}")
    return {"values": wanted if isinstance(wanted, list | tuple) else [wanted], "negated": negated}


class Condition(BaseModel):
    """Holds when the parent's value is among ``values`` or, negated, when it is not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: Annotated[tuple[Scalar, ...], BeforeValidator(_scalars)]
    negated: StrictBool = False

    def holds(self, value: Any) -> bool:
        """Whether a parent with this value switches the parameter on."""
        return (position(value, self.values) is not None) != self.negated


class Parameter(BaseModel):
    """A tuned hyperparameter. In YAML: exactly one of ``float: [low, high]``, ``int: [low, high]``,
    ``choice: [...]``.

    Attributes:
        log: the range is searched on a logarithmic scale (low > 0).
        step: the range is a lattice low, low + step, ..., high.
        when: the parameter exists only when every parent named here has the value, one of the values, or
            ``{not: value}``.
        default: the published value, always the first trial; inside the range, unless a spec replaced that.
        source: where range and default come from.
        grid: the values of a grid search; left out, a range gives up to five evenly spaced values, a choice
            all of its.
        needs_unlabelled: choices that mean something only where some training items have no label.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    float_range: Annotated[tuple[float, float] | None, BeforeValidator(_float_range)] = Field(None, alias="float")
    int_range: Annotated[tuple[int, int] | None, BeforeValidator(_int_range)] = Field(None, alias="int")
    choices: Annotated[tuple[Scalar, ...] | None, BeforeValidator(_scalars)] = Field(None, alias="choice")
    log: StrictBool = False
    step: Annotated[int | float | None, BeforeValidator(_step)] = None
    when: dict[str, Annotated[Condition, BeforeValidator(_condition)]] = Field(default_factory=dict)
    default: Annotated[Scalar, BeforeValidator(scalar)]
    source: str = Field(min_length=1)
    grid: Annotated[tuple[Scalar, ...] | None, BeforeValidator(_scalars)] = None
    needs_unlabelled: Annotated[tuple[Scalar, ...] | None, BeforeValidator(_scalars)] = None

    @model_validator(mode="after")
    def _check(self) -> Parameter:
        given = [self.float_range, self.int_range, self.choices]
        if sum(range_ is not None for range_ in given) != 1:
            raise ValueError("needs exactly one of float, int, choice")
        if self.choices is None:
            self._check_range()
        elif self.log or self.step is not None:
            raise ValueError("log and step belong to a range, not to choice")
        # canonical values: 1 becomes 1.0 in a float range, so that equal spaces have equal configurations
        if self.source != SPEC or self.contains(self.default):
            self.__dict__["default"] = self._inside("default", self.default)
        if self.grid is not None:
            self.__dict__["grid"] = tuple(self._inside("grid", value) for value in self.grid)
        if self.needs_unlabelled is not None:
            kept = set(self.choices or ()) - {self._inside("needs_unlabelled", each) for each in self.needs_unlabelled}
            if self.default not in kept:
                raise ValueError("needs_unlabelled takes some of the choices, and not the default")
        return self

    def _check_range(self) -> None:
        low, high = self.bounds
        if not low < high:
            raise ValueError(f"low must be less than high, got [{low}, {high}]")
        if self.log and low <= 0:
            raise ValueError(f"a log range needs low > 0, got [{low}, {high}]")
        if self.step is None:
            return
        if self.log:
            raise ValueError("a range has either log or step, not both")
        if self.int_range is not None and not isinstance(self.step, int):
            raise ValueError(f"the step of an int range must be an integer, got {self.step}")
        if self.step <= 0:
            raise ValueError(f"step must be positive, got {self.step}")
        if not self._on_lattice(high):
            raise ValueError(f"[{low}, {high}] is not a whole number of steps of {self.step}")

    def _inside(self, field: str, value: Scalar) -> Scalar:
        if not self.contains(value):
            raise ValueError(f"{field} {shown(value)} is outside {self.describe()}")
        return self.canonical(value)

    @property
    def bounds(self) -> tuple[float, float]:
        """Low and high of a range; a choice has none (ValueError)."""
        bounds = self.float_range or self.int_range
        if bounds is None:
            raise ValueError("a choice has no bounds")
        return bounds

    def _on_lattice(self, value: float) -> bool:
        if self.step is None:
            return True
        steps = (value - self.bounds[0]) / self.step
        return abs(steps - round(steps)) < _STEP_TOLERANCE

    def where_all_is_labelled(self) -> Parameter:
        """Without the choices that would mean nothing there."""
        if self.needs_unlabelled is None or self.choices is None:
            return self
        left = [tuple(one for one in of if one not in self.needs_unlabelled) for of in (self.choices, self.grid or ())]
        update = {"choices": left[0], "grid": left[1] or None, "needs_unlabelled": None}
        return self.model_copy(update=update)

    def contains(self, value: Any) -> bool:
        """Whether the search can propose this value; an int range takes ``5`` but not ``5.0``."""
        if self.choices is not None:
            return position(value, self.choices) is not None
        if not is_number(value) or (self.int_range is not None and not isinstance(value, int)):
            return False
        low, high = self.bounds
        return low <= value <= high and self._on_lattice(value)

    def canonical(self, value: Any) -> Scalar:
        """A contained value in the type the search itself would give it."""
        if self.choices is not None:
            at = position(value, self.choices)
            return value if at is None else self.choices[at]
        return float(value) if self.float_range is not None else value

    def clip(self, value: Any) -> Scalar:
        """The admissible value nearest to ``value``; the default where nothing is near."""
        if self.contains(value):
            return self.canonical(value)
        if not is_number(value) or (isinstance(value, float) and not math.isfinite(value)):
            return self.default
        if self.choices is not None:
            numbers = [choice for choice in self.choices if is_number(choice)]
            return min(numbers, key=lambda choice: abs(choice - value)) if numbers else self.default
        low, high = self.bounds
        clipped = min(max(value, low), high)
        step = self.step if self.step is not None else (1 if self.int_range is not None else None)
        if step is not None:
            clipped = min(low + round((clipped - low) / step) * step, high)
        return float(clipped) if self.float_range is not None else int(clipped)

    def to_unit(self, value: Any) -> float:
        """Where a value of the range lies between low, 0, and high, 1, on the range's own scale."""
        low, high = self.bounds
        if low == high:
            return 0.5
        at, low, high = (math.log(x) for x in (value, low, high)) if self.log else (value, low, high)
        return float((at - low) / (high - low))

    def from_unit(self, place: float) -> Scalar:
        """The admissible value at a place of the range, 0 <= place <= 1."""
        low, high = self.bounds
        return self.clip(low * (high / low) ** place if self.log else low + place * (high - low))

    def pinned(self, value: Any) -> Scalar:
        """``value`` for a parameter that leaves the search: the type must be right, the range does not
        matter.

        Raises:
            ValueError: the type is wrong, or text is a near miss of one of the choices.
        """
        if self.choices is not None:
            return like(value, self.choices)
        return float(finite(value)) if self.float_range is not None else integer(value)

    def describe(self) -> str:
        """The range in words: ``float [0.1, 0.9], log``."""
        if self.choices is not None:
            return f"choice {list(self.choices)}"
        low, high = self.bounds
        extra = ", log" if self.log else "" if self.step is None else f", step {self.step}"
        return f"{'float' if self.float_range is not None else 'int'} [{low}, {high}]{extra}"

    def distribution(self) -> BaseDistribution:
        """The Optuna distribution of the range, without its condition."""
        from optuna import distributions as of  # slow to load, and few callers need it

        if self.choices is not None:
            return of.CategoricalDistribution(self.choices)
        if self.float_range is not None:
            return of.FloatDistribution(*self.float_range, log=self.log, step=self.step)
        assert self.int_range is not None
        return of.IntDistribution(*self.int_range, log=self.log, step=int(self.step or 1))

    def suggest(self, trial: TrialLike, name: str) -> Scalar:
        """Ask ``trial`` for a value under ``name``."""
        if self.choices is not None:
            value: Scalar = trial.suggest_categorical(name, self.choices)
            return value
        if self.float_range is not None:
            return trial.suggest_float(name, *self.float_range, log=self.log, step=self.step)
        assert self.int_range is not None
        return trial.suggest_int(name, *self.int_range, log=self.log, step=int(self.step or 1))

    def every_value(self) -> tuple[Scalar, ...] | None:
        """All that the search can propose, in order; None where there is no end of them, or more than `MANY`."""
        if self.choices is not None:
            return self.choices
        low, high = self.bounds
        step = self.step if self.step is not None else (1 if self.int_range is not None else None)
        if step is None or (high - low) / step >= MANY:
            return None
        return tuple(self.clip(low + index * step) for index in range(round((high - low) / step) + 1))

    def grid_values(self) -> tuple[Scalar, ...]:
        """The values a grid search visits, in order, without duplicates."""
        if self.grid is not None:
            return self.grid
        if self.choices is not None:
            return self.choices
        low, high = self.bounds
        step = self.step if self.step is not None else (1 if self.int_range is not None else None)
        last = GRID_POINTS - 1
        if step is not None and not self.log:
            count = round((high - low) / step)
            last = min(last, count)
            points = [low + round(index * count / last) * step for index in range(last + 1)]
        elif self.log:
            points = [low * (high / low) ** (index / last) for index in range(last + 1)]
        else:
            points = [low + (high - low) * index / last for index in range(last + 1)]
        points[-1] = high
        values: list[Scalar] = []
        for point in points:
            value = self.clip(point)
            if not any(same(value, other) for other in values):
                values.append(value)
        return tuple(values)
