"""GFKD: closed forms and enumerations of what makes the graphs, and the student's term."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from graph_distillery.bench.conformance.examples import Case
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.perf.references.gfkd import PlainInversion
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Output, Teacher
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.gfkd.inversion import (
    Inversion,
    Recipe,
    arm_gradient,
    degree_features,
    node_entropy,
)
from graph_distillery.methods.gfkd.method import cut
from graph_distillery.methods.gfkd.padded import BlockDiagonal, Layout, PaddedGraph
from graph_distillery.methods.gfkd.reading import FrozenNorm, Reader

INVERTING = Recipe("one-hot", False, True, True, 1.0, 0.05, 0.1, 1000, 0.01, 1e-6)


def case(name: str, variant: str = "paper") -> Case:
    return Case(name, "graph-classification", "gnn", variant)


def arcs_on(layout: Layout, chance: float = 0.4) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(layout.pairs.shape, generator=generator) < chance) & layout.pairs


@pytest.fixture
def network() -> nn.Module:
    return network_of("gcn")


def network_of(name: str) -> nn.Module:
    """Three convolutions with batch norms whose statistics are not the initial ones."""
    torch.manual_seed(2)
    hyper = {"layers": 4, "hidden": 8, "norm": "batch", "residual": True, "readout": "sum"}
    model = build_model(name, 4, 2, hyper, "graph").double()
    layout = Layout(torch.tensor([5, 3, 7]))
    model(PaddedGraph(layout, arcs_on(layout), torch.randn(15, 4).double()))
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize("name", ["gcn", "gin", "sage", "gat", "appnp"])
def test_every_model_reads_padded_blocks_as_it_reads_arcs(name: str) -> None:
    torch.manual_seed(0)
    layout = Layout(torch.tensor([6, 1, 4]))
    norm = {"norm": "batch"} if name != "appnp" else {}
    model = build_model(name, 3, 2, {"layers": 3, "hidden": 8, **norm}, "graph").double()
    padded = PaddedGraph(layout, arcs_on(layout), torch.randn(11, 3).double().requires_grad_())
    plain = Graph(padded.dense_features().detach().requires_grad_(), padded.edge_index, padded.graph_pointers)
    outputs = [model(graph).logits for graph in (padded, plain)]
    torch.testing.assert_close(*outputs, rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad(o.square().sum(), g.features) for o, g in zip(outputs, (padded, plain))]  # noqa: B905
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["gcn", "mean", "mean_self", "sum", "sum_self"])
def test_blocks_are_the_propagation_matrices(kind: Any) -> None:
    layout = Layout(torch.tensor([4, 2, 3]))
    padded = PaddedGraph(layout, arcs_on(layout), torch.eye(9))
    blocks: BlockDiagonal = padded.propagation(kind)
    torch.testing.assert_close(blocks @ torch.eye(9), padded.compact().propagation(kind).to_dense())


def exact_gradient(objective: dict[tuple[bool, ...], float], chances: Tensor) -> Tensor:
    """The gradient in the logits of the expectation over independent edges, summed over every structure."""
    logits = torch.logit(chances).requires_grad_()
    expectation = torch.zeros(())
    for structure, value in objective.items():
        chance = torch.sigmoid(logits)
        expectation = expectation + value * torch.stack(
            [chance[i] if there else 1 - chance[i] for i, there in enumerate(structure)]
        ).prod(dim=0)
    (gradient,) = torch.autograd.grad(expectation, logits)
    return gradient


def test_arm_has_the_exact_gradient_as_its_mean() -> None:
    """The loss of a real teacher, norms included, on a triangle's three edges: all eight structures enumerated."""
    torch.manual_seed(7)
    corners = torch.tensor([[0, 0, 1], [1, 2, 2]])
    recipe = replace(INVERTING, undirected=True, bn_weight=1.0)
    toy = Inversion(network_of("gin"), Layout(torch.tensor([3])), torch.tensor([1]), 4, recipe)
    features = 3 * torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]).double()

    def arcs_of(structure: tuple[bool, ...]) -> Tensor:
        arcs = torch.zeros(1, 3, 3, dtype=torch.bool)
        arcs[0, corners[0], corners[1]] = arcs[0, corners[1], corners[0]] = torch.tensor(structure)
        return arcs

    values = {edges: float(toy.losses(arcs_of(edges), features)) for edges in product((False, True), repeat=3)}
    assert max(values.values()) - min(values.values()) > 0.1  # structure matters, or the test shows nothing
    chances = torch.tensor([0.3, 0.6, 0.8])
    exact = exact_gradient(values, chances)
    table = torch.tensor([values[edges] for edges in product((False, True), repeat=3)])

    def looked_up(arcs: Tensor) -> Tensor:
        edges = arcs[:, corners[0], corners[1]].long()
        return table[edges @ torch.tensor([4, 2, 1])]

    draws = 200_000
    toy.layout.pairs = toy.layout.pairs.expand(draws, 3, 3)  # as many draws at once
    logits = torch.zeros(3, 3)
    logits[corners[0], corners[1]] = logits[corners[1], corners[0]] = torch.logit(chances)
    mean = arm_gradient(looked_up, logits.expand(draws, 3, 3), toy.noise()).mean(dim=0)
    assert exact.abs().max() > 0.1  # ten times what is allowed below
    torch.testing.assert_close(mean[corners[0], corners[1]], exact, rtol=0, atol=1e-2)
    torch.testing.assert_close(mean[corners[1], corners[0]], exact, rtol=0, atol=1e-2)
    five_errors = 5 * (max(values.values()) - min(values.values())) / 12**0.5 / draws**0.5
    torch.testing.assert_close(mean[corners[0], corners[1]], exact, rtol=0, atol=five_errors)


