"""Tensors of a network by name, without a trace on the network."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance import Case, problem_for
from graph_distillery.bench.conformance.checks import traces
from graph_distillery.bench.models.base import Level, Model, build_model
from graph_distillery.bench.training.engine import build, make_batches, train
from graph_distillery.methods import METHODS
from graph_distillery.methods.contract import Batch, Method, Output, Teacher, taps
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.kd.method import KD

NODES, GRAPHS = "node-classification", "graph-classification"


def network(model: str, graph: Graph, level: Level = "node") -> Model:
    torch.manual_seed(0)
    return build_model(model, graph.num_features, 4, {"layers": 3, "hidden": 16}, level, graph.num_nodes)


@pytest.mark.parametrize("model", ["mlp", "gcn", "sage", "gin", "gat", "appnp", "dgcnn"])
def test_states_by_name_are_what_the_definition_says(model: str) -> None:
    """Activation of the tapped state (after its norm) is the hidden state, at both ends of the count."""
    graph = problem_for(NODES).problem.training.graph
    made = network(model, graph).eval()
    names = ["preactivation.0", "preactivation.-1", "hidden.-1", "logits", "layers.1"]
    with taps(made, names) as taken, torch.no_grad():
        output = made(graph)
    assert set(taken) == set(names)
    assert torch.equal(made.activate(taken["preactivation.0"]), output.hidden[0])
    assert torch.equal(made.activate(taken["preactivation.-1"]), output.hidden[-1])
    assert taken["hidden.-1"] is output.hidden[-1]
    assert taken["logits"] is output.logits
    assert taken["layers.1"] is taken["preactivation.-1"]


def test_what_is_pooled_and_parts_of_parts() -> None:
    graph = problem_for(GRAPHS).problem.training.graph
    made = network("gin", graph, "graph").eval()
    part = next(name for name, each in made.named_modules() if name.count(".") >= 2 and not list(each.children()))
    with taps(made, ["pooled", part]) as taken, torch.no_grad():
        output = made(graph)
        first = taken[part]
        assert taken["pooled"] is output.pooled
        made(graph)
    assert taken[part] is not first, "each pass overwrites the last"


def test_gradients_pass_and_nothing_is_left() -> None:
    graph = problem_for(NODES).problem.training.graph
    made = network("gcn", graph)
    before = {name: vars(part).copy() for name, part in made.named_modules()}
    with taps(made, ["preactivation.0"]) as taken:
        made(graph)
    taken["preactivation.0"].square().sum().backward()
    assert all(parameter.grad is not None for parameter in made.layers[0].parameters())
    assert {name: set(vars(part)) for name, part in made.named_modules()} == {k: set(v) for k, v in before.items()}
    assert not any(part._forward_hooks for part in made.modules())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("preactivation.2", "GCN has no state or part 'preactivation.2'; did you mean 'preactivation.[01]'"),
        ("preactivation.-3", "no state or part 'preactivation.-3'"),
        ("layer.0", "did you mean 'layers.0'"),
        ("", "no state or part ''"),
        ("hidden.2", "no hidden.2: there are 2 of hidden"),
        ("pooled", "no pooled: nothing is read out"),
    ],
)
def test_what_is_not_there_is_named_and_leaves_nothing(name: str, words: str) -> None:
    graph = problem_for(NODES).problem.training.graph
    made = network("gcn", graph)
    with pytest.raises(ValueError, match=words) as caught, taps(made, ["layers.0", name]):
        made(graph)
    assert "\n" not in str(caught.value)
    assert not any(part._forward_hooks for part in made.modules())


def test_a_teachers_states_are_read_once_and_cut_like_its_logits() -> None:
    """Node states along the nodes, readouts along the graphs; one forward for all batches and methods."""
    example = problem_for(GRAPHS)
    trained, data = example.teacher, example.problem.training
    assert trained.model is not None
    teacher = Teacher(trained.name, trained.logits, trained.hidden, trained.graph, trained.model)
    passes: list[int] = []
    handle = trained.model.register_forward_pre_hook(lambda _, given: passes.append(given[0].num_graphs))
    graphs = torch.tensor([7, 2, 30])
    nodes = data.graph.nodes_of(graphs)
    view = teacher.at(graphs, nodes, data.graph.select_graphs(graphs))
    again = teacher.at(graphs.flip(0), nodes, view.graph)
    before, pooled = view.state("preactivation.-1"), view.state("pooled")
    assert torch.equal(before, teacher.state("preactivation.-1")[nodes])
    assert torch.equal(pooled, teacher.state("pooled")[graphs])
    assert torch.equal(again.state("pooled"), teacher.state("pooled")[graphs.flip(0)])
    handle.remove()
    assert passes == [data.graph.num_graphs] * 2
    with torch.no_grad(), taps(trained.model, ["pooled"]) as taken:
        trained.model(view.graph)
    torch.testing.assert_close(pooled, taken["pooled"], atol=1e-5, rtol=1e-4)
    assert torch.equal(view.state("hidden.0"), view.hidden[0])
    assert not before.is_inference()
    assert not before.requires_grad


def test_a_batch_of_a_teacher_has_the_rows_of_its_nodes_in_every_layer() -> None:
    """By either end and in slices; what is asked for twice is cut once."""
    problem = problem_for(NODES).problem
    graph, nodes = problem.training.graph, torch.tensor([5, 0, 5, 2])
    states = tuple(torch.randn(graph.num_nodes, width) for width in (3, 4))
    logits = torch.randn(graph.num_nodes, 2)
    view = Teacher("made", logits, states, graph).at(nodes, nodes, graph.rows(nodes))
    assert torch.equal(view.logits, logits[nodes])
    for own, whole in zip(view.hidden, states, strict=True):
        assert torch.equal(own, whole[nodes])
    assert view.hidden[-1] is view.hidden[1] is view.hidden[1:][0] is view.state("hidden.1")
    with pytest.raises(IndexError):
        view.hidden[2]
    with torch.inference_mode():
        first = torch.tensor([0])
        assert not view.at(first, first, graph).hidden[0].is_inference(), "training may read it later"
    again = view.at(torch.tensor([1]), torch.tensor([1]), graph.rows(nodes[1:2]))
    assert torch.equal(again.hidden[0], states[0][nodes[1:2]])


def test_a_teacher_without_its_network_says_so(teacher: Teacher) -> None:
    assert torch.equal(teacher.state("hidden.-1"), teacher.hidden[-1])
    with pytest.raises(
        ValueError, match="teacher 'made-up' comes without its network, so that 'pooled' cannot be read"
    ):
        teacher.state("pooled")


class Before(KD):
    """Matches what the teacher and the student had before their last activation, through a trained map."""

    def setup(self) -> None:
        super().setup()
        self.student_states = ("preactivation.-1",)
        self.map = torch.nn.Linear(16, self.teachers[0].state("preactivation.-1").shape[1])

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        distance = self.map(student.state("preactivation.-1")) - batch.teacher.state("preactivation.-1")
        return {**super().loss(batch, student), "before": distance.square().mean()}


@pytest.mark.parametrize(("task", "kind", "size"), [(NODES, "mlp", 40), (NODES, "gnn", None), (GRAPHS, "gnn", 50)])
def test_a_method_reads_both_sides_by_name(
    task: str, kind: str, size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In mini-batches too; the teacher, shared by all trials of a process, is as it was, and inference taps nothing."""
    monkeypatch.setattr(METHODS, "load", lambda _: Before)
    case = Case("kd", task, kind)
    left = traces(case.example, case.info)
    run = case.trained(epochs=3, batch_size=size)
    method: Method[Any] = run.method
    with torch.inference_mode():
        assert not method.predict(case.example.problem.training.graph).states
    assert traces(case.example, case.info) == left
    method.train()
    batch = next(iter(method.batches(make_batches(method, case.configuration(batch_size=size), run.problem))))
    output = method(batch.graph)
    assert method.student is not None
    assert torch.equal(torch.relu(output.state("preactivation.-1")), output.hidden[-1])
    with pytest.raises(ValueError, match=r"the student's 'preactivation.0' was not asked for; did you mean 'preact"):
        output.state("preactivation.0")


def test_the_second_trial_of_a_teacher_reads_nothing_anew() -> None:
    case = Case("lsp", NODES, "gnn", "official_code")
    teacher = case.example.teacher
    problem = case.example.problem
    build(case.configuration(), problem, (teacher,))
    passes: list[int] = []
    assert teacher.model is not None
    handle = teacher.model.register_forward_pre_hook(lambda *given: passes.append(1))
    list(train(case.configuration(epochs=2), [0], lambda _: problem, lambda _: (teacher,)))
    handle.remove()
    assert not passes
