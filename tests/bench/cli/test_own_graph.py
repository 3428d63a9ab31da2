"""`info file:...` tells what is so, counted by hand, and proposes a spec that expands to a plan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from graph_distillery.bench.cli import main
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec


def test_the_facts_of_a_graph_counted_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two triangles, one self-loop, one arc twice, a node on its own without a label."""
    arcs = [[0, 1, 1, 2, 2, 0, 3, 4, 5, 5, 0], [1, 0, 2, 1, 0, 2, 4, 5, 3, 5, 1]]
    features = np.eye(7, 3, dtype=np.float32)
    np.savez(tmp_path / "g.npz", x=features, edge_index=np.array(arcs), y=np.array([0, 0, 1, 1, 1, 1, -1]))
    assert main(["info", f"file:{tmp_path / 'g.npz'}", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["nodes"], told["arcs"], told["undirected"], told["features"]) == (7, 9, False, 3)
    assert told["feature_density"] == 3 / 21
    assert told["degrees"] == {"mean": 9 / 7, "median": 1, "most": 2, "none": 1}
    assert told["components"] == {"count": 3, "largest_share": 3 / 7}
    assert told["class_counts"] == [2, 4]
    # Of 9 arcs 0-1 twice and the three of the second triangle join one class; 8 of 18 ends are of class 0.
    assert told["homophily"] == pytest.approx(5 / 9)
    chance = (8 / 18) ** 2 + (10 / 18) ** 2
    assert told["adjusted_homophily"] == pytest.approx((5 / 9 - chance) / (1 - chance))
    assert told["changed"] == [
        "1 self-loops and 1 repeated arcs of its source left out",
        "1 items have no label (-1) and are in no part of any split",
    ]
    spec = yaml.safe_load(told["proposed"]["spec"])
    assert {cell.method.name for cell in make_plan(parse_spec(spec, "spec")).cells} >= {"supervised", "kd", "glnn"}
    assert main(["info", f"file:{tmp_path / 'g.npz'}"]) == 0
    assert "homophily   0.56 of the arcs join one class" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", f"file:{tmp_path / 'none.pt'}"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