def test_statistics_distance_is_zero_at_the_recorded_statistics_and_known_elsewhere() -> None:
    states = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    norm = nn.BatchNorm1d(2)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(torch.tensor([2.0, 2.0]))
    norm.running_var.copy_(torch.tensor([1.0, 4.0]))  # biased: half the sum of squares
    assert distance_of(norm, states) == 0
    norm.running_mean.sub_(torch.tensor([3.0, 4.0]))
    norm.running_var.add_(torch.tensor([5.0, 12.0]))
    assert distance_of(norm, states) == pytest.approx(13 + 5)


def distance_of(norm: nn.BatchNorm1d, states: Tensor) -> float:
    frozen = FrozenNorm(norm)
    torch.testing.assert_close(frozen(states), norm.eval()(states))
    return float(frozen.distance)


@pytest.mark.parametrize("affine", [True, False])
def test_the_frozen_norm_has_the_gradient_of_its_formula(affine: bool) -> None:
    norm = nn.BatchNorm1d(3, affine=affine, dtype=torch.float64)
    norm(torch.randn(20, 3, dtype=torch.float64))  # records something
    if affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    frozen = FrozenNorm(norm)
    states = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: (frozen(x), frozen.distance), states)


def test_the_teacher_read_through_its_norms(network: nn.Module) -> None:
    """Recording what each norm reads makes the sum 0; and the teacher stays as it was."""
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm1d)]
    layout = Layout(torch.tensor([5, 4]))
    graph = PaddedGraph(layout, arcs_on(layout), torch.randn(9, 4).double())
    assert float(Reader(network)(graph)[1]) > 0.1
    for norm in norms:  # in turn, for what a norm reads depends on those before it
        seen: list[Tensor] = []
        hook = norm.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0]))
        network(graph)
        hook.remove()
        assert seen[0].shape == (9, 8)  # the nodes, and no padding
        norm.running_mean.copy_(seen[0].mean(dim=0))  # type: ignore[union-attr]
        norm.running_var.copy_(seen[0].var(dim=0, unbiased=False))  # type: ignore[union-attr]
    logits, distance = Reader(network)(graph)
    assert float(distance) == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(logits, network(graph).logits)
    assert not any(isinstance(each, FrozenNorm) for each in network.modules())


