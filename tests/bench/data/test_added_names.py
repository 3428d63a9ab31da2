"""A metric and a split of another package: found, and used by a sweep on a graph of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from graph_distillery.bench.data.info import SplitInfo
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.registry import SPLITS
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.leaderboard.text import METRICS as BOARD_TITLES
from graph_distillery.methods.tasks.metrics import METRICS
from graph_distillery.methods.tasks.registry import TASKS, make_task

MODULE = """
import numpy as np
from graph_distillery.bench.data.info import SplitInfo
from graph_distillery.methods.tasks.metrics import MetricInfo

worst = MetricInfo("worst_recall", "Recall of the worst class", ("class",), "dstown:recall")
by_number = SplitInfo("by-number", "In the order of the file", ("node",), "dstown:halves")

def recall(logits, labels):
    hits = logits.argmax(dim=-1) == labels
    return min(float(hits[labels == each].double().mean()) for each in labels.unique())

def halves(dataset, seed):
    items = np.arange(dataset.num_items)
    return items[: len(items) // 2], items[len(items) // 2 : 3 * len(items) // 4], items[3 * len(items) // 4 :]
"""
POINTS = """[graph_distillery.metrics]
worst_recall = dstown:worst
accuracy = dstown:nothing
[graph_distillery.splits]
by-number = dstown:by_number
"""


def test_another_package_s_metric_and_split_carry_a_run(tmp_path: Path, repo_root: Path) -> None:
    """A real distribution in a folder of its own; of its two metrics the broken one is skipped with a warning."""
    info = tmp_path / "dstown-1.0.dist-info"
    info.mkdir()
    (tmp_path / "dstown.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dstown\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    draw = np.random.default_rng(0)
    kind = np.arange(60) % 3
    np.savez(
        tmp_path / "mine.npz",
        x=(np.eye(3)[kind] + 0.1 * draw.normal(size=(60, 3))).astype(np.float32),
        edge_index=np.stack([np.arange(57), np.arange(3, 60)]),
        y=kind,
    )
    spec = """
name: own
datasets: [{file: mine.npz, name: mine, split: by-number, metric: worst_recall}]
teachers: []
students: [{model: mlp, epochs: 30, hidden: 8}]
methods: [supervised]
search: {trials: 0}
report: {seeds: 1}
"""
    (tmp_path / "own.yaml").write_text(spec)
    path = os.pathsep.join([str(tmp_path), str(repo_root)])
    command = [
        sys.executable,
        "-m",
        "graph_distillery.bench.cli",
        "sweep",
        "own.yaml",
        "--out",
        "store",
        "--workers",
        "0",
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr.count("metric plug-in 'accuracy' of dstown cannot be loaded") == 1
    found = [each for each in read_records(tmp_path / "store", kinds=["report"]).records if each.cell.student == "mlp"]
    assert found
    for record in found:
        assert (record.cell.metric, record.cell.split) == ("worst_recall", "by-number")
        assert record.metrics.test is not None
        assert record.metrics.test["worst_recall"] <= record.metrics.test["accuracy"]
    report = next(each for each in found if each.cell.method == "supervised")
    assert report.cell.items is not None
    assert (report.cell.items.train, report.cell.items.val, report.cell.items.test) == (30, 15, 15)


@pytest.fixture
def split() -> Iterator[str]:
    SPLITS.register(SplitInfo("dst-odd", "of a test", ("node",), f"{__name__}:odd"))
    yield "dst-odd"
    SPLITS.unregister("dst-odd")


def odd(dataset: object, seed: int) -> tuple[list[int], list[int], list[float]]:
    """The fault that a seed asks for: parts that share an item, no whole numbers, none at all."""
    if seed == 2:
        raise RuntimeError("no such\nseed")
    return [0, 1], [1 if seed == 0 else 2], [3] if seed == 0 else [3.5]


@pytest.mark.parametrize(
    ("seed", "words"), [(0, "share 1 node"), (1, "a part is float64 of shape"), (2, "RuntimeError: no such seed")]
)
def test_what_an_added_split_may_not_give(seed: int, words: str, split: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        make_split(load_dataset("karate"), split, seed)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="did you mean 'dst-odd'"):
        make_split(load_dataset("karate"), "dst-od", 0)


@pytest.mark.parametrize("task", ["node-classification", "node-multilabel", "link-prediction"])
def test_the_functions_of_built_in_metrics_are_what_tasks_score_by(task: str) -> None:
    draw = torch.Generator().manual_seed(0)
    info = TASKS.get(task)
    for metric in info.metrics:
        width = 2 if info.labels == "binary" else METRICS.get(metric).classes or 4
        labels = torch.randint(width, (200,), generator=draw)
        labels = torch.nn.functional.one_hot(labels, width).float() if info.labels == "set" else labels
        width = 1 if info.labels == "binary" else width
        logits = torch.randn(200, width, generator=draw, dtype=torch.double)
        found = make_task(task, width).scores(metric, logits, labels)[metric]
        assert METRICS.load(metric)(logits, labels) == found


def test_boards_call_metrics_as_the_suite_does() -> None:
    assert {info.name: info.title for info in METRICS} == BOARD_TITLES
