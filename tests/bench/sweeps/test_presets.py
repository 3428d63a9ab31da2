"""Settings of kinds of graphs, which own graphs take by themselves, and those that are asked for by a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.plan.stored import parse_stored, store_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.search_spaces import SpaceError, load_space

TUNED = ("gcn", "sage", "gat")


def planned(folder: Path, **changes: Any) -> Plan:
    spec = {"name": "x", "students": [{"model": "mlp"}], "methods": ["kd"], "search": {"trials": 2}, **changes}
    return make_plan(parse_spec(spec, "spec", folder))


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """Writes 40 nodes of two classes whose arcs join the same class, or always the other."""

    def write(same: bool) -> dict[str, Any]:
        nodes = np.arange(40)
        arcs = np.stack([nodes, (nodes + (2 if same else 1)) % 40])
        name = "same" if same else "other"
        features = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
        np.savez(tmp_path / f"{name}.npz", x=features, edge_index=np.hstack([arcs, arcs[::-1]]), y=nodes % 2)
        return {"file": f"{name}.npz", "name": name}

    return write


def test_an_own_graph_takes_what_its_kind_has_and_a_word_says_why(file: Any, tmp_path: Path) -> None:
    plan = planned(tmp_path, datasets=[file(same=False)], teachers=["sage", {"model": "gcn", "layers": 3}])
    sage, gcn = (teacher.defaults for teacher in plan.teachers)
    assert (sage["student.block"], sage["student.norm"], sage["student.aggregator"]) == ("tuned", "batch", "mean")
    assert (sage["student.layers"], gcn["student.layers"]) == (5, 3)  # a spec's own word is above
    assert len(plan.kinds) == 2
    assert plan.kinds[0].startswith("other: sage as for graphs that are heterophilous: tunedGNN searches")
    assert plan.kinds[0].endswith("(adjusted homophily -1.00, 40 nodes)")
    stored = parse_stored(store_plan(plan, (), "1").to_json(), "plan.json").plan()
    assert stored.kinds == plan.kinds
    assert (stored.id, [cell.id for cell in stored.cells]) == (plan.id, [cell.id for cell in plan.cells])
    searched = planned(tmp_path, datasets=[file(same=False)], students=[{"model": "sage"}], teachers=["sage"])
    (space,) = (cell.space for cell in searched.cells if cell.method.name == "kd")
    assert {"layers", "norm", "residual", "aggregator"} <= {name.partition(".")[2] for name in space.parameters}
    assert space.parameters["student.layers"].int_range == (2, 11)


def test_where_nothing_is_published_for_a_kind_nothing_moves(file: Any, tmp_path: Path) -> None:
    homophilous = planned(tmp_path, datasets=[file(same=True)], teachers=["sage"])
    named = planned(tmp_path, datasets=["karate"], teachers=["sage"])
    assert not homophilous.kinds + named.kinds
    for plan in (homophilous, named):
        assert plan.teachers[0].defaults["student.layers"] == load_space("model", "sage").defaults()["layers"]
        assert "student.block" not in plan.teachers[0].defaults


def test_a_published_teacher_is_one_word(tmp_path: Path) -> None:
    plan = planned(
        tmp_path, datasets=["minesweeper"], teachers=["sage@tunedgnn", {"model": "gcn", "preset": "tunedgnn"}]
    )
    sage, gcn = (teacher.defaults for teacher in plan.teachers)
    assert [sage[f"student.{name}"] for name in ("layers", "hidden", "norm", "epochs")] == [16, 64, "batch", 2000]
    assert [gcn[f"student.{name}"] for name in ("layers", "lr", "weight_decay")] == [13, 0.01, 0.0]
    assert plan.teachers[0].model == "sage"
    mine = planned(tmp_path, datasets=["minesweeper"], teachers=[{"model": "sage@tunedgnn", "layers": 4}])
    assert mine.teachers[0].defaults["student.layers"] == 4
    for words, line in (
        (["sage@tunedgn"], "teachers: model sage: unknown preset 'tunedgn'; did you mean 'tunedgnn'?"),
        (["appnp@tunedgnn"], "teachers: model appnp: unknown preset 'tunedgnn'; there is none"),
    ):
        with pytest.raises(UserError) as caught:
            planned(tmp_path, datasets=["minesweeper"], teachers=words)
        assert str(caught.value) == line
    with pytest.raises((UserError, SpaceError), match="preset tunedgnn: unknown dataset 'karate'"):
        planned(tmp_path, datasets=["karate"], teachers=["sage@tunedgnn"])


@pytest.mark.parametrize("name", TUNED)
def test_every_published_teacher_is_of_a_dataset_and_builds(name: str) -> None:
    space = load_space("model", name)
    datasets = [each for preset in space.named for each in preset.dataset]
    assert len(datasets) == len(set(datasets)) > 10
    assert set(datasets) <= set(DATASETS.names)
    kinds = [space.for_kinds(each).defaults() for each in (("heterophilous", "small"), ("homophilous", "large"))]
    for values in [*kinds, *(space.override(space.pinned_by("tunedgnn", each)).defaults() for each in datasets)]:
        made = Configuration("supervised", student=name, student_hyper={**values, "hidden": 8})
        assert len(build_model(name, 5, 3, made.model_hyper).layers) == values["layers"]