def test_entropy_of_known_rows() -> None:
    assert float(node_entropy(torch.eye(3))) == 0
    assert float(node_entropy(torch.full((2, 4), 0.25))) == pytest.approx(2 * torch.tensor(2.0).log())


def test_degree_features_count_the_arcs_into_a_node() -> None:
    layout = Layout(torch.tensor([3, 2]))
    arcs = torch.zeros(2, 3, 3, dtype=torch.bool)
    arcs[0, 0, 1] = arcs[0, 0, 2] = arcs[0, 1, 2] = arcs[1, 1, 0] = True
    assert degree_features(layout, arcs, 3, digits=False).argmax(dim=1).tolist() == [2, 1, 0, 0, 1]
    assert degree_features(layout, arcs, 2, digits=False).argmax(dim=1).tolist() == [1, 1, 0, 0, 1]  # 1 and more
    assert degree_features(layout, arcs, 4, digits=True).argmax(dim=1).tolist() == [2, 1, 0, 0, 1]


@pytest.mark.parametrize("undirected", [False, True])
def test_inversion_lowers_the_loss_and_exports_graphs(network: nn.Module, undirected: bool) -> None:
    torch.manual_seed(3)
    sizes, targets = torch.randint(3, 8, (12,)), torch.arange(12) % 2
    recipe = replace(INVERTING, undirected=undirected)
    inversion = Inversion(network.float(), Layout(sizes), targets, 4, recipe)
    course = [inversion.iterate() for _ in range(60)]
    assert inversion.lowest == min(course) < course[0] - 0.05
    graphs = inversion.export()
    assert graphs.graph_pointers.diff().tolist() == sizes.tolist()
    features = graphs.dense_features()
    assert torch.equal(features.sum(dim=1), torch.ones(graphs.num_nodes))
    assert torch.equal(features.max(dim=1).values, torch.ones(graphs.num_nodes))
    source, target = graphs.edge_index
    assert bool((source != target).all())
    assert torch.equal(graphs.graph_of_node[source], graphs.graph_of_node[target])
    arcs = set(zip(source.tolist(), target.tolist(), strict=True))
    assert (arcs == {(b, a) for a, b in arcs}) == undirected
    stale = replace(inversion.recipe, stale=True)
    inversion.recipe, inversion.phi = stale, inversion.phi.detach().roll(1, dims=1)  # type: ignore[union-attr]
    assert torch.equal(inversion.export().edge_index, graphs.edge_index)
    assert not torch.equal(inversion.export().dense_features(), features)


def test_only_what_is_learned_moves(network: nn.Module) -> None:
    for structure, features in product((False, True), repeat=2):
        torch.manual_seed(4)
        recipe = replace(INVERTING, learns_structure=structure, learns_features=features)
        inversion = Inversion(network.float(), Layout(torch.tensor([4, 6])), torch.tensor([0, 1]), 4, recipe)
        assert inversion.phi is not None
        theta, phi = inversion.theta.clone(), inversion.phi.detach().clone()
        inversion.iterate()
        assert torch.equal(theta, inversion.theta) != structure
        assert torch.equal(phi, inversion.phi) != features


