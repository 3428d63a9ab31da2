"""A dataset and models of the user's own on Ray: what no list holds, workers have from the driver or by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.recorder import problem_key
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.bench.training.problem import whole_dataset

NET = """
import torch
from torch_geometric.nn import SAGEConv


class Net(torch.nn.Module):
    def __init__(self, in_features, out_features, width=8):
        super().__init__()
        self.first, self.second = SAGEConv(in_features, width), SAGEConv(width, out_features)

    def forward(self, x, edge_index):
        return self.second(self.first(x, edge_index).relu(), edge_index)
"""


def test_own_data_a_zoo_teacher_and_a_student_of_few_lines(
    carry_out: Callable[..., Path], essence: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """The records are those of a sweep in one process; the file is gone before the cluster is asked."""
    (tmp_path / "my_net.py").write_text(NET)
    monkeypatch.syspath_prepend(str(tmp_path))
    draw = np.random.default_rng(3)
    labels = draw.integers(3, size=90)
    features = (np.eye(3, 6)[labels] * 2 + draw.normal(size=(90, 6))).astype(np.float32)
    np.savez(tmp_path / "mine.npz", x=features, edge_index=draw.integers(90, size=(2, 300)), y=labels)
    spec = {
        "name": "own",
        "datasets": [{"file": str(tmp_path / "mine.npz")}],
        "teachers": [{"model": "pyg:GAT", "hidden": 8, "epochs": 3}, {"model": "python:my_net:Net", "epochs": 3}],
        "students": [{"model": "python:my_net:Net", "epochs": 3}, {"model": "pyg:GCN", "hidden": 8, "epochs": 3}],
        "methods": ["kd"],
        "search": {"trials": 2, "seeds": [100], "pruner": "none"},
        "report": {"seeds": 1, "ablated": False},
    }
    plan = make_plan(parse_spec(spec, "spec"))
    assert run_sweep(plan, tmp_path / "local").ok
    assert whole_dataset(problem_key(plan, plan.cells[0].data)).num_classes == 3  # the driver's copy stays
    (tmp_path / "mine.npz").unlink()
    assert essence(carry_out(plan)) == essence(tmp_path / "local")
