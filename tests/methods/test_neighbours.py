"""FF-G2M, KRD and HGMD against sums over arcs written out, and against what they must fall back to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import beta, kstest
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches, train
from graph_distillery.methods.contract import Batch, Method
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.hgmd.method import symmetric_beta
from graph_distillery.methods.krd.method import fitted_power
from graph_distillery.methods.losses.neighbours import (
    DifferenceTargets,
    NeighbourTargets,
    difference_divergence,
    one_way,
)

EXAMPLE = problem_for("node-classification")
GRAPH = EXAMPLE.problem.training.graph
ARCS = torch.cat([GRAPH.edge_index, torch.arange(GRAPH.num_nodes).expand(2, -1)], dim=1)


def made(name: str, hyper: dict[str, Any], variant: str = "paper", **training: Any) -> tuple[Method[Any], Batch]:
    configuration = Configuration(name, variant, hyper, "mlp", {"dropout": 0.0, **training})
    method = build(configuration, EXAMPLE.problem, (EXAMPLE.teacher,)).train()
    (batch,) = list(make_batches(method, configuration, EXAMPLE.problem).epoch("observed"))
    return method, batch


def rows_of(target: Tensor, student: Tensor) -> Tensor:
    """KL(target || p_s) a row, of probabilities and logits."""
    return (torch.xlogy(target, target) - target * student.log_softmax(1)).sum(1)


def along(arcs: Tensor, logits: Tensor, tau: float = 1.0) -> Tensor:
    """KL(p_t,j || p_s,i) of each arc j -> i."""
    return rows_of((EXAMPLE.teacher.logits / tau).softmax(1)[arcs[0]], logits[arcs[1]] / tau)


def test_ff_g2m_is_the_mean_over_arcs_of_both_frequencies() -> None:
    method, batch = made("ff-g2m", {"label_weight": 0.3, "temperature": 1.2})
    output = method(batch.graph)
    terms = method.loss(batch, output)
    assert terms["low"].item() == pytest.approx(0.7 * along(ARCS, output.logits).mean().item(), rel=1e-4)
    source, target = GRAPH.edge_index
    own, other = ((z[source] - z[target]).abs() / 1.2 for z in (output.logits, EXAMPLE.teacher.logits))
    high = rows_of(other.softmax(1), own).mean()
    assert terms["high"].item() == pytest.approx(0.7 * high.item(), rel=1e-4)


def test_equal_logits_everywhere_have_no_high_frequencies() -> None:
    logits = torch.randn(1, 5).expand(GRAPH.num_nodes, 5)
    assert difference_divergence(logits, logits * 3 + 1, GRAPH.edge_index, 1.0).item() == pytest.approx(0, abs=1e-7)


def test_the_optimum_of_the_low_frequencies_is_the_mean_over_neighbours_and_itself() -> None:
    """argmin over p_s,i of the mean of KL(p_t,j || p_s,i) is the mean of p_t,j."""
    teacher = EXAMPLE.teacher.logits.log_softmax(1).double()
    places = GRAPH.propagation("sum_self")
    targets = NeighbourTargets.of_all(places.with_values(places.values.double()), teacher)
    mean = torch.zeros_like(teacher).index_add_(0, ARCS[1], teacher.exp()[ARCS[0]])
    mean = mean / mean.sum(1, keepdim=True)
    logits = mean.log().requires_grad_()
    (slope,) = torch.autograd.grad(targets.divergence(logits.log_softmax(1), torch.arange(len(mean))), logits)
    assert slope.abs().max().item() < 1e-8


def test_one_of_two_arcs_will_do_on_an_undirected_graph_and_not_on_a_directed_one() -> None:
    assert one_way(GRAPH).shape[1] == GRAPH.num_edges // 2
    arcs = torch.tensor([[0, 1, 2], [1, 0, 1]])
    assert one_way(Graph.build(torch.ones(3, 1), arcs)).shape[1] == 3


@pytest.mark.parametrize("batch_size", [None, 100])
def test_krd_without_sampling_is_the_low_frequencies_of_ff_g2m(batch_size: int | None) -> None:
    runs = {}
    for name, hyper in (("krd", {"warmup": 99, "temperature": 1.0, "noise": 0.0}), ("ff-g2m", {"high_weight": 0.0})):
        configuration = Configuration(
            name, "paper", {**hyper, "label_weight": 0.2}, "mlp", {"epochs": 4, "batch_size": batch_size}
        )
        run = next(train(configuration, [0], lambda _: EXAMPLE.problem, lambda _: (EXAMPLE.teacher,)))
        runs[name] = torch.cat([value.flatten() for value in run.method.student.state_dict().values()])  # type: ignore[union-attr]
    assert torch.equal(runs["krd"], runs["ff-g2m"])


def test_krd_keeps_arcs_of_sure_sources_and_none_of_the_least_sure() -> None:
    method, batch = made("krd", {"warmup": 0, "momentum": 1.0, "temperature": 0.9, "label_weight": 0.0})
    assert float(method.rho.min()) >= 0
    assert float(method.rho.max()) == 1
    method.rho = (torch.arange(GRAPH.num_nodes) % 2).float()  # half never moves, half is moved most
    method.on_epoch_start(0)
    output = method(batch.graph)
    kept = ARCS[:, (method.rho[ARCS[0]] == 0) | (ARCS[0] == ARCS[1])]
    terms = method.loss(batch, output)
    assert terms["neighbours"].item() == pytest.approx(along(kept, output.logits, 0.9).mean().item(), rel=1e-4)


def test_the_power_is_found_again_where_agreement_follows_it() -> None:
    rho = np.repeat(np.linspace(0.01, 0.99, 50), 2000).astype(np.float32)
    agree = np.random.default_rng(0).random(rho.size) < 1 - rho**3.0
    assert fitted_power(rho, agree, 50, 1.0) == pytest.approx(3.0, abs=0.25)
    assert fitted_power(np.zeros(10, np.float32), np.zeros(10, bool), 50, 1.7) == 1.7  # nothing to fit


def test_krd_at_full_agreement_of_full_bins_stays() -> None:
    rho = np.linspace(0, 1, 500, dtype=np.float32)
    alike = np.zeros(500, bool)
    assert fitted_power(rho, alike, 50, 2.5) == 2.5


@pytest.mark.parametrize("form", ["mixup", "weight", "plain"])
def test_hgmd_is_its_sum_over_kept_arcs(form: str) -> None:
    hyper = {"form": form, "temperature": 0.8, "label_weight": 0.0, "alpha": 3.0}
    method, batch = made("hgmd", hyper, epochs=11)
    output = method(batch.graph)
    places, loops = method.places, method.loops
    target, source = places.row_of_entry, places.columns
    chance = method.chances(5)
    teacher = EXAMPLE.teacher.logits
    entropies = []
    for logits in (teacher, output.logits):
        found = -(logits.softmax(1) * logits.log_softmax(1)).sum(1)
        entropies.append(found / found.max())
    cosine = F.cosine_similarity(teacher.softmax(1)[target], teacher.softmax(1)[source])
    ratio = (entropies[0] * entropies[1]).sqrt()[target] / entropies[0][source]
    assert torch.allclose(chance, 1 - torch.exp(-3.0 / 10 * cosine * ratio), atol=1e-4)  # 100^(5/10) = 10

    kept = (torch.arange(target.numel()) % 3 == 0) | loops
    shares = (teacher / 0.8).softmax(1)
    student = (output.logits / 0.8)[target]
    if form == "mixup":
        mixing = torch.where(loops, 0.0, chance / 2)
        chosen = torch.nonzero(kept).flatten()
        method.targets = method._mixed(mixing[chosen], chosen, kept)
        mixed = (1 - mixing)[:, None] * shares[target] + mixing[:, None] * shares[source]
        expected = rows_of(mixed, student)[kept].mean()
    else:
        method.targets = method._targets(chance, kept, first=False)
        each = rows_of(shares[source], student)
        if form == "weight":
            omega = torch.where(loops, 1.0, cosine * chance) * kept
            total = torch.zeros(GRAPH.num_nodes).index_add_(0, target, omega)
            degree = torch.zeros(GRAPH.num_nodes).index_add_(0, target, kept.float())
            each = each * (omega * (degree / total)[target])
        expected = each[kept].mean()
    assert method.loss(batch, output)["neighbours"].item() == pytest.approx(expected.item(), rel=1e-3)


def test_hgmd_anneals_and_takes_every_arc_in_its_first_epoch() -> None:
    method, _ = made("hgmd", {"form": "plain", "alpha": 5.0}, epochs=500)
    method.on_epoch_start(0)
    assert float(method.targets.arcs.sum()) == ARCS.shape[1]
    slopes = [-(1 - method.chances(epoch).double()).log() for epoch in (0, 249, 499)]
    some = (slopes[2] > 0.001) & (slopes[0] < 5)
    ratio = [float((slopes[0] / each)[some].median()) for each in slopes]
    assert ratio == pytest.approx([1.0, 100 ** (249 / 499), 100.0], rel=1e-2)


@pytest.mark.parametrize("concentration", [0.3, 0.5, 1.0, 2.0])
def test_hgmd_draws_its_mixing_weights_from_the_beta_distribution(concentration: float) -> None:
    """Against the distribution itself, by Kolmogorov and Smirnov's distance at the level of 0.1 %."""
    torch.manual_seed(0)
    drawn = symmetric_beta(concentration, torch.empty(40_000, dtype=torch.float64))
    assert 0 <= float(drawn.min()) <= float(drawn.max()) <= 1
    assert kstest(drawn.numpy(), beta(concentration, concentration).cdf).statistic < 1.95 / 200


def test_the_high_frequencies_of_a_whole_graph_are_those_of_its_arcs_in_any_batch() -> None:
    """Value and gradient of what is kept for the whole graph, in double precision, against the sum over arcs."""
    generator = torch.Generator().manual_seed(2)
    student, teacher = (torch.randn(GRAPH.num_nodes, 10, generator=generator).double() for _ in range(2))
    arcs, student = one_way(GRAPH), student.requires_grad_()
    found = DifferenceTargets.of(teacher, arcs, 1.3).divergence(student, arcs, 1.3)
    own, other = (((each[arcs[0]] - each[arcs[1]]).abs() / 1.3).log_softmax(1) for each in (student, teacher))
    expected = (other.exp() * (other - own)).sum(1).mean()
    slopes = (torch.autograd.grad(each, student)[0] for each in (found, expected))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-14)