def test_learning_rates_fall(network: nn.Module) -> None:
    """By `decay` every `decay_every` steps in the inversion, linearly to 0 over the student's epochs."""
    recipe = replace(INVERTING, decay_every=2)
    inversion = Inversion(network.float(), Layout(torch.tensor([4])), torch.tensor([0]), 4, recipe)
    seen = []
    for _ in range(5):
        inversion.iterate()
        seen.append([group["lr"] for group in inversion.optimiser.param_groups])  # type: ignore[union-attr]
    assert seen == [pytest.approx([0.1**k, 0.05 * 0.1**k]) for k in (0, 0, 1, 1, 2)]
    method: Any = case("gfkd").fresh(epochs=4)
    settings = case("gfkd").configuration(epochs=4).settings
    update = GradientUpdate(method.optimizers(settings))
    rates = []
    for epoch in range(4):
        update.scale_rates(method.rate_factor(epoch))
        rates.append(update.optimizers[0].param_groups[0]["lr"])
    assert rates == pytest.approx([0.02, 0.015, 0.01, 0.005])


def test_student_term_is_t_squared_kl_in_batches_that_keep_their_order(network: nn.Module) -> None:
    torch.manual_seed(5)
    layout = Layout(torch.tensor([3, 4, 5, 3, 4]))
    graphs = PaddedGraph(layout, arcs_on(layout), torch.rand(19, 4)).compact()
    teacher = Teacher("made-up", torch.empty(0, 2), (), graphs, network.float())
    batches = cut(teacher, graphs, 2)
    assert [batch.items.tolist() for batch in batches] == [[0, 1], [2, 3], [4]]
    for batch in batches:
        torch.testing.assert_close(batch.teacher.logits, network(batch.graph).logits)
        student = torch.randn_like(batch.teacher.logits)
        p, q = (torch.softmax(logits / 2, dim=1) for logits in (batch.teacher.logits, student))
        expected = 4 * (p * (p / q).log()).sum(dim=1).mean()
        method: Any = case("gfkd").fresh()
        torch.testing.assert_close(method.loss(batch, Output(student))["teacher"], expected)
        method = case("gfkd", "official_code").fresh()
        halves = {round(float(method.loss(batch, Output(student))["teacher"]), 4) for _ in range(20)}
        assert len(halves) > 1  # half of the student's logits are dropped
        torch.testing.assert_close(method.eval().loss(batch, Output(student))["teacher"], expected)


def test_a_step_is_that_of_a_plain_loop_over_graphs() -> None:
    """Stock convolutions, graph after graph: the same loss, and the same step on the features."""
    torch.manual_seed(8)
    model = network_of("gcn").float()
    start = Inversion(model, Layout(torch.tensor([5, 3, 6, 4])), torch.tensor([0, 1, 1, 0]), 4, INVERTING)
    plain = PlainInversion(start, model)  # type: ignore[arg-type]
    for _ in range(2):  # the second with the features that the first made; structures follow each one's own draws
        arcs = [each >= 0 for each in plain.theta]
        for graph, each in enumerate(arcs):
            start.theta[graph, : each.shape[0], : each.shape[0]] = plain.theta[graph]
        assert start.iterate() == pytest.approx(plain.iterate(), rel=1e-5)
    assert start.phi is not None
    torch.testing.assert_close(start.phi.detach(), torch.cat(plain.phi).detach(), rtol=0, atol=1e-4)


def test_graph_level_models_of_the_paper() -> None:
    """X-k-h is k - 1 convolutions of width h and one linear layer on the summed states."""
    hyper = {"layers": 5, "hidden": 64, "norm": "batch", "residual": True, "readout": "sum"}
    for name, weights in (("gcn", 7 * 64 + 3 * 64 * 64), ("gin", 7 * 64 + 7 * 64 * 64)):
        model = build_model(name, 7, 2, hyper, "graph")
        assert len(model.layers) == len(model.norms) == 4
        matrices = sum(p.numel() for n, p in model.named_parameters() if p.dim() == 2)
        assert matrices == weights + 64 * 2
        layout = Layout(torch.tensor([3]))
        output = model.eval()(PaddedGraph(layout, arcs_on(layout), torch.rand(3, 7)))
        assert output.pooled is not None
        torch.testing.assert_close(output.pooled[0], output.hidden[-1].sum(dim=0))
