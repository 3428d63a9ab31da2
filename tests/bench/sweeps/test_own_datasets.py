"""A dataset of the user's own in specs and on the command line: the same records wherever it is trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import graph_distillery as gd
from graph_distillery.bench.cli import main
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.store.files import plan_of


@pytest.fixture
def arrays() -> dict[str, Any]:
    """90 nodes of 3 classes whose features tell them, in no order that a split could follow."""
    draw = np.random.default_rng(3)
    labels = draw.integers(3, size=90)
    features = (np.eye(3, 6)[labels] * 2 + draw.normal(size=(90, 6))).astype(np.float32)
    return {"x": features, "edge_index": draw.integers(90, size=(2, 300)), "y": labels}


@pytest.fixture
def spec(arrays: dict[str, Any], tmp_path: Path) -> Path:
    np.savez(tmp_path / "mine.npz", **arrays)
    path = tmp_path / "spec.yaml"
    fast = {"epochs": 3, "hidden": 8}
    content = {
        "name": "own",
        "datasets": [{"file": "mine.npz", "name": "mine", "split": "random-60-20-20"}],
        "teachers": [{"model": "gcn", **fast}],
        "students": [{"model": "mlp", **fast}],
        "methods": ["glnn"],
        "search": {"trials": 2, "seeds": [100, 101], "pruner": "none"},
        "report": {"seeds": 2, "ablated": False},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_one_process_and_workers_train_on_the_driver_s_copy(
    spec: Path, tmp_path: Path, essence_of: Callable[[Path], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit; the file is gone as soon as the driver has read it."""
    from graph_distillery.bench.sweeps import sweep

    content = (spec.parent / "mine.npz").read_bytes()
    checked = sweep.check_data

    def check_and_remove(*arguments: Any) -> Any:
        found = checked(*arguments)
        (spec.parent / "mine.npz").unlink()
        return found

    monkeypatch.setattr(sweep, "check_data", check_and_remove)
    found = []
    for number, means in enumerate(({}, {"workers": 2})):
        (spec.parent / "mine.npz").write_bytes(content)
        store = gd.sweep(spec, tmp_path / f"store-{number}", **means)
        found.append(essence_of(store.path))
    assert found[0] == found[1]
    assert {record["cell"]["dataset"] for record in found[0].values()} == {"mine"}
    assert {record["status"] for record in found[0].values()} == {"ok"}


def test_a_store_goes_on_where_the_file_lies_and_refuses_another_content(
    spec: Path, arrays: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", str(spec), "--out", str(tmp_path / "store"), "-q"]) == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("spec.yaml", "mine.npz"):
        (tmp_path / name).rename(elsewhere / name)
    assert main(["sweep", str(elsewhere / "spec.yaml"), "--out", str(tmp_path / "store"), "-q"]) == 0
    (elsewhere / "mine.npz").rename(tmp_path / "kept.npz")
    assert main(["status", str(tmp_path / "store")]) == 0
    arrays["x"][5, 2] += 1
    np.savez(elsewhere / "mine.npz", **arrays)
    capsys.readouterr()
    assert main(["sweep", str(elsewhere / "spec.yaml"), "--out", str(tmp_path / "store"), "-q"]) == 2
    told = capsys.readouterr().err
    assert "dataset 'mine' is not what the store was begun with: its content was sha256" in told


def test_the_plan_is_the_same_wherever_the_file_lies(spec: Path, tmp_path: Path) -> None:
    from graph_distillery.bench.sweeps.plan.expansion import make_plan
    from graph_distillery.bench.sweeps.spec import read_spec

    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "spec.yaml").write_text(spec.read_text())
    (tmp_path / "other" / "mine.npz").write_bytes((tmp_path / "mine.npz").read_bytes())
    assert make_plan(read_spec(spec)).id == make_plan(read_spec(tmp_path / "other" / "spec.yaml")).id


def test_run_takes_a_file_or_a_function(
    arrays: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", **arrays)
    (tmp_path / "my_graphs.py").write_text(
        "import numpy as np\nimport torch\nfrom torch_geometric.data import Data\n\n\n"
        "def small():\n    stored = np.load('mine.npz')\n"
        "    return Data(**{name: torch.from_numpy(stored[name]) for name in stored.files})\n"
    )
    more = ["--method", "supervised", "--set", "student.epochs=2", "--seeds", "0", "-q"]
    assert main(["run", "--dataset", "file:mine.npz", "--out", "one", *more]) == 0
    assert main(["run", "--dataset", "python:my_graphs:small", "--out", "two", *more]) == 0
    one, two = (plan_of(tmp_path / name) for name in ("one", "two"))
    assert (one.cells[0].data.dataset, two.cells[0].data.dataset) == ("mine", "small")
    hashes = {record.cell.dataset_sha256 for name in ("one", "two") for record in gd.open_store(name).records()}
    assert len(hashes) == 1
    capsys.readouterr()
    assert main(["run", "--dataset", "python:my_graphs:smal", "--out", "three", *more]) == 2
    assert "my_graphs:smal fails (AttributeError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"file": "mine.npz", "nam": "m"}, "datasets.0: unknown field 'nam'; did you mean 'name'?"),
        ({"name": "m"}, "datasets.0: a dataset of one's own has either 'file' or 'python'"),
        (
            {"file": "mine.npz", "split": "publik"},
            "unknown split of node-classification 'publik'; did you mean 'public'?",
        ),
        ({"file": "mine.npz", "task": "node-clasification"}, "did you mean 'node-classification'?"),
        ({"file": "mine.npz", "name": "cora"}, "'cora' is the name of another dataset"),
        ({"file": "main.npz"}, "there is no such file; did you mean 'mine.npz'?"),
        ({"python": "my_graphs"}, "'my_graphs' is not package.module:function"),
        ({"file": "mine.npz", "split": "public"}, "has no split 'public'"),
    ],
)
def test_what_a_spec_says_wrong_is_one_line(spec: Path, tmp_path: Path, entry: dict[str, str], line: str) -> None:
    content = yaml.safe_load(spec.read_text())
    content["datasets"] = [entry]
    spec.write_text(yaml.safe_dump(content))
    with pytest.raises(UserError) as refused:
        gd.sweep(spec, tmp_path / "store")
    assert line in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert not (tmp_path / "store").exists()


def test_graphs_of_a_file_are_classified(tmp_path: Path) -> None:
    """A list of `Data`, a label each, in the graph-level setting."""
    from torch_geometric.data import Data

    draw = torch.Generator().manual_seed(0)
    graphs = [
        Data(x=torch.rand(6, 3, generator=draw) + n % 2, edge_index=torch.randint(6, (2, 9), generator=draw),
             y=torch.tensor([n % 2]))
        for n in range(40)
    ]  # fmt: skip
    torch.save(graphs, tmp_path / "graphs.pt")
    spec = {
        "name": "graphs",
        "datasets": [{"file": str(tmp_path / "graphs.pt"), "task": "graph-classification"}],
        "students": [{"model": "gin", "epochs": 2}],
        "methods": ["supervised"],
        "search": {"trials": 0},
        "report": {"seeds": 1, "ablated": False},
    }
    records = gd.sweep(spec, tmp_path / "store").records()
    assert {(record.cell.dataset, record.cell.split, record.status) for record in records} == {
        ("graphs", "kfold-10", "ok")
    }
