"""Every registered method under the suite that is shipped to authors of methods."""

from __future__ import annotations

from graph_distillery.bench.conformance import MethodConformance
from graph_distillery.methods import METHODS


class TestEveryMethod(MethodConformance):
    @classmethod
    def methods(cls) -> tuple[str, ...]:
        return tuple(METHODS.names)
