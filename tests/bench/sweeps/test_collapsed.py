"""Seeds that learned nothing are told by their records, by status and by the board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from graph_distillery.bench.cli.commands.status import collapsed_lines
from graph_distillery.bench.models.layers import FeatureLinear
from graph_distillery.bench.records import read_records
from graph_distillery.bench.records.collapse import collapse_in, collapse_of
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training.judging import all_alike
from graph_distillery.bench.training.problem import Judged, TestSet
from graph_distillery.leaderboard import build_board
from graph_distillery.methods.contract import Graph


def test_a_student_that_cannot_learn_is_told_everywhere(mini: dict[str, Any], tmp_path: Path) -> None:
    """An MLP that reads nothing predicts by its bias: one class."""
    student = {"model": "mlp", "layers": 1, "epochs": 1, "lr": 1e-30}
    spec = {**mini, "teachers": [], "methods": ["supervised"], "students": [student], "search": {"trials": 0}}
    store = tmp_path / "store"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FeatureLinear, "forward", _by_bias)
        run_sweep(make_plan(parse_spec(spec, "spec")), store)
    reports = [r for r in read_records(store).records if r.kind == "report"]
    told = {r.seed: r.collapsed for r in reports if r.cell.method == "supervised"}
    assert told == {0: "one-class", 1: "one-class"}
    assert {r.collapsed for r in reports if r.cell.method == "majority"} == {None}
    (line,) = collapsed_lines(read_status(store))
    assert line.endswith("2 seeds of 2 runs (0, 1) predict one class, or no better than the largest class")
    build_board([store], tmp_path / "board", plots=False)
    words = "Collapsed seeds, which predict one class or score no better than the largest one: supervised 2 of 2."
    assert words in (tmp_path / "board" / "README.md").read_text()
    assert words in (tmp_path / "board" / "index.html").read_text()
    assert '"0": "one-class"' in (tmp_path / "board" / "leaderboard.json").read_text()
    older = [record.model_copy(update={"collapsed": None}) for record in reports if record.cell.method == "supervised"]
    assert {collapse_in(record) for record in older} <= {"largest-class", None}


def _by_bias(layer: FeatureLinear, x: Any) -> torch.Tensor:
    """What a layer without weights gives."""
    assert layer.bias is not None
    return layer.bias.expand(x.shape[0], -1)


def test_scores_at_their_floor_are_collapses() -> None:
    assert collapse_of("accuracy", {"accuracy": 0.4, "largest_class": 0.5}) == "largest-class"
    assert collapse_of("accuracy", {"accuracy": 0.5, "largest_class": 0.5}) == "largest-class"
    assert collapse_of("accuracy", {"accuracy": 0.51, "largest_class": 0.5}) is None
    assert collapse_of("accuracy", {"accuracy": 0.1}) is None, "an old record does not say the floor"
    assert collapse_of("roc_auc", {"roc_auc": 0.5, "largest_class": 0.9}) == "chance"
    assert collapse_of("roc_auc", {"roc_auc": 0.6, "largest_class": 0.9}) is None
    assert collapse_of("micro_f1", {"micro_f1": 0.1}) is None


@pytest.mark.parametrize(
    ("labels", "logits", "alike"),
    [
        ([0, 1, 1], [[2.0, 1.0]] * 3, True),
        ([0, 1, 1], [[2.0, 1.0], [2.0, 1.0], [1.0, 2.0]], False),
        ([1, 1, 1], [[1.0, 2.0]] * 3, False),
        ([[1, 0], [0, 1], [1, 1]], [[1.0, -1.0], [2.0, -0.5], [0.1, -9.0]], True),
        ([[1, 0], [0, 1], [1, 1]], [[1.0, -1.0], [2.0, 0.5], [0.1, -9.0]], False),
    ],
)
def test_one_class_for_every_item(labels: Any, logits: Any, alike: bool) -> None:
    """Of both parts of an inductive test together: two parts with a class each are no collapse."""
    given, found = torch.tensor(labels), torch.tensor(logits)
    graph = Graph.build(torch.zeros(3, 1), torch.zeros(2, 0, dtype=torch.long))
    items = torch.arange(3)
    whole = TestSet({"all": Judged(graph, items, given)}, {"all": items})
    assert all_alike({"all": [found]}, whole) == alike
    halves = {"tran": items[:1], "ind": items[1:]}
    parts = TestSet({name: Judged(graph, at, given[at]) for name, at in halves.items()}, halves)
    assert all_alike({"tran": [found[:1]], "ind": [found[1:]]}, parts) == alike
