"""A small spec, and what a test needs to carry it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.methods import METHODS

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


@pytest.fixture
def carried_methods(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plug-in methods that need what executors carry, here and, by the path, in every worker."""
    assert METHODS.names  # read before the plug-ins are on the path, so that later tests know nothing of them
    monkeypatch.syspath_prepend(str(repo_root / "tests" / "faults" / "plugins"))
    import carried_methods

    entries = [entry() for entry in carried_methods.ENTRIES]
    for entry in entries:
        METHODS.register(entry)
    yield
    for entry in entries:
        METHODS.unregister(entry.name)
