"""Sampled neighbours are neighbours, drawn uniformly; drawing all of them is the full layer."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.training.engine import Configuration, Trained, train
from graph_distillery.bench.training.problem import ProblemKey, load_problem
from graph_distillery.bench.training.sampling import NeighbourSampler, SampledBatches, draw_neighbours, sampled_source
from graph_distillery.methods.contract import TrainingData
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.tasks.registry import make_task

WIDTH, CLASSES = 6, 3


def graph_of(nodes: int, arcs: list[tuple[int, int]], seed: int = 0, sparse: bool = False) -> Graph:
    ends = torch.tensor(sorted({arc for arc in arcs if arc[0] != arc[1]}), dtype=torch.long).reshape(-1, 2).T
    features = torch.randn(nodes, WIDTH, generator=torch.Generator().manual_seed(seed))
    if sparse:
        features = torch.where(features > 1.2, features, 0.0)
    return Graph.build(features, ends)


arcs_of = st.integers(2, 12).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=60))
)


@given(arcs_of, st.integers(1, 5), st.booleans(), st.integers(0, 99))
def test_what_is_drawn(case: tuple[int, list[tuple[int, int]]], count: int, loops: bool, seed: int) -> None:
    """Each block's arcs are distinct arcs of the graph, min(count, degree) of them into each receiver."""
    graph = graph_of(*case)
    torch.manual_seed(seed)
    seeds = torch.randperm(graph.num_nodes)[: max(1, graph.num_nodes // 2)]
    drawn = NeighbourSampler(graph, (count, 2), loops).sample(seeds)
    there = set(zip(*graph.edge_index.tolist(), strict=True)) | {(i, i) for i in range(graph.num_nodes) if loops}
    # Which node of the graph each row of the batch is, told by its features.
    features = graph.dense_features()
    rows = drawn.dense_features()
    who = [int((features == row).all(dim=1).nonzero()[0, 0]) for row in rows]
    assert who[: seeds.numel()] == seeds.tolist()
    assert len(set(who)) == len(who)
    first, last = drawn.blocks
    assert last.targets == seeds.numel()
    assert first.targets == last.senders
    for block, fan_out in ((first, count), (last, 2)):
        arcs = [(who[a], who[b]) for a, b in zip(*block.edge_index.tolist(), strict=True)]
        assert len(set(arcs)) == len(arcs)
        assert set(arcs) <= there
        for receiver in who[: block.targets]:
            degree = sum(target == receiver for _, target in there)
            assert sum(target == receiver for _, target in arcs) == min(fan_out, degree)


@pytest.mark.parametrize(("degree", "count"), [(5, 2), (6, 3), (4, 4)])
def test_every_subset_is_as_likely(degree: int, count: int) -> None:
    """Chi-square over all subsets: 40,000 draws of each, at once."""
    times = 40_000
    torch.manual_seed(0)
    pointers = torch.tensor([0, 3, 3 + degree])
    places, owner = draw_neighbours(pointers, torch.ones(times, dtype=torch.long), count)
    assert torch.equal(owner, torch.arange(times).repeat_interleave(count))
    sets = (places.view(times, count) - 3).sort(dim=1).values
    subsets = dict.fromkeys(combinations(range(degree), count), 0)
    unique, counts = sets.unique(dim=0, return_counts=True)
    for subset, often in zip(unique.tolist(), counts.tolist(), strict=True):
        subsets[tuple(subset)] = often  # a KeyError where something else was drawn
    if len(subsets) > 1:
        assert chisquare(list(subsets.values())).pvalue > 0.001


@given(arcs_of, st.sampled_from(["gcn", "mean"]), st.booleans(), st.booleans(), st.booleans())
def test_drawing_all_is_the_full_layer(
    case: tuple[int, list[tuple[int, int]]], aggregator: str, loops: bool, sparse: bool, residual: bool
) -> None:
    """Logits, hidden states and gradients of the seeds, as without sampling."""
    graph = graph_of(*case, sparse=sparse)
    hyper = {"layers": 3, "hidden": 5, "aggregator": aggregator, "self_loops": loops, "residual": residual}
    torch.manual_seed(0)
    model = build_model("sage", WIDTH, CLASSES, hyper)
    seeds = torch.randperm(graph.num_nodes)[:3]
    found = []
    for sampled in (False, True):
        output = model(NeighbourSampler(graph, (20, 20, 20), loops).sample(seeds) if sampled else graph)
        at = slice(None) if sampled else seeds
        model.zero_grad()
        output.logits[at].square().sum().backward()
        gradients = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
        found.append([output.logits[at].detach(), *(state[at].detach() for state in output.hidden), *gradients])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_twice_in_its_own_mean() -> None:
    """With loops the full mean is DGL's `gcn` on a graph that has them: (2 x_i + neighbours) / (degree + 2)."""
    graph = Graph.build(torch.eye(3), torch.tensor([[1, 2, 0], [0, 0, 1]]))
    expected = torch.tensor([[2, 1, 1], [1, 2, 0], [0, 0, 2]]) / torch.tensor([4, 3, 2])[:, None]
    torch.testing.assert_close(graph.propagation("mean_self_twice").to_dense(), expected)


def test_an_epoch_passes_over_all_once() -> None:
    graph = graph_of(11, [(i, (i + 1) % 11) for i in range(11)])
    data = TrainingData(graph, make_task("node-classification", 99), torch.tensor([3, 7, 1]), torch.tensor([3, 7, 1]))
    source = SampledBatches(data, (), 4, NeighbourSampler(graph, (1, 1)))
    batches = list(source.epoch("observed"))
    assert [batch.items.numel() for batch in batches] == [4, 4, 3]
    assert sorted(item for batch in batches for item in batch.items.tolist()) == list(range(11))
    for batch in batches:
        assert torch.equal(batch.items[batch.labelled], batch.labels)
    (labelled,) = source.epoch("labelled")
    assert sorted(labelled.items.tolist()) == [1, 3, 7]


def _train(**hyper: object) -> Trained:
    key = ProblemKey("digits-knn", "cpf", "transductive")
    config = Configuration("supervised", student="sage", student_hyper={"hidden": 32, "epochs": 30, **hyper})
    return next(iter(train(config, [3], lambda seed: load_problem(key, seed), lambda seed: ())))


def test_trains_and_repeats_itself() -> None:
    """Deterministic for a seed; near what full neighbourhoods reach, and judged on them."""
    first, again = (_train(fan_out="5,5", batch_size=64, self_loops=True) for _ in range(2))
    for one, other in zip(first.method.parameters(), again.method.parameters(), strict=True):
        assert torch.equal(one, other)
    assert first.validation["accuracy"] > _train().validation["accuracy"] - 0.05
    with torch.inference_mode():  # no draw is left at inference
        outputs = [first.method.predict(first.problem.training.graph).logits for _ in range(2)]
    assert torch.equal(*outputs)


@pytest.mark.parametrize(
    ("hyper", "message"),
    [
        ({"fan_out": "5,x"}, "fan_out '5,x': expected counts"),
        ({"fan_out": "5,0"}, "fan_out '5,0': expected counts"),
        ({"fan_out": "5,5,5"}, "names 3 layers and the model has 2"),
    ],
)
def test_wrong_fan_out(hyper: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_model("sage", WIDTH, CLASSES, hyper)


def test_what_reads_all_edges_is_refused() -> None:
    graph = graph_of(4, [(0, 1), (1, 2)])
    model = build_model("sage", WIDTH, CLASSES, {"fan_out": 5})
    assert model.fan_out == (5, 5)
    data = TrainingData(graph, make_task("node-classification", CLASSES), torch.tensor([0]), torch.tensor([0]))
    with pytest.raises(UserError, match="fan_out: this method reads all edges"):
        sampled_source(data, (), None, model, needs_edges=True)
    (batch,) = sampled_source(data, (), None, model, needs_edges=False).epoch("observed")
    with pytest.raises(UserError, match="fan_out: this method reads all edges"):
        batch.graph.propagation("gcn")
