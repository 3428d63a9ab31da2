"""Where the graph comes from that a student is asked about: a file, or a dataset by its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.students.card import StudentCard
from graph_distillery.methods.contract import Graph

if TYPE_CHECKING:
    from torch import Tensor

    from graph_distillery.bench.students.student import Student


@dataclass(frozen=True)
class GraphChoice:
    """What the command line names: a graph's file, with a table of nodes, or a dataset; data: the data folder.

    allow_code: whether code may run that a student's card, or the plan of its store, names.
    """

    file: Path | None = None
    dataset: str | None = None
    node_table: Path | None = None
    data_dir: Path | None = None
    allow_code: bool = False


@dataclass(frozen=True)
class Asked:
    """The graph, and how its nodes are called where its file names them; else empty."""

    graph: Graph
    node_names: tuple[str, ...] = ()


def graph_of(choice: GraphChoice, card: StudentCard) -> Asked:
    """The graph that was chosen; of the student's own dataset the one that its split numbers the nodes of.

    Raises:
        UserError: neither a file nor a dataset is named, or both; or it cannot be read.
        UnknownNameError: there is no such dataset.
    """
    if (choice.file is None) == (choice.dataset is None):
        both = ", not both" if choice.file is not None else ""
        raise UserError(f"name a graph by --graph FILE, or a dataset by --dataset NAME{both}")
    if choice.file is not None:
        from graph_distillery.bench.data.files.reading import read_graph

        found = read_graph(choice.file, nodes=choice.node_table)
        return Asked(found.graph, found.node_names)
    if choice.node_table is not None:
        raise UserError("--node-table: belongs to --graph FILE")
    assert choice.dataset is not None
    from graph_distillery.bench.training.problem import ProblemKey, split_dataset, whole_dataset

    _consented(choice.dataset, choice)
    known = card.data
    own = choice.dataset == known.name
    split = known.split if own else DATASETS.get(choice.dataset).splits[0]
    key = ProblemKey(choice.dataset, split, known.setting, choice.data_dir)
    return Asked((split_dataset(key) if own else whole_dataset(key)).graph)


def checked_on(student: Student, choice: GraphChoice) -> list[tuple[Graph, Tensor]]:
    """Graphs and items on which an exported file is compared: the test items of the student's data, unless another
    graph is named.

    Raises:
        UserError: its data are not known here, or not at hand.
    """
    import torch

    from graph_distillery.bench.training.problem import ProblemKey, open_test_set

    data = student.card.data
    if choice.file is None and choice.dataset is None:
        if data.name not in DATASETS:
            raise UserError(f"dataset {data.name!r} is not known here; name a graph to check on by --graph FILE")
        _consented(data.name, choice)
        key = ProblemKey(data.name, data.split, data.setting, choice.data_dir)
        parts = open_test_set(key, data.split_seed).parts.values()
        return [(part.graph, part.items) for part in parts]
    graph = graph_of(choice, student.card).graph
    return [(graph, torch.arange(graph.num_nodes))]


def _consented(name: str, choice: GraphChoice) -> None:
    """Raises UserError where a dataset comes from a function, which the plan of a store names, and nobody said so."""
    source = DATASETS.get(name).options.get("source") if name in DATASETS else None
    if (place := getattr(source, "python", None)) is not None and not choice.allow_code:
        raise UserError(
            f"dataset {name!r} comes from code of this machine, {place}, as the store's plan says; if you know it, say "
            "--allow-code, or name a graph by --graph FILE"
        )


def adopt_datasets(folder: Path) -> None:
    """Of a student that lies in its store: know the datasets of the user's own that its sweep was of."""
    from graph_distillery.bench.sweeps.store.files import begun, stored_plan_of

    store = folder.resolve().parent.parent
    if begun(store):
        stored_plan_of(store)
