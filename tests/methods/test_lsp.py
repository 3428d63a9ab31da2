"""LSP against distributions worked out by hand, and what it keeps against what it would recompute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp, log
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.data.loaders.generated.unions import multi_sbm
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.perf.references import lsp as reference
from graph_distillery.bench.sweeps.driver import configuration as configuration_of
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import read_spec
from graph_distillery.bench.training.engine import Configuration, build, make_batches, parse_hyperparameters, train
from graph_distillery.bench.training.problem import ProblemKey, divide
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.methods.contract import (
    Batch,
    Context,
    Method,
    OptimiserSettings,
    Output,
    Teacher,
    TrainingData,
)
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.losses.local_structure import (
    log_distribution,
    neighbourhoods,
    similarity,
    structure_divergence,
)
from graph_distillery.methods.lsp.method import LSP
from graph_distillery.methods.tasks.registry import make_task

KERNELS = ["linear", "polynomial", "rbf", "l2", "l1"]
DIRECTIONS = ["student-teacher", "teacher-student"]
PATH = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])  # 0 - 1 - 2 - 3


def undirected(*pairs: tuple[int, int]) -> Tensor:
    return torch.tensor([[*pair] for pair in pairs] + [[b, a] for a, b in pairs]).t()


def divergence(
    kernel: Any, direction: Any, student: Tensor, teacher: Tensor, places: SparseMatrix, **more: Any
) -> float:
    one, other = (log_distribution(similarity(kernel, states, places, **more), places) for states in (student, teacher))
    return structure_divergence(one, other, places, direction).item()


# By hand: a path of four nodes, where the student's node 1 alone is not 0 and the teacher's states are all equal, so
# that its distributions are uniform. Each kernel's state is chosen such that exp(SIM) takes the values 1 and 2 alone.

LN2 = log(2)
ONE_PEAK = [[1 / 4, 1 / 2, 1 / 4]]  # linear, polynomial: only node 1 is like itself; all other rows stay uniform
NEAR = [[2 / 3, 1 / 3], [1 / 4, 1 / 2, 1 / 4], [1 / 5, 2 / 5, 2 / 5]]  # exp(rbf), exp(l1): 2 for equals, 1 for others
FAR = [[1 / 3, 2 / 3], [2 / 5, 1 / 5, 2 / 5], [2 / 4, 1 / 4, 1 / 4]]  # exp(l2): 1 for equals, 2 for others
BY_HAND: dict[str, tuple[float, dict[str, float], list[list[float]]]] = {
    "linear": (LN2**0.5, {}, ONE_PEAK),
    "polynomial": (LN2**0.25, {}, ONE_PEAK),
    "rbf": ((-200 * log(1 - LN2)) ** 0.5, {}, NEAR),
    "l2": (LN2**0.5, {}, FAR),
    "l1": (-100 * log(1 - LN2), {}, NEAR),
    # (z z + 1)^3 is 1 where either is 0, and 1 + ln 2 at node 1 itself
    "polynomial, offset 1, degree 3": (((1 + LN2) ** (1 / 3) - 1) ** 0.5, {"offset": 1.0, "degree": 3}, ONE_PEAK),
}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("case", BY_HAND)
def test_by_hand_on_four_nodes(case: str, direction: str) -> None:
    value, more, rows = BY_HAND[case]
    student = torch.tensor([[0.0], [value], [0.0], [0.0]], dtype=torch.float64)
    teacher = torch.full((4, 1), 0.7, dtype=torch.float64)
    places = neighbourhoods(4, PATH, dtype=torch.float64)
    if direction == "student-teacher":
        expected = sum(p * log(p * len(row)) for row in rows for p in row) / 4
    else:
        expected = sum(-log(p * len(row)) / len(row) for row in rows for p in row) / 4
    found = divergence(case.split(",", maxsplit=1)[0], direction, student, teacher, places, **more)
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_linear_kernel_in_figures() -> None:
    """p = (1/4, 1/2, 1/4) against a third each: ln 3 - 1.5 ln 2 one way, ln(32/27) / 3 the other; over four nodes."""
    states = torch.tensor([[0.0], [LN2**0.5], [0.0], [0.0]], dtype=torch.float64)
    uniform, places = torch.zeros(4, 1, dtype=torch.float64), neighbourhoods(4, PATH, dtype=torch.float64)
    assert divergence("linear", "student-teacher", states, uniform, places) == pytest.approx(0.0147229, abs=1e-7)
    assert divergence("linear", "teacher-student", states, uniform, places) == pytest.approx(0.0141583, abs=1e-7)


def by_loops(kernel: str, states: Tensor, edges: set[tuple[int, int]]) -> list[dict[int, float]]:
    """The structure of every node, read off the definition."""
    kernels: dict[str, Callable[[Tensor, Tensor], float]] = {
        "linear": lambda a, b: float(a @ b),
        "polynomial": lambda a, b: float(a @ b) ** 2,
        "rbf": lambda a, b: exp(-float(((a - b) ** 2).sum()) / 200),
        "l2": lambda a, b: float(((a - b) ** 2).sum()),
        "l1": lambda a, b: exp(-float((a - b).abs().sum()) / 100),
    }
    found = []
    for node in range(len(states)):
        near = {source for source, target in edges if target == node} | {node}
        weights = {other: exp(kernels[kernel](states[node], states[other])) for other in near}
        found.append({other: weight / sum(weights.values()) for other, weight in weights.items()})
    return found


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_equals_its_definition_on_a_directed_graph_and_has_its_gradient(kernel: Any, direction: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(7, width, generator=generator, dtype=torch.float64) for width in (3, 5))
    edges = {(0, 1), (2, 1), (3, 1), (1, 0), (4, 5), (5, 4), (6, 4)}
    places = neighbourhoods(7, torch.tensor(sorted(edges)).t(), dtype=torch.float64)
    one, other = by_loops(kernel, student, edges), by_loops(kernel, teacher, edges)
    if direction == "teacher-student":
        one, other = other, one
    expected = sum(p * log(p / q[node]) for row, q in zip(one, other, strict=True) for node, p in row.items()) / 7
    assert divergence(kernel, direction, student, teacher, places) == pytest.approx(expected, rel=1e-9)

    target = log_distribution(similarity(kernel, teacher, places), places)

    def term(states: Tensor) -> Tensor:
        return structure_divergence(
            log_distribution(similarity(kernel, states, places), places), target, places, direction
        )

    assert torch.autograd.gradcheck(term, (student.requires_grad_(),))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_equal_states_cost_nothing_and_others_do(kernel: Any, direction: Any) -> None:
    states = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    places = neighbourhoods(4, PATH)
    assert divergence(kernel, direction, states, states.clone(), places) == 0
    assert divergence(kernel, direction, states, states.flip(0) * 2, places) > 0


@pytest.mark.parametrize("kernel", ["linear", "polynomial", "l2"])
def test_large_states_stay_finite(kernel: Any) -> None:
    states = 1e4 * torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    places = neighbourhoods(4, PATH)
    student = states.flip(0).requires_grad_()
    own = log_distribution(similarity(kernel, student, places), places)
    target = log_distribution(similarity(kernel, states, places), places)
    term = structure_divergence(own, target, places, "student-teacher")
    term.backward()
    assert torch.isfinite(term)
    assert torch.isfinite(student.grad).all()


def test_l1_in_blocks_is_l1_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    states = torch.randn(4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64).requires_grad_()
    places = neighbourhoods(4, PATH, dtype=torch.float64)
    weights = torch.arange(places.nonzeros, dtype=torch.float64)
    results = []
    for block in (1 << 20, 12):  # everything; two arcs
        monkeypatch.setattr("graph_distillery.methods.losses.local_structure._BLOCK", block)
        found = similarity("l1", states, places)
        results.append((found, *torch.autograd.grad(found @ weights, states)))
    torch.testing.assert_close(results[0], results[1])


# Unions, on three nodes


class Fixed(nn.Module):
    """A model whose states, and the arcs it read, are given."""

    def __init__(self, states: Tensor, *edges: Tensor) -> None:
        super().__init__()
        self.states, self.edges = nn.Parameter(states), edges

    def forward(self, graph: Graph) -> Output:
        return Output(self.states[:, :1].expand(-1, 2), (self.states,), edges=self.edges)


def on_three_nodes(own: tuple[Tensor, ...], of_teacher: tuple[Tensor, ...], of_graph: Tensor) -> float:
    """The linear structure term for the states 0, sqrt(ln 2), sqrt(ln 2), and a teacher whose states are all 0."""
    graph = Graph(torch.zeros(3, 1), of_graph, torch.tensor([0, 3]))
    data = TrainingData(graph, make_task("node-classification", 2), torch.tensor([0]), torch.tensor([0]))
    teacher = Teacher("made-up", torch.zeros(3, 2), (torch.zeros(3, 1),), graph, edges=of_teacher)
    root = LN2**0.5
    context = Context(
        data.task,
        1,
        data,
        (teacher,),
        lambda _: Fixed(torch.tensor([[0.0], [root], [root]]), *own),
        OptimiserSettings(),
    )
    method = LSP(LSP.Hyperparameters(kernel="linear", weight=1.0), context)  # type: ignore[arg-type]
    batch = Batch(graph, torch.arange(3), data.labelled, data.labels, (teacher,))
    return method.loss(batch, method(graph))["structure"].item()


NONE, SECOND = torch.empty(2, 0, dtype=torch.long), undirected((1, 2))
FIRST = undirected((0, 1))
KL_2_1 = 2 / 3 * log(4 / 3) + 1 / 3 * log(2 / 3)  # (2/3, 1/3) against (1/2, 1/2)
KL_1_2_2 = log(3) - (log(5) - 4 / 5 * log(2))  # (1/5, 2/5, 2/5) against a third each


@pytest.mark.parametrize(
    ("own", "of_teacher", "of_graph", "expected"),
    [
        # Node 0 is 0 and stays uniform everywhere. exp(SIM) is 2 between 1 and 2 and with themselves.
        ((), (), FIRST, KL_2_1 / 3),  # row 1: (0: 1, 1: 2); row 2 alone
        ((), (), SECOND, 0.0),  # rows 1 and 2: 2 and 2
        ((FIRST,), (SECOND,), NONE, KL_1_2_2 / 3),  # the union of both: row 1 is (1, 2, 2), row 2 is (2, 2)
        ((FIRST,), (FIRST,), SECOND, KL_2_1 / 3),  # the graph's own arcs play no part where both have theirs
        ((FIRST,), (), SECOND, KL_1_2_2 / 3),  # a teacher without arcs of its own read the graph's
        ((), (SECOND,), FIRST, KL_1_2_2 / 3),
    ],
)
def test_union_of_edge_sets(
    own: tuple[Tensor, ...], of_teacher: tuple[Tensor, ...], of_graph: Tensor, expected: float
) -> None:
    assert on_three_nodes(own, of_teacher, of_graph) == pytest.approx(expected, abs=1e-7)


def test_self_edges_and_the_union_are_places_once() -> None:
    places = neighbourhoods(3, torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0, 1, 2], [1, 2, 2]]))
    pairs = list(zip(places.row_of_entry.tolist(), places.columns.tolist(), strict=True))
    assert pairs == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (2, 2)]


# What is kept


def method_on(
    task: str, student: str, variant: str = "paper", **training: Any
) -> tuple[Method[Any], Any, Configuration]:
    example = problem_for(task)
    values = {"layers": 2, "hidden": 16, **training}
    configuration = Configuration("lsp", variant, student=student, student_hyper=values)
    return build(configuration, example.problem, (example.teacher,)), example, configuration


@pytest.mark.parametrize("variant", ["paper", "gcrd"])
@pytest.mark.parametrize(
    ("task", "student", "size"),
    [
        ("node-classification", "sage", None),
        ("node-classification", "mlp", 60),
        ("node-multilabel", "sage", 2),
        ("graph-classification", "gcn", 7),
    ],
)
def test_what_is_kept_is_what_would_be_recomputed(task: str, student: str, size: int | None, variant: str) -> None:
    """In whole graphs, parts of one, and mini-batches of many; and the teacher's states are read once."""
    method, example, configuration = method_on(task, student, variant, batch_size=size)
    batches = list(method.batches(make_batches(method, configuration, example.problem)))
    for batch in batches[:3]:
        arcs, more = batch.graph.edge_index, {"sigma": 100.0}
        if variant == "gcrd":
            labelled = torch.isin(arcs, batch.labelled).all(dim=0) | (task == "graph-classification")
            arcs, more = arcs[:, labelled], {"sigma": 1.0}
        places = neighbourhoods(batch.graph.num_nodes, arcs, loops=variant == "paper")
        state = method(batch.graph).hidden[-1]
        own, target = (
            log_distribution(similarity("rbf", states, places, **more), places)
            for states in (state, batch.teacher.hidden[-1])
        )
        if variant == "gcrd":
            expected = 100 * structure_divergence(own, target, places, "teacher-student", "arcs")
        else:
            expected = 100 * structure_divergence(own, target, places, "student-teacher")
        kept = method.loss(batch, method(batch.graph))["structure"]
        torch.testing.assert_close(kept, expected, atol=2e-6, rtol=1e-4)
        method.teacher_states = torch.full_like(method.teacher_states, torch.nan)  # not read again


