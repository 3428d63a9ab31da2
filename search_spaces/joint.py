"""Several spaces searched together: one flat space with keys such as ``method.alpha`` and ``student.lr``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graph_distillery.search_spaces.errors import SpaceError, shown, unknown
from graph_distillery.search_spaces.grid import Grid
from graph_distillery.search_spaces.parameter import Parameter, TrialLike
from graph_distillery.search_spaces.space import Space, configuration, is_active
from graph_distillery.search_spaces.values import MAX_INTEGER, Scalar, same

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def merge(spaces: Mapping[str, Space]) -> JointSpace:
    """Join spaces under their prefixes: ``{"method": kd, "student": mlp}`` gives ``method.alpha``,
    ``student.lr``, ...

    Conditions are rewritten with the prefix. Presets do not join: call `Space.for_dataset` first.

    Raises:
        SpaceError: a prefix is empty or contains a dot.
    """
    parameters: dict[str, Parameter] = {}
    fixed: dict[str, Scalar] = {}
    for prefix, space in spaces.items():
        if not prefix or "." in prefix:
            raise SpaceError(f"a prefix must be a word without dots, got {shown(prefix)}")
        for name, parameter in space.parameters.items():
            when = {f"{prefix}.{parent}": condition for parent, condition in parameter.when.items()}
            parameters[f"{prefix}.{name}"] = parameter.model_copy(update={"when": when})
        fixed.update({f"{prefix}.{name}": value for name, value in space.fixed.items()})
    return JointSpace(parameters, fixed)


@dataclass(frozen=True)
class JointSpace:
    """A flat search space.

    A *configuration* of it is a dict with every fixed and every active tuned value under its flat key.
    """

    parameters: Mapping[str, Parameter]
    fixed: Mapping[str, Scalar]

    def defaults(self) -> dict[str, Scalar]:
        """The published configuration: the first trial of a search."""
        return configuration(self.parameters, self.fixed, {name: p.default for name, p in self.parameters.items()})

    def suggest(self, trial: TrialLike) -> dict[str, Scalar]:
        """Ask an Optuna trial for a configuration, in order, skipping parameters that are switched off."""
        values: dict[str, Scalar] = dict(self.fixed)
        for name, parameter in self.parameters.items():
            if is_active(parameter.when, values):
                values[name] = parameter.suggest(trial, name)
        return values

    def active(self, values: Mapping[str, Any]) -> list[str]:
        """The tuned parameters that are switched on in a configuration, in order.

        Raises:
            SpaceError: ``values`` is not a configuration of this space: an unknown, missing, superfluous or
            outside value.
        """
        names = [*self.parameters, *self.fixed]
        known = set(names)
        for name in values:
            if name not in known:
                raise SpaceError(unknown("hyperparameter", str(name), names, "configuration"))
        for name, value in self.fixed.items():
            if name in values and not same(values[name], value):
                got = shown(values[name])
                raise SpaceError(f"configuration: {name} is fixed to {shown(value)} in this space, got {got}")
        decided: dict[str, Any] = dict(self.fixed)
        active: list[str] = []
        for name, parameter in self.parameters.items():
            if not is_active(parameter.when, decided):
                if name in values:
                    raise SpaceError(f"configuration: {name} has a value but is switched off by {_parents(parameter)}")
                continue
            if name not in values:
                raise SpaceError(f"configuration: {name} has no value")
            if not parameter.contains(values[name]):
                raise SpaceError(f"configuration: {name} = {shown(values[name])} is outside {parameter.describe()}")
            decided[name] = values[name]
            active.append(name)
        return active

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether ``values`` is a configuration of this space."""
        try:
            self.active(values)
        except SpaceError:
            return False
        return True

    def distributions(self, values: Mapping[str, Any]) -> dict[str, BaseDistribution]:
        """The Optuna distributions of a configuration's active tuned parameters, to rebuild its trial from a
        record.

        Fixed values may be left out of ``values``; where they are given, they must be this space's.

        Raises:
            SpaceError: ``values`` is not a configuration of this space (see `active`).
        """
        return {name: self.parameters[name].distribution() for name in self.active(values)}

    def grid(self, limit: int, seed: int) -> list[dict[str, Scalar]]:
        """At most ``limit`` distinct configurations of the grid, in an order that depends on ``seed`` alone.

        A smaller limit gives the beginning of the same list, so that a search can be prolonged. The product
        is decoded point by point, never laid out, unless it is small.
        """
        if limit < 0:
            raise SpaceError(f"the limit of a grid must not be negative, got {limit}")
        return self._grid.sample(limit, seed)

    def grid_size(self) -> int:
        """How many distinct configurations the whole grid has."""
        return self._grid.size or 0

    def size(self) -> int | None:
        """How many configurations there are; None where there is no end of them, or none in sight."""
        size = self._whole.size
        return None if size is None or size > MAX_INTEGER else size

    def point(self, number: int) -> dict[str, Scalar]:
        """A configuration of a space that has an end, by its number from 0 to ``size() - 1``."""
        return self._whole.point(number)

    @cached_property
    def _grid(self) -> Grid:
        return Grid(self.parameters, self.fixed, {name: p.grid_values() for name, p in self.parameters.items()})

    @cached_property
    def _whole(self) -> Grid:
        return Grid(self.parameters, self.fixed, {name: p.every_value() for name, p in self.parameters.items()})

    def identity(self) -> str:
        """16 hex digits of the SHA-256 of what is searched: ranges, conditions, fixed values.

        Independent of the order of keys, and of defaults, grids and sources, which do not change what can be
        proposed.
        """
        ranges = {
            name: [
                [
                    parameter.float_range,
                    parameter.int_range,
                    parameter.choices,
                    parameter.log,
                    parameter.step,
                ],
                {
                    parent: [condition.negated, sorted(json.dumps(value) for value in condition.values)]
                    for parent, condition in parameter.when.items()
                },
            ]
            for name, parameter in self.parameters.items()
        }
        text = json.dumps([ranges, dict(self.fixed)], sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def is_conditional(self) -> bool:
        """Whether some parameter exists in part of the configurations only."""
        return any(parent in self.parameters for parameter in self.parameters.values() for parent in parameter.when)


def _parents(parameter: Parameter) -> str:
    return " and ".join(parameter.when)
