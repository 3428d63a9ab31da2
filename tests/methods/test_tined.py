"""TINED against its formulas: the injected student, Dirichlet energies arc by arc, one step by hand, and its edges."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.training.engine import Configuration, build, make_batches, train
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Method, Teacher
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.losses import dirichlet
from graph_distillery.methods.losses.dirichlet import dirichlet_energy, laplacian

EXAMPLE = problem_for("node-classification")
GRAPH = EXAMPLE.problem.training.graph


def teacher_of(model: str = "sage", **hyper: Any) -> Teacher:
    """An untrained teacher with biases, on the example's graph."""
    torch.manual_seed(2)
    network = build_model(model, GRAPH.num_features, 10, {"hidden": 24, **hyper}).eval()
    for name, value in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(value, std=0.3)
    network.requires_grad_(False)
    output = network(GRAPH)
    return Teacher(model, output.logits, output.hidden, GRAPH, network)


def made(teacher: Teacher, variant: str = "paper", **hyper: Any) -> Method[Any]:
    configuration = Configuration("tined", variant, hyper, "mlp", {"dropout": 0.0, "batch_size": None})
    return build(configuration, EXAMPLE.problem, (teacher,)).train()


def by_arcs(states: Tensor) -> Tensor:
    """The Dirichlet energy from its definition, with gradients."""
    rows = states / states.detach().norm(dim=1, keepdim=True).clamp(min=1e-30)
    source, target = GRAPH.edge_index
    return (rows[source] - rows[target]).square().sum() / states.shape[0]


def test_injected_and_with_identities_it_is_the_teacher_with_activations_between_and_no_graph() -> None:
    """The check of its sheet, on a graph without edges, where every propagation is the identity."""
    for model, layers in (("sage", 2), ("gcn", 3), ("gat", 2)):
        teacher = teacher_of(model, layers=layers)
        student = made(teacher).eval()
        alone = GRAPH.without_edges()
        assert [part.linear.weight.shape[1] for part in student.layers][-3:] == [24, 10, 10]
        state = alone.dense_features()
        for layer in teacher.model.layers:
            state = layer(alone, state).relu()  # gat's own activation is another
        torch.testing.assert_close(student.predict(alone).logits, state)
        if model != "gat":
            torch.testing.assert_close(state, teacher.model(alone).logits.relu())


def test_a_layer_that_widens_propagates_first() -> None:
    """As DGL's layers do; its identity is as wide as what it reads, and each half has the ratio of its own."""
    teacher = teacher_of("sage", hidden=100)
    method = made(teacher)
    assert [tuple(part.linear.weight.shape) for part in method.layers] == [(64, 64), (64, 100), (100, 10), (10, 10)]
    mean, network = GRAPH.propagation("mean_self").to_dense(), teacher.model
    x, hidden = GRAPH.dense_features(), teacher.hidden[0]
    spread = mean @ x
    narrowed = hidden @ network.layers[1].linear.weight
    states = [(x, spread), (spread, spread @ network.layers[0].linear.weight), (hidden, narrowed)]
    states.append((narrowed, mean @ narrowed))
    expected = torch.stack([by_arcs(after) / by_arcs(before) for before, after in states])
    torch.testing.assert_close(method.target, expected, rtol=1e-4, atol=1e-5)
    assert method.target[0] < 0.9  # propagation smooths
    assert method.target[3] < 0.9


def test_the_energy_is_that_of_its_definition_and_knows_no_length_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    states = torch.randn(GRAPH.num_nodes, 6, dtype=torch.float64)
    states[3] = 0
    states.requires_grad_()
    found = dirichlet_energy(states, GRAPH.edge_index)
    (slope,) = torch.autograd.grad(found, states)
    expected = by_arcs(states)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(slope[4:], torch.autograd.grad(expected, states)[0][4:])
    assert slope[4:].abs().sum() > 0
    lengths = torch.rand(GRAPH.num_nodes, 1, dtype=torch.float64) + 0.1
    torch.testing.assert_close(dirichlet_energy(lengths * states, GRAPH.edge_index), found)
    monkeypatch.setattr(dirichlet, "_HELD", 60)  # ten arcs a block
    small = dirichlet_energy(states, GRAPH.edge_index)
    torch.testing.assert_close(small, found)
    torch.testing.assert_close(torch.autograd.grad(small, states)[0], slope)


