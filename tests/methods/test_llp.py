"""LLP: its terms by hand, its walks by their definition, what a batch holds, and how its variants differ."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.methods.artefacts.positions.walks import Neighbours, walks_from
from graph_distillery.methods.contract import Graph
from graph_distillery.methods.losses.rankings import distribution_term, ranking_term


def test_terms_by_hand() -> None:
    """Of three contexts with chances .9, .5, .45 the teacher tells the first from both others, and those not apart."""
    teacher = torch.tensor([[0.9, 0.5, 0.45]], dtype=torch.double)
    student = torch.tensor([[0.2, 0.6, 0.15]], dtype=torch.double, requires_grad=True)
    found = ranking_term(student, teacher, 0.1)
    # .1 - (.2 - .6) = .5, .1 - (.2 - .15) = .05, and the margin itself for the pair that is not told apart
    assert found.item() == pytest.approx((0.5 + 0.05 + 0.1) / 3, abs=1e-15)
    (slope,) = torch.autograd.grad(found, student)
    torch.testing.assert_close(slope, torch.tensor([[-2 / 3, 1 / 3, 1 / 3]], dtype=torch.double))
    shares = [[math.exp(v / 2) for v in row] for row in ([0.9, 0.5, 0.45], [0.2, 0.6, 0.15])]
    p, q = ([v / sum(row) for v in row] for row in shares)
    by_hand = 4 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert distribution_term(student, teacher, 2.0).item() == pytest.approx(by_hand, abs=1e-15)
    assert ranking_term(teacher, teacher, 0.01).item() == 0  # its own order, with gaps above the margin
    assert distribution_term(teacher, teacher).item() == pytest.approx(0, abs=1e-15)


def test_ranking_is_that_of_an_enumeration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Value and gradient pair by pair, however the anchors are cut into blocks."""
    generator = torch.Generator().manual_seed(1)
    teacher = (torch.rand(7, 6, generator=generator, dtype=torch.double) * 8).round() / 8  # ties, and gaps of a margin
    student = torch.rand(7, 6, generator=generator, dtype=torch.double, requires_grad=True)
    total = torch.zeros((), dtype=torch.double)
    for v in range(7):
        for a, b in combinations(range(6), 2):
            gap = float(teacher[v, a] - teacher[v, b])
            y = 1 if gap > 0.125 else -1 if gap < -0.125 else 0
            total = total + (0.125 - y * (student[v, a] - student[v, b])).clamp(min=0)
    by_hand = total / (7 * 15)
    (slope,) = torch.autograd.grad(by_hand, student)
    for block in (1 << 22, 80):
        monkeypatch.setattr("graph_distillery.methods.losses.rankings._BLOCK", block)
        found = ranking_term(student, teacher, 0.125)
        torch.testing.assert_close(found, by_hand.detach(), atol=1e-15, rtol=0)
        torch.testing.assert_close(torch.autograd.grad(3 * found, student)[0], 3 * slope, atol=1e-15, rtol=0)
    assert ranking_term(student[:, :1], teacher[:, :1], 0.1).item() == 0


def test_walks_visit_neighbours_of_neighbours() -> None:
    """Steps follow edges in either direction, alike for every neighbour; a node alone visits itself."""
    arcs = torch.tensor([[0, 1, 2, 2], [1, 2, 3, 4]])
    neighbours = Neighbours.of(Graph.build(torch.ones(6, 1), arcs))
    walks = walks_from(neighbours, torch.arange(6).repeat_interleave(1000), 3, torch.Generator().manual_seed(1))
    assert walks.shape == (6000, 3)
    assert bool((walks[5000:] == 5).all())
    joined = {(0, 1), (1, 2), (2, 3), (2, 4)}
    before = torch.cat([torch.arange(5).repeat_interleave(1000)[:, None], walks[:5000, :-1]], dim=1)
    steps = set(zip(before.flatten().tolist(), walks[:5000].flatten().tolist(), strict=True))
    assert steps == joined | {(b, a) for a, b in joined}
    assert torch.equal(walks[:1000, 0], torch.ones(1000, dtype=torch.long))
    first = walks[2000:3000, 0].bincount(minlength=6)[[1, 3, 4]]
    assert float((first / 1000 - 1 / 3).abs().max()) < 0.05


