"""A hypothesis strategy for whole search spaces, with conditions, and the fault helper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st

from graph_distillery.search_spaces import Space, SpaceError, parse_space

NAMES = ["alpha", "beta", "depth", "kernel", "lr", "tau"]


@st.composite
def parameters(draw: st.DrawFn, parents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One parameter in the words of the YAML; it may depend on some of ``parents``."""
    field = draw(st.sampled_from(["float", "int", "choice"]))
    table: dict[str, Any] = {"source": draw(st.text(min_size=1, max_size=5))}
    if field == "choice":
        choices = [0, 0.5, "relu", "none", True, None, -3]
        table["choice"] = draw(st.lists(st.sampled_from(choices), min_size=1, max_size=4, unique_by=repr))
        table["default"] = draw(st.sampled_from(table["choice"]))
    elif field == "int":
        low = draw(st.integers(1, 20))
        step, count = draw(st.integers(1, 5)), draw(st.integers(1, 8))
        table |= {"int": [low, low + step * count], "default": low + step * draw(st.integers(0, count))}
        if step > 1:
            table["step"] = step
        else:
            table["log"] = draw(st.booleans())
    else:
        start = draw(st.floats(1e-6, 10))
        end = start * draw(st.floats(1.5, 1e4))
        table |= {"float": [start, end], "log": draw(st.booleans())}
        table["default"] = draw(st.floats(start, end))
    chosen = draw(st.lists(st.sampled_from(sorted(parents)), max_size=2, unique=True)) if parents else []
    conditions = {}
    for parent in chosen:
        values = parents[parent].get("choice") or [parents[parent]["default"]]
        wanted = draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique_by=repr))
        conditions[parent] = draw(st.sampled_from([wanted, {"not": wanted}]))
    return table | ({"when": conditions} if conditions else {})


@st.composite
def space_tables(draw: st.DrawFn) -> dict[str, Any]:
    """A whole space in the words of the YAML."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=5, unique=True))
    tables: dict[str, dict[str, Any]] = {}
    for name in names:
        tables[name] = draw(parameters(tables))
    fixed = draw(st.dictionaries(st.sampled_from(["epochs", "readout"]), st.sampled_from([1, "sum", None])))
    return {"name": "made-up", "kind": "method", "parameters": tables, "fixed": fixed}


@pytest.fixture(scope="session")
def tables() -> st.SearchStrategy[dict[str, Any]]:
    return space_tables()


@pytest.fixture(scope="session")
def fault() -> Callable[[Callable[[], Any]], str]:
    """Calls a function that must raise SpaceError with one line, and gives the line."""

    def check(call: Callable[[], Any]) -> str:
        with pytest.raises(SpaceError) as caught:
            call()
        message = str(caught.value)
        assert len(message.splitlines()) == 1
        return message

    return check


@pytest.fixture(scope="session")
def kd() -> Space:
    """A small space with a chain of conditions, a fixed value and presets."""
    return parse_space(
        {
            "name": "toy",
            "kind": "method",
            "parameters": {
                "alpha": {"float": [0.1, 0.9], "default": 0.5, "grid": [0.1, 0.5], "source": "a"},
                "kernel": {"choice": ["none", "rbf", "poly"], "default": "rbf", "source": "b"},
                "degree": {"int": [2, 4], "default": 2, "when": {"kernel": "poly"}, "source": "c"},
                "shift": {
                    "choice": [False, True],
                    "default": True,
                    "when": {"degree": [3, 4]},
                    "source": "d",
                },
                "gamma": {
                    "float": [0.01, 1],
                    "log": True,
                    "default": 0.1,
                    "when": {"kernel": {"not": "none"}},
                    "source": "e",
                },
            },
            "fixed": {"layer": -1, "width": None, "rate": 0.0},
            "presets": [
                {"dataset": ["cora", "citeseer"], "values": {"alpha": 0.2, "width": 64}, "source": "p"},
                {"dataset": "cora", "split": "cpf", "values": {"kernel": "none"}, "source": "q"},
            ],
        },
        source="toy.yaml",
    )
