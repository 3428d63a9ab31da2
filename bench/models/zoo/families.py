"""Models that are named by where they come from: `pyg:GAT` and `python:package.module:Net`. Loads no torch.

A family makes the registry's entry, and the search space, of a name that is in no list.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from graph_distillery.bench.models.info import ModelInfo
from graph_distillery.methods.registry import UnknownNameError
from graph_distillery.near_names import unknown_line

PYG, PYTHON = "pyg", "python"
_HOME = "graph_distillery.bench.models.zoo"
#: PyG's `BasicGNN` family by the names of its classes, with each paper; GATv2 is its GAT with `v2`.
ZOO: dict[str, tuple[str, str, int, str]] = {
    "GCN": ("Semi-Supervised Classification with Graph Convolutional Networks", "ICLR", 2017, "1609.02907"),
    "GraphSAGE": ("Inductive Representation Learning on Large Graphs", "NIPS", 2017, "1706.02216"),
    "GIN": ("How Powerful are Graph Neural Networks?", "ICLR", 2019, "1810.00826"),
    "GAT": ("Graph Attention Networks", "ICLR", 2018, "1710.10903"),
    "GATv2": ("How Attentive are Graph Attention Networks?", "ICLR", 2022, "2105.14491"),
    "PNA": ("Principal Neighbourhood Aggregation for Graph Nets", "NeurIPS", 2020, "2004.05718"),
    "EdgeCNN": ("Dynamic Graph CNN for Learning on Point Clouds", "TOG", 2019, "1801.07829"),
}
#: Those whose papers train with batch norm.
NORMED = ("GIN", "PNA", "EdgeCNN")
#: Classes of the user's own that this process has met, by their names; a node of a cluster has them from the driver.
LENT: dict[str, Any] = {}
#: What every entry of a space of a family has: how the optimiser is set, as for GCN.
OPTIMISER: dict[str, Any] = {
    "lr": {
        "float": [0.0005, 0.05], "log": True, "default": 0.01, "grid": [0.001, 0.005, 0.01],
        "source": "as for GCN; GLNN searches 0.001, 0.005, 0.01",
    },
    "weight_decay": {
        "choice": [0.0, 0.0005, 0.001, 0.002, 0.005, 0.01], "default": 0.0005, "source": "as for GCN",
    },
}  # fmt: skip
RECIPE: dict[str, Any] = {"readout": "mean", "epochs": 200, "patience": 50, "batch_size": None}


def pyg_entry(name: str) -> ModelInfo:
    """The entry of `pyg:GAT` and the like.

    Raises:
        UnknownNameError: it is none of PyG's `BasicGNN` family.
    """
    own = name.removeprefix(f"{PYG}:")
    if own not in ZOO:
        raise UnknownNameError(unknown_line("model of PyG's zoo", own, ZOO))
    paper, venue, year, arxiv = ZOO[own]
    return ModelInfo(
        name=name,
        title=f"PyG's {own}",
        paper=paper,
        venue=venue,
        year=year,
        url=f"https://arxiv.org/abs/{arxiv}",
        kind="gnn",
        target=f"{_HOME}.pyg:{name}",
        computes=f"torch_geometric.nn.models.{own.removesuffix('v2')}; hidden states are those after the activation",
    )


def pyg_space(name: str) -> dict[str, Any]:
    """Its search space, in the words of the YAML files. Raises as `pyg_entry`."""
    pyg_entry(name)
    own = name.rpartition(":")[2]
    norm = ("batch", "its paper: batch norm") if own in NORMED else ("none", "tunedGNN uses all three")
    parameters: dict[str, Any] = {
        "layers": {"int": [2, 6], "default": 2, "grid": [2, 3], "source": "as for GCN; tunedGNN uses 1 to 6"},
        "hidden": {"choice": [64, 128, 256, 512], "default": 64, "source": "as for GCN; tunedGNN 64 to 512"},
        "dropout": {"float": [0.0, 0.9], "default": 0.5, "source": "PyG's examples 0.5; tunedGNN 0.2 to 0.7"},
        "norm": {"choice": ["none", "batch", "layer"], "default": norm[0], "source": norm[1]},
    }
    if own.startswith("GAT"):
        parameters["heads"] = {"choice": [1, 2, 4, 8], "default": 8, "source": "GAT paper 8"}
    fixed = {"act": "relu", "jk": "none", **RECIPE}
    return {"name": name, "kind": "model", "parameters": {**parameters, **OPTIMISER}, "fixed": fixed}


def python_class(name: str) -> Any:
    """The class that `python:package.module:Net` names; a module of the working folder is found too.

    Raises:
        UnknownNameError: the module cannot be imported, or has no such class.
    """
    if name in LENT:
        return LENT[name]
    module, _, attribute = name.removeprefix(f"{PYTHON}:").partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # it is somebody's code, and may do anything
        what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UnknownNameError(f"model {name!r}: {module!r} cannot be imported ({what})") from None
    made = getattr(found, attribute, None)
    if inspect.isclass(made):
        LENT[name] = made
    else:
        classes = [each for each, value in vars(found).items() if inspect.isclass(value)]
        raise UnknownNameError(f"model {name!r}: {unknown_line(f'class of {module}', attribute, classes)}")
    return made


def is_code(name: str) -> bool:
    """Whether a model's name is the place of a class, which naming it imports."""
    return name.startswith(f"{PYTHON}:")


def names_class(name: str) -> bool:
    """Whether `python:module:Name` is a class, and so a model; a dataset comes from a function."""
    try:
        return is_code(name) and inspect.isclass(python_class(name))
    except UnknownNameError:
        return False


def python_entry(name: str) -> ModelInfo:
    """The entry of a class of the user's own. Raises as `python_class`."""
    made = python_class(name)
    about = " ".join((inspect.getdoc(made) or made.__name__).split("\n\n")[0].split())
    edges = getattr(made, "uses_edges", None)
    if edges is None:
        edges = len(inspect.signature(made.forward).parameters) > 2 if hasattr(made, "forward") else True
    return ModelInfo(
        name=name,
        title=made.__name__,
        paper="",
        venue="",
        year=0,
        url="",
        kind="gnn" if edges else "mlp",
        target=f"{_HOME}.adapter:{name}",
        computes=about,
    )


def python_space(name: str) -> dict[str, Any]:
    """What its constructor takes beyond widths, each at its default and fixed; the class's own `search_space`, in the
    words of the YAML files, says what is tuned besides the optimiser's settings."""
    made = python_class(name)
    ranges = dict(getattr(made, "search_space", {}))
    fixed = {key: value for key, value in constructor(made).items() if key not in ranges}
    for key, words in ranges.items():
        ranges[key] = {"source": f"{made.__name__}.search_space", **words}
        if key in constructor(made):
            ranges[key].setdefault("default", constructor(made)[key])
    recipe = {key: value for key, value in RECIPE.items() if key not in {**fixed, **ranges}}
    optimiser = {key: value for key, value in OPTIMISER.items() if key not in {**fixed, **ranges}}
    return {"name": name, "kind": "model", "parameters": {**ranges, **optimiser}, "fixed": {**fixed, **recipe}}


def constructor(made: Any) -> dict[str, Any]:
    """The plain values that a constructor takes by name beyond its first two, which are the widths of what goes in and
    comes out."""
    found = [each for each in list(inspect.signature(made).parameters.values())[2:] if each.name != "edge_dim"]
    return {each.name: each.default for each in found if isinstance(each.default, (bool, int, float, str))}
