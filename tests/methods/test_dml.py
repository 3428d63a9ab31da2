"""DML against its equations, peer by peer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Batch, Method, TrainingData
from graph_distillery.methods.dml.method import DML

Make = Callable[..., Method[Any]]
Softened = Callable[[Tensor, float], Tensor]


@pytest.fixture
def batch(data: TrainingData) -> Batch:
    return Batch(data.graph, torch.arange(data.num_items), data.labelled, data.labels)


@pytest.mark.parametrize("update", ["sequential", "joint"])
def test_a_step_is_each_peers_own_and_in_turn_what_it_has_learned_is_seen(
    make: Make, batch: Batch, softened: Softened, update: str
) -> None:
    """Algorithm 1 with three peers, by plain gradient descent; joint leaves the peers as the step found them."""
    method = make(DML, students=3, weight=0.7, tau=2.0, update=update)
    twin = copy.deepcopy(method)
    terms = method.step(batch, GradientUpdate([torch.optim.SGD(p.parameters(), lr=0.1) for p in method.peers]))

    seen = [peer(batch.graph).logits.detach() for peer in twin.peers]
    for k, peer in enumerate(twin.peers):
        logits = peer(batch.graph).logits
        labels = F.cross_entropy(logits[batch.labelled], batch.labels)
        q = softened(logits, 2.0)
        others = [softened(seen[other], 2.0) for other in range(3) if other != k]
        mutual = 0.7 * 4 * sum((p * (p / q).log()).sum(1).mean() for p in others) / 2
        torch.testing.assert_close(terms[f"labels of {k}"], labels.detach())
        torch.testing.assert_close(terms[f"peers of {k}"], mutual.detach())
        gradients = torch.autograd.grad(labels + mutual, list(peer.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(peer.parameters(), gradients, strict=True):
                parameter -= 0.1 * gradient
            if update == "sequential":
                seen[k] = peer(batch.graph).logits
    for (name, moved), (_, by_hand) in zip(method.named_parameters(), twin.named_parameters(), strict=True):
        torch.testing.assert_close(moved, by_hand, msg=name)


def test_peers_that_agree_teach_nothing(make: Make, batch: Batch) -> None:
    method = make(DML, students=3)
    logits = 4 * torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    assert float(method.peer_terms(1, logits, [logits] * 3, batch)["peers of 1"]) == pytest.approx(0, abs=1e-6)


def test_peers_start_apart_and_each_is_judged(make: Make, batch: Batch) -> None:
    method = make(DML, students=3).eval()
    first, *others = [output.logits for output in method.predictions(batch.graph)]
    assert torch.equal(first, method.predict(batch.graph).logits)
    assert len(others) == 2
    assert not any(torch.allclose(first, other) for other in others)
    assert method.judged_by == "mean"
