"""A dataset of pairs, which no registry knows, from a spec to records: trained teacher, kd, report and speed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from graph_distillery.bench.conformance import DatasetConformance
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.info import DatasetInfo
from graph_distillery.bench.data.loaders.links.pairs import link_dataset
from graph_distillery.bench.data.registry import DATASETS, setting_of
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.rescoring import rescore
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training.problem import ProblemKey, load_problem
from graph_distillery.leaderboard import build_board
from graph_distillery.methods.tasks.registry import stand_in_task


def load(name: str) -> Dataset:
    made = stand_in_task("link-prediction").stand_in(torch.Generator().manual_seed(1), 150)
    return Dataset.build(name, "link-prediction", "roc_auc", made.graph, made.labels, 1)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    DATASETS.register(
        DatasetInfo("friends", "Communities", "link-prediction", "roc_auc", ("random-60-20-20",), "made up",
                    "generated", f"{__name__}:load", nodes=150, features=8, classes=1)
    )  # fmt: skip
    yield
    DATASETS.unregister("friends")


def test_it_conforms(tmp_path: Path) -> None:
    suite = DatasetConformance()
    suite.test_catalogue_entry_is_complete(DATASETS.get("friends"))
    suite.test_counts_are_those_of_the_entry("friends")
    suite.test_is_sound("friends")
    suite.test_labels_fit_the_task("friends")
    suite.test_loads_alike_twice("friends")
    suite.test_survives_the_cache("friends", tmp_path)
    suite.test_splits_are_sound("friends")
    suite.test_becomes_a_problem("friends")


def test_from_a_spec_to_records(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    training = {
        "hidden": 16,
        "layers": 2,
        "epochs": 40,
        "lr": 0.02,
        "dropout": 0.0,
        "weight_decay": 0.0,
        "norm": "none",
    }
    plan = plan_of(
        datasets=["friends"],
        teachers=[{"model": "gcn", **training}],
        students=[{"model": "mlp", **training, "batch_size": 64}],
        methods=["kd"],
        search={"trials": 1, "seeds": [100]},
        report={"seeds": 1},
    )
    assert run_sweep(plan, tmp_path / "store").ok
    records = read_records(tmp_path / "store").records
    assert {record.status for record in records} == {"ok"}
    assert {(record.cell.task, record.cell.setting) for record in records} == {("link-prediction", "transductive")}
    reports: dict[tuple[str, str], Any] = {(r.cell.method, r.cell.student): r for r in records if r.kind == "report"}
    assert reports["majority", "none"].metrics.test["roc_auc"] == 0.5
    assert min(reports[method, "mlp"].metrics.test["roc_auc"] for method in ("kd", "supervised")) > 0.8
    scored = rescore(tmp_path / "store")  # ranking scores are kept where the metric ranks, without being asked for
    assert (scored.checked, scored.without, scored.wrong) == (sum(r.kind == "report" for r in records), 0, [])
    speed = next(r.speed for r in records if r.kind == "speed" and (r.cell.method, r.cell.student) == ("kd", "mlp"))
    assert speed.request_ms is not None
    assert speed.macs > 0


def hidden_edges(name: str) -> Dataset:
    made = stand_in_task("node-classification").stand_in(torch.Generator().manual_seed(1), 120)
    apart = torch.randint(120, (2, 1500), generator=torch.Generator().manual_seed(2))
    apart = apart[:, made.labels[apart[0]] == made.labels[apart[1]]]
    return link_dataset(name, made.graph.with_edges(torch.cat([made.graph.edge_index, apart, apart.flip(0)], 1)), 0.3)


@pytest.fixture
def hidden() -> Iterator[None]:
    """The dataset of that name."""
    info = DatasetInfo("hidden", "Edges", "link-prediction", "hits_20", ("links-5-10", "links-production"), "made up",
                       "generated", f"{__name__}:hidden_edges", nodes=120, features=8, classes=1)  # fmt: skip
    DATASETS.register(info)
    yield
    DATASETS.unregister("hidden")


@pytest.mark.usefixtures("hidden")
@pytest.mark.parametrize(
    ("dataset", "split"),
    [("friends", "random-60-20-20"), ("hidden", "links-5-10"), ("hidden", "links-production"), ("digits-knn", "cpf")],
)
def test_what_acts_on_unlabelled_items_is_searched_where_there_are_any(
    plan_of: Callable[..., Plan], dataset: str, split: str
) -> None:
    setting = setting_of(split) or "transductive"
    training = load_problem(ProblemKey(dataset, split, setting), 0).training
    methods = ["kd", "ensemble-kd"]
    plan = plan_of(datasets=[dataset], split=split, setting=setting, teachers=["gcn", ["gcn", "sage"]], methods=methods)
    found = {cell.space.parameters["method.node_set"].choices for cell in plan.cells if cell.method.name in methods}
    labelled = ("labelled", "observed")
    assert found == {labelled if training.labelled.numel() == training.num_items else (*labelled, "unlabelled")}


@pytest.mark.usefixtures("hidden")
def test_new_nodes_are_judged_by_bucket(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    """The split names its setting; the scores of old and new pairs stand in the records and follow from predictions;
    another setting is refused."""
    training = {"hidden": 8, "layers": 2, "epochs": 3}
    asked: dict[str, Any] = {
        "datasets": ["hidden"],
        "split": "links-production",
        "teachers": [{"model": "sage", **training}],
        "students": [{"model": "mlp", **training}],
        "methods": ["kd"],
        "search": {"trials": 0},
        "report": {"seeds": 1},
    }
    with pytest.raises(UserError, match=r"^setting: dataset 'hidden': split 'links-production' is inductive, not"):
        plan_of(**asked, setting="transductive")
    assert run_sweep(plan_of(**asked), tmp_path / "store").ok
    records = read_records(tmp_path / "store").records
    assert {(record.status, record.cell.setting) for record in records} == {("ok", "inductive")}
    reports = {record.cell.method: record for record in records if record.kind == "report"}
    for report in reports.values():
        assert report.metrics.test is not None
        assert {"hits_20", "mrr", "roc_auc", "old_old", "old_new", "new_new"} <= report.metrics.test.keys()
    assert reports["majority"].metrics.test["hits_20"] == 0  # every score ties, and no tie is a hit
    assert rescore(tmp_path / "store").wrong == []


@pytest.mark.usefixtures("hidden")
def test_a_spec_of_several_tasks_is_split_and_ranked_apart(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    """Cells are those that fit; the others are told of; the board has a table for each task, and a pair's latency."""
    small, links = {"hidden": 8, "layers": 2, "epochs": 3}, ("kd", "llp", "common-neighbours")
    asked: dict[str, Any] = {
        "datasets": ["karate", "hidden"],
        "teachers": [{"model": "sage", **small}],
        "students": [{"model": "mlp", **small}],
        "methods": ["glnn", *links],
        "search": {"trials": 1, "seeds": [100], "pruner": "none"},
        "report": {"seeds": 1, "ablated": False},
    }
    plan = plan_of(**asked)
    told = {f"karate: {name} does not support node-classification" for name in links if name != "kd"}
    assert set(plan.left_out) == {*told, "hidden: glnn does not support link-prediction"}
    with pytest.raises(
        UserError, match=r"^split: unknown split of dataset 'karate' 'links-5-10'; the valid ones are public"
    ):
        plan_of(**asked, split="links-5-10")
    with pytest.raises(
        UserError, match=r"^setting: dataset 'hidden': split 'links-5-10' is transductive, not inductive"
    ):
        plan_of(**asked, setting="inductive")
    with pytest.raises(UserError, match=r"^the plan is empty: hidden: glnn does not support link-prediction"):
        plan_of(**{**asked, "datasets": ["hidden"], "methods": ["glnn"]})
    assert run_sweep(plan, tmp_path / "store").ok
    build_board([tmp_path / "store"], tmp_path / "board", plots=False)
    board = json.loads((tmp_path / "board" / "leaderboard.json").read_text())
    tables = {each["dataset"]: each for each in board["comparisons"]}
    assert {name: (each["task"], each["metric"]) for name, each in tables.items()} == {
        "karate": ("node-classification", "accuracy"),
        "hidden": ("link-prediction", "hits_20"),
    }
    assert {each["task"]: each["datasets"] for each in board["overall"]} == {
        "node-classification": 1,
        "link-prediction": 1,
    }
    rows = {row["method"]: row for row in tables["hidden"]["rows"]}
    assert rows.keys() == {"majority", "teacher", "supervised", *links}
    for name in links:
        (speed,) = rows[name]["speed"].values()
        assert speed["request_ms"] > 0
