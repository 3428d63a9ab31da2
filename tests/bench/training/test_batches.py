"""What an epoch covers, and that everything in a batch speaks of the same items."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.training.batches import GraphBatches, Reads, RowBatches, make_source
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.bench.training.problem import ProblemKey, load_problem
from graph_distillery.methods.contract import Batch, Teacher, TrainingData
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.tasks.registry import make_task


def problem(nodes: int, labelled: list[int], graphs: int = 1, level: str = "node") -> tuple[TrainingData, Teacher]:
    """Node i carries feature i and its teacher's logit i; an item's label is its number."""
    ends = torch.arange(nodes)
    pointers = torch.linspace(0, nodes, graphs + 1).long()
    owner = torch.repeat_interleave(torch.arange(graphs), pointers.diff())
    source, target = ends[:-1], ends[1:]
    inside = owner[source] == owner[target]
    graph = Graph(ends[:, None].float(), torch.stack([source, target])[:, inside], pointers)
    items = torch.tensor(labelled, dtype=torch.long)
    task = make_task("graph-classification" if level == "graph" else "node-classification", 99)
    count = graphs if level == "graph" else nodes
    teacher = Teacher("t", torch.arange(count)[:, None].float(), (ends[:, None].float(),), graph)
    return TrainingData(graph, task, items, items), teacher


def check(batch: Batch, data: TrainingData, edges: bool) -> None:
    """Features, teacher, labels and edges of a batch belong to its items."""
    at_nodes = batch.graph.dense_features()[:, 0].long()
    (teacher,) = batch.teachers
    assert torch.equal(teacher.logits[:, 0].long(), batch.items)
    assert torch.equal(teacher.hidden[0][:, 0].long(), at_nodes)
    assert torch.equal(batch.items[batch.labelled], batch.labels)
    given_labels = set(data.labelled.tolist())
    assert batch.labels.tolist() == [item for item in batch.items.tolist() if item in given_labels] or (
        sorted(batch.labels.tolist()) == sorted(given_labels & set(batch.items.tolist()))
    )
    source, target = at_nodes[batch.graph.edge_index]
    assert (target - source == 1).all()
    if edges:
        here = set(at_nodes.tolist())
        ends = zip(*data.graph.edge_index.tolist(), strict=True)
        assert batch.graph.num_edges == sum(a in here and b in here for a, b in ends)


@given(st.integers(1, 14), st.integers(1, 16), st.sampled_from(["observed", "labelled"]), st.booleans(), st.data())
def test_rows(nodes: int, size: int, items: str, edges: bool, data: st.DataObject) -> None:
    """Full mini-batches of a permutation and the rest dropped; everything at once where there is less."""
    labelled = data.draw(st.lists(st.integers(0, nodes - 1), unique=True, min_size=1))
    given_, teacher = problem(nodes, labelled)
    source = RowBatches(given_, (teacher,), size, needs_edges=edges)
    chosen = set(labelled) if items == "labelled" else set(range(nodes))
    for _ in range(2):
        batches = list(source.epoch(items))  # type: ignore[arg-type]
        seen = [item for batch in batches for item in batch.items.tolist()]
        assert len(set(seen)) == len(seen)
        assert set(seen) <= chosen
        if len(chosen) <= size:
            assert (len(batches), set(seen)) == (1, chosen)
        else:
            assert [len(batch.items) for batch in batches] == [size] * (len(chosen) // size)
        for batch in batches:
            check(batch, given_, edges)


def test_rows_are_shuffled_anew_each_epoch() -> None:
    data, teacher = problem(40, [0])
    torch.manual_seed(0)
    source = RowBatches(data, (teacher,), 10, needs_edges=False)
    one, two = (torch.cat([batch.items for batch in source.epoch("observed")]) for _ in range(2))
    assert not torch.equal(one, two)
    assert one.sort().values.tolist() == two.sort().values.tolist() == list(range(40))


def test_one_batch_of_everything_is_kept() -> None:
    data, teacher = problem(6, [4, 1])
    source = RowBatches(data, (teacher,), None, needs_edges=False)
    (one,), (two,) = list(source.epoch("observed")), list(source.epoch("observed"))
    assert one is two
    assert one.graph is data.graph
    (labelled,) = source.epoch("labelled")
    assert labelled.items.tolist() == [4, 1]


@given(st.integers(2, 6), st.integers(1, 8), st.sampled_from(["node", "graph"]), st.data())
def test_whole_graphs(graphs: int, size: int, level: str, data: st.DataObject) -> None:
    """Every graph once an epoch, the last batch smaller."""
    nodes = 3 * graphs + 1
    count = graphs if level == "graph" else nodes
    labelled = data.draw(st.lists(st.integers(0, count - 1), unique=True, min_size=1))
    given_, teacher = problem(nodes, labelled, graphs, level)
    batches = list(GraphBatches(given_, (teacher,), size, Reads()).epoch("observed"))
    assert sorted(item for batch in batches for item in batch.items.tolist()) == list(range(count))
    sizes = [batch.graph.num_graphs for batch in batches]
    assert sizes == [size] * (graphs // size) + ([graphs % size] if graphs % size else [])
    for batch in batches:
        check(batch, given_, edges=True)


def test_the_source_follows_the_student() -> None:
    data, teacher = problem(6, [0])
    (whole,) = make_source(data, (teacher,), None, Reads()).epoch("labelled")
    assert whole.graph is data.graph
    with pytest.raises(UserError, match=r"^batch_size: a student that reads the edges of one graph"):
        make_source(data, (teacher,), 3, Reads())
    many, their_teacher = problem(9, [0], graphs=3)
    assert isinstance(make_source(many, (their_teacher,), 2, Reads()), GraphBatches)


@pytest.mark.parametrize("size", [None, 2])
def test_features_alone_come_without_edges(size: int | None) -> None:
    """Mini-batches of graphs for a student that reads none; what it predicts is the same."""
    data, teacher = problem(12, [0, 2, 3], graphs=4, level="graph")
    model = build_model("mlp", 1, 99, {"hidden": 4}, "graph").eval()
    whole = model(data.graph).logits
    for batch in make_source(data, (teacher,), size, Reads(edges=False)).epoch("observed"):
        assert batch.graph.num_edges == (0 if size else data.graph.num_edges)
        torch.testing.assert_close(model(batch.graph).logits, whole[batch.items])
        assert torch.equal(batch.teachers[0].hidden[0], batch.graph.dense_features())
    for batch in make_source(data, (teacher,), 2, Reads(edges=False, all_edges=True)).epoch("observed"):
        check(batch, data, edges=True)


@given(st.integers(1, 30), st.integers(1, 40), st.booleans(), st.sampled_from(["observed", "labelled"]), st.data())
def test_pairs(count: int, size: int, edges: bool, items: str, data: st.DataObject) -> None:
    """Every pair once an epoch; its ends and its teacher's say are its own, beside all nodes or just the ends."""
    nodes = torch.arange(7)
    pairs = torch.tensor(data.draw(st.lists(st.tuples(*(st.integers(0, 6),) * 2), min_size=count, max_size=count)))
    graph = Graph(nodes[:, None].float(), torch.stack([nodes, nodes.roll(1)]), torch.tensor([0, 7])).with_pairs(pairs)
    labelled = torch.arange(0, count, 2)
    training = TrainingData(graph, make_task("link-prediction", 1), labelled, labelled % 2)
    teacher = Teacher("t", torch.arange(count)[:, None].float(), (nodes[:, None].float(),), graph)
    seen = []
    for batch in make_source(training, (teacher,), size, Reads(edges=edges)).epoch(items):  # type: ignore[arg-type]
        ends = batch.graph.dense_features()[:, 0].long()
        assert torch.equal(ends[batch.graph.asked_pairs], pairs[batch.items])
        assert torch.equal(batch.teachers[0].logits[:, 0].long(), batch.items)
        assert torch.equal(batch.teachers[0].hidden[0][:, 0].long(), ends)
        assert torch.equal(batch.labels, batch.items[batch.labelled] % 2)
        assert batch.items[batch.labelled].tolist() == [item for item in batch.items.tolist() if item % 2 == 0]
        if not edges and size < count:
            assert batch.graph.num_edges == 0
            assert set(ends.tolist()) == set(pairs[batch.items].flatten().tolist())
        seen += batch.items.tolist()
    assert sorted(seen) == (list(range(count)) if items == "observed" else labelled.tolist())


