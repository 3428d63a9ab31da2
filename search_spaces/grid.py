"""Points of a conditional space by number, of its grid or all of them: counted and decoded lazily, however many."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from graph_distillery.search_spaces.parameter import Parameter
from graph_distillery.search_spaces.space import is_active
from graph_distillery.search_spaces.values import Scalar

SMALL = 100_000  # up to this many points, the order is a shuffle of them all


class Grid:
    """The distinct configurations that values of each parameter make, numbered 0 .. size - 1.

    A parameter whose values are None has no end of them, and neither has the grid if it is ever switched on: its size
    is None then, and it has no points.

    The configurations form a tree: a level per parameter, a branch per value, one bare branch where the
    parameter is switched off. The number of leaves below a node depends only on the values of those earlier
    parameters that later conditions refer to, so counts are remembered under these.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        fixed: Mapping[str, Scalar],
        values: Mapping[str, Sequence[Scalar] | None],
    ) -> None:
        self.names = list(parameters)
        self.parameters = parameters
        self.fixed = dict(fixed)
        self._endless = {name for name in parameters if values[name] is None}
        self.values = {name: of for name in parameters if (of := values[name]) is not None}
        self._relevant = self._parents_ahead()
        self._counts: dict[tuple[Any, ...], float] = {}
        count = self._count(0, {})
        self.size = None if math.isinf(count) else int(count)

    def _parents_ahead(self) -> list[list[str]]:
        """Per level, the tuned parents above it that conditions at this level or below refer to."""
        ahead: list[list[str]] = []
        for level in range(len(self.names)):
            above = set(self.names[:level])
            needed = {parent for name in self.names[level:] for parent in self.parameters[name].when}
            ahead.append(sorted(above & needed))
        return ahead

    def _branches(self, level: int, chosen: dict[str, int]) -> range | None:
        """The branches at a level: indices into the parameter's values, or None where it is switched off."""
        name = self.names[level]
        decided = {parent: self.values[parent][index] for parent, index in chosen.items()}
        if not is_active(self.parameters[name].when, {**self.fixed, **decided}):
            return None
        return range(len(self.values[name])) if name in self.values else range(0)

    def _count(self, level: int, chosen: dict[str, int]) -> float:
        """Leaves below a node, or infinity; ``chosen``: the index of each value above that conditions refer to."""
        if level == len(self.names):
            return 1
        chosen = {parent: chosen[parent] for parent in self._relevant[level] if parent in chosen}
        key = (level, *chosen.items())
        if key not in self._counts:
            branches = self._branches(level, chosen)
            name = self.names[level]
            if branches is None:
                count = self._count(level + 1, chosen)
            elif name in self._endless:
                count = math.inf
            elif level + 1 < len(self.names) and name in self._relevant[level + 1]:
                count = sum(self._count(level + 1, {**chosen, name: index}) for index in branches)
            else:
                count = len(branches) * self._count(level + 1, chosen)
            self._counts[key] = count
        return self._counts[key]

    def point(self, number: int) -> dict[str, Scalar]:
        """The configuration with this number, fixed values included."""
        chosen: dict[str, int] = {}
        for level, name in enumerate(self.names):
            branches = self._branches(level, chosen)
            for index in branches or ():
                below = self._count(level + 1, {**chosen, name: index})
                if number < below:
                    chosen[name] = index
                    break
                number -= int(below)
        return {**self.fixed, **{name: self.values[name][index] for name, index in chosen.items()}}

    def sample(self, limit: int, seed: int) -> list[dict[str, Scalar]]:
        """The first ``limit`` points of a fixed random order; the order does not depend on ``limit``."""
        size = self.size or 0
        wanted = min(limit, size)
        generator = random.Random(seed)
        if size <= SMALL:
            numbers = list(range(size))
            generator.shuffle(numbers)
            return [self.point(number) for number in numbers[:wanted]]
        drawn: dict[int, None] = {}
        while len(drawn) < wanted:
            drawn[generator.randrange(size)] = None
        return [self.point(number) for number in drawn]