def test_the_energy_by_the_laplacian_is_that_by_arcs() -> None:
    """Arcs of one direction, one that stands twice and a loop; states that the graph all but levels, too."""
    torch.manual_seed(1)
    arcs = torch.tensor([[0, 1, 1, 2, 3, 4, 4], [1, 0, 2, 0, 4, 2, 2]])
    arcs = torch.cat([arcs, torch.tensor([[5], [5]])], dim=1)
    graph = Graph.build(torch.zeros(7, 1), arcs)
    rough = torch.randn(7, 5)
    # Of levelled float32 states the lengths' rounding alone moves the differences, of 1e-4, by some 1e-3.
    for states, single in ((rough, 1e-5), (torch.ones(7, 5) + 1e-4 * rough, 1e-3)):
        exact = states.double().requires_grad_()
        expected = dirichlet_energy(exact, arcs)
        (slope,) = torch.autograd.grad(expected, exact)
        for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, single)):
            own = states.to(dtype).requires_grad_()
            found = dirichlet_energy(own, arcs, laplacian(graph, dtype))
            torch.testing.assert_close(found.double(), expected, rtol=tolerance, atol=0)
            gradient = torch.autograd.grad(found, own)[0].double()
            torch.testing.assert_close(gradient, slope, rtol=tolerance, atol=tolerance * float(slope.abs().max()))


