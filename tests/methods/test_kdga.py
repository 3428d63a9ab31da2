"""KDGA: draws and losses against the equations on dense matrices, and what is left without the augmentor."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.kdga.augmentor import drawn, normalised, reconstruction
from graph_distillery.methods.kdga.method import over_arcs

TINY = {"dropout": 0.0, "hidden": 8, "lr": 0.01}


def with_loops(graph: Graph) -> Tensor:
    return graph.propagation("sum_self").to_dense()


sparse = SparseMatrix.from_torch


def pairs(nodes: int = 9) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, adjacency with loops and noise."""
    generator = torch.Generator().manual_seed(3)
    embedding = torch.randn(nodes, 4, generator=generator, dtype=torch.float64).relu()
    upper = (torch.rand(nodes, nodes, generator=generator) < 0.3).double().triu(1)
    noise = torch.rand(nodes, nodes, generator=generator, dtype=torch.float64)
    return embedding @ embedding.T, upper + upper.T + torch.eye(nodes, dtype=torch.float64), noise


@pytest.mark.parametrize(("alpha", "temperature"), [(0.3, 1.0), (1.0, 0.7), (0.5, 1.6)])
def test_draws_and_their_gradients_are_the_relaxed_bernoullis(alpha: float, temperature: float) -> None:
    logits, adjacency, noise = pairs()
    logits.requires_grad_()
    found = drawn(logits, sparse(adjacency), alpha, temperature, noise)
    weight = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    (gradient,) = torch.autograd.grad((normalised(found) * weight).sum(), logits)

    least = torch.finfo(torch.float64).eps
    chance = alpha * logits / logits.max() + (1 - alpha) * adjacency
    soft = torch.sigmoid((torch.logit(chance, least) + torch.logit(noise, least)) / temperature)
    hard = (soft + (soft.round() - soft).detach()).triu(1)
    hard = (hard + hard.T).fill_diagonal_(1)
    torch.testing.assert_close(found, hard.detach())
    degrees = torch.diag(hard.sum(1) ** -0.5)
    (expected,) = torch.autograd.grad((degrees @ hard @ degrees * weight).sum(), logits)
    torch.testing.assert_close(gradient, expected)


def test_an_edge_is_drawn_as_often_as_its_chance_says() -> None:
    logits, adjacency, _ = pairs(4)
    torch.manual_seed(0)
    share = sum(drawn(logits, sparse(adjacency), 0.5, 1.0, torch.rand(4, 4).double()) for _ in range(4000)) / 4000
    chance = (0.5 * logits / logits.max() + 0.5 * adjacency).triu(1)
    assert isinstance(share, Tensor)
    torch.testing.assert_close(share.triu(1), chance, atol=0.03, rtol=0)


def test_the_reconstruction_is_the_weighted_cross_entropy() -> None:
    logits, adjacency, _ = pairs()
    logits.requires_grad_()
    total, arcs = adjacency.numel(), adjacency.sum()
    weight = (total - arcs) / arcs
    expected = total / (2 * (total - arcs)) * F.binary_cross_entropy_with_logits(logits, adjacency, pos_weight=weight)
    found = reconstruction(logits, sparse(adjacency))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, logits), torch.autograd.grad(expected, logits))


def test_divergences_over_arcs_are_those_of_each_arc() -> None:
    own, theirs = (torch.randn(5, 3, dtype=torch.float64).log_softmax(dim=1) for _ in range(2))
    arcs = torch.tensor([[0, 1], [1, 0], [2, 4], [3, 3]])
    rows, columns = arcs.T
    expected = F.kl_div(own[rows], theirs[columns].exp(), reduction="mean")
    torch.testing.assert_close(over_arcs(own, theirs, theirs.exp(), arcs), expected)


def built(**hyper: Any) -> tuple[Any, Any]:
    example = problem_for("node-classification")
    values = {"augmentor_epochs": 0, "classifier_epochs": 0, "augmentor_hidden": 8, **hyper}
    configuration = Configuration("kdga", "paper", values, "gcn", TINY)
    method = build(configuration, example.problem, ()).train()
    (batch,) = list(make_batches(method, configuration, example.problem).epoch("observed"))
    return method, batch


