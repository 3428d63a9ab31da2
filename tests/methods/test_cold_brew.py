"""Cold Brew and its teacher against their formulas, on a dense graph and node by node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import Case, problem_for
from graph_distillery.bench.training.engine import Configuration, build, train
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.cold_brew.method import ColdBrew, looked_up
from graph_distillery.methods.contract import Batch, BatchSource, Method, TrainingData

Make = Callable[..., Method[Any]]
EXAMPLE = problem_for("node-classification")
GCN = {"layers": 3, "hidden": 8, "dropout": 0.0}


def propagation() -> Tensor:
    """D^-1/2 (A + I) D^-1/2, dense."""
    graph = EXAMPLE.problem.training.graph
    dense = torch.eye(graph.num_nodes)
    dense[graph.edge_index[1], graph.edge_index[0]] = 1
    scale = dense.sum(1).rsqrt()
    return scale[:, None] * dense * scale


@pytest.mark.parametrize(("layers", "chosen"), [("all", (0, 1, 2)), ("first", (0,)), ("last", (2,))])
def test_an_embedding_stands_beside_what_the_features_give(layers: str, chosen: tuple[int, ...]) -> None:
    """sigma(S (X W + E) + b), layer after layer, dense."""
    configuration = Configuration("structural-embeddings", "paper", {"layers": layers, "weight": 0.5}, "gcn", GCN)
    method = build(configuration, EXAMPLE.problem, (EXAMPLE.teacher,)).eval()
    graph, s = EXAMPLE.problem.training.graph, propagation()
    assert set(method.embeddings) == {str(layer) for layer in chosen}
    state, outputs = graph.dense_features(), []
    for layer in range(3):
        linear = method.student.layers[layer].linear
        inner = state @ linear.weight
        if layer in chosen:
            inner = inner + method.embeddings[str(layer)]
        outputs.append(s @ inner + method.student.layers[layer].bias)
        state = outputs[-1].relu()
    with torch.no_grad():
        found = method.predict(graph)
    for one, other in zip((*found.hidden, found.logits), outputs, strict=True):
        torch.testing.assert_close(one, other.detach(), atol=1e-4, rtol=1e-4)
    data = EXAMPLE.problem.training
    (batch,) = list(method.batches(BatchSource()))
    terms = method.loss(batch, method(batch.graph))
    torch.testing.assert_close(terms["labels"], F.cross_entropy(outputs[2][data.labelled], data.labels))
    norms = sum(method.embeddings[str(layer)].square().sum().sqrt() for layer in chosen)
    torch.testing.assert_close(terms["embeddings"], 0.5 * norms)


def test_nodes_that_training_did_not_see_have_no_embedding() -> None:
    configuration = Configuration("structural-embeddings", "paper", {"layers": "last"}, "gcn", GCN)
    method = build(configuration, EXAMPLE.problem, (EXAMPLE.teacher,)).eval()
    graph = EXAMPLE.problem.training.graph
    part = graph.induced_subgraph(torch.tensor([3, 40, 7])).without_edges()
    with torch.no_grad():
        own = method.predict(part).logits
        torch.testing.assert_close(own - method.student(part).logits, method.embeddings["2"][[3, 40, 7]])
        method.place[40] = -1
        assert (method.predict(part).logits - method.student(part).logits)[1].abs().max() == 0


def test_what_is_kept_of_the_teacher_are_its_states_before_the_activation() -> None:
    settings = {**GCN, "epochs": 2}
    configuration = Configuration("structural-embeddings", "paper", {"layers": "all"}, "gcn", settings)
    trained = next(train(configuration, [0], lambda _: EXAMPLE.problem, lambda _: (EXAMPLE.teacher,)))
    teacher = unpack_teacher(pack_teacher("0" * 16, trained, configuration), EXAMPLE.problem)
    with torch.no_grad():
        found = trained.method.predict(EXAMPLE.problem.training.graph)
    assert torch.equal(teacher.logits, found.logits)
    assert float(teacher.hidden[0].min()) < 0
    for one, other in zip(teacher.hidden, found.hidden, strict=True):
        assert torch.equal(one, other)


def test_the_nearest_are_looked_up_node_by_node() -> None:
    generator = torch.Generator().manual_seed(0)
    asked, bank = torch.randn(5, 4, generator=generator), torch.randn(9, 4, generator=generator)
    rows = []
    for row in asked:
        products = bank @ row
        best = products.argsort()[-3:]
        rows.append(products[best].softmax(0) @ bank[best])
    torch.testing.assert_close(looked_up(asked, bank, 3), torch.stack(rows))


class _Whole(BatchSource):
    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def epoch(self, items: Any) -> Any:
        chosen = self.batch.labelled if items == "labelled" else self.batch.items
        return iter([replace(self.batch, graph=self.batch.graph.rows(chosen), items=chosen)])


@pytest.mark.parametrize("variant", ["paper", "official_code"])
def test_the_guess_is_learned_first_and_the_student_on_it(variant: str, data: TrainingData, make: Make) -> None:
    """A step of plain gradient descent of each part, from its formula."""
    method = make(ColdBrew, variant, top=2, guess_steps=1, guess_dropout=0.0).train()
    with torch.no_grad():
        method.of_guess.fill_(0.3)
        method.of_neighbours.fill_(0.7)
    teacher, x = method.teachers[0], data.graph.dense_features()
    bank = torch.cat([teacher.hidden[0], teacher.logits], 1)
    nodes = data.labelled if variant == "official_code" else torch.arange(12)
    guess = list(method.guess.parameters())
    state = F.gelu(F.layer_norm(x @ guess[0] + guess[1], (256,), guess[2], guess[3]))
    error = (state @ guess[4].T + guess[5] - bank)[nodes].square().mean()
    expected = [p - 0.1 * slope for p, slope in zip(guess, torch.autograd.grad(error, guess), strict=True)]
    batch = Batch(data.graph, torch.arange(12), data.labelled, data.labels, method.teachers)
    rest = [p for p in method.parameters() if all(p is not own for own in guess)]
    update = GradientUpdate([torch.optim.SGD(rest, lr=0.1), torch.optim.SGD(guess, lr=0.1)])
    list(method.batches(_Whole(batch)))
    before = [p.clone() for p in rest]
    terms = method.step(batch, update)
    for one, other in zip(method.guess.parameters(), expected, strict=True):
        torch.testing.assert_close(one, other)
    after = [p.detach().clone() for p in rest]
    with torch.no_grad():
        for p, was in zip(rest, before, strict=True):
            p.copy_(was)
        g = method.guess(data.graph)
    near = looked_up(0.3 * g if variant == "official_code" else g, bank, 2)
    inputs = torch.cat([x, method.of_neighbours * near, method.of_guess * g], 1)
    loss = F.cross_entropy(method.student(data.graph.with_features(inputs)).logits[data.labelled], data.labels)
    torch.testing.assert_close(terms["labels"], loss.detach())
    for p, moved, slope in zip(rest, after, torch.autograd.grad(loss, rest), strict=True):
        torch.testing.assert_close(moved, (p - 0.1 * slope).detach())


def test_a_prediction_reads_features_and_the_embeddings_that_it_was_trained_with() -> None:
    case = Case("cold-brew", "node-classification", "mlp")
    method, graph = case.fresh().eval(), case.example.problem.training.graph
    rows = torch.tensor([5, 900])
    with torch.no_grad():
        found = method.predict(graph).logits
        torch.testing.assert_close(method.predict(graph.rows(rows)).logits, found[rows])
        assert "bank" in method.state_dict()
