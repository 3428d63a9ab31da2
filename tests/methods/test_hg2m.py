"""HG2M+: reliable items and pairs by hand, its regression at its minimum, and its loss as a sum over arcs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from graph_distillery.bench.models.base import build_model
from graph_distillery.methods.contract import Batch, Context, OptimiserSettings, Teacher, TrainingData
from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.hg2m import reliability
from graph_distillery.methods.hg2m.method import HG2M, HG2MHyperparameters
from graph_distillery.methods.hg2m.reliability import (
    logistic_regression,
    meta_paths,
    reliable_items,
    reliable_pairs,
)
from graph_distillery.methods.tasks.registry import make_task

TASK = "typed-node-classification"


def papers() -> TrainingData:
    """Eight papers, three authors: papers 0-3 share author 8, 2-5 author 9, and 6 and 7 are joined."""
    wrote = torch.tensor([[8, 8, 8, 8, 9, 9, 9, 9], [0, 1, 2, 3, 2, 3, 4, 5]])
    arcs = torch.cat([wrote, wrote.flip(0), torch.tensor([[6], [7]])], dim=1)
    columns = {"type": (torch.arange(11) >= 8).long()}, {"type": torch.tensor([0] * 8 + [1] * 8 + [2])}
    names = TypeNames(("paper", "author"), ("author-paper", "paper-author", "cites"))
    x = torch.randn(11, 4, generator=torch.Generator().manual_seed(0))
    graph = Graph.build(x, arcs, None, *columns, types=names)
    return TrainingData(graph, make_task(TASK, 2), torch.tensor([0, 1, 4]), torch.tensor([0, 1, 0]))


def test_reliable_are_the_right_and_the_sure() -> None:
    shares = torch.tensor([0.9, 0.9, 0.6, 0.99, 0.4, 0.8, 0.5, 0.7])
    found = reliable_items(papers(), torch.stack([shares, 1 - shares], dim=1), 0.6)
    assert found.tolist() == [True, False, False, True, False, True, False, True]


def test_meta_paths_count_common_neighbours_and_arcs() -> None:
    cited, through = (set(map(tuple, found.T.tolist())) for found in meta_paths(papers().graph))
    assert cited == {(6, 7, 1)}
    by_one = {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 4), (2, 5), (3, 4), (3, 5), (4, 5)}
    assert through == {(*pair, 1) for pair in by_one} | {(2, 3, 2)}


def test_the_regression_is_at_its_minimum() -> None:
    """The gradient of the sum of log losses and half the squared weights is 0; it separates classes the right way."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(200, 3, generator=draw, dtype=torch.float64)
    y = (x[:, 0] + torch.randn(200, generator=draw) > 0).double()
    weights = logistic_regression(x, y).requires_grad_()
    logits = x @ weights[:3] + weights[3]
    loss = F.binary_cross_entropy_with_logits(logits, y, reduction="sum") + weights[:3].square().sum() / 2
    (gradient,) = torch.autograd.grad(loss, weights)
    assert float(gradient.abs().max()) < 1e-8
    assert float(weights[0].detach()) > 1
    separable = logistic_regression(torch.tensor([[-1.0], [1.0]]).double(), torch.tensor([0.0, 1.0]).double())
    assert torch.isfinite(separable).all()


def test_arcs_go_out_of_reliable_ends_alone() -> None:
    data = papers()
    shares = torch.full((8, 2), 0.5)
    reliable = torch.tensor([True, False, True, False, True, True, False, False])
    joined = torch.tensor([[0, 0, 0, 1, 2, 4], [1, 4, 2, 3, 3, 5], [1, 1, 1, 1, 2, 1]])
    pairs = reliable_pairs(data, shares, reliable, joined, 1)
    assert pairs is not None
    arcs = set(zip(pairs.source.tolist(), pairs.target.tolist(), strict=True))
    assert {(0, 4), (4, 0)} <= arcs  # labelled, of one class
    assert not {(0, 1), (1, 0), (1, 3), (3, 1), (3, 2)} & arcs
    assert float(pairs.score.max()) == 1
    assert reliable_pairs(data, shares, reliable, joined, 3) is None


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 1.0])
def test_few_pairs_and_many_are_described_alike(share: float) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2100, 7, generator=draw, dtype=torch.float64)
    one, other = torch.triu_indices(2100, 2100, 1)
    kept = torch.rand(one.shape, generator=draw) < share
    one, other = one[kept], other[kept]
    torch.testing.assert_close(reliability._products(x, one, other), (x[one] * x[other]).sum(1))


@pytest.mark.parametrize("reliable", [True, False])
def test_the_loss_is_that_of_a_sum_over_arcs(reliable: bool) -> None:
    data = replace(papers(), labelled=torch.arange(5), labels=torch.tensor([0, 1, 0, 0, 0]))
    draw = torch.Generator().manual_seed(1)
    logits = torch.randn(8, 2, generator=draw)
    teacher = Teacher("made-up", logits, (), data.graph)
    context = Context(
        task=data.task,
        num_features=4,
        data=data,
        teachers=(teacher,),
        new_student=lambda width: build_model("mlp", width, 2, {"hidden": 4}),
        settings=OptimiserSettings(),
    )
    hyper = HG2MHyperparameters(reliable=reliable, path_weight=0.7, label_weight=0.2)
    method = HG2M(hyper, context)
    batch = Batch(data.graph, torch.arange(8), data.labelled, data.labels, (teacher,))
    output = method(data.graph)
    theirs, own = (F.log_softmax(each, dim=1) for each in (logits, output.logits))
    sure = reliable_items(data, theirs.exp(), 0.9)
    acted_on = sure if reliable else torch.ones_like(sure)
    term = F.kl_div(own[acted_on], theirs[acted_on], reduction="batchmean", log_target=True)
    terms = []
    for joined in meta_paths(data.graph):
        pairs = reliable_pairs(data, theirs.exp(), sure, joined, 1)
        if pairs is None:
            continue
        each = F.kl_div(own[pairs.target], theirs[pairs.source], reduction="none", log_target=True).sum(dim=1)
        count = data.num_items
        terms.append(((pairs.score * each).sum() + count * term) / (pairs.score.numel() + count))
    assert terms
    expected = 0.8 * (term + 0.7 * torch.stack(terms).mean())
    torch.testing.assert_close(method.loss(batch, output)["teacher"], expected)