@pytest.mark.parametrize("size", [None, 8])
def test_pairs_without_an_edge_are_drawn_anew(size: int | None) -> None:
    """Others in each epoch, none joined in either direction, and the teacher's say is of the pairs that are asked."""
    arcs = torch.tensor([[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 0]])
    pairs = torch.cat([arcs.T, torch.tensor([[0, 2], [1, 3], [2, 4], [3, 5], [0, 3], [1, 4]])])
    graph = Graph.build(torch.rand(7, 3), arcs).with_pairs(pairs)
    labels = (torch.arange(12) < 6).long()
    training = TrainingData(graph, make_task("link-prediction", 1), torch.arange(12), labels, redraws=True)
    model = build_model("sage", 3, 1, {"hidden": 4}, "pair").eval()
    teacher = Teacher("sage", model(graph).logits, (), graph, model)
    source, drawn = make_source(training, (teacher,), size, Reads()), []
    joined = {frozenset(arc) for arc in arcs.T.tolist()}
    for _ in range(3):
        apart = []
        for batch in source.epoch("observed"):
            told = [frozenset(pair) for pair in batch.graph.asked_pairs.tolist()]
            torch.testing.assert_close(batch.teacher.logits, model(graph.with_pairs(batch.graph.asked_pairs)).logits)
            assert all((pair in joined) == bool(label) for pair, label in zip(told, batch.labels, strict=True))
            apart += [pair for pair in told if pair not in joined]
        assert len(apart) == 6
        assert {len(pair) for pair in apart} == {2}
        drawn.append(sorted(sorted(pair) for pair in apart))
    assert drawn[0] != drawn[1] != drawn[2]


@pytest.mark.parametrize("setting", ["transductive", "inductive"])
def test_a_student_of_propagated_features_is_trained_on_rows(setting: str) -> None:
    """Mini-batches of SIGN have no edge and give the logits of the whole graph; a method that needs edges has all."""
    problem = load_problem(ProblemKey("csbm", "cpf", setting), 0)
    hyper = {"batch_size": 16, "hidden": 8, "dropout": 0.0, "norm": "none"}
    configuration = Configuration("supervised", student="sign", student_hyper=hyper)
    method = build(configuration, problem, ())
    whole = method(problem.training.graph).logits
    batches = list(make_batches(method, configuration, problem).epoch("labelled"))
    assert len(batches) == 5
    for batch in batches:
        assert batch.graph.num_edges == 0
        torch.testing.assert_close(method(batch.graph).logits, whole[batch.items])
    method.needs_edges = True
    with pytest.raises(UserError, match=r"^batch_size: a student that reads the edges"):
        make_batches(method, configuration, problem)