def test_the_window_ends() -> None:
    method, example, configuration = method_on("node-classification", "sage")
    batch = next(iter(method.batches(make_batches(method, configuration, example.problem))))
    windowed = build(replace(configuration, method_hyper={"window": 2}), example.problem, (example.teacher,))
    acting = []
    for epoch in range(4):
        windowed.on_epoch_start(epoch)
        acting.append("structure" in windowed.loss(batch, windowed(batch.graph)))
    assert acting == [True, True, False, False]
    method.on_epoch_start(10_000)
    assert "structure" in method.loss(batch, method(batch.graph))


def test_official_code_is_its_own_settings_on_states_before_the_activation() -> None:
    """PPI's pair in small: student layer 2 of 0..3, teacher layer 1 of 0..1, both GAT."""
    example = problem_for("node-multilabel")
    data = example.problem.training
    torch.manual_seed(0)
    network = build_model(
        "gat", data.graph.num_features, data.task.num_classes, {"layers": 3, "hidden": 12, "heads": 4}
    )
    network.eval().requires_grad_(False)
    output = network(data.graph)
    teacher = Teacher("gat", output.logits, output.hidden, data.graph, network)
    hyper = {"layers": 5, "hidden": 6, "heads": 2}
    configuration = Configuration("lsp", "official_code", {"student_layer": 2, "teacher_layer": 1}, "gat", hyper)
    method = build(configuration, example.problem, (teacher,))
    assert (method.kernel, method.direction, method.weight, method.window) == ("l1", "teacher-student", 1.0, 30)
    batch = next(iter(method.batches(make_batches(method, configuration, example.problem))))
    student = method(batch.graph)
    before = student.state("preactivation.2")
    torch.testing.assert_close(torch.nn.functional.elu(before), student.hidden[2])
    places = neighbourhoods(data.graph.num_nodes, data.graph.edge_index)
    teacher_before = network.layers[1](data.graph, output.hidden[0])
    own, target = (log_distribution(similarity("l1", s, places), places) for s in (before, teacher_before))
    expected = structure_divergence(own, target, places, "teacher-student")
    torch.testing.assert_close(method.loss(batch, student)["structure"], expected)


