"""DFAD-GNN: what either player is moved by, against closed forms and an enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance import MethodConformance
from graph_distillery.bench.conformance.examples import Case
from graph_distillery.bench.training.engine import build
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.dfad_gnn.generator import Generator, one_hot_through, structure_term
from graph_distillery.methods.dfad_gnn.method import DFADGNN
from graph_distillery.methods.gfkd.padded import Layout


class TestDFADGNN(MethodConformance):
    method = "dfad-gnn"


def made(**hyper: Any) -> DFADGNN:
    torch.manual_seed(0)
    case = Case("dfad-gnn", "graph-classification", "gnn", "paper")
    configuration = replace(case.configuration(), method_hyper={"graphs": 6, "nodes": 5, **hyper})
    method = build(configuration, case.example.problem, case.example.teachers(case.info)).train()
    assert isinstance(method, DFADGNN)
    return method


@pytest.mark.parametrize("undirected", [False, True])
def test_the_pull_on_arcs_has_the_exact_gradient_as_its_mean(undirected: bool) -> None:
    """Two nodes: the objective counts the arc 0 -> 1 once, 1 -> 0 thrice, and both together for -5."""
    layout = Layout(torch.tensor([2]))
    generator = Generator(1, (), 2, 1, "degree", undirected, 0.0)

    def objective(arcs: Tensor) -> Tensor:
        there = (arcs & layout.pairs).double()
        return there[:, 0, 1] + 3 * there[:, 1, 0] - 5 * there[:, 0, 1] * there[:, 1, 0]

    logits = torch.tensor([[[0.0, 0.7], [-0.4, 0.0]]]).double().requires_grad_()
    both = (logits + logits.transpose(1, 2)) / 2 if undirected else logits
    chance = torch.sigmoid(both)
    expectation = torch.zeros(()).double()
    for one, other in [(1, 1), (0, 0)] if undirected else product((0, 1), repeat=2):
        weight = chance[0, 0, 1] if one else 1 - chance[0, 0, 1]
        weight = weight if undirected else weight * (chance[0, 1, 0] if other else 1 - chance[0, 1, 0])
        arcs = torch.tensor([[[0, one], [other, 0]]], dtype=torch.bool)
        expectation = expectation + weight * objective(arcs)[0]
    (exact,) = torch.autograd.grad(expectation, logits, retain_graph=True)
    torch.manual_seed(1)
    draws = 40_000
    many = both.expand(draws, 2, 2)
    weights = layout.pairs * (0.5 if undirected else 1.0)
    term = structure_term(objective, many, generator.uniform(many), weights) / draws
    assert float(term.detach()) == 0
    (found,) = torch.autograd.grad(term, logits)
    torch.testing.assert_close(found, exact, rtol=0, atol=0.02)
    assert found[0].diagonal().tolist() == [0, 0]


def test_features_are_one_hot_with_the_gradient_of_the_softmax() -> None:
    logits = torch.tensor([[0.2, 1.0, -0.5], [2.0, 0.1, 0.3]], requires_grad=True)
    rows = one_hot_through(logits)
    torch.testing.assert_close(rows.detach(), torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))
    pull = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.0, 1.0]])
    (found,) = torch.autograd.grad((rows * pull).sum(), logits)
    (known,) = torch.autograd.grad((torch.softmax(logits, 1) * pull).sum(), logits)
    torch.testing.assert_close(found, known)


def test_the_student_is_moved_by_the_mean_distance_of_logits() -> None:
    method = made(generator_dropout=0.0)
    (batch,) = method.batches(None)  # type: ignore[arg-type]
    assert batch.graph.num_graphs == 6
    assert batch.graph.graph_pointers.tolist() == [0, 5, 10, 15, 20, 25, 30]
    assert torch.equal(batch.graph.dense_features().sum(1), torch.ones(30))
    teacher = method.teachers[0].model
    assert teacher is not None
    student = method(batch.graph)
    wanted = (student.logits - teacher(batch.graph).logits).abs().mean()
    torch.testing.assert_close(method.loss(batch, student)["teacher"], wanted)


def test_the_generators_term_is_the_mean_distance_of_chances_and_moves_it_alone() -> None:
    method = made(generator_dropout=0.0)
    assert method.student is not None
    torch.manual_seed(3)
    term = method.disagreement()
    torch.manual_seed(3)
    logits, labels = method.generator(method.noise())
    arcs = method.generator.uniform(logits) < torch.sigmoid(logits)
    graph = method.generator.graph(method.layout, arcs, one_hot_through(labels))
    method.student.eval()
    teacher = method.teachers[0].model
    assert teacher is not None
    chances = [torch.softmax(network(graph).logits, 1) for network in (teacher, method.student)]
    method.student.train()
    torch.testing.assert_close(term.detach(), (chances[0] - chances[1]).abs().mean().detach())
    before = {name: value.clone() for name, value in method.student.state_dict().items()}
    generator = {name: value.clone() for name, value in method.generator.state_dict().items()}
    update = GradientUpdate(method.optimizers(method.context.settings))
    update({"generator": -method.disagreement()}, 1)
    assert all(torch.equal(value, before[name]) for name, value in method.student.state_dict().items())
    moved = {name for name, value in method.generator.state_dict().items() if not torch.equal(value, generator[name])}
    assert moved == set(generator), "arcs and features both pull"
    assert method.student.training


def test_steps_are_as_many_as_asked_for_on_new_graphs() -> None:
    method = made(student_steps=3, generator_steps=2)
    told: list[tuple[tuple[str, ...], int]] = []

    class Counted(GradientUpdate):
        def __call__(self, terms: Any, optimizer: int = 0) -> dict[str, Tensor]:
            told.append((tuple(terms), optimizer))
            return super().__call__(terms, optimizer)

    (batch,) = method.batches(None)  # type: ignore[arg-type]
    seen = [batch.graph.num_edges]
    drawn = method.drawn
    method.drawn = lambda: (seen.append((made := drawn()).graph.num_edges), made)[1]  # type: ignore[func-returns-value, method-assign]
    terms = method.step(batch, Counted(method.optimizers(method.context.settings)))
    assert told == [(("teacher",), 0)] * 3 + [(("generator",), 1)] * 2
    assert set(terms) == {"teacher", "generator"}
    assert len(seen) == 3
    assert len(set(seen)) > 1


def test_degrees_follow_from_the_arcs_and_pairs_are_one_draw() -> None:
    method = made(features="degree", undirected=True)
    graph = method.drawn().graph
    source, target = graph.edge_index
    assert set(zip(source.tolist(), target.tolist(), strict=True)) == set(
        zip(target.tolist(), source.tolist(), strict=True)
    )
    degrees = torch.bincount(target, minlength=graph.num_nodes).clamp(max=graph.num_features - 1)
    assert torch.equal(graph.dense_features().argmax(1), degrees)
