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
from graph_distillery.bench.training.speed import LiveBytes
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.kdga import augmentor as augmentor_module
from graph_distillery.methods.kdga.augmentor import Draw, Noise, Normalised, blocks, reconstruction
from graph_distillery.methods.kdga.method import over_arcs

TINY = {"dropout": 0.0, "hidden": 8, "lr": 0.01}


def with_loops(graph: Graph) -> Tensor:
    return graph.propagation("sum_self").to_dense()


sparse = SparseMatrix.from_torch


@pytest.fixture(params=[3, 4, 64])
def few_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of so many rows: several, the last a smaller one, or one of all."""
    monkeypatch.setattr(augmentor_module, "_ROWS", request.param)
    monkeypatch.setattr(blocks, "__defaults__", (request.param,))


def pairs(nodes: int = 10) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings, adjacency with loops and noise."""
    generator = torch.Generator().manual_seed(3)
    embedding = torch.randn(nodes, 4, generator=generator, dtype=torch.float64).relu()
    upper = (torch.rand(nodes, nodes, generator=generator) < 0.3).double().triu(1)
    noise = torch.rand(nodes, nodes, generator=generator, dtype=torch.float64)
    return embedding, upper + upper.T + torch.eye(nodes, dtype=torch.float64), noise


def given(noise: Tensor) -> Any:
    return lambda block, like: noise[block.start : block.stop, block.start :].to(like.dtype).clone()


def relaxed(embedding: Tensor, adjacency: Tensor, alpha: float, temperature: float, noise: Tensor) -> Tensor:
    """The draw on dense matrices, from the definition; gradients are the relaxed one's."""
    least, logits = torch.finfo(embedding.dtype).eps, embedding @ embedding.T
    chance = (alpha * logits / logits.max() + (1 - alpha) * adjacency).clamp(least, 1 - least)
    soft = torch.sigmoid((torch.logit(chance) + torch.logit(noise.clamp(least, 1 - least))) / temperature)
    hard = (soft + (soft.round() - soft).detach()).triu(1)
    return (hard + hard.T).fill_diagonal_(1)


def normal(matrix: Tensor) -> Tensor:
    scale = matrix.sum(1).rsqrt()
    return scale[:, None] * matrix * scale


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize(("alpha", "temperature"), [(0.3, 1.0), (1.0, 0.7), (0.5, 1.6)])
def test_draws_and_their_gradients_are_the_relaxed_bernoullis(alpha: float, temperature: float) -> None:
    """Two products with the normalised draw, one of the other's outcome, against dense matrices."""
    embedding, adjacency, noise = pairs()
    embedding.requires_grad_()
    draw = Draw(embedding, sparse(adjacency), alpha, temperature, given(noise))
    first, second = torch.randn(2, 10, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    dense = relaxed(embedding, adjacency, alpha, temperature, noise)
    identity = torch.eye(10, dtype=torch.float64)
    torch.testing.assert_close(draw.times(identity), dense.detach())
    wanted = {*map(tuple, (dense.detach() * adjacency).nonzero().tolist())}
    assert {*map(tuple, draw.shared.tolist())} == wanted
    assert len(draw.shared) == len(wanted)
    found = [(matrix @ (matrix @ first).tanh() * second).sum() for matrix in (Normalised(draw), normal(dense))]
    torch.testing.assert_close(*found)
    torch.testing.assert_close(*(torch.autograd.grad(each, embedding)[0] for each in found))


def test_an_edge_is_drawn_as_often_as_its_chance_says() -> None:
    embedding, adjacency, _ = pairs(4)
    torch.manual_seed(0)
    identity, places = torch.eye(4, dtype=torch.float64), sparse(adjacency)
    share = sum(Draw(embedding, places, 0.5, 1.0, Noise()).times(identity) for _ in range(4000)) / 4000
    logits = embedding @ embedding.T
    chance = (0.5 * logits / logits.max() + 0.5 * adjacency).triu(1)
    assert isinstance(share, Tensor)
    torch.testing.assert_close(share.triu(1), chance, atol=0.03, rtol=0)


@pytest.mark.usefixtures("few_rows")
def test_the_reconstruction_is_the_weighted_cross_entropy() -> None:
    embedding, adjacency, _ = pairs()
    embedding.requires_grad_()
    total, arcs = adjacency.numel(), adjacency.sum()
    weight, logits = (total - arcs) / arcs, embedding @ embedding.T
    expected = total / (2 * (total - arcs)) * F.binary_cross_entropy_with_logits(logits, adjacency, pos_weight=weight)
    found = reconstruction(embedding, sparse(adjacency))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, embedding), torch.autograd.grad(expected, embedding))


def test_memory_grows_with_the_nodes_and_not_with_their_pairs() -> None:
    """Twice as much, at the most, for twice the nodes: of draw, reconstruction and gradients, hardly an edge drawn."""
    peaks = []
    for nodes in (1000, 2000):
        embedding = torch.rand(nodes, 16, generator=torch.Generator().manual_seed(0)).requires_grad_()
        loops = torch.arange(nodes)
        places = SparseMatrix.from_entries(loops, loops, torch.ones(nodes), (nodes, nodes))
        with LiveBytes() as live:
            draw = Draw(embedding, places, 1e-4, 1.0, Noise())
            loss = reconstruction(embedding, places) + (Normalised(draw) @ embedding).sum()
            torch.autograd.grad(loss, embedding)
        peaks.append(live.peak)
    assert peaks[1] < 2.1 * peaks[0]


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
    drawn, nodes = Noise(), graph.num_nodes
    noise = torch.zeros(nodes, nodes)
    for block in blocks(graph.propagation("sum_self")):
        part = noise[block.start : block.stop, block.start :]
        part.copy_(drawn(block, part))
    adjacency = with_loops(graph)
    plain = normal(adjacency)
    x, augmentor = graph.dense_features(), method.augmentor
    embedding = (plain @ (plain @ (x @ augmentor.first) @ augmentor.second)).relu()
    draw = relaxed(embedding, adjacency, 0.4, 1.0, noise)
    first, last = method.student.layers
    head = method.teacher.layers[1]
    assert method.teacher.layers[0] is first
    assert head is not last

    def logits(matrix: Tensor, output: Any) -> Tensor:
        state = (matrix @ (x @ first.linear.weight) + first.bias).relu()
        found: Tensor = matrix @ (state @ output.linear.weight) + output.bias
        return found

    student, teacher = logits(plain, last), logits(normal(draw), head)
    labelled, labels = batch.labelled, batch.labels
    own, target = (student / 1.3).log_softmax(dim=1), (teacher / 1.3).softmax(dim=1)
    rows, columns = (draw.detach() * adjacency).nonzero().T
    on_nodes = F.kl_div(own, target, reduction="mean")
    arcs = F.kl_div(own[rows], target[columns], reduction="mean")
    expected = {
        "labels": F.cross_entropy(student[labelled], labels),
        "teacher": F.cross_entropy(teacher[labelled], labels),
        "augmentor": 0.1 * reconstruction(embedding, sparse(adjacency)),
        "distilled": 20 * 1.3**2 * (on_nodes + arcs),
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