@pytest.mark.parametrize("values", [{"kernel": "gaussian"}, {"direction": "both"}, {"weight": -1}, {"window": -3}])
def test_bad_settings_are_refused_in_one_line(values: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        parse_hyperparameters(LSP, "lsp", values)
    assert "\n" not in str(caught.value)
    assert next(iter(values)) in str(caught.value)


def test_a_layer_that_is_not_there_is_named() -> None:
    example = problem_for("node-classification")
    configuration = Configuration("lsp", method_hyper={"teacher_layer": 3}, student="sage")
    with pytest.raises(ValueError, match="teacher_layer 3: the teacher has 1 hidden states"):
        build(configuration, example.problem, (example.teacher,))


def test_the_reference_of_the_speed_measurement_computes_the_same() -> None:
    torch.manual_seed(0)
    states = torch.randn(6, 4, dtype=torch.float64)
    edges = torch.tensor([[0, 1, 2, 3, 3], [1, 0, 1, 4, 1]])
    places = neighbourhoods(6, edges, dtype=torch.float64)
    arcs = torch.stack([places.columns, places.row_of_entry])
    kept = log_distribution(similarity("l1", states, places), places).exp()
    torch.testing.assert_close(reference.local_structure(states, arcs), kept)
    count = sum(p.numel() for p in reference.StockGAT(50, 121, 3, 256, 4, 6).parameters())
    assert count == 3_640_748 - 5 * 1024 * 121  # the output's residual is one map for its six heads


@pytest.mark.parametrize("spec", ["lsp-ppi", "lsp-ppi-standin"])
def test_the_released_pair_as_its_specs_ask_for_it(spec: str) -> None:
    """The published numbers of parameters, and a few epochs of the stand-in's shape on smaller graphs."""
    folder = Path(__file__).resolve().parents[2] / "bench/specs"
    plan = make_plan(read_spec(folder / f"{spec}.yaml"))
    (cell,) = (cell for cell in plan.cells if cell.method.name == "lsp" and cell.variant == "official_code")
    asked = configuration_of(cell.method.name, cell.variant, cell.student, cell.defaults)
    values = {name.removeprefix("student."): value for name, value in plan.teachers[0].defaults.items()}
    of_teacher = Configuration("supervised", "paper", {}, "gat", values)
    for configuration, count in ((of_teacher, 3_640_748), (asked, 185_172)):
        model = build_model("gat", 50, 121, configuration.model_hyper)
        assert sum(p.numel() for p in model.parameters()) == count
        settings = configuration.settings
        assert (settings.lr, settings.weight_decay, settings.patience, settings.batch_size) == (0.005, 0.0, 0, 2)
    assert (of_teacher.settings.epochs, asked.settings.epochs) == (60, 500)
    if spec == "lsp-ppi":
        return
    dataset, split = make_split(multi_sbm(graphs=6, nodes=80, degree=10.0), "graphs", 0)
    assert (dataset.graph.num_features, dataset.num_classes) == (50, 121)
    problem, _ = divide(dataset, split, ProblemKey("multi-sbm", "graphs", "inductive"), 0)
    short = replace(of_teacher, student_hyper={**of_teacher.student_hyper, "epochs": 2})
    (trained,) = train(short, [0], lambda _: problem, lambda _: ())
    teacher = unpack_teacher(pack_teacher("0" * 16, trained, short), problem)
    short = replace(asked, student_hyper={**asked.student_hyper, "epochs": 3})
    (run,) = train(short, [0], lambda _: problem, lambda _: (teacher,))
    assert run.epochs == 3
    assert 0 < run.validation["micro_f1"] <= 1
