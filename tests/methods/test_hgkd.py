"""HGKD's terms against closed forms and enumerations, the projection of gradients, and what its MLP reads."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance.examples import TRAINING, problem_for, second_teacher
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.methods.contract import Teacher
from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.hgkd.pairs import draw_pairs
from graph_distillery.methods.hgkd_n.method import beside_neighbours
from graph_distillery.methods.hgkd_plus.method import projected

TASK = "typed-node-classification"
EXAMPLE = problem_for(TASK)


def made(name: str, *teachers: Teacher, **hyper: Any) -> tuple[Any, Any]:
    """A method and the one batch of its epoch."""
    student = {**TRAINING, "dropout": 0.0}
    configuration = Configuration(name, "paper", hyper, "mlp", student)
    method = build(configuration, EXAMPLE.problem, teachers)
    (batch,) = make_batches(method, configuration, EXAMPLE.problem).epoch("observed")
    return method.train(), batch


def test_pairs_share_a_neighbour_or_an_arc() -> None:
    """Three papers of one author, two of another; a paper that cites one."""
    arcs = torch.tensor([[4, 4, 4, 5, 5, 3, 0], [0, 1, 2, 2, 3, 0, 4]])
    columns = {"type": torch.tensor([0, 0, 0, 0, 1, 1])}, {"type": torch.tensor([0, 0, 0, 0, 0, 1, 2])}
    names = TypeNames(("paper", "author"), ("author-paper", "cites", "paper-author"))
    graph = Graph.build(torch.ones(6, 2), arcs, None, *columns, types=names)
    torch.manual_seed(0)
    cited, by_author = ({tuple(pair) for pair in torch.stack(each).T.tolist()} for each in draw_pairs(graph, 500))
    expected = {(i, j) for group in ((0, 1, 2), (2, 3)) for i in group for j in group if i != j}
    assert (by_author, cited) == (expected, {(0, 3)})


def test_states_that_turn_and_grow_have_the_same_relations() -> None:
    """Equal states differ in nothing; a rotation moves the states' term alone."""
    method, batch = made("hgkd", EXAMPLE.teacher, pairs=400)
    state = torch.randn(batch.items.numel(), 6, generator=torch.Generator().manual_seed(0))
    turned = 3 * state @ torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(1))).Q
    assert float(method.relations(batch, state, turned)) < 1e-10
    assert float(method.relations(batch, state, state.roll(1, 0))) > 1e-2
    method.heads[0] = torch.nn.Identity()
    assert abs(float(method.closeness(state, 2 * state, 0))) < 1e-6
    torch.testing.assert_close(method.closeness(state, -state, 0), torch.tensor(2.0))
    assert float(method.closeness(state, turned, 0)) > 0.1


def test_opposing_gradients_are_projected_in_their_order() -> None:
    one, two = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])
    found = projected([one, two])
    torch.testing.assert_close(found[0], torch.tensor([0.5, 0.5]))
    assert torch.equal(found[1], two)
    assert float(found[0] @ two) == pytest.approx(0, abs=1e-6)
    agreeing = [one, torch.tensor([0.5, 2.0])]
    assert all(torch.equal(a, b) for a, b in zip(projected(agreeing), agreeing, strict=True))


@pytest.mark.parametrize("twice", [True, False])
def test_projected_terms_have_the_values_of_the_plain_ones(twice: bool) -> None:
    """And, of two equal teachers, which do not oppose each other, their gradients."""
    other = EXAMPLE.teacher if twice else second_teacher(EXAMPLE.problem.key)
    method, batch = made("hgkd-plus", EXAMPLE.teacher, other, pairs=400)
    found: dict[str, tuple[Tensor, list[Tensor]]] = {}
    for name in ("plain", "projected"):
        torch.manual_seed(2)
        output = method(batch.graph)
        torch.manual_seed(2)
        terms = method.loss(batch, output) if name == "plain" else method.projected_terms(batch, output)
        total = torch.stack(list(terms.values())).sum()
        found[name] = total, list(torch.autograd.grad(total, list(method.parameters()), materialize_grads=True))
    gradients = [torch.cat([each.flatten() for each in found[name][1]]) for name in found]
    difference = float((gradients[0] - gradients[1]).norm() / gradients[0].norm())
    torch.testing.assert_close(found["plain"][0], found["projected"][0], atol=1e-5, rtol=1e-5)
    if twice:
        assert difference < 1e-4


@pytest.mark.parametrize("sparse", [False, True])
def test_neighbours_stand_beside_as_means_by_type_of_edges(sparse: bool) -> None:
    graph = EXAMPLE.problem.training.graph
    x = graph.dense_features()
    expected = x.new_zeros(x.shape)
    for kind in range(3):
        source, target = graph.arcs_of(kind)
        for node in target.unique():
            expected[node] += x[source[target == node]].mean(dim=0)
    read = graph.with_features(SparseMatrix.from_torch(x)) if sparse else graph
    torch.testing.assert_close(beside_neighbours(read).dense_features(), torch.cat([x, expected], dim=1))