def built(variant: str = "paper", size: int | None = None, dropout: float = 0.0, **hyper: Any) -> tuple[Any, Any, Any]:
    example = problem_for("link-prediction")
    settings = {"hidden": 8, "dropout": dropout, "batch_size": size}
    method = build(Configuration("llp", variant, hyper, "mlp", settings), example.problem, (example.teacher,)).train()
    return method, make_batches(method, Configuration("llp", variant, hyper, "mlp", settings), example.problem), example


@pytest.mark.parametrize("size", [None, 40])
def test_a_loss_by_hand(size: int | None) -> None:
    """Every node is an anchor once an epoch; the terms are those of the chances that the networks give of its pairs."""
    weights = {"label_weight": 3.0, "distribution_weight": 5.0, "ranking_weight": 7.0}
    method, source, example = built(size=size, walks=2, walk_length=3, random_rate=2, **weights)
    method.eval()
    whole, seen = example.problem.training.graph, []
    neighbours: Tensor = whole.propagation("sum").to_dense() > 0
    for batch in method.batches(source):
        (anchors, count), start = method.shape, batch.items.numel()
        assert count == 2 * 3 * (1 + 2)
        asked = batch.graph.node_ids[batch.graph.asked_pairs]
        told, pairs = asked[:start], asked[start:].view(anchors, count, 2)
        assert bool((pairs[:, :, 0] == pairs[:, :1, 0]).all())
        seen += pairs[:, 0, 0].tolist()
        assert bool((neighbours[pairs[:, 0, 0], pairs[:, 0, 1]] | (pairs[:, 0, 0] == pairs[:, 0, 1])).all())
        assert torch.equal(told, whole.asked_pairs[batch.items])  # one of the stand-in's, whose pairs stay
        chance = [
            torch.sigmoid(network(whole.with_pairs(pairs.reshape(-1, 2))).logits).view(anchors, count)
            for network in (method.student, example.teacher.model)
        ]
        logits = method.student(whole.with_pairs(told)).logits
        by_hand = {
            "labels": 3 * method.task.label_loss(logits[batch.labelled], batch.labels),
            "distribution": 5 * distribution_term(*chance),
            "ranking": 7 * ranking_term(*chance, 0.1),
        }
        found = method.loss(batch, method(batch.graph))
        assert found.keys() == by_hand.keys()
        for name, value in by_hand.items():
            torch.testing.assert_close(found[name], value)
    assert sorted(seen) == list(range(whole.num_nodes))


def test_variants() -> None:
    """The released code's teacher drops out in its scorer alone, as much as the student, and is itself untouched."""
    steady, _, example = built("paper", dropout=0.5)
    every = torch.combinations(torch.arange(20))
    unsure = example.teacher.model(example.teacher.graph.with_pairs(every)).logits.abs().flatten().argsort()
    pairs = every[unsure[:3]]  # a chance of 1 stays one, whatever is dropped
    assert torch.equal(steady.targets(pairs), steady.targets(pairs))
    official, _, _ = built("official_code", dropout=0.5)
    assert not torch.equal(official.targets(pairs), official.targets(pairs))
    assert (official.best_epoch, steady.best_epoch) == ("first", "last")
    assert not example.teacher.model.training
    assert not example.teacher.model.head.training
    still, _, _ = built("official_code", dropout=0.0)
    assert torch.equal(still.targets(pairs), steady.targets(pairs))
    graph = example.teacher.graph.with_pairs(pairs[:1])
    sure, head = example.teacher.model(graph), example.teacher.model.head
    units = torch.relu(head.hidden(sure.pooled))[0] * head.output.weight[:, 0]
    logits = torch.cat([official.asked[0](graph).logits for _ in range(4000)])  # every unit is left out or doubled
    spread = float(units.square().sum())
    assert float(logits.mean() - sure.logits) == pytest.approx(0, abs=0.1 * spread**0.5)
    assert float(logits.var()) == pytest.approx(spread, rel=0.1)
