"""A small spec, and what a test needs to carry it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graph_distillery.bench.sweeps.plan.plan import Plan, make_plan
from graph_distillery.bench.sweeps.spec import parse_spec

#: Seconds in all: 34 nodes, few epochs.
SMALL: dict[str, Any] = {
    "name": "small",
    "datasets": ["karate"],
    "teachers": [{"model": "sage", "hidden": 8, "epochs": 5}],
    "students": [{"model": "mlp", "hidden": 8, "layers": 2, "epochs": 5}],
    "methods": ["glnn"],
    "search": {"trials": 3, "seeds": [100, 101, 102]},
    "report": {"seeds": 2},
}


@pytest.fixture
def small() -> Callable[..., dict[str, Any]]:
    """The small spec as a mapping, with top-level fields replaced."""
    return lambda **fields: {**SMALL, **fields}


@pytest.fixture
def plan_of(small: Callable[..., dict[str, Any]]) -> Callable[..., Plan]:
    """The plan of the small spec, with top-level fields replaced."""
    return lambda **fields: make_plan(parse_spec(small(**fields), "spec.yaml"))
