"""Correct-and-smooth against PyG's, Graph-MLP against its formula."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.nn.models import CorrectAndSmooth as Reference

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches, train
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.controls.graph_mlp.method import block_of, neighbour_contrast, neighbourhood


@pytest.mark.parametrize("scaling", ["autoscale", "fixed"])
def test_correct_and_smooth_is_pygs(scaling: Literal["autoscale", "fixed"]) -> None:
    example = problem_for("node-classification")
    hyper = {"scaling": scaling, "scale": 2.5, "correct_alpha": 0.7, "smooth_alpha": 0.6, "rounds": 20}
    problem = example.problem
    method = build(Configuration("correct-and-smooth", "paper", hyper, "mlp"), problem, ()).eval()
    graph, data = problem.training.graph, problem.training
    assert method.student is not None
    with torch.no_grad():
        shares = method.student(graph).logits.softmax(dim=1)
        found = method.predict(graph).logits
    theirs = Reference(20, 0.7, 20, 0.6, autoscale=scaling == "autoscale", scale=2.5)
    mask = torch.zeros(graph.num_nodes, dtype=torch.bool)
    mask[data.labelled] = True
    order = data.labelled.argsort()
    corrected = theirs.correct(shares, data.labels[order], mask, graph.edge_index)
    expected = theirs.smooth(corrected, data.labels[order], mask, graph.edge_index)
    assert torch.allclose(found.exp(), expected.clamp(min=1e-12), atol=1e-5)
    assert not torch.allclose(found.exp(), shares, atol=0.05)


def test_graph_mlp_is_its_formula_on_a_batch() -> None:
    example = problem_for("node-classification")
    graph = example.problem.training.graph
    nodes = torch.tensor([5, 900, 17, 3, 1200, 41, 42])
    dense = graph.propagation("gcn").to_dense().double()
    power = torch.linalg.matrix_power(dense, 2)
    near = block_of(neighbourhood(graph, 2), nodes)
    assert torch.allclose(near.double(), power[nodes][:, nodes], atol=1e-6)
    states = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = 0.0
    for i in range(7):
        above = below = 0.0
        for j in range(7):
            cosine = float(F.cosine_similarity(states[i], states[j], dim=0)) if i != j else 0.0
            closeness = float(torch.tensor(2.0 * cosine).exp())
            above, below = above + float(near[i, j]) * closeness, below + closeness
        expected -= float(torch.tensor(above / below + 1e-8, dtype=torch.float64).log()) / 7
    assert neighbour_contrast(states, near.double(), 2.0).item() == pytest.approx(expected, rel=1e-6)
    assert torch.autograd.gradcheck(lambda s: neighbour_contrast(s, near.double(), 2.0), states.requires_grad_())


def test_graph_mlp_without_its_contrast_is_the_student_alone() -> None:
    example = problem_for("node-classification")
    runs = [
        next(
            train(
                Configuration(name, "paper", hyper, "mlp", {"epochs": 5}), [0], lambda _: example.problem, lambda _: ()
            )
        )
        for name, hyper in (("graph-mlp", {"weight": 0.0}), ("supervised", {}))
    ]
    states = [run.method.state_dict() for run in runs]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_simmlp_foretells_its_aggregation_and_then_trains_its_probe_alone() -> None:
    problem = problem_for("node-classification").problem
    hyper = {"feature_mask": 0.0, "edge_mask": 0.0, "hops": 1, "exponent": 2.0, "pretrain": 0.5}
    configuration = Configuration("simmlp", "paper", hyper, "mlp", {"epochs": 4, "dropout": 0.0})
    method = build(configuration, problem, ()).train()
    graph = problem.training.graph
    terms = method.unsupervised(graph)
    assert method.student is not None
    states = F.normalize(method.student(graph).hidden[-1])
    dense = graph.propagation("gcn").to_dense()
    rounds = F.relu(dense @ states)
    aggregated = (rounds - rounds.mean(0)) / (rounds.var(0, unbiased=False) + 1e-5).sqrt()
    cosine = F.cosine_similarity(states @ method.predictor.weight.T + method.predictor.bias, aggregated)
    assert terms["agreement"].item() == pytest.approx((1 - cosine).square().mean().item(), rel=1e-4)
    decoded = aggregated @ method.decoder.weight.T + method.decoder.bias
    expected = 10 * F.mse_loss(decoded, graph.dense_features())
    assert terms["reconstruction"].item() == pytest.approx(expected.item(), rel=1e-4)

    update = GradientUpdate(method.optimizers(method.context.settings))
    (batch,) = list(make_batches(method, configuration, problem).epoch("observed"))
    seen = []
    for epoch in range(4):
        method.train().on_epoch_start(epoch)
        before = {name: value.clone() for name, value in method.state_dict().items()}
        method.step(batch, update)
        seen.append({name for name, value in method.state_dict().items() if not torch.equal(value, before[name])})
        assert method.may_be_kept(epoch) == (epoch >= 2)
    probe = {name for name in before if name.startswith(f"student.layers.{len(method.student.layers) - 1}.")}
    assert not probe & (seen[0] | seen[1])
    assert seen[2] == seen[3] == probe
