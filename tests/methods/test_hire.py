"""HIRE's correlations: closed forms, invariants, and what stands for a type, a meta-path and an edge type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance.examples import TRAINING, problem_for
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.engine import Configuration, build, train
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.methods.contract import Output, Teacher
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.losses.types import (
    correlation_difference,
    correlations,
    of_edge_types,
    of_meta_paths,
    of_node_types,
    pooled,
)

TASK = "typed-node-classification"


@pytest.fixture(scope="module")
def graph() -> Graph:
    made = problem_for(TASK).problem.training.graph
    columns = made.node_columns, made.edge_columns
    return Graph.build(made.dense_features().double(), made.edge_index, None, *columns, types=made.types)


@pytest.fixture
def state(graph: Graph) -> Tensor:
    return torch.randn(graph.num_nodes, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_the_difference_is_that_of_cosines() -> None:
    """Of two types it is half the square of the difference of the one cosine that there is."""
    own, theirs = torch.tensor([[1.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 7.0]])
    torch.testing.assert_close(correlation_difference(own, theirs), torch.tensor(2 * 0.6**2 / 4))
    assert correlation_difference(own[:1], theirs[:1]) == 0
    assert torch.equal(correlations(torch.zeros(2, 3)), torch.eye(2))


@pytest.mark.parametrize("how", ["mean", "attention"])
def test_neither_scale_nor_rotation_of_a_network_counts(how: Any, graph: Graph, state: Tensor) -> None:
    turn = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).Q
    for vectors in (of_node_types, of_meta_paths):
        own, turned = vectors(graph, state, how), vectors(graph, 3 * state @ turn, how)
        assert float(correlation_difference(own, turned)) < 1e-20
    own, other = (of_node_types(graph, each, how) for each in (state, state.square()))
    assert float(correlation_difference(own, other)) > 1e-3


def test_all_nodes_of_a_type_are_pulled_alike(graph: Graph, state: Tensor) -> None:
    other = of_node_types(graph, state.flip(0), "mean")
    of = state.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(correlation_difference(of_node_types(graph, of, "mean"), other), of)
    for kind in (0, 1):
        rows = gradient[graph.node_type == kind]
        torch.testing.assert_close(rows, rows[:1].expand_as(rows))
        assert float(rows.abs().max()) > 0


def test_attention_weighs_nodes_by_their_cosine_to_the_mean() -> None:
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    weight = torch.exp(torch.tensor([2.0, 1.0, 2.0]) / 5**0.5)
    torch.testing.assert_close(pooled(rows, "attention"), weight @ rows / weight.sum())
    assert torch.equal(pooled(rows[:0], "mean"), torch.zeros(2))


def test_paths_and_arcs_are_those_of_an_enumeration(graph: Graph, state: Tensor) -> None:
    papers, dense = graph.num_targets, torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.float64)
    dense[graph.edge_index[1], graph.edge_index[0]] = 1
    there, back = dense[papers:, :papers], dense[:papers, papers:]
    mean = (each / each.sum(1, keepdim=True).clamp(min=1) for each in (there, back, dense[:papers, :papers]))
    into, out, between = mean
    expected = torch.stack([(between @ state[:papers]).mean(0), (out @ into @ state[:papers]).mean(0)])
    torch.testing.assert_close(of_meta_paths(graph, state, "mean"), expected)
    for kind, found in enumerate(of_edge_types(graph, state)):
        source, target = graph.arcs_of(kind)
        torch.testing.assert_close(found, (state[source] * state[target]).mean(0))


def taught(model: str, **hyper: Any) -> tuple[Any, Teacher]:
    problem = problem_for(TASK).problem
    configuration = Configuration("supervised", student=model, student_hyper={**TRAINING, "epochs": 5, **hyper})
    (trained,) = train(configuration, [0], lambda _: problem, lambda _: ())
    return problem, unpack_teacher(pack_teacher("0" * 16, trained, configuration), problem)


def test_networks_with_meta_paths_are_compared_by_what_these_gather() -> None:
    """An equal student differs in nothing; variants that read states of all types refuse one that has none."""
    problem, teacher = taught("han", layers=3, heads=2)
    student = {**TRAINING, "layers": 3, "heads": 2}
    method = build(Configuration("hire", "metapaths", {}, "han", student), problem, (teacher,))
    assert method.student_states == ("metapath.0", "metapath.1")
    assert teacher.model is not None
    assert method.student is not None
    method.student.load_state_dict(teacher.model.state_dict())
    for part in method.student.modules():  # draw nothing, and yet train
        part.training = False
    method.training = True
    (batch,) = _batches(method, problem, teacher)
    output: Output = method(batch.graph)
    assert float(method.loss(batch, output)["types"].detach()) < 1e-12
    other = replace(output, states={name: state.flip(1) for name, state in output.states.items()})
    moved = replace(other, states={**other.states, "metapath.0": output.state("metapath.0")})
    assert float(method.loss(batch, moved)["types"].detach()) > 1e-4
    with pytest.raises((UserError, ValueError), match="teacher has those of items alone"):
        build(Configuration("hire", "paper", {}, "sage", TRAINING), problem, (teacher,))


def _batches(method: Any, problem: Any, teacher: Teacher) -> list[Any]:
    from graph_distillery.bench.training.engine import make_batches

    return list(make_batches(method, Configuration("hire", "metapaths", {}, "han", {}), problem).epoch("observed"))