def test_a_step_is_the_formula_on_dense_matrices() -> None:
    """Both networks layer by layer on dense matrices, the teacher's that of the very draw."""
    method, batch = built(temperature=1.3, alpha=0.4)
    graph: Graph = batch.graph
    torch.manual_seed(9)
    terms = method.loss(batch, method(graph))
    torch.manual_seed(9)
    noise = torch.rand(graph.num_nodes, graph.num_nodes)
    adjacency = with_loops(graph)
    plain = normalised(adjacency)
    x, augmentor = graph.dense_features(), method.augmentor
    embedding = (plain @ (plain @ (x @ augmentor.first) @ augmentor.second)).relu()
    draw = drawn(embedding @ embedding.T, sparse(adjacency), 0.4, 1.0, noise)
    first, last = method.student.layers
    head = method.teacher.layers[1]
    assert method.teacher.layers[0] is first
    assert head is not last

    def logits(matrix: Tensor, output: Any) -> Tensor:
        state = (matrix @ (x @ first.linear.weight) + first.bias).relu()
        found: Tensor = matrix @ (state @ output.linear.weight) + output.bias
        return found

    student, teacher = logits(plain, last), logits(normalised(draw), head)
    labelled, labels = batch.labelled, batch.labels
    own, target = (student / 1.3).log_softmax(dim=1), (teacher / 1.3).softmax(dim=1)
    rows, columns = (draw.detach() * adjacency).nonzero().T
    nodes = F.kl_div(own, target, reduction="mean")
    arcs = F.kl_div(own[rows], target[columns], reduction="mean")
    expected = {
        "labels": F.cross_entropy(student[labelled], labels),
        "teacher": F.cross_entropy(teacher[labelled], labels),
        "augmentor": 0.1 * reconstruction(embedding @ embedding.T, sparse(adjacency)),
        "distilled": 20 * 1.3**2 * (nodes + arcs),
    }
    assert terms.keys() == expected.keys()
    for name, term in terms.items():
        torch.testing.assert_close(term, expected[name], rtol=1e-4, atol=1e-5)
    parameters = [augmentor.first, augmentor.second, first.linear.weight, last.linear.weight, head.linear.weight]
    found = torch.autograd.grad(torch.stack(list(terms.values())).sum(), parameters)
    wanted = torch.autograd.grad(torch.stack(list(expected.values())).sum(), parameters)
    for gradient, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-3, atol=1e-5)


def test_without_the_augmentor_two_heads_distil_on_the_graph_itself() -> None:
    """alpha 0: knowledge distillation from the teacher's head, over nodes and the graph's own arcs and loops."""
    method, batch = built(alpha=0.0)
    assert method.augmentor is None
    terms = method.loss(batch, method(batch.graph))
    own, theirs = (each(batch.graph).logits.log_softmax(dim=1) for each in (method.student, method.teacher))
    rows, columns = with_loops(batch.graph).nonzero().T
    arcs = F.kl_div(own[rows], theirs[columns].exp(), reduction="mean")
    expected = 20 * (F.kl_div(own, theirs.exp(), reduction="mean") + arcs)
    assert "augmentor" not in terms
    torch.testing.assert_close(terms["distilled"], expected)


def test_first_the_augmentor_then_the_networks_then_everything() -> None:
    method, batch = built(augmentor_epochs=3, classifier_epochs=2)
    update = Recorder(method.optimizers(method.context.settings))
    for epoch in range(2):
        method.on_epoch_start(epoch)
        method.step(batch, update)
    assert update.calls == [1, 1, 1, 2, 2, 0, 0]


class Recorder(GradientUpdate):
    """Which optimiser moved, in order."""

    def __init__(self, optimizers: Any) -> None:
        super().__init__(optimizers)
        self.calls: list[int] = []

    def __call__(self, terms: Any, optimizer: int = 0) -> dict[str, Tensor]:
        self.calls.append(optimizer)
        return super().__call__(terms, optimizer)


def test_a_graph_too_large_for_its_pairs_is_refused_in_one_line() -> None:
    with pytest.raises((UserError, ValueError), match=r"^most_nodes 100: 'kdga' weighs all pairs of nodes, and this"):
        built(most_nodes=100)
