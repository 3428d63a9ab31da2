"""A sweep of seconds, and the head of a published table."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def mini() -> dict[str, Any]:
    """The spec of a sweep of seconds, to be changed at will."""
    return {
        "name": "mini",
        "datasets": ["karate"],
        "split": "random-60-20-20",
        "teachers": [{"model": "sage", "hidden": 8, "epochs": 4}],
        "students": [{"model": "mlp", "hidden": 8, "epochs": 4}],
        "methods": ["supervised", "kd"],
        "search": {"trials": 2, "seeds": [100, 101]},
        "report": {"seeds": 2},
    }


@pytest.fixture
def table_head() -> dict[str, Any]:
    """What a published table says before its runs."""
    words = ("dataset", "split", "setting", "teacher", "student", "hyperparameters", "seeds", "selection", "epochs")
    return {
        "name": "mini",
        "title": "Mini",
        "paper": "P",
        "venue": "V",
        "year": 2020,
        "url": "https://example.org",
        "table": "table 1",
        "confidence": "table",
        "source": "the paper",
        "protocol": dict.fromkeys(words, "x"),
    }
