"""HKD: its contrasts against their closed forms, and what its banks keep."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract import Batch, Method, Update
from graph_distillery.methods.hkd.method import HKD
from graph_distillery.methods.losses.contrast import info_nce, nearest, new_bank

Make = Callable[..., Method[Any]]
CPU = torch.device("cpu")


class Nothing(Update):
    """Moves nothing."""

    def __call__(self, terms: Any, optimizer: int = 0) -> dict[str, Tensor]:
        return dict(terms)


def whole(method: Method[Any]) -> Batch:
    data = method.context.data
    assert data is not None
    return Batch(data.graph, torch.arange(data.num_items), data.labelled, data.labels, method.teachers)


def test_at_the_start_a_contrast_is_log_of_its_negatives_and_a_little() -> None:
    """log K + 1 / (2 width t^2) of independent embeddings: a cosine has variance 1 / width."""
    torch.manual_seed(0)
    width, count, t = 128, 4096, 0.2
    anchors = F.normalize(torch.randn(2000, width))
    banks = new_bank(2000, width, CPU), new_bank(count, width, CPU)
    assert float(banks[1].square().sum(1).mean()) == pytest.approx(1, abs=0.01)
    found = info_nce(anchors, banks[0], banks[1], torch.ones(2000, count, dtype=torch.bool), t)
    assert float(found) == pytest.approx(log(count) + 1 / (2 * width * t**2), abs=0.02)


def test_a_contrast_by_hand_and_under_rotation() -> None:
    unit = torch.eye(5, dtype=torch.float64)
    allowed = ~torch.eye(5, dtype=torch.bool)
    found = info_nce(unit, unit, unit, allowed, 0.5).item()
    assert found == pytest.approx(log(1 + 4 * exp(-2)), rel=1e-12)
    turn, _ = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    assert info_nce(unit @ turn, unit @ turn, unit @ turn, allowed, 0.5).item() == pytest.approx(found, rel=1e-12)
    alone = torch.tensor([[True, False, False, False, False]]).expand(5, 5)  # of them row 1 is anchor 1 itself
    expected = (4 * log(1 + exp(-1)) + log(2)) / 5
    assert info_nce(unit, unit, unit[[1, 0, 0, 0, 0]], alone, 1.0).item() == pytest.approx(expected, rel=1e-12)


def test_every_node_is_its_own_nearest() -> None:
    shares = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.2, 0.8]])
    found = nearest(shares, 2)
    assert found[:, 0].tolist() == [0, 1, 2, 3]
    assert found[:, 1].tolist() == [1, 0, 3, 2]


def test_banks_follow_after_a_step_and_not_before(make: Make) -> None:
    method = make(HKD, nodes=12, neighbours=4, momentum=0.5)
    batch, before = whole(method), [bank.clone() for bank in method.banks]
    terms = method.loss(batch, method(batch.graph))
    assert all(torch.equal(one, other) for one, other in zip(before, method.banks, strict=True))
    assert terms.keys() == {"labels", "individual", "holistic"}
    method.step(batch, Nothing())
    states = [method(batch.graph).hidden[-1], batch.teacher.hidden[-1]]
    for bank, old, embed, state in zip(method.banks, before, method.embedding, states, strict=True):
        assert torch.allclose(bank.norm(dim=1), torch.ones(12), atol=1e-6)
        expected = F.normalize(0.5 * old + 0.5 * F.normalize(embed(state)))
        assert torch.allclose(bank, expected, atol=1e-6)


def test_a_small_step_leaves_the_banks_as_they_are(make: Make) -> None:
    method = make(HKD, nodes=7, neighbours=8)
    batch, before = whole(method), [bank.clone() for bank in method.banks]
    terms = method.step(batch, Nothing())
    assert terms.keys() == {"labels", "individual"}
    assert all(torch.equal(one, other) for one, other in zip(before, method.banks, strict=True))


@pytest.mark.parametrize("variant", ["paper", "official_code"])
def test_the_individual_term_by_hand(make: Make, variant: str) -> None:
    """Node by node, of both networks, with the negatives that the variant has."""
    method = make(HKD, variant, nodes=12, graph="off", negatives="other-class", beta=1.0, temperature=0.3)
    batch = whole(method)
    output = method(batch.graph)
    embedded = [
        F.normalize(embed(state))
        for embed, state in zip(method.embedding, (output.hidden[-1], batch.teacher.hidden[-1]), strict=True)
    ]
    kind = batch.teacher.logits.argmax(1)
    kind[batch.labelled] = batch.labels
    expected = torch.zeros(())
    for whose in (0, 1):
        positives = method.banks[1 - whose]
        negatives = method.banks[whose if variant == "official_code" else 1 - whose]
        for i in range(12):
            far = [torch.exp(embedded[whose][i] @ negatives[j] / 0.3) for j in range(12) if kind[j] != kind[i]]
            near = torch.exp(embedded[whose][i] @ positives[i] / 0.3)
            expected = expected - torch.log(near / (near + sum(far))) / 12
    assert method.loss(batch, output)["individual"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_given_graph_reads_a_nodes_own_neighbours(make: Make) -> None:
    method = make(HKD, nodes=12, graph="given")
    batch = whole(method)
    every = [torch.randn(12, 128), torch.randn(12, 128)]
    logits = (torch.zeros(12, 3), torch.zeros(12, 3))
    found = method.holistic(batch, every, torch.tensor([4]), logits)
    around = every[0][[3, 4, 5]].mean(0)
    expected = F.normalize(method.reading[0](torch.cat([every[0][4], around])), dim=0)
    assert torch.allclose(found[0][0], expected, atol=1e-5)
