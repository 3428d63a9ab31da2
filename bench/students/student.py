"""A saved student, ready to predict."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import Model
from graph_distillery.bench.models.zoo.families import is_code
from graph_distillery.bench.students.card import WEIGHTS, StudentCard, folder_of, read_card
from graph_distillery.bench.students.packing import features_sha256, unpack_network
from graph_distillery.bench.students.prediction import Prediction, whole_numbers
from graph_distillery.bench.training.artefacts import Artefact
from graph_distillery.methods.artefacts import ARTEFACTS
from graph_distillery.methods.contract import Graph, Serving
from graph_distillery.methods.tasks.registry import TASKS

if TYPE_CHECKING:
    from torch_geometric.data import Data


@dataclass(frozen=True)
class Student:
    """A trained student that predicts by itself.

    card: what it is, what it was trained on, how well it does. network: in evaluation mode, without gradients.
    """

    card: StudentCard
    network: Model
    _own: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def predict(
        self, data: Graph | Data | Tensor | NDArray[Any], items: Tensor | list[int] | None = None
    ) -> Prediction:
        """The classes and probabilities of items.

        data: a `Graph`; a PyG `Data` with `x` [nodes, features] and `edge_index` [2, arcs]; or [nodes, features]
        alone, a tensor or an array, for a student that reads no arcs. items: their numbers in it; None: all.

        Raises:
            UserError: the data are not what it reads, or an item is not there; one line.
        """
        graph = self.as_graph(data)
        level = self.card.network.level
        count = {"node": graph.num_nodes, "graph": graph.num_graphs}.get(level, 0)
        if level == "pair":
            count = int(graph.asked_pairs.shape[0])
        try:
            chosen = whole_numbers(items, count, level)
        except ValueError as error:
            raise UserError(str(error)) from None
        read = self.reads(graph)
        rows = level == "node" and not self.card.reads.edges and items is not None
        with torch.inference_mode():
            logits = self.network(read.rows(chosen)).logits if rows else self.network(read).logits[chosen]
        return Prediction.of(chosen, logits.clone(), TASKS.get(self.card.task).labels, self.card.data.class_names)

    def as_graph(self, data: Graph | Data | Tensor | NDArray[Any]) -> Graph:
        """What was given, as a graph with the features that the student reads."""
        card = self.card
        if isinstance(data, np.ndarray):
            data = torch.from_numpy(np.asarray(data, np.float32))
        if isinstance(data, Tensor):
            if data.dim() != 2:
                raise UserError(f"features are [nodes, features], not {list(data.shape)}")
            if card.reads.edges or card.reads.column is not None:
                raise UserError(f"student {card.id} reads {card.needs}; rows of features alone are not enough")
            graph = Graph.build(data.float(), torch.empty(2, 0, dtype=torch.long))
        elif isinstance(data, Graph):
            graph = data
        else:
            graph = _of_pyg(data)
        if graph.num_features != card.reads.features:
            told = f"the graph has {graph.num_features:,} features a node"
            raise UserError(f"student {card.id} reads {card.reads.features:,} features; {told}")
        if lacks := [name for name in card.reads.arcs if name not in graph.edge_columns]:
            raise UserError(f"student {card.id} reads {card.needs}; the arcs of this graph have no {lacks[0]}")
        num_nodes = card.network.num_nodes
        if type(self.network).per_node and graph.num_nodes != num_nodes:
            raise UserError(
                f"student {card.id}: a {card.network.model} has weights for each of its {num_nodes:,} nodes, and the "
                f"graph has {graph.num_nodes:,}"
            )
        return graph

    def reads(self, graph: Graph) -> Graph:
        """The graph as its network reads it, with the column that is made of it before, where it reads one.

        Raises:
            UserError: the column is of the nodes that the student was trained with, and the graph is not theirs.
        """
        reads = self.card.reads
        if reads.column is not None and reads.place == "column":
            self._seen(graph)
            return graph.with_columns({reads.column: self._own["own.column"]})
        if reads.column is None or reads.artefact is None:
            return graph
        serving = Serving(reads.column, reads.place)
        maker: Any = ARTEFACTS.load(reads.artefact)
        with torch.no_grad():
            if reads.own_nodes:
                made = {reads.column: self._own["own.column"]}
                columns = maker.extend(made, graph, self._seen(graph), dict(reads.settings))
            else:
                columns = maker.make(graph, dict(reads.settings))
            return serving.read(graph.with_columns({reads.column: columns[reads.column]}))

    def _seen(self, graph: Graph) -> Tensor:
        """[nodes] int64: where each node stands among those that the student was trained with; -1 for others."""
        count, reads = int(self._own["own.nodes"].numel()), self.card.reads
        seen = torch.full((graph.num_nodes,), -1, dtype=torch.long)
        if graph.num_nodes < count or features_sha256(graph, count) != reads.features_sha256:
            raise UserError(
                f"student {self.card.id} reads {reads.artefact or reads.column} of the {count:,} nodes "
                "that it was trained with: the graph must begin with these, in their order, new nodes after them"
            )
        seen[:count] = torch.arange(count)
        return seen


def load_student(path: str | PathLike[str], allow_code: bool = False) -> Student:
    """A saved student, by its folder, one of its files, or a store that has just one.

    allow_code: whether the module may be imported, and so run, that a card names as the place of its network
    (`python:module:Class`). Whoever wrote the card chose it.

    Raises:
        UserError: there is none, its weights are not the ones that were written, or do not fit the card, or its card
            names code and `allow_code` is not said.
    """
    folder = folder_of(Path(path))
    card = read_card(folder)
    if is_code(card.network.model) and not allow_code:
        raise UserError(
            f"{folder}: its network is code of this machine, {card.network.model}, which loading would run; if you "
            "know the module, say --allow-code (in Python allow_code=True)"
        )
    tensors = _tensors_of(folder, card)
    try:
        network = unpack_network(tensors, card.network)
    except (RuntimeError, KeyError) as error:
        cause = " ".join(str(error).split())[:200]
        raise UserError(f"{folder}: its tensors are not those of its card's {card.network.model}: {cause}") from None
    return Student(card, network, {name: value for name, value in tensors.items() if name.startswith("own.")})


def _tensors_of(folder: Path, card: StudentCard) -> dict[str, Tensor]:
    """The saved tensors, which must be those of the card."""
    try:
        content = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise UserError(f"{folder / WEIGHTS}: cannot be read: {error.strerror or error}") from None
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise UserError(f"{folder / WEIGHTS}: is not the file that was written; its hash is not the card's")
    return Artefact(card.id, content, {}).unpacked("student")


def _of_pyg(data: Any) -> Graph:
    from graph_distillery.bench.data.edges import tidy_edges
    from graph_distillery.bench.data.faults import DataFault

    features, edges = getattr(data, "x", None), getattr(data, "edge_index", None)
    if not isinstance(features, Tensor) or features.dim() != 2:
        raise UserError(f"a {type(data).__name__} without x [nodes, features] is no graph that a student reads")
    if edges is None:
        edges = torch.empty(2, 0, dtype=torch.long)
    try:
        return Graph.build(features.float(), tidy_edges(edges, int(features.shape[0])))
    except DataFault as fault:
        raise UserError(str(fault)) from None
