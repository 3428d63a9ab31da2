"""Whatever is cut from a graph carries its own node numbers, and the columns of just those nodes, arcs and graphs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from graph_distillery.bench.data import cache
from graph_distillery.bench.data.dataset import Dataset, content_hashes, largest_component
from graph_distillery.bench.data.splits import Split
from graph_distillery.bench.models.neighbourhood import neighbourhood
from graph_distillery.bench.training.problem import ProblemKey, divide
from graph_distillery.bench.training.sampling import NeighbourSampler
from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph


@st.composite
def graphs(draw: st.DrawFn, most: int = 4) -> Graph:
    """One graph or more, each row, arc and graph with a column that says which one it is."""
    sizes = draw(st.lists(st.integers(0, 5), min_size=1, max_size=most))
    pointers = torch.tensor([0, *sizes]).cumsum(0)
    pairs = [
        (first + i, first + j)
        for first, size in zip(pointers.tolist(), sizes, strict=False)
        for i in range(size)
        for j in range(size)
        if i != j
    ]
    arcs = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=40)) if pairs else []
    edges = torch.tensor(arcs, dtype=torch.long).view(-1, 2).T
    count = int(pointers[-1])
    return Graph.build(
        torch.arange(1.0, count + 1)[:, None],
        edges,
        pointers,
        {"name": torch.arange(count), "position": torch.arange(count)[:, None] * torch.tensor([1.0, -1.0])},
        {"name": edges[0] * count + edges[1], "type": (edges[0] + 2 * edges[1]) % 3},
        {"name": torch.arange(len(sizes))},
        TypeNames(edges=("cites", "likes", "knows")),
    )


def agrees(part: Graph, whole: Graph) -> None:
    """The columns of a part are those of the whole at its `node_ids`."""
    ids = part.node_ids
    assert ids.dtype == torch.long
    assert ids.shape == (part.num_nodes,)
    assert torch.equal(part.dense_features()[: part.num_nodes, 0], whole.dense_features()[ids, 0])
    assert part.node_columns.keys() == whole.node_columns.keys()
    for name, column in part.node_columns.items():
        assert torch.equal(column, whole.node_columns[name][ids])
    source, target = ids[part.edge_index]
    real = source != target  # a loop that was added for sampling is no arc of the whole
    assert torch.equal(part.edge_columns["name"][real], (source * whole.num_nodes + target)[real])
    assert torch.equal(part.edge_type[real], ((source + 2 * target) % 3)[real])
    assert (part.edge_type[~real] == -1).all()
    assert part.types == whole.types
    if part.graph_columns:
        assert torch.equal(part.graph_columns["name"][part.graph_of_node], whole.graph_of_node[ids])


def some(data: st.DataObject, count: int) -> Tensor:
    return torch.tensor(data.draw(st.lists(st.integers(0, count - 1), unique=True)) if count else [], dtype=torch.long)


@given(graphs(), st.data())
def test_views_of_views(whole: Graph, data: st.DataObject) -> None:
    part = whole
    for view in data.draw(st.lists(st.sampled_from(["nodes", "rows", "graphs", "features", "one"]), max_size=4)):
        if view == "nodes":
            part = part.induced_subgraph(some(data, part.num_nodes))
        elif view == "rows":
            part = part.rows(some(data, part.num_nodes))
        elif view == "graphs":
            part = part.select_graphs(some(data, part.num_graphs))
            assert part.graph_columns or not whole.graph_columns or part.num_graphs <= 1
        elif view == "features":
            part = part.with_features(part.dense_features() * 1.0)
        elif view == "one" and part.num_nodes:
            part, _ = neighbourhood(part, torch.tensor([0]), 2)
        agrees(part, whole)
        elsewhere = part.to("meta")
        assert elsewhere.node_ids.shape == part.node_ids.shape
        for mine, theirs in ((part.node_columns, elsewhere.node_columns), (part.edge_columns, elsewhere.edge_columns)):
            assert {name: column.shape for name, column in mine.items()} == {
                name: column.shape for name, column in theirs.items()
            }


@given(graphs(most=1), st.booleans(), st.data())
def test_sampled_neighbourhoods(whole: Graph, loops: bool, data: st.DataObject) -> None:
    """Of a graph that is itself a cut, so that its numbers are not its places."""
    part = whole.induced_subgraph(some(data, whole.num_nodes))
    seeds = some(data, part.num_nodes)
    drawn = NeighbourSampler(part, (2, 1), loops).sample(seeds)
    assert torch.equal(drawn.node_ids[: seeds.numel()], part.node_ids[seeds])
    for graph in (drawn, *drawn.blocks):
        agrees(graph, whole)


def parts_of(dataset: Dataset, split: Split, setting: str) -> list[Graph]:
    problem, test = divide(dataset, split, ProblemKey(dataset.name, split.name, setting), 0)
    return [problem.training.graph, problem.validation.graph, *(part.graph for part in test.parts.values())]


@given(graphs())
def test_what_training_sees(whole: Graph) -> None:
    items = torch.arange(10)
    ring = torch.stack([items, items.roll(1)])
    columns = {"name": ring[0] * 10 + ring[1], "type": (ring[0] + 2 * ring[1]) % 3}
    one = Graph.build((items + 1.0)[:, None], ring, None, {"name": items}, columns, types=whole.types)
    dataset = Dataset.build("ring", "node-classification", "accuracy", one, items % 2, 2)
    split = Split("any", 0, items[:3], items[3:5], items[5:])
    for setting in ("transductive", "inductive"):
        for graph in parts_of(dataset, split, setting):
            agrees(graph, one)
    if whole.num_graphs >= 3:
        chosen = torch.arange(whole.num_graphs)
        many = Dataset.build("many", "graph-classification", "accuracy", whole, chosen % 2, 2)
        for graph in parts_of(many, Split("any", 0, chosen[:1], chosen[1:2], chosen[2:]), "graph-level"):
            agrees(graph, whole)


def triangle_and_pair() -> Graph:
    """0 - 1 - 2 by single arcs, weights 0.1 and 0.2, and both arcs of 3 - 4."""
    edges = torch.tensor([[3, 4, 0, 2], [4, 3, 1, 1]])
    return Graph.build(
        torch.ones(5, 1), edges, None, {"name": torch.arange(5)}, {"weight": torch.tensor([0.8, 0.9, 0.1, 0.2])}
    )


def test_an_arc_made_into_an_edge_gives_both_directions_its_columns() -> None:
    dataset = Dataset.build("t", "node-classification", "accuracy", triangle_and_pair(), torch.arange(5) % 2, 2)
    found = largest_component(dataset).graph
    weights = dict(
        zip(zip(*found.edge_index.tolist(), strict=True), found.edge_columns["weight"].tolist(), strict=True)
    )
    assert weights == pytest.approx({(0, 1): 0.1, (1, 0): 0.1, (1, 2): 0.2, (2, 1): 0.2})
    assert found.node_columns["name"].tolist() == found.node_ids.tolist() == [0, 1, 2]


def test_columns_belong_to_the_content_of_a_dataset_and_to_its_cache(tmp_path: Path) -> None:
    graph, labels = triangle_and_pair(), torch.arange(5) % 2
    bare = Graph.build(torch.ones(5, 1), graph.edge_index)
    turned = Graph.build(
        torch.ones(5, 1),
        graph.edge_index.flip(1),
        None,
        graph.node_columns,
        {"weight": graph.edge_columns["weight"].flip(0)},
    )
    content = content_hashes(graph, labels)[0]
    assert content == content_hashes(turned, labels)[0]
    others = [bare, graph.with_columns(edges={"weight": torch.ones(4)}), graph.with_columns(nodes={"x": torch.ones(5)})]
    assert len({content, *(content_hashes(other, labels)[0] for other in others)}) == 4
    typed = graph.with_columns(edges={"type": torch.zeros(4, dtype=torch.long)}, nodes={"y": torch.ones(5, 2)})
    dataset = Dataset.build("t", "node-classification", "accuracy", typed, labels, 2)
    cache.write(tmp_path / "t.safetensors", dataset)
    back = cache.read(tmp_path / "t.safetensors")
    assert back is not None
    assert content_hashes(back.graph, back.labels)[0] == dataset.sha256


def test_a_column_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="edge column 'weight' has 3 rows for 4 edges"):
        triangle_and_pair().with_columns(edges={"weight": torch.ones(3)})


@given(graphs(most=1))
def test_propagation_along_one_relation(whole: Graph) -> None:
    """The dense formula on the arcs of one type; a name and its number are the same."""
    identity = torch.eye(whole.num_nodes)
    for number, name in enumerate(("cites", "likes", "knows")):
        adjacency = torch.zeros(whole.num_nodes, whole.num_nodes)
        source, target = whole.edge_index[:, whole.edge_type == number]
        adjacency[target, source] = 1
        degree = (adjacency + identity).sum(1, keepdim=True)
        expected = (adjacency + identity) / (degree * degree.T).sqrt()
        torch.testing.assert_close(whole.propagation("gcn", name).to_dense(), expected)
        mean = adjacency / adjacency.sum(1, keepdim=True).clamp(min=1)
        torch.testing.assert_close(whole.propagation("mean", number).to_dense(), mean)
        for node in range(min(whole.num_nodes, 2)):
            part, seeds = neighbourhood(whole, torch.tensor([node]), 1)
            found = part.propagation("gcn", name).to_dense()[seeds[0]]
            torch.testing.assert_close(found, expected[node][part.node_ids])
    with pytest.raises(ValueError, match="unknown edge type 'like'; did you mean 'likes'"):
        whole.propagation("sum", "like")
