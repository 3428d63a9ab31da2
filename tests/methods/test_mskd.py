"""MSKD: who speaks when, how loudly, and the divergence from dense matrices."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.conformance.examples import second_teacher
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.methods.mskd.method import MSKD, teacher_shares


def built(**hyper: float) -> tuple[MSKD, Configuration]:
    example = problem_for("node-classification")
    teachers = (example.teacher, second_teacher(example.problem.key))
    configuration = Configuration("mskd", "paper", hyper, "gcn", {"epochs": 21, "hidden": 8, "dropout": 0.0})
    method = build(configuration, example.problem, teachers)
    assert isinstance(method, MSKD)
    return method.train(), configuration


def test_one_teacher_after_the_other_each_at_the_start_of_its_part() -> None:
    """Twenty-one epochs of two: ten and the rest; three tenths of ten each."""
    method, _ = built(share=0.3)
    heard = []
    for epoch in range(21):
        method.on_epoch_start(epoch)
        heard.append(method.speaker)
    assert heard == [0] * 3 + [None] * 7 + [1] * 3 + [None] * 8


def test_shares() -> None:
    """m is 2 and 6 here, a quarter and three quarters of the sum; the softmax of those."""
    student = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    teachers = [torch.tensor([[1.0, 1.0], [1.0, 1.0]]), torch.tensor([[3.0, 3.0], [3.0, 3.0]])]
    weights = [math.exp(0.25), math.exp(0.75)]
    assert teacher_shares(student, teachers) == pytest.approx([each / sum(weights) for each in weights])
    assert teacher_shares(torch.zeros(2, 2), teachers) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("speaker", [0, 1])
def test_the_term_from_the_dense_matrix(speaker: int) -> None:
    example = problem_for("node-classification")
    method, configuration = built(sigma=4.0)
    (batch,) = list(make_batches(method, configuration, example.problem).epoch("observed"))
    method.on_epoch_start(10 * speaker)
    output = method(batch.graph)
    joined = batch.graph.propagation("sum_self").to_dense() > 0

    def structure(states: Tensor) -> Tensor:
        found = torch.exp(-torch.cdist(states, states, p=1) / 4)
        return found.masked_fill(~joined, -math.inf).log_softmax(dim=1)

    with torch.no_grad():
        p, q = structure(batch.teachers[speaker].hidden[-1]), structure(output.hidden[-1])
        total = float((p[joined].exp() * (p[joined] - q[joined])).sum())
    expected = 7.0 * method.shares[speaker] * total / batch.graph.num_nodes
    first, again = (method.loss(batch, output)["structure"].item() for _ in range(2))
    assert first == pytest.approx(expected, rel=1e-3)
    assert again == first  # from what was kept