@pytest.mark.parametrize("form", ["log", "ratio"])
@pytest.mark.parametrize("variant", ["paper", "official_code"])
def test_one_epoch_by_hand(variant: str, form: str) -> None:
    """Plain gradient descent: one sum in `paper`; labels, teacher and energies apart in `official_code`."""
    teacher = teacher_of()
    method = made(teacher, variant, start="random", energy_form=form, label_weight=0.3, energy_weight=2.0)
    data, rate = EXAMPLE.problem.training, 0.05
    half = 0.5 if variant == "official_code" else 1.0
    weights = [part.linear.weight.detach().clone().requires_grad_() for part in method.layers]
    biases = [part.linear.bias.detach().clone().requires_grad_() for part in method.layers]
    everything = [*weights, *biases]

    def losses() -> dict[str, Tensor]:
        state, ratios = GRAPH.dense_features(), []
        for depth, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            read = state if depth == 0 else state.relu()
            state = read @ weight + bias
            ratios.append(by_arcs(state) / by_arcs(read))
        own, target = torch.stack(ratios), method.target
        gap = half * (own.log() - target.log()) if form == "log" else own**half - target**half
        teach = F.kl_div(state.log_softmax(1), teacher.logits.log_softmax(1), log_target=True, reduction="batchmean")
        labels = F.cross_entropy(state[data.labelled], data.labels)
        return {"labels": 0.3 * labels, "teacher": 0.7 * teach, "energies": 2.0 * gap.square().sum()}

    together = (("labels", "teacher", "energies"),)
    for names in together if variant == "paper" else (("labels",), ("teacher",), ("energies",)):
        terms = losses()
        slopes = torch.autograd.grad(torch.stack([terms[name] for name in names]).sum(), everything)
        with torch.no_grad():
            for value, slope in zip(everything, slopes, strict=True):
                value -= rate * slope

    configuration = Configuration("tined", variant, {}, "mlp", {"batch_size": None})
    update = GradientUpdate([torch.optim.SGD(method.parameters(), lr=rate)])
    for batch in method.batches(make_batches(method, configuration, EXAMPLE.problem)):
        method.step(batch, update)
    for part, weight, bias in zip(method.layers, weights, biases, strict=True):
        torch.testing.assert_close(part.linear.weight, weight.detach(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(part.linear.bias, bias.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("variant", ["paper", "official_code"])
def test_with_everything_off_it_is_glnn_on_a_student_of_the_same_widths(variant: str) -> None:
    off = {"inject": False, "start": "random", "energy_weight": 0.0, "label_weight": 0.2, "rate_ratio": 3.0}
    settings = {"epochs": 5, "batch_size": 300}

    def trained(name: str, hyper: dict[str, Any], **more: Any) -> dict[str, Tensor]:
        configuration = Configuration(name, variant, hyper, "mlp", {**settings, **more})
        run = next(train(configuration, [0], lambda _: EXAMPLE.problem, lambda _: (EXAMPLE.teacher,)))
        return {key: value.clone() for key, value in run.method.state_dict().items()}

    own = trained("tined", off)
    glnn = trained("glnn", {"label_weight": 0.2}, layers=4, widths="24-24-10")
    assert own.keys() == glnn.keys()
    assert all(torch.equal(value, own[name]) for name, value in glnn.items())


def test_injected_layers_have_a_rate_of_their_own() -> None:
    method = made(teacher_of(), rate_ratio=0.1)
    (optimiser,) = method.optimizers(replace(method.context.settings, lr=0.02, weight_decay=0.5))
    rest, injected = optimiser.param_groups
    assert (rest["lr"], injected["lr"]) == (0.02, pytest.approx(0.002))
    assert rest["weight_decay"] == injected["weight_decay"] == 0.5
    shapes = [tuple(value.shape) for value in injected["params"]]
    assert shapes == [(64, 24), (24,), (24, 10), (10,)]
    assert len(rest["params"]) == 4


@given(st.integers(1, 7), st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12), st.randoms())
def test_the_laplacian_of_chosen_arcs_is_that_of_a_graph_of_them(
    nodes: int, pairs: list[tuple[int, int]], random: Random
) -> None:
    """Loops, repeats and arcs both ways included; none chosen leaves nothing."""
    arcs = torch.tensor([(i % nodes, j % nodes) for i, j in pairs], dtype=torch.long).view(-1, 2).T
    chosen = torch.tensor(random.sample(range(len(pairs)), random.randint(0, len(pairs))), dtype=torch.long)
    graph, of_chosen = (Graph.build(torch.ones(nodes, 1), each) for each in (arcs, arcs[:, chosen]))
    found = laplacian(graph, torch.float64, chosen).to_dense()
    assert torch.equal(found, laplacian(of_chosen, torch.float64).to_dense())
    assert torch.equal(
        laplacian(graph, torch.float64, torch.arange(len(pairs))).to_dense(), laplacian(graph, torch.float64).to_dense()
    )


@pytest.mark.parametrize("share", [0.6, 0.25, 0.02])
def test_energies_of_a_share_of_the_arcs(share: float) -> None:
    """Ratios of the arcs that were drawn: of rows and arcs that stand in the graph, as the whole's without a draw."""
    method = made(teacher_of(), start="random", edge_share=share)
    torch.manual_seed(7)
    found = method.ratios()
    torch.manual_seed(7)
    chosen = torch.randperm(GRAPH.num_edges)[: int(share * GRAPH.num_edges)]
    state, expected = GRAPH.dense_features(), []
    for depth, part in enumerate(method.layers):
        read = state if depth == 0 else state.relu()
        state = part(GRAPH, read)
        before, after = (dirichlet_energy(each, GRAPH.edge_index[:, chosen]) for each in (read, state))
        expected.append(after / before)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("model", "hyper"), [("sage", {"aggregator": "mean"}), ("appnp", {}), ("mlp", {})])
def test_teachers_whose_layers_cannot_be_taken_over_are_refused(model: str, hyper: dict[str, Any]) -> None:
    with pytest.raises((ValueError, UserError), match=r"tined takes over layers of one weight.*gcn, sage.*gat"):
        made(teacher_of(model, **hyper))


def test_an_mlp_of_given_widths() -> None:
    network = build_model("mlp", 7, 3, {"layers": 3, "widths": "5-2"})
    assert [part.linear.weight.shape for part in network.layers] == [(7, 5), (5, 2), (2, 3)]
    assert network.macs(11, 0) == 11 * (35 + 10 + 6)
    with pytest.raises(UserError, match="widths names 1 layers, and layers - 1 = 2"):
        build_model("mlp", 7, 3, {"layers": 3, "widths": "5"})
    with pytest.raises(UserError, match="residual adds states of one width"):
        build_model("mlp", 7, 3, {"layers": 3, "widths": "5-2", "residual": True})
