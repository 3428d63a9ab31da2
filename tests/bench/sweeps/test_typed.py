"""What a model's settings name of typed nodes and edges is held against the data before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.info import DatasetInfo
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.methods.tasks.registry import stand_in_task

TASK = "typed-node-classification"


def load(name: str) -> Dataset:
    made = stand_in_task(TASK).stand_in(torch.Generator().manual_seed(1), 90)
    return Dataset.build(name, TASK, "micro_f1", made.graph, made.labels, 3)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    DATASETS.register(
        DatasetInfo("museum", "Typed communities", TASK, "micro_f1", ("random-60-20-20",), "made up", "generated",
                    f"{__name__}:load", features=8, classes=3)
    )  # fmt: skip
    yield
    DATASETS.unregister("museum")


@pytest.mark.parametrize(
    "wrong",
    [
        {"students": [{"model": "han", "metapaths": "nowhere"}], "methods": ["supervised"]},
        {"students": [{"model": "han", "space": {"metapaths": {"choice": ["auto", "nowhere"]}}}]},
        {"teachers": [{"model": "han", "metapaths": "nowhere"}]},
    ],
    ids=["fixed", "searched", "of a teacher"],
)
def test_an_edge_type_that_is_not_there_is_one_line(
    plan_of: Callable[..., Plan], tmp_path: Path, wrong: dict[str, object]
) -> None:
    usual = {"teachers": ["rgcn"], "students": ["het-mlp"], "methods": ["kd"], "search": {"trials": 1, "seeds": [100]}}
    plan = plan_of(datasets=["museum"], report={"seeds": 1}, **{**usual, **wrong})
    with pytest.raises(UserError, match=r"^museum: han: unknown edge type 'nowhere'; the valid ones are "):
        run_sweep(plan, tmp_path / "store")
    assert not (tmp_path / "store").exists()
