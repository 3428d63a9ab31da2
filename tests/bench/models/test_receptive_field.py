"""What is predicted, and learned, on a receptive field is what is on the whole graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from graph_distillery.bench.models.base import Model, build_model
from graph_distillery.bench.models.neighbourhood import neighbourhood
from graph_distillery.bench.models.receptive_field import (
    LEAST_NODES,
    ReceptiveField,
    has_receptive_field,
    reach,
    receptive_field,
)
from graph_distillery.bench.training.batches import LabelledBatch, Reads, make_source
from graph_distillery.bench.training.engine import Configuration, build, make_batches, train
from graph_distillery.bench.training.judging import predict_each, predict_items
from graph_distillery.bench.training.problem import Identity, Judged, Problem, ProblemKey
from graph_distillery.methods.contract import Teacher, TrainingData
from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import ITEMS
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.tasks.registry import make_task

WIDTH, CLASSES = 6, 3
MODELS = {
    "gcn": ("gcn", {"residual": True}),
    "gcn-widens": ("gcn", {"hidden": 9, "norm": "layer"}),
    "gcn-tuned": ("gcn", {"block": "tuned-projected", "residual": True, "norm": "layer"}),
    "sage": ("sage", {"self_loops": True}),
    "sage-mean": ("sage", {"aggregator": "mean", "residual": True}),
    "gat": ("gat", {"heads": 2, "output_heads": 3, "residual": True}),
    "gat-linear": ("gat", {"heads": 4, "residual": True, "linear_residual": True}),
    "gin": ("gin", {"train_eps": True, "norm": "layer"}),
    "gcnii": ("gcnii", {"shared_weights": False, "layers": 5}),
}
#: Of models that know types; in training mode, so without dropout of attention.
TYPED_MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "rgcn": ("rgcn", {"norm": "layer", "residual": True}),
    "rgcn-items": ("rgcn", {"inputs": "items"}),
    "rgcn-identity": ("rgcn", {"inputs": "identity"}),
    "hgt": ("hgt", {"heads": 2}),
    "hgt-relation": ("hgt", {"heads": 2, "softmax": "relation", "activation": "none"}),
    "simple-hgn": ("simple-hgn", {"heads": 2, "edge_width": 3, "attention_dropout": 0.0, "attention_residual": 0.3}),
}
TYPES = TypeNames(("x", "y", "z"), ("a", "b", "c"))


def random_graph(nodes: int, arcs: int, seed: int, sparse: bool = False) -> Graph:
    draw = torch.Generator().manual_seed(seed)
    ends = torch.randint(nodes, (2, arcs), generator=draw)
    ends = ends[:, ends[0] != ends[1]].unique(dim=1)
    features = torch.randn(nodes, WIDTH, generator=draw, dtype=torch.float64)
    features = SparseMatrix.from_torch(torch.where(features > 0.8, features, 0.0)) if sparse else features
    return Graph(features, ends, torch.tensor([0, nodes]))


def typed_graph(nodes: int, arcs: int, seed: int, sparse: bool) -> Graph:
    """Items first, then nodes of the other types in their order or in none; arcs of any types between any nodes."""
    graph, draw = random_graph(nodes, arcs, seed, sparse), torch.Generator().manual_seed(seed)
    others = torch.randint(1, 3, (nodes - nodes // 2,), generator=draw)
    kinds = torch.cat([torch.zeros(nodes // 2, dtype=torch.long), others.sort().values if seed % 2 else others])
    of_arcs = torch.randint(3, (graph.num_edges,), generator=draw)
    return replace(graph, types=TYPES).with_columns({"type": kinds}, {"type": of_arcs})


def network(name: str, hyper: dict[str, Any], layers: int = 3, graph: Graph | None = None) -> Model:
    torch.manual_seed(1)
    hyper = {"layers": layers, "hidden": 4, "dropout": 0.0, **hyper}
    typed = {} if graph is None else {"num_nodes": graph.num_nodes, "types": TYPES}
    model = build_model(name, WIDTH, CLASSES, hyper, **typed).double()
    for parameter in model.parameters():  # biases too
        torch.nn.init.normal_(parameter)
    return model


@pytest.mark.parametrize("case", MODELS)
@settings(max_examples=12)
@given(st.integers(2, 14), st.integers(0, 40), st.integers(0, 2**20), st.booleans(), st.integers(1, 4))
def test_predictions_and_gradients(case: str, nodes: int, arcs: int, seed: int, sparse: bool, layers: int) -> None:
    """Equal to those on the whole graph, for some nodes in any order."""
    graph, (name, hyper) = random_graph(nodes, arcs, seed, sparse), MODELS[case]
    model = network(name, {"layers": layers, **hyper})
    check_field(model, graph, torch.randperm(nodes, generator=torch.Generator().manual_seed(seed))[: 1 + seed % nodes])


@pytest.mark.parametrize("case", TYPED_MODELS)
@settings(max_examples=12)
@given(st.integers(4, 14), st.integers(0, 60), st.integers(0, 2**20), st.booleans(), st.integers(3, 5))
def test_of_typed_graphs(case: str, nodes: int, arcs: int, seed: int, sparse: bool, layers: int) -> None:
    """The same of models that know types, for some items, and on what a request fetches of the graph; relations that a
    part has no arcs of count there as in the whole."""
    graph, (name, hyper) = typed_graph(nodes, arcs, seed, sparse), TYPED_MODELS[case]
    items = torch.randperm(nodes // 2, generator=torch.Generator().manual_seed(seed))[: 1 + seed % (nodes // 2)]
    model = network(name, {**hyper, "layers": layers}, graph=graph)
    check_field(model, graph, items)
    asked, rows = ITEMS["node"].within(graph, items, *neighbourhood(graph, items, model.receptive_hops))
    torch.testing.assert_close(model(asked).logits[rows], model(graph).logits[items])


def check_field(model: Model, graph: Graph, seeds: Tensor) -> None:
    assert has_receptive_field(model, graph)
    found = reach(graph, seeds, tuple(layer.hops for layer in model.convolutions()))
    outputs = [model(graph), model(receptive_field(graph, found))]
    torch.testing.assert_close(outputs[1].logits, outputs[0].logits[seeds])
    for whole, part in zip(outputs[0].hidden, outputs[1].hidden, strict=True):
        torch.testing.assert_close(part, whole[seeds])
    weight = torch.randn(seeds.numel(), CLASSES, dtype=torch.float64)
    losses = (weight * outputs[0].logits[seeds]).sum(), (weight * outputs[1].logits).sum()
    gradients = [torch.autograd.grad(loss, list(model.parameters()), allow_unused=True) for loss in losses]
    for expected, got in zip(*gradients, strict=True):
        if graph.types is None or any(found.arcs):
            assert (got is None) == (expected is None)
        if got is not None:
            torch.testing.assert_close(got, expected)
        elif expected is not None:  # no arc is read: what only arcs are multiplied with has no gradient
            assert not expected.any()


@given(st.integers(2, 14), st.integers(0, 40), st.integers(0, 2**20), st.lists(st.integers(0, 1), max_size=4))
def test_what_each_layer_reads(nodes: int, arcs: int, seed: int, hops: list[int]) -> None:
    """Those that reach the seeds over as many arcs as layers that propagate follow, by powers of the adjacency."""
    graph = random_graph(nodes, arcs, seed)
    seeds = torch.arange(1 + seed % nodes)
    found = reach(graph, seeds, tuple(hops))
    steps = graph.propagation("sum_self").to_dense()  # row i: what node i reads
    wanted = torch.zeros(nodes, dtype=torch.float64).index_fill_(0, seeds, 1.0)
    expected = [wanted.nonzero().flatten().tolist()]
    for hop in reversed(hops):
        wanted = wanted @ steps if hop else wanted
        expected.append(wanted.nonzero().flatten().tolist())
    assert [sorted(found.nodes[:size].tolist()) for size in reversed(found.sizes)] == expected
    into = [int(graph.in_degrees()[found.nodes[:size]].sum()) for size in found.sizes[1:]]
    assert list(found.arcs) == [count * hop for count, hop in zip(into, hops, strict=True)]


def problem_of(labelled: int = 40, typed: bool = False) -> Problem:
    """A graph that is large enough to be cut, some labelled nodes of it and 60 to validate on."""
    nodes, classes = LEAST_NODES + 500, CLASSES
    graph = typed_graph(nodes, 2000, 3, False) if typed else random_graph(nodes, 2000, seed=3)
    graph = replace(graph, features=graph.dense_features().float())
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (graph.num_nodes,), generator=draw)
    items = torch.randperm(graph.num_targets, generator=draw)
    task = "typed-node-classification" if typed else "node-classification"
    data = TrainingData(graph, make_task(task, classes), items[:labelled], labels[items[:labelled]])
    others = items[labelled : labelled + 60]
    judged = Judged(graph, others, labels[others], often=True)
    identity = Identity("", "", "", "accuracy", task)
    return Problem(ProblemKey("made-up", "none", "transductive"), 0, data, judged, identity)


@pytest.mark.parametrize(
    ("name", "method"),
    [("gcn", "supervised"), ("sage", "supervised"), ("gat", "kd"), ("rgcn", "supervised"), ("hgt", "supervised")],
)
def test_training_on_it_is_training_on_the_whole_graph(name: str, method: str) -> None:
    """Without dropout, which has other draws: the same losses, and the same validation predictions after 5 steps."""
    problem = problem_of(typed=name in ("rgcn", "hgt"))
    own = {} if method == "supervised" else {"alpha": 0.0}
    logits = torch.randn(problem.training.num_items, CLASSES, generator=torch.Generator().manual_seed(1))
    teachers = () if method == "supervised" else (Teacher("t", logits, (), problem.training.graph),)
    hyper = {"layers": 4 if name == "hgt" else 2, "hidden": 8, "dropout": 0.0, "weight_decay": 0.01}
    configuration = Configuration(method, method_hyper=own, student=name, student_hyper=hyper)
    losses = []
    for whole in (False, True):
        trained = build(configuration, problem, teachers)
        source = make_batches(trained, configuration, problem)
        assert isinstance(source, LabelledBatch)
        if whole:
            source = make_source(problem.training, trained.teachers, None, Reads())
        optimizer = torch.optim.SGD(trained.parameters(), lr=0.1)
        for _ in range(5):
            (batch,) = trained.batches(source)
            loss = torch.stack(list(trained.loss(batch, trained(batch.graph)).values())).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        judged = problem.validation
        trained.eval()
        found, labels = predict_items(trained, judged)
        torch.testing.assert_close(found, trained.predict(judged.graph).logits[judged.items])
        assert labels is judged.labels
    assert losses[:5] == pytest.approx(losses[5:], rel=1e-5)
    assert losses[4] < losses[0]


@pytest.mark.parametrize(("method", "student"), [("oad", "gcn"), ("dml", "sage"), ("dml", "mlp")])
def test_every_prediction_of_several_students_is_judged_on_it(method: str, student: str) -> None:
    problem = problem_of()
    hyper = {"layers": 2, "hidden": 8}
    trained = build(Configuration(method, student=student, student_hyper=hyper), problem, ()).eval()
    judged = problem.validation
    found = predict_each(trained, judged)
    whole = [output.logits[judged.items] for output in trained.predictions(judged.graph)]
    assert len(found) == len(whole) > 1
    torch.testing.assert_close(found, whole)
    assert not torch.allclose(found[0], found[1])


def test_a_run_on_it_repeats_itself() -> None:
    hyper = {"layers": 2, "hidden": 8, "dropout": 0.5, "epochs": 4}
    configuration = Configuration("supervised", student="gcn", student_hyper=hyper)
    first, second = (next(train(configuration, [0], lambda _: problem_of(), lambda _: ())) for _ in range(2))
    for one, other in zip(first.method.state_dict().values(), second.method.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert first.validation == second.validation


@pytest.mark.parametrize(
    ("method", "student", "norm", "labelled"),
    [
        ("kd", "gcn", "none", 40),  # its term acts on all observed nodes
        ("supervised", "gcn", "batch", 40),  # normalised over all nodes
        ("supervised", "appnp", "none", 40),  # propagates after its layers
        ("supervised", "gcn", "none", 1400),  # reads nearly everything
    ],
)
def test_what_reads_the_whole_graph_is_trained_on_all_of_it(
    method: str, student: str, norm: str, labelled: int
) -> None:
    problem = problem_of(labelled)
    logits = torch.zeros(problem.training.num_items, CLASSES)
    teachers = (Teacher("t", logits, (), problem.training.graph),) if method == "kd" else ()
    configuration = Configuration(method, student=student, student_hyper={"hidden": 8, "norm": norm})
    trained = build(configuration, problem, teachers)
    (batch,) = trained.batches(make_batches(trained, configuration, problem))
    assert batch.graph is problem.training.graph


def test_a_field_is_asked_for_no_edges_but_its_layers() -> None:
    """A method that reads edges and does not say so is told, and gets no part of them for the whole."""
    graph, model = random_graph(20, 40, 0), network("gcn", {})
    field = receptive_field(graph, reach(graph, torch.tensor([3, 1]), tuple(e.hops for e in model.convolutions())))
    for read in (lambda: field.propagation("mean"), lambda: field.edges_by_target, field.in_degrees):
        with pytest.raises(TypeError, match="needs_edges"):
            read()


def test_graphs_whose_arcs_tell_more_have_none() -> None:
    """Weights of arcs, pairs that are asked about, several graphs: read whole."""
    graph, model = random_graph(20, 40, 0), network("gcn", {})
    assert has_receptive_field(model, graph)
    weighted = graph.with_columns(edges={"weight": torch.ones(graph.num_edges)})
    two = Graph(graph.features, graph.edge_index[:, :0], torch.tensor([0, 10, 20]))
    assert not any(has_receptive_field(model, other) for other in (weighted, two, graph.with_pairs(torch.zeros(1, 2))))
    assert not isinstance(weighted.for_layer(0), ReceptiveField)
