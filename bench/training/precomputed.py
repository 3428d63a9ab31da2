"""Artefacts of a method: what is made of the observed graph once, and how a problem carries it to the trials."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import content_id
from graph_distillery.bench.training.artefacts import Artefact, pack
from graph_distillery.bench.training.engine import Configuration, parse_hyperparameters
from graph_distillery.bench.training.problem import Judged, Precomputed, Problem, ProblemKey, TestSet, observed_by
from graph_distillery.methods import METHODS
from graph_distillery.methods.artefacts import ARTEFACTS
from graph_distillery.methods.contract import ArtefactMaker, Graph


def settings_of(name: str, configuration: Configuration) -> dict[str, Any]:
    """An artefact's settings under a configuration of a method: its own, under the hyperparameters of their names."""
    published = ARTEFACTS.get(name).settings
    method = METHODS.load(configuration.method)
    hyper = parse_hyperparameters(method, configuration.method, configuration.method_hyper)
    return {setting: getattr(hyper, setting, value) for setting, value in published.items()}


def artefact_id(name: str, settings: Mapping[str, Any], key: ProblemKey, seed: int, data: tuple[str, str]) -> str:
    """A hash of what makes it: the artefact and its settings, the data, and how the observed graph is cut from them.

    data: the hashes of the dataset and of the order of its nodes.
    """
    info = ARTEFACTS.get(name)
    return content_id([name, info.version, dict(settings), list(data), observed_by(key, seed)])


def make_artefact(name: str, made_id: str, problem: Problem, settings: Mapping[str, Any]) -> Artefact:
    """Compute it from the observed graph.

    Raises:
        UserError: the settings do not fit it; named is the artefact.
        FloatingPointError: it holds a number that is not finite.
    """
    began = time.perf_counter()
    try:
        with torch.no_grad():
            tensors = _maker(name).make(problem.training.graph, settings)
    except ValueError as error:
        raise UserError(f"artefact {name!r}: {error}") from None
    for each, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise FloatingPointError(f"artefact {name!r}: {each} is not finite")
    facts = {
        "artefact": name,
        "settings": dict(settings),
        "seed": problem.seed,
        "made_s": time.perf_counter() - began,
        "dataset_sha256": problem.identity.dataset_sha256,
        "node_order_sha256": problem.identity.node_order_sha256,
    }
    return pack(made_id, tensors, facts)


def with_artefacts(problem: Problem, artefacts: Mapping[str, Artefact]) -> Problem:
    """The problem with artefacts in the place where methods find them, its graphs with their node columns.

    Raises:
        UserError: one was made on other data, or cannot be read.
    """
    if not artefacts:
        return problem
    made = {name: _unpacked(artefact, problem) for name, artefact in artefacts.items()}
    graph = problem.training.graph
    columns = {name: tensor for each, one in made.items() for name, tensor in _columns(each, one.tensors).items()}
    training = replace(problem.training, graph=graph.with_columns(columns))
    carrying = replace(problem, training=training, artefacts=made)
    return replace(carrying, validation=_judged(problem.validation, graph, carrying))


def sealed_with_artefacts(test: TestSet, bare: Problem, problem: Problem) -> TestSet:
    """The test set, with columns for its nodes too; `bare` is the problem before it carried any artefact."""
    if not problem.artefacts:
        return test
    parts = {name: _judged(part, bare.training.graph, problem) for name, part in test.parts.items()}
    return replace(test, parts=parts)


def prepared(problem: Problem, configuration: Configuration) -> Problem:
    """The problem with what the configuration's method needs, made here and now."""
    made = {}
    for name in METHODS.get(configuration.method).artefacts:
        made[name] = make_artefact(name, "0" * 16, problem, settings_of(name, configuration))
    return with_artefacts(problem, made)


def _maker(name: str) -> ArtefactMaker:
    made: ArtefactMaker = ARTEFACTS.load(name)
    return made


def _unpacked(artefact: Artefact, problem: Problem) -> Precomputed:
    for name in ("dataset_sha256", "node_order_sha256"):
        if artefact.facts[name] != getattr(problem.identity, name):
            raise UserError(f"artefact {artefact.id}: its {name} is not that of dataset {problem.key.dataset!r}")
    device = problem.training.graph.device
    tensors = {name: tensor.to(device) for name, tensor in artefact.unpacked("artefact").items()}
    return Precomputed(artefact.facts["settings"], tensors)


def _columns(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {column: tensors[column] for column in ARTEFACTS.get(name).columns}


def _judged(judged: Judged, observed: Graph, problem: Problem) -> Judged:
    """Items to be judged, on a graph with columns; the observed graph stays one with that of training."""
    if judged.graph is observed:
        return replace(judged, graph=problem.training.graph)
    seen = _places(observed, judged.graph)
    columns: dict[str, Tensor] = {}
    with torch.no_grad():
        for name, one in problem.artefacts.items():
            columns |= _columns(name, _maker(name).extend(one.tensors, judged.graph, seen, one.settings))
    return replace(judged, graph=judged.graph.with_columns(columns))


def _places(observed: Graph, graph: Graph) -> Tensor:
    """[nodes of graph] int64: where each node stands in the observed graph, or -1."""
    most = int(torch.cat([observed.node_ids, graph.node_ids]).max()) + 1
    place = torch.full((most,), -1, dtype=torch.long, device=graph.device)
    place[observed.node_ids] = torch.arange(observed.num_nodes, device=graph.device)
    return place[graph.node_ids]
