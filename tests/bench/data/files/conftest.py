"""A small graph, and what writes it in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data


@pytest.fixture
def arrays() -> dict[str, Any]:
    """60 nodes of 3 classes, features that tell them, 240 random arcs with weights and attributes, one split."""
    draw = np.random.default_rng(0)
    labels = np.arange(60) % 3
    mask = np.arange(60) % 5
    return {
        "x": (draw.normal(size=(60, 5)) + np.eye(3, 5)[labels]).astype(np.float32),
        "edge_index": draw.integers(60, size=(2, 240)),
        "y": labels,
        "edge_weight": draw.random(240).astype(np.float32) + 0.5,
        "edge_attr": draw.normal(size=(240, 2)).astype(np.float32),
        "train_mask": mask < 3,
        "val_mask": mask == 3,
        "test_mask": mask == 4,
    }


@pytest.fixture
def data(arrays: dict[str, Any]) -> Data:
    return Data(**{name: torch.from_numpy(array) for name, array in arrays.items()})


@pytest.fixture
def tables(arrays: dict[str, Any], tmp_path: Path) -> Path:
    """A folder of `edges.csv` and `nodes.csv`, its nodes called n0 to n59 and its classes a, b and c."""
    folder = tmp_path / "tables"
    folder.mkdir()
    part = np.where(arrays["train_mask"], "train", np.where(arrays["val_mask"], "val", "test"))
    nodes = ["id,label,split," + ",".join(f"f{place}" for place in range(5))]
    nodes += [
        f"n{number},{'abc'[arrays['y'][number]]},{part[number]}," + ",".join(map(repr, map(float, arrays["x"][number])))
        for number in range(60)
    ]
    (folder / "nodes.csv").write_text("\n".join(nodes) + "\n")
    edges = ["source,target,weight,kind,strength"]
    for arc in range(240):
        source, target = arrays["edge_index"][:, arc]
        values = [float(arrays["edge_weight"][arc]), *map(float, arrays["edge_attr"][arc])]
        edges.append(f"n{source},n{target}," + ",".join(map(repr, values)))
    (folder / "edges.csv").write_text("\n".join(edges) + "\n")
    return folder
