"""What a dry run says of the search before it is begun."""

from __future__ import annotations

from typing import Any

import pytest

from bench.cli.cost import pruner_note
from bench.cli.sweep import search_notes
from bench.sweeps.plan import make_plan
from bench.sweeps.spec import parse_spec


@pytest.mark.parametrize(
    ("epochs", "search", "note"),
    [
        (200, {"pruner": "asha"}, "asha: the best 1/3 go on at epochs 8, 24, 72 on the first tuning seed (100)"),
        (200, {"pruner": "hyperband", "reduction_factor": 4, "min_epochs": 10}, "hyperband: the best 1/4 go on at"),
        (200, {"pruner": "median"}, "median stops a trial below the median of the complete ones, every 8 epochs"),
        (1, {"pruner": "asha"}, "asha can never act: no cell trains for more epochs than its first look takes"),
        (200, {"objectives": ["accuracy", "latency"]}, "no pruning"),
    ],
)
def test_the_pruner_says_when_it_acts(epochs: int, search: dict[str, Any], note: str) -> None:
    student = {"model": "mlp", "epochs": epochs}
    content = {"name": "n", "datasets": ["karate"], "students": [student], "methods": ["supervised"], "search": search}
    assert pruner_note(make_plan(parse_spec(content, "spec.yaml"))).startswith(note)


def test_objectives_and_warm_starts_are_told() -> None:
    search = {"objectives": ["accuracy", "latency"], "lock": {"within": 0.5}, "transfer": True, "transfer_from": ["A"]}
    content = {"name": "n", "datasets": ["karate"], "methods": ["majority"], "search": search}
    objectives, warm = search_notes(parse_spec(content, "spec.yaml").search)
    assert objectives == "objectives accuracy and latency; the fastest within 0.5 points wins"
    assert warm == "warm starts: what won on the datasets before and in A, on at most half of the trials"
    assert search_notes(parse_spec({**content, "search": {}}, "spec.yaml").search) == []
