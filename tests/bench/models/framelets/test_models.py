"""The framelet teachers and students against their formulas with dense matrices, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.models.framelets.operators import framelet_system
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.bench.training.problem import ProblemKey, load_problem
from graph_distillery.methods.contract.graph import Graph

TEACHERS, STUDENTS = ["spat-ufg", "sufg"], ["fmlp-o", "fmlp-s"]
N, IN, OUT = 30, 7, 3


def graph(dtype: torch.dtype = torch.float64, features: Tensor | None = None) -> Graph:
    generator = torch.Generator().manual_seed(0)
    edges = torch.randint(0, N - 1, (2, 70), generator=generator)
    edges = edges[:, edges[0] != edges[1]].unique(dim=1)
    x = torch.randn(N, IN, generator=generator, dtype=dtype) if features is None else features
    return Graph(x, edges, torch.tensor([0, N]))


def model(name: str, **hyper: Any) -> Any:
    torch.manual_seed(0)
    return build_model(name, IN, OUT, {"hidden": 5, "dropout": 0.0, **hyper}, num_nodes=N).double()


def dense(made: Any, data: Graph) -> list[tuple[Tensor, Tensor]]:
    """(W_r, A_r) of every band."""
    system = framelet_system(data, made.settings, torch.float64)
    identity = torch.eye(N, dtype=torch.float64)
    return [(system.apply((r,), identity), system.spread((r,), identity)) for r in range(made.settings.bands)]


SETTINGS: list[dict[str, Any]] = [{}, {"filter": "linear", "level": 2, "chebyshev_order": 3, "epsilon": 0.2}]


@pytest.mark.parametrize("hyper", SETTINGS)
def test_spat_ufg_is_its_formula(hyper: dict[str, Any]) -> None:
    data, made = graph(), model("spat-ufg", **hyper)
    state = data.features
    for layer in made.layers:
        parts = [
            w @ F.relu(a @ w @ state @ linear.weight)
            for (w, a), linear in zip(dense(made, data), layer.linears, strict=True)
        ]
        state = sum(parts) + layer.bias
    output = made(data)
    torch.testing.assert_close(output.logits, state)
    assert [tuple(hidden.shape) for hidden in output.hidden] == [(N, 5)]


def test_centred_spat_ufg_is_its_formula_and_no_column_is_shut_on_features_that_all_nodes_share() -> None:
    shared = torch.rand(N, IN, generator=torch.Generator().manual_seed(1), dtype=torch.float64) / 10 + 1
    data = graph(features=shared)
    made, plain = model("spat-ufg", layers=1, centred=True), model("spat-ufg", layers=1)
    plain.load_state_dict(made.state_dict(), strict=False)
    (layer,) = made.layers
    torch.nn.init.uniform_(layer.inner, -0.01, 0.01)
    bands, offsets = framelet_system(data, made.settings, torch.float64).in_order(range(made.settings.bands)), {}
    for place, band in enumerate(bands):
        offsets[band] = layer.inner[place * OUT : (place + 1) * OUT]
    parts, closed = [], []
    for band, (w, a) in enumerate(dense(made, data)):
        pre = a @ w @ data.features @ layer.linears[band].weight
        parts.append(w @ F.relu(pre - pre.mean(dim=0) + offsets[band]))
        closed.append(bool((pre <= 0).all(dim=0).any()))
    torch.testing.assert_close(made(data).logits, sum(parts) + layer.bias)
    assert any(closed)  # as published, some column is shut on every node...
    for network, least in ((plain, False), (made, True)):
        network(data).logits.square().sum().backward()
        moved = all(bool((linear.weight.grad.abs().sum(dim=0) > 0).all()) for linear in network.layers[0].linears)
        assert moved is least  # ...and has no gradient; centred, every column has one


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("hyper", SETTINGS)
def test_sufg_is_its_formula(hyper: dict[str, Any], layers: int) -> None:
    data, made = graph(), model("sufg", layers=layers, **hyper)
    expected = sum(
        torch.linalg.matrix_power(w.T @ a @ w, layers) @ data.features @ linear.weight
        for (w, a), linear in zip(dense(made, data), made.linears, strict=True)
    )
    torch.testing.assert_close(made(data).logits, expected + made.bias)


def apply(linear: Any, x: Tensor) -> Tensor:
    return x @ linear.weight + linear.bias


def gated(gate: Any, p: Tensor, u: Tensor) -> Tensor:
    vector = torch.cat([gate.of_band.weight, gate.of_state.weight])
    return torch.sigmoid(torch.cat([p, u], dim=1) @ vector)


def output_layer(made: Any, encodings: list[Tensor], state: Tensor, classifiers: list[Any]) -> Tensor:
    logits = torch.zeros(N, OUT, dtype=torch.float64)
    for p, classifier in zip(encodings, classifiers, strict=True):
        a = gated(made.gate, p, state)
        logits = logits + apply(classifier, p) * (1 - a) + apply(made.state_classifier, state) * a
    return logits


def encoded(made: Any, knowledge: list[Tensor], low_pass_twice: bool) -> tuple[list[Tensor], list[Any]]:
    """What each branch of the output layer reads, and its classifier."""
    index = [0 if low_pass_twice else r for r in range(len(knowledge))]
    return [apply(made.encoders[r].linear, knowledge[r]) for r in index], [made.classifiers[r] for r in index]


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize("hyper", SETTINGS)
def test_fmlp_o_is_its_formula_on_dense_knowledge(hyper: dict[str, Any], layers: int, released: bool) -> None:
    data = graph()
    made = model("fmlp-o", layers=layers, high_pass_output="low-pass" if released else "own", **hyper)
    base = [w.T @ a @ w for w, a in dense(made, data)]
    u = F.relu(apply(made.linears[0], data.features))
    for power, layer in enumerate(made.layers, start=1):
        mixed = torch.zeros_like(u)
        for k, encoder in zip(base, layer.encoders, strict=True):
            p = F.relu(apply(encoder.linear, torch.linalg.matrix_power(k, power)))
            a = gated(layer.gate, p, u)
            mixed = mixed + a * p + (1 - a) * u
        u = F.relu(apply(made.linears[power], mixed))
    encodings, classifiers = encoded(made, [torch.linalg.matrix_power(k, layers) for k in base], released)
    expected = output_layer(made, [F.relu(p) for p in encodings], u, classifiers)
    output = made(data)
    torch.testing.assert_close(output.logits, expected)
    assert len(output.hidden) == layers - 1


@pytest.mark.parametrize("released", [False, True])
def test_fmlp_s_is_its_formula_on_dense_knowledge(released: bool) -> None:
    data = graph()
    made = model("fmlp-s", layers=2, high_pass_output="low-pass" if released else "own")
    knowledge = [torch.linalg.matrix_power(w.T @ a @ w, 2) for w, a in dense(made, data)]
    encodings, classifiers = encoded(made, knowledge, released)
    expected = output_layer(made, encodings, apply(made.linear, data.features), classifiers)
    torch.testing.assert_close(made(data).logits, expected)


@pytest.mark.parametrize("hyper", SETTINGS)
def test_fmlp_s_as_released_reads_high_pass_knowledge_by_the_low_pass_maps(hyper: dict[str, Any]) -> None:
    """One encoder and one classifier for all branches, each of which reads the knowledge of its own band."""
    data, made = graph(), model("fmlp-s", layers=2, high_pass_output="released", **hyper)
    assert len(made.encoders) == len(made.classifiers) == 1
    knowledge = [torch.linalg.matrix_power(w.T @ a @ w, 2) for w, a in dense(made, data)]
    encodings = [apply(made.encoders[0].linear, each) for each in knowledge]
    expected = output_layer(made, encodings, apply(made.linear, data.features), [made.classifiers[0]] * len(encodings))
    torch.testing.assert_close(made(data).logits, expected)
    assert (encodings[0] - encodings[1]).abs().max() > 0.01, "the bands say different things"


@pytest.mark.parametrize(("name", "branch"), [("fmlp-o", "low-pass"), ("fmlp-s", "low-pass-maps")])
def test_the_released_output_layer_is_each_model_s_own(name: str, branch: str) -> None:
    released, named = (model(name, high_pass_output=how)(graph()).logits for how in ("released", branch))
    torch.testing.assert_close(released, named, rtol=0, atol=0)


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("name", STUDENTS)
def test_high_pass_weights_reach_the_output_unless_as_released(name: str, released: bool) -> None:
    made = model(name, layers=1, high_pass_output="low-pass" if released else "own")
    assert len(made.encoders) == len(made.classifiers) == (1 if released else 2)
    made(graph()).logits.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in made.parameters())


@pytest.mark.parametrize("name", [*TEACHERS, *STUDENTS])
def test_sparse_features_inference_mode_and_surgery(name: str) -> None:
    x = graph().features.clone()
    x[:, 1:] = 0
    data, sparse = graph(features=x), Graph.build(x, graph().edge_index)
    assert not isinstance(sparse.features, Tensor)
    made = model(name, dropout=0.3).eval()
    torch.testing.assert_close(made(sparse).logits, made(data).logits)
    fresh = graph()
    with torch.inference_mode():
        made(fresh)
    made.train()(fresh).logits.sum().backward()
    rewired = model(name, surgery_steps=5).eval()
    assert not torch.allclose(rewired(fresh).logits, model(name).eval()(fresh).logits)
    assert build_model(name, IN, OUT, {}, num_nodes=N)(graph(torch.float32)).logits.dtype == torch.float32


@pytest.mark.parametrize("name", TEACHERS)
def test_renumbering_the_nodes_renumbers_a_teachers_predictions(name: str) -> None:
    data, order = graph(), torch.randperm(N, generator=torch.Generator().manual_seed(3))
    moved = Graph(data.features[order], torch.argsort(order)[data.edge_index], data.graph_pointers)
    made = model(name).eval()
    torch.testing.assert_close(made(moved).logits, made(data).logits[order])


@pytest.mark.parametrize(
    ("name", "hyper", "words"),
    [
        ("fmlp-o", {"filter": "low-pass"}, ["fmlp-o", "no high-pass", "haar, linear, quadratic"]),
        ("fmlp-s", {"filter": "low-pass"}, ["fmlp-s", "no high-pass"]),
        ("spat-ufg", {"filter": "har"}, ["filter = 'har'", "'haar'"]),
        ("spat-ufg", {"chebyshev_order": 1}, ["chebyshev_order = 1"]),
        ("spat-ufg", {"dilation": 1.0}, ["dilation = 1.0"]),
        ("fmlp-o", {"level": 0}, ["level = 0"]),
        ("sufg", {"norm": "batch"}, ["norm = 'batch'"]),
        ("fmlp-o", {"surgery_step": 3}, ["'surgery_step'", "did you mean 'surgery_steps'?"]),
    ],
)
def test_bad_settings_are_one_line(name: str, hyper: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        build_model(name, IN, OUT, hyper, num_nodes=N)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_teacher_may_do_without_high_pass() -> None:
    made = model("spat-ufg", filter="low-pass")
    assert [len(layer.linears) for layer in made.layers] == [1, 1]
    made(graph())


@pytest.mark.parametrize("name", [*TEACHERS, *STUDENTS])
def test_where_they_do_not_fit(name: str) -> None:
    info, model_class = MODELS.get(name), MODELS.load(name)
    assert model_class.per_node == (info.settings == ("transductive",))
    assert model_class.reads_whole_graph
    with pytest.raises(UserError, match="graph classification"):
        build_model(name, IN, OUT, {}, "graph", num_nodes=N)
    if model_class.per_node:
        with pytest.raises(UserError, match="num_nodes is needed"):
            build_model(name, IN, OUT, {})
        with pytest.raises(UserError, match="each of 30 nodes and cannot predict a graph of 4"):
            model(name)(Graph(torch.zeros(4, IN), torch.empty(2, 0, dtype=torch.long), torch.tensor([0, 4])))
        inductive = load_problem(ProblemKey("digits-knn", "cpf", "inductive"), 0)
        with pytest.raises(UserError, match="fits the setting transductive, not inductive"):
            build(Configuration("supervised", student=name), inductive, ())


def test_macs_by_hand() -> None:
    """Haar of two terms: one product for W, so three for W A W; E + N entries each."""
    nodes, edges, h = 30, 100, 5
    product = (edges + nodes) * h
    assert model("spat-ufg", layers=1).macs(nodes, edges) == 2 * nodes * IN * OUT + 6 * (edges + nodes) * OUT
    assert model("sufg", layers=2).macs(nodes, edges) == 2 * nodes * IN * OUT + 12 * (edges + nodes) * OUT
    gate, classify = 2 * h, h * OUT
    o = nodes * (IN * h + h * h + 2 * gate + 3 * classify + 2 * gate) + (6 + 12) * product
    assert model("fmlp-o").macs(nodes, edges) == o
    assert model("fmlp-s").macs(nodes, edges) == nodes * (IN * h + 3 * classify + 2 * gate) + 12 * product
