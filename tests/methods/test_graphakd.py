"""GraphAKD: the sides of its critics by hand, and who moves when."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Batch, Method, OptimiserSettings
from graph_distillery.methods.graphakd.critics import PairCritic, taken_for
from graph_distillery.methods.graphakd.method import GraphAKD

Make = Callable[..., Method[Any]]


def whole(method: Method[Any]) -> Batch:
    data = method.context.data
    assert data is not None
    return Batch(data.graph, torch.arange(data.num_items), data.labelled, data.labels, method.teachers)


def binary(scores: Tensor, label: float) -> Tensor:
    chance = torch.sigmoid(scores)
    return F.binary_cross_entropy(chance, torch.full_like(chance, label))


def test_both_sides_by_hand(make: Make) -> None:
    method = make(GraphAKD, logit_weight=0.5, edge_weight=2.0, summary_weight=3.0)
    batch = whole(method)
    output = method(batch.graph)
    z, t = output.logits, batch.teacher.logits
    own, other = method.bridge(output.hidden[-1]), batch.teacher.hidden[-1]
    with torch.no_grad():
        for critic in (method.critics["edges"], method.critics["summary"]):
            critic.diagonal.copy_(torch.linspace(-1, 2, 7))

    def judged(logits: Tensor) -> Tensor:
        critic = method.critics["logits"]
        return critic.outer(torch.relu(logits + critic.inner(logits)))

    def arcs(states: Tensor) -> Tensor:
        critic, unit = method.critics["edges"], states / states.norm(dim=1, keepdim=True)
        pairs = batch.graph.edge_index.T.tolist()
        return torch.stack([critic.scale * unit[i] @ torch.diag(critic.diagonal) @ unit[j] for i, j in pairs])

    def beside(states: Tensor, whose: Tensor) -> Tensor:
        critic, unit = method.critics["summary"], states / states.norm(dim=1, keepdim=True)
        return critic.scale * (unit @ torch.diag(critic.diagonal) @ torch.sigmoid(whose.mean(0)))

    def told(logits: Tensor) -> Tensor:
        return F.cross_entropy(judged(logits)[batch.labelled][:, :3], batch.labels)

    fooled = 0.5 * (told(z) + binary(judged(z)[:, 3], 1)) + (z - t).abs().sum() / 12
    summary = binary(beside(own, other), 1) + binary(beside(own, own), 0) + binary(beside(other, own), 1)
    expected = {
        "labels": F.cross_entropy(z[batch.labelled], batch.labels),
        "logits": 0.5 * fooled,
        "edges": 2.0 * binary(arcs(own), 1),
        "summary": 3.0 * summary,
    }
    found = method.loss(batch, output)
    assert found.keys() == expected.keys()
    for name, term in expected.items():
        assert found[name].item() == pytest.approx(term.item(), rel=1e-5), name

    opposite = method.critic_terms(batch, z.detach(), own.detach(), other)
    of_logits = binary(judged(t)[:, 3], 1) + binary(judged(z)[:, 3], 0) + told(t) + told(z)
    of_summary = binary(beside(other, other), 1) + binary(beside(own, other), 0)
    of_summary = of_summary + binary(beside(own, own), 1) + binary(beside(other, own), 0)
    sides = {
        "logit critic": of_logits / 2,
        "edge critic": binary(arcs(other), 1) + binary(arcs(own), 0),
        "summary critic": of_summary,
    }
    for name, term in sides.items():
        assert opposite[name].item() == pytest.approx(term.item(), rel=1e-5), name


def test_who_moves_when(make: Make) -> None:
    """Critics in every third epoch, in a step of their own; the student in every one, and the critics not with it."""
    method = make(GraphAKD, critic_every=3)
    batch, update = whole(method), GradientUpdate(method.optimizers(OptimiserSettings(lr=0.01)))
    assert method.student is not None
    moved = []
    for epoch in range(4):
        before = [[value.detach().clone() for value in part.parameters()] for part in (method.critics, method.student)]
        method.on_epoch_start(epoch)
        method.step(batch, update)
        after = [part.parameters() for part in (method.critics, method.student)]
        moved.append(
            [
                all(not torch.equal(one, other) for one, other in zip(left, right, strict=True))
                for left, right in zip(before, after, strict=True)
            ]
        )
    assert moved == [[True, True], [False, True], [False, True], [True, True]]


def test_of_two_alike_the_best_critic_knows_nothing() -> None:
    """Its best BCE is 2 log 2, at scores of 0."""
    torch.manual_seed(0)
    critic, states = PairCritic(4), torch.randn(6, 4)
    arcs = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])
    optimiser = torch.optim.Adam(critic.parameters(), lr=0.05)
    for _ in range(300):
        scores = critic.of_arcs(states, arcs)
        loss = taken_for(scores, True) + taken_for(scores, False)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() == pytest.approx(2 * log(2), abs=1e-3)
    assert taken_for(scores[:0], True).item() == 0
