"""What must hold of every model, whatever its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model, model_hyperparameters
from graph_distillery.bench.models.layers import readout, unpropagated
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.methods.contract.dropout import dropout, dropout_mask
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.registry import UnknownNameError
from graph_distillery.search_spaces import load_space

NAMES = ["mlp", "gcn", "sage", "gat", "gin", "appnp", "dgcnn", "gcnii", "sign", "ga-mlp"]
SPACES = Path(__file__).parents[3] / "search_spaces" / "models"
SMALL = {"layers": 3, "hidden": 16, "norm": "batch", "residual": True}


def small(name: str, level: Any = "node", **hyper: Any) -> Any:
    torch.manual_seed(0)
    alike = {"join": "sum"} if name == "sign" else {}  # else its first state is as wide as all hops together
    return build_model(name, 12, 5, {**SMALL, **alike, **hyper}, level).double()


def disjoint_union(graphs: list[Graph]) -> Graph:
    starts = torch.tensor([0, *[graph.num_nodes for graph in graphs]]).cumsum(0)
    edges = [graph.edge_index + start for graph, start in zip(graphs, starts, strict=False)]
    return Graph(torch.cat([graph.dense_features() for graph in graphs]), torch.cat(edges, dim=1), starts)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), directed=st.booleans())
def test_renumbering_the_nodes_renumbers_the_predictions(name: str, seed: int, directed: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    edges = torch.randint(0, 20, (2, 30), generator=generator)
    edges = edges[:, edges[0] != edges[1]]
    edges = (edges if directed else torch.cat([edges, edges.flip(0)], dim=1)).unique(dim=1)
    x = torch.randn(20, 12, generator=generator, dtype=torch.float64)
    order = torch.randperm(20, generator=generator)
    where = torch.argsort(order)
    model = small(name).eval()
    before = model(Graph.build(x, edges))
    after = model(Graph.build(x[order], where[edges]))
    torch.testing.assert_close(after.logits, before.logits[order])
    for a, b in zip(after.hidden, before.hidden, strict=True):
        torch.testing.assert_close(a, b[order])


@pytest.mark.parametrize("how", ["mean", "sum", "max"])
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_graphs_is_each_graph_alone(name: str, how: str, make_graph: Any) -> None:
    graphs = [make_graph(nodes=n, arcs=3 * n, seed=n) for n in (5, 9, 20)]
    model = small(name, "graph", readout=how).eval()
    together = model(disjoint_union(graphs))
    alone = [model(graph) for graph in graphs]
    assert together.logits.shape == (3, 5)
    assert together.pooled.shape == (3, 32 if name == "dgcnn" else 16)  # DGCNN joins its layers' states
    torch.testing.assert_close(together.logits, torch.cat([output.logits for output in alone]))
    torch.testing.assert_close(together.pooled, torch.cat([output.pooled for output in alone]))


@pytest.mark.parametrize("level", ["node", "graph"])
@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize("name", NAMES)
def test_there_is_a_hidden_state_per_layer_below_the_output(
    name: str, layers: int, level: str, make_graph: Any
) -> None:
    graph = make_graph()
    output = small(name, level, layers=layers)(graph)
    assert [tuple(state.shape) for state in output.hidden] == [(40, 16)] * (layers - 1)
    assert output.logits.shape == ((40, 5) if level == "node" else (1, 5))
    assert (output.pooled is None) == (level == "node")


@pytest.mark.parametrize("level", ["node", "graph"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_sparse_features_give_what_dense_ones_give(name: str, layers: int, level: str, make_graph: Any) -> None:
    dense = make_graph()
    dense.features[:, 2:] = 0
    sparse = Graph.build(dense.features, dense.edge_index)
    assert not isinstance(sparse.features, Tensor)
    model = small(name, level, layers=layers)
    gradients = []
    for graph in (dense, sparse):
        model.zero_grad()
        output = model(graph)
        output.logits.square().sum().backward()
        gradients.append([output.logits, *[p.grad for p in model.parameters()]])
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("name", NAMES)
def test_isolated_nodes_and_a_graph_without_edges_are_finite(name: str, make_graph: Any) -> None:
    graph = make_graph()
    bare = Graph(graph.features, graph.edge_index[:, :0], graph.graph_pointers)
    model = small(name).eval()
    # The last three nodes are isolated, so that taking all edges away changes nothing for them.
    torch.testing.assert_close(model(graph).logits[-3:], model(bare).logits[-3:])
    model(bare).logits.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("level", ["node", "graph"])
@pytest.mark.parametrize("name", NAMES)
def test_one_seed_gives_one_training_step_bit_for_bit(name: str, level: Any, make_graph: Any) -> None:
    def step() -> list[Tensor]:
        model = small(name, level, dropout=0.5)
        output = model(make_graph())
        output.logits.square().sum().backward()
        return [output.logits, *[p.grad for p in model.parameters() if p.grad is not None]]

    for first, second in zip(step(), step(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("readout_kind", ["mean", "sum", "max"])
@pytest.mark.parametrize("level", ["node", "graph"])
@pytest.mark.parametrize("name", NAMES)
def test_trains_on_a_graph_first_read_in_inference_mode(
    name: str, level: Any, readout_kind: str, make_graph: Any
) -> None:
    """What a frozen teacher's forward caches on the graph must not hinder the student's backward."""
    graph = make_graph()
    extra = {"propagation_dropout": 0.5} if name == "appnp" else {}
    model = small(name, level, readout=readout_kind, dropout=0.5, **extra)
    with torch.inference_mode():
        model.eval()(graph)
    model.train()(graph).logits.sum().backward()


@pytest.mark.parametrize(
    ("how", "expected"), [("mean", [2.0, 0.0, 7.0]), ("sum", [4.0, 0.0, 7.0]), ("max", [3.0, 0.0, 7.0])]
)
def test_readout_with_an_empty_graph(how: Any, expected: list[float]) -> None:
    x = torch.tensor([[1.0], [3.0], [7.0]])
    graph = Graph(x, torch.empty(2, 0, dtype=torch.long), torch.tensor([0, 2, 2, 3]))
    assert readout(x, graph, how).view(-1).tolist() == expected


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_has_the_frequency_the_scale_and_the_independence_it_claims(p: float) -> None:
    torch.manual_seed(0)
    n = 400_003
    y = dropout(torch.ones(n), p, training=True)
    kept = (y != 0).double()
    deviation = (p * (1 - p) / n) ** 0.5
    assert abs(float(kept.mean()) - (1 - p)) < 4 * deviation
    assert y.max().item() == pytest.approx(1 / (1 - p), rel=1e-4)
    for lag in (1, 2, 3, 4):  # neighbours come from one 64-bit draw
        both = float((kept[lag:] * kept[:-lag]).mean())
        assert abs(both - (1 - p) ** 2) < 6 * deviation
    assert dropout(y, p, training=False) is y
    assert dropout(y, 0.0, training=True) is y


def test_dropout_of_sparse_features_is_dropout_of_their_stored_values() -> None:
    torch.manual_seed(0)
    x = torch.zeros(300, 200)
    x[:, ::10] = 1
    graph = Graph.build(x, torch.empty(2, 0, dtype=torch.long))
    model = build_model("gcn", 200, 1, {"layers": 1, "dropout": 0.5})
    with torch.no_grad():
        model.layers[0].linear.weight.fill_(1)
    totals = model(graph).logits  # each row: 20 entries, kept by halves and doubled
    assert totals.remainder(2).abs().max() < 1e-5
    assert totals.mean().item() == pytest.approx(20, abs=4 * (20 / 300) ** 0.5)
    assert not torch.equal(totals, model(graph).logits)
    assert torch.equal(model.eval()(graph).logits, torch.full((300, 1), 20.0))


@pytest.mark.parametrize(
    ("hyper", "words"),
    [
        ({"hiden": 3}, ["gcn", "'hiden'", "did you mean 'hidden'?"]),
        ({"heads": 3}, ["'heads'"]),
        ({"dropout": 1.0}, ["dropout = 1.0", "less than 1"]),
        ({"norm": "bach"}, ["norm = 'bach'", "'batch'"]),
        ({"layers": 0}, ["layers = 0"]),
    ],
)
def test_a_wrong_hyperparameter_is_told_in_one_line(hyper: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        build_model("gcn", 3, 2, hyper)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)


def test_heads_that_do_not_divide_the_width_and_unknown_models_are_refused() -> None:
    with pytest.raises(UserError, match=r"hidden = 10 .* heads = 4"):
        model_hyperparameters("gat", {"hidden": 10, "heads": 4})
    with pytest.raises(UnknownNameError, match="did you mean 'sage'"):
        build_model("sag", 3, 2, {})


def test_a_gnn_is_what_reads_edges() -> None:
    for info in MODELS:
        assert MODELS.load(info.name).uses_edges == (info.kind == "gnn")


@pytest.mark.parametrize("name", sorted(path.stem for path in SPACES.glob("*.yaml")))
def test_a_model_takes_all_that_its_search_space_proposes(name: str) -> None:
    space, own = load_space("model", name), MODELS.load(name).Hyperparameters.model_fields.keys()
    fixed = {key: value for key, value in space.fixed.items() if key in own}
    for key, parameter in space.parameters.items():
        for value in (parameter.every_value() or parameter.bounds) if key in own else ():
            whole = int(value) if parameter.int_range is not None else value
            assert getattr(model_hyperparameters(name, {**fixed, key: whole}), key) == value
    for preset in space.presets:
        model_hyperparameters(name, {key: value for key, value in preset.values.items() if key in own})


@pytest.mark.parametrize("columns", [64, 63])
def test_dropout_of_a_large_state_is_the_product_with_its_mask(columns: int) -> None:
    """To the bit, forwards and backwards."""
    x = torch.randn((1 << 22) // columns + 2, columns, requires_grad=True)
    torch.manual_seed(3)
    made = dropout(x, 0.3, True)
    torch.manual_seed(3)
    mask = dropout_mask(x.shape, 0.3, like=x)
    assert mask is not None
    assert torch.equal(made, x * mask)
    (gradient,) = torch.autograd.grad(made, x, made.detach())
    assert torch.equal(gradient, made.detach() * mask)


@pytest.mark.parametrize("name", ["sage", "gcn"])
def test_a_product_with_the_features_is_kept_with_them_alone(name: str) -> None:
    """Other features, and features that are learned, are read anew."""
    x, ends = torch.randn(20, 12, dtype=torch.float64), torch.randint(0, 20, (2, 40))
    graph = Graph.build(x, ends[:, ends[0] != ends[1]].unique(dim=1))
    model = small(name, norm="none").eval()
    before = model(graph).logits
    assert torch.equal(model(graph).logits, before)
    other = graph.with_features(graph.dense_features() + 1)
    assert not torch.equal(model(other).logits, before)
    torch.testing.assert_close(model(other.with_features(graph.dense_features())).logits, before)
    learned = graph.dense_features().clone().requires_grad_()
    tuned = graph.with_features(learned)
    model(tuned).logits.sum().backward()
    assert learned.grad is not None
    with torch.no_grad():
        learned += 1
        torch.testing.assert_close(model(tuned).logits, model(other).logits)
    assert unpropagated(graph)._feature_cache == {}
