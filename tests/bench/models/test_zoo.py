"""Models of others: PyG's zoo by a word, a module of twenty lines by its place; the suite for authors holds both."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch_geometric.nn import models as pyg_models

from graph_distillery.bench.cli import main
from graph_distillery.bench.conformance import ModelCase, ModelConformance
from graph_distillery.bench.conformance.models import model_cases
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.models.zoo.families import ZOO
from graph_distillery.methods.registry import UnknownNameError
from graph_distillery.search_spaces import load_space

#: Twenty lines, as a user writes them: two of PyG's layers, a hidden state by its name, a range.
NET = '''
import torch
from torch_geometric.nn import SAGEConv


class Net(torch.nn.Module):
    """Two SAGE layers with a skip."""

    hidden_modules = ("act",)
    search_space = {"width": {"choice": [8, 16, 32]}}

    def __init__(self, in_features, out_features, width=16, p=0.1):
        super().__init__()
        self.first, self.second = SAGEConv(in_features, width), SAGEConv(width, out_features)
        self.skip, self.act, self.drop = torch.nn.Linear(in_features, width), torch.nn.ReLU(), torch.nn.Dropout(p)

    def forward(self, x, edge_index):
        hidden = self.act(self.first(x, edge_index) + self.skip(x))
        return self.second(self.drop(hidden), edge_index)


class Rows(torch.nn.Module):
    """Reads no edge."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.only = torch.nn.Linear(in_features, out_features)

    def forward(self, x):
        return self.only(x)


class Lost(Net):
    hidden_modules = ("activ",)
'''
OWN = "python:twenty_lines:Net"
CHECKS = [name for name, _ in inspect.getmembers(ModelConformance, inspect.isfunction) if name.startswith("test_")]


@pytest.fixture(scope="module", autouse=True)
def on_the_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("own")
    (folder / "twenty_lines.py").write_text(NET)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    sys.modules.pop("twenty_lines", None)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("model", [OWN, "python:twenty_lines:Rows", *(f"pyg:{name}" for name in ZOO)])
def test_it_conforms(model: str, check: str) -> None:
    """Every check of the suite for authors, at every level."""
    suite = ModelConformance()
    if "info" in inspect.signature(getattr(suite, check)).parameters:
        getattr(suite, check)(MODELS.get(model))
        return
    for case in model_cases(model):
        getattr(suite, check)(case)


@pytest.mark.parametrize("name", ["GCN", "GIN", "GATv2", "EdgeCNN"])
def test_a_word_is_pyg_s_own_class(name: str) -> None:
    """The same weights give the same logits, and hidden states are what goes into its dropout."""
    graph = ModelCase("gcn", "node").graph()
    model: Any = build_model(f"pyg:{name}", 7, 3, {"hidden": 16, "norm": "none"}).eval()
    theirs = getattr(pyg_models, name.removesuffix("v2"))(
        7, 16, 2, 3, **({"heads": 8, "v2": True} if "v2" in name else {})
    )
    theirs.load_state_dict(model.inner.state_dict())
    with torch.no_grad():
        output = model(graph)
        expected = theirs.eval()(graph.dense_features(), graph.edge_index)
        first = theirs.convs[0](graph.dense_features(), graph.edge_index).relu()
    assert torch.allclose(output.logits, expected, atol=1e-6)
    assert len(output.hidden) == 1
    assert torch.allclose(output.hidden[0], first, atol=1e-6)


def test_pna_divides_by_the_degrees_of_the_graph_that_it_is_trained_on() -> None:
    graph = ModelCase("gcn", "node").graph()
    model: Any = build_model("pyg:PNA", 7, 3, {"hidden": 16, "norm": "none"})
    model.train()(graph)
    degrees = torch.bincount(graph.edge_index[1], minlength=24).float()
    theirs = pyg_models.PNA(
        7, 16, 2, 3, aggregators=["mean", "min", "max", "std"], scalers=["identity", "amplification", "attenuation"],
        deg=torch.bincount(degrees.long()),
    ).eval()  # fmt: skip
    own = {name: value for name, value in model.inner.state_dict().items() if "avg_deg" not in name}
    theirs.load_state_dict({**theirs.state_dict(), **own})
    model.eval()
    with torch.no_grad():
        assert torch.allclose(model(graph).logits, theirs(graph.dense_features(), graph.edge_index), atol=1e-5)


def test_costs_are_counted_as_for_the_suite_s_own() -> None:
    """A GCN of PyG's, whose first map is that of the suite's, costs what the suite counts by hand."""
    theirs = build_model("pyg:GCN", 7, 3, {"hidden": 16})
    by_hand = 50 * 7 * 16 + (50 + 120) * 16 + 50 * 16 * 3 + (50 + 120) * 3
    assert theirs.macs(50, 120) == by_hand


def test_a_constructor_s_values_are_hyperparameters() -> None:
    space = load_space("model", OWN)
    assert space.parameters["width"].choices == (8, 16, 32)
    assert space.parameters["width"].default == 16
    assert space.fixed["p"] == 0.1
    model: Any = build_model(OWN, 7, 3, {"width": 32, "p": 0.5})
    assert model.inner.first.out_channels == 32
    assert model.inner.drop.p == 0.5
    assert MODELS.get("python:twenty_lines:Rows").kind == "mlp"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("pyg:GATT", "unknown model of PyG's zoo 'GATT'; did you mean 'GAT'?"),
        ("python:twenty_lines:Nett", "unknown class of twenty_lines 'Nett'; did you mean 'Net'?"),
        ("python:no_such_module:Net", "'no_such_module' cannot be imported (ModuleNotFoundError"),
    ],
)
def test_a_name_that_is_not_there_is_one_line(name: str, line: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        MODELS.get(name)
    assert line in str(refused.value)


def test_a_hidden_module_that_is_not_there_is_told() -> None:
    case = ModelCase("python:twenty_lines:Lost", "node")
    with pytest.raises(UserError, match="hidden_modules names 'activ', which it does not have"):
        case.build()(case.graph())


def test_they_teach_and_learn_by_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """FitNet reads a hidden state of either."""
    command = ["run", "--dataset", "karate", "--method", "fitnet", "--teacher", "pyg:GATv2", "--student", OWN]
    command += ["--set", "teacher.epochs=3", "--set", "student.epochs=3", "--seeds", "0", "-q"]
    assert main([*command, "--out", str(tmp_path / "store")]) == 0, capsys.readouterr().err
    assert main(["info", "pyg:GATv2"]) == 0
    assert "heads" in capsys.readouterr().out
