"""What a dry run says of the search before it is begun."""

from __future__ import annotations

from typing import Any

import pytest

from graph_distillery.bench.cli.plan_text import pruner_note, search_notes, who
from graph_distillery.bench.sweeps.cost.estimate import at_once
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec


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
    (_, warm) = search_notes(parse_spec(content, "spec.yaml").search, "2/4")
    assert warm.startswith("warm starts: what won on the datasets before among cells 2/4 and in A, ")
    assert search_notes(parse_spec({**content, "search": {}}, "spec.yaml").search) == []


@pytest.mark.parametrize(
    ("means", "slots", "words"),
    [
        (Means(), 1, "in this process"),
        (Means(workers=3), 2, "by 3 workers on 2 processors"),
        (Means("ray"), 1, "with 1 trial at once on a local Ray, on 2 processors"),
        (Means("ray", workers=2), 2, "with 2 trials at once on a local Ray, on 2 processors"),
        (Means("ray", workers=8, address="auto"), 8, "with 8 trials at once on the Ray cluster; timed on this machine"),
        (
            Means("ray", address="auto"),
            1,
            "with 1 trial at once on the Ray cluster, and as many more as the cluster has",
        ),
    ],
)
def test_an_estimate_says_who_does_the_work(
    means: Means, slots: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("sweeps.cost.estimate", "cli.plan_text"):
        monkeypatch.setattr(f"graph_distillery.bench.{module}.processors", lambda: 2)
    assert at_once(means) == slots
    assert who(means).startswith(words)
