"""A trained method's student as an artefact: tensors, and what builds its network anew."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor, nn

from graph_distillery.bench.data.dataset import nonzero_entries
from graph_distillery.bench.models.base import Model, attribute_width, build_model
from graph_distillery.bench.students.card import NetworkCard, ReadsCard
from graph_distillery.bench.training.artefacts import Artefact, pack
from graph_distillery.bench.training.engine import Configuration, Trained
from graph_distillery.methods import METHODS
from graph_distillery.methods.artefacts import ARTEFACTS
from graph_distillery.methods.contract import Graph, Serving
from graph_distillery.methods.contract.columns import ATTRIBUTES, WEIGHT

#: How far the saved network may be from the trained method: the order of a sum, no more.
_RTOL, _ATOL = 1e-4, 1e-5
_NOBODY = "0" * 16


class CannotBeSaved(Exception):
    """Why a student cannot be taken out, in words that follow the method's name."""


def pack_student(configuration: Configuration, trained: Trained) -> Artefact:
    """The student's weights and what a prediction needs besides; its id and the rest of its card are the driver's.

    Raises:
        CannotBeSaved: it has no network by itself, or that by itself predicts otherwise than the method.
    """
    method, graph = trained.method, trained.problem.training.graph
    student = method.student
    if not isinstance(student, Model) or configuration.student is None:
        raise CannotBeSaved("has no network of one model")
    if student.typed:
        raise CannotBeSaved("reads types of nodes and edges, which no saved student carries")
    serving = method.serving()
    tensors: dict[str, Tensor] = {f"weights.{name}": value for name, value in student.state_dict().items()}
    reads = _reads(configuration, trained, serving, student)
    if reads.own_nodes:
        assert serving.column is not None
        tensors["own.nodes"] = graph.node_ids
        given = method.inputs(graph) if serving.place == "column" else graph
        tensors["own.column"] = given.node_columns[serving.column]
    network = NetworkCard(
        model=configuration.student,
        hyperparameters=student.hyper.model_dump(mode="json"),
        in_features=student.in_features,
        out_features=student.out_features,
        level=student.level,
        num_nodes=graph.num_nodes,
        edge_width=attribute_width(graph),
        params=sum(parameter.numel() for parameter in student.parameters()),
    )
    made = pack(_NOBODY, tensors, {"network": network.model_dump(mode="json"), "reads": reads.model_dump(mode="json")})
    _compare(made, network, serving, trained)
    return made


def unpack_network(tensors: dict[str, Tensor], network: NetworkCard) -> Model:
    """The network of saved tensors, in evaluation mode.

    Raises:
        UserError: the model is not known, or refuses its hyperparameters.
        RuntimeError: the tensors are not those of the network.
    """
    model = build_model(
        network.model,
        network.in_features,
        network.out_features,
        network.hyperparameters,
        network.level,
        network.num_nodes,
        network.edge_width,
    )
    prefix = "weights."
    model.load_state_dict({name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)})
    return model.eval().requires_grad_(False)


def features_sha256(graph: Graph, count: int) -> str:
    """A hash of the features of the first so many nodes, whatever their storage."""
    digest = hashlib.sha256()
    rows = torch.arange(min(count, graph.num_nodes), device=graph.device)
    for array in nonzero_entries(graph.rows(rows)):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _reads(configuration: Configuration, trained: Trained, serving: Serving, student: Model) -> ReadsCard:
    problem = trained.problem
    graph = problem.training.graph
    read = {WEIGHT: type(student).reads_weights, ATTRIBUTES: type(student).reads_attributes}
    arcs = tuple(name for name, reads in read.items() if reads and name in graph.edge_columns)
    known: dict[str, Any] = {"features": graph.num_features, "edges": student.uses_edges, "arcs": arcs}
    if serving.column is None:
        return ReadsCard(**known)
    seen = features_sha256(graph, graph.num_nodes)
    if serving.place == "column":
        return ReadsCard(**known, column=serving.column, place="column", own_nodes=True, features_sha256=seen)
    names = [n for n in METHODS.get(configuration.method).artefacts if serving.column in ARTEFACTS.get(n).columns]
    if not names:
        raise CannotBeSaved(f"reads the column {serving.column!r}, which no artefact of its own makes")
    info = ARTEFACTS.get(names[0])
    return ReadsCard(
        **known,
        column=serving.column,
        place=serving.place,
        artefact=info.name,
        settings=dict(problem.artefacts[info.name].settings),
        own_nodes=info.own_nodes,
        features_sha256=seen if info.own_nodes else None,
    )


@torch.inference_mode()
def _compare(made: Artefact, network: NetworkCard, serving: Serving, trained: Trained) -> None:
    """Raises CannotBeSaved where what was packed does not predict what the method predicts."""
    method, graph = trained.method, trained.problem.training.graph
    method.eval()
    device, state = graph.device, torch.get_rng_state()
    try:
        alone: nn.Module = unpack_network(made.unpacked("student"), network).to(device)
    finally:
        torch.set_rng_state(state)  # building draws weights, and what is trained next must not notice
    given = method.inputs(graph) if serving.place == "column" else graph
    found, expected = alone(serving.read(given)).logits, method.predict(graph).logits
    if found.shape != expected.shape or not torch.allclose(found, expected, rtol=_RTOL, atol=_ATOL):
        raise CannotBeSaved("predicts by more than its student's network")
