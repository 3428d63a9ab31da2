"""OAD against its equations, written out student by student."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.bench.training.judging import judge, predict_items
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Batch, Method, OptimiserSettings, TrainingData
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.losses.adversaries import DiscriminatorRing
from graph_distillery.methods.oad.method import OAD
from graph_distillery.methods.tasks.registry import make_task

Make = Callable[..., Method[Any]]
Softened = Callable[[Tensor, float], Tensor]


@pytest.fixture
def batch(data: TrainingData) -> Batch:
    return Batch(data.graph, torch.arange(data.num_items), data.labelled, data.labels)


def divergences(logits: Tensor, tau: float, softened: Softened) -> list[Tensor]:
    """Per student: KL from the mean of the others' logits, added up over items. logits: [students, items, classes]."""
    found = []
    for i, own in enumerate(logits):
        others = torch.stack([other for j, other in enumerate(logits) if j != i]).mean(0).detach()
        p, q = softened(others, tau), softened(own, tau)
        found.append((p * (p / q).log()).sum())
    return found


# Knowledge of the group


@pytest.mark.parametrize("students", [2, 4])
def test_official_scaling_is_the_batch_mean_over_items_and_classes(
    make: Make, softened: Softened, students: int
) -> None:
    """tau^2 KL with "mean" reduction, divided by N again: tau^2 sum KL / (N^2 C). On Cora 980 times smaller."""
    paper, official = (make(OAD, variant, students=students, tau=3.0) for variant in ("paper", "official_code"))
    logits = 5 * torch.randn(students, 140, 7, generator=torch.Generator().manual_seed(0))
    total = torch.stack(divergences(logits, 3.0, softened)).sum()
    torch.testing.assert_close(paper.group_term(logits), 9 * total / 140)
    torch.testing.assert_close(official.group_term(logits), 9 * total / (140 * 140 * 7))
    assert float(paper.group_term(logits) / official.group_term(logits)) == pytest.approx(980)


def test_the_others_are_constants(make: Make, softened: Softened) -> None:
    """Each student's gradient is that of its own term alone."""
    method = make(OAD, students=3, tau=2.0)
    logits = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
    (gradient,) = torch.autograd.grad(method.group_term(logits), logits)
    for i, own in enumerate(divergences(logits, 2.0, softened)):
        (alone,) = torch.autograd.grad(4 * own / 6, logits, retain_graph=True)
        torch.testing.assert_close(gradient[i], alone[i])


def test_students_that_agree_teach_nothing(make: Make) -> None:
    logits = torch.randn(1, 6, 4, generator=torch.Generator().manual_seed(2)).repeat(4, 1, 1)
    assert float(make(OAD).group_term(logits)) == pytest.approx(0, abs=1e-6)


def test_many_labels_are_as_many_coins_and_one_softmax_in_the_released_code(make: Make) -> None:
    logits = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(3))
    found = {}
    for variant in ("paper", "official_code"):
        method = make(OAD, variant, students=2, tau=1.0)
        method.context = replace(method.context, task=make_task("node-multilabel", 3))
        found[variant] = method.group_term(logits)
    p, q = torch.sigmoid(logits.flip(0)), torch.sigmoid(logits)
    coins = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    torch.testing.assert_close(found["paper"], coins.sum() / (5 * 3))
    p, q = logits.flip(0).softmax(-1), logits.softmax(-1)
    torch.testing.assert_close(found["official_code"], (p * (p / q).log()).sum() / (5 * 5 * 3))


# The ring


def dense_scores(ring: DiscriminatorRing, which: int, graph: Graph, states: Tensor) -> Tensor:
    """Scores of one discriminator by dense products. states: [nodes, width]."""
    adjacency = torch.zeros(graph.num_nodes, graph.num_nodes)
    adjacency[graph.edge_index[1], graph.edge_index[0]] = 1
    if ring.self_loops:
        adjacency += torch.eye(graph.num_nodes)
    scale = adjacency.sum(1).clamp(min=1).rsqrt()
    adjacency = scale[:, None] * adjacency * scale
    for depth, (weight, bias) in enumerate(zip(ring.weights, ring.biases, strict=True)):
        states = adjacency @ (states.relu() if depth else states) @ weight[which] + bias[which]
    return (states.relu() if ring.rectified else states).squeeze(1)


@pytest.fixture
def irregular() -> Graph:
    """A star of three leaves, a pair, and a node alone."""
    ends = torch.tensor([[0, 0, 0, 4], [1, 2, 3, 5]])
    return Graph.build(torch.ones(7, 1), torch.cat([ends, ends.flip(0)], dim=1))


@pytest.mark.parametrize("widths", [[3, 1], [3, 5, 1]])
@pytest.mark.parametrize(("rectified", "self_loops"), [(False, True), (True, False)])
def test_each_discriminator_is_a_network_of_its_own(
    irregular: Graph, widths: list[int], rectified: bool, self_loops: bool
) -> None:
    torch.manual_seed(4)
    ring = DiscriminatorRing(3, widths, rectified, self_loops)
    for bias in ring.biases:
        torch.nn.init.normal_(bias)
    states = torch.randn(3, 7, 3)
    real = [dense_scores(ring, i, irregular, states[i]) for i in range(3)]
    fake = [dense_scores(ring, i, irregular, states[(i + 2) % 3]) for i in range(3)]
    torch.testing.assert_close(ring(irregular, states), torch.stack(real))
    one, nought = torch.ones(7), torch.zeros(7)
    bce = F.binary_cross_entropy
    caught = sum(bce(r.sigmoid(), one) + bce(f.sigmoid(), nought) for r, f in zip(real, fake, strict=True))
    torch.testing.assert_close(ring.discriminator_loss(irregular, states), caught)
    torch.testing.assert_close(ring.generator_loss(irregular, states), sum(bce(f.sigmoid(), one) for f in fake))
    if rectified:  # what the paper's variant leaves out: nothing can be called fake
        assert (ring(irregular, states).sigmoid() >= 0.5).all()


def test_fooling_the_ring_teaches_it_nothing(irregular: Graph) -> None:
    torch.manual_seed(5)
    ring = DiscriminatorRing(2, [3, 4, 1], False, True)
    states = torch.randn(2, 7, 3, requires_grad=True)
    ring.generator_loss(irregular, states).backward()
    assert all(parameter.grad is None for parameter in ring.parameters())
    assert states.grad is not None
    assert (states.grad.abs().sum((1, 2)) > 0).all()


# Steps


def descent(method: Method[Any]) -> GradientUpdate:
    """Plain gradient descent in place of the two Adams."""
    parts = [method.group] if method.ring is None else [method.group, [method.ring]]
    return GradientUpdate([torch.optim.SGD([p for one in part for p in one.parameters()], lr=0.1) for part in parts])


def test_a_step_is_the_discriminators_step_and_then_the_students(make: Make, batch: Batch, softened: Softened) -> None:
    """All three terms at weights other than one; the students face the discriminators as they are after their step."""
    method = make(OAD, students=3, kd_weight=0.7, adversarial_weight=0.3, discriminator_weight=2.0, tau=2.0)
    twin = copy.deepcopy(method)
    terms = method.step(batch, descent(method))

    outputs = [student(batch.graph) for student in twin.group]
    hidden = torch.stack([output.hidden[-1] for output in outputs])
    caught = 2.0 * twin.ring.discriminator_loss(batch.graph, hidden.detach())
    gradients = torch.autograd.grad(caught, list(twin.ring.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(twin.ring.parameters(), gradients, strict=True):
            parameter -= 0.1 * gradient
    labels = sum(F.cross_entropy(output.logits[batch.labelled], batch.labels) for output in outputs)
    logits = torch.stack([output.logits[batch.labelled] for output in outputs])
    others = 0.7 * 4 * sum(divergences(logits, 2.0, softened)) / batch.labels.numel()
    fooled = 0.3 * twin.ring.generator_loss(batch.graph, hidden)
    students = [parameter for student in twin.group for parameter in student.parameters()]
    gradients = torch.autograd.grad(labels + others + fooled, students)
    with torch.no_grad():
        for parameter, gradient in zip(students, gradients, strict=True):
            parameter -= 0.1 * gradient

    expected = {"labels": labels, "others": others, "adversarial": fooled, "discriminators": caught}
    assert terms.keys() == expected.keys()
    for name, term in terms.items():
        torch.testing.assert_close(term, expected[name].detach(), msg=name)
    for (name, moved), (_, by_hand) in zip(method.named_parameters(), twin.named_parameters(), strict=True):
        torch.testing.assert_close(moved, by_hand, msg=name)


@pytest.mark.parametrize("ablated", [True, False])
def test_without_distillation_each_student_learns_alone(make: Make, batch: Batch, ablated: bool) -> None:
    """Both weights 0, or the warm-up: m students that never heard of each other."""
    method = make(OAD, kd_weight=0.0, adversarial_weight=0.0) if ablated else make(OAD)
    alone = copy.deepcopy(list(method.group))
    update = GradientUpdate(method.optimizers(OptimiserSettings(lr=0.01, weight_decay=0.1)))
    for epoch in range(3):
        method.on_epoch_start(epoch)
        assert method.step(batch, update).keys() == {"labels"}
    for student, one in zip(method.group, alone, strict=True):
        adam = torch.optim.Adam(one.parameters(), lr=0.01, weight_decay=0.1)
        for _ in range(3):
            adam.zero_grad()
            F.cross_entropy(one(batch.graph).logits[batch.labelled], batch.labels).backward()
            adam.step()
        for here, there in zip(student.parameters(), one.parameters(), strict=True):
            torch.testing.assert_close(here, there)


def test_students_start_apart(make: Make) -> None:
    first, *others = [torch.cat([p.flatten() for p in student.parameters()]) for student in make(OAD).group]
    assert len(others) == 3
    assert not any(torch.allclose(first, other) for other in others)


def test_only_the_students_decay(make: Make) -> None:
    settings = OptimiserSettings(lr=0.02, weight_decay=0.1)
    students, ring = make(OAD).optimizers(settings)
    assert [(one.defaults["lr"], one.defaults["weight_decay"]) for one in (students, ring)] == [(0.02, 0.1), (0.02, 0)]


# Schedule


@pytest.mark.parametrize(
    ("task", "ramp", "after"),
    [
        ("node-classification", "many-graphs", [(1.0, 1.0)] * 4),
        ("node-classification", "always", [(1.0, 0.0), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75)]),
        ("node-multilabel", "many-graphs", [(1.0, 0.0), (0.75, 0.25), (0.5, 0.5), (0.25, 0.75)]),
        ("node-multilabel", "never", [(1.0, 1.0)] * 4),
    ],
)
def test_warm_up_and_ramp(task: str, ramp: str, after: list[tuple[float, float]]) -> None:
    settings = {"hidden": 4, "epochs": 8}
    method = build(Configuration("oad", "paper", {"ramp": ramp}, "gcn", settings), problem_for(task).problem, ())
    found = []
    for epoch in range(8):
        method.on_epoch_start(epoch)
        found.append(method.weights())
    assert found == [(1.0, 0.0)] * 4 + after
    assert [method.may_be_kept(epoch) for epoch in range(8)] == [False] * 4 + [True] * 4


def test_the_released_code_forgets_adams_state_once_and_on_many_graphs_alone() -> None:
    for task, variant, forgets in (
        ("node-multilabel", "official_code", True),
        ("node-multilabel", "paper", False),
        ("node-classification", "official_code", False),
    ):
        problem = problem_for(task).problem
        configuration = Configuration("oad", variant, {}, "gcn", {"hidden": 4, "epochs": 6})
        method = build(configuration, problem, ()).train()
        update = GradientUpdate(method.optimizers(configuration.settings))
        steps = []
        data = problem.training
        whole = Batch(data.graph, torch.arange(data.num_items), data.labelled, data.labels)
        for epoch in range(6):
            method.on_epoch_start(epoch)
            method.step(whole, update)
            steps.append(int(next(iter(update.optimizers[0].state.values()))["step"]))
        assert steps == ([1, 2, 3, 1, 2, 3] if forgets else [1, 2, 3, 4, 5, 6])


# Judgement and refusals


@pytest.mark.parametrize("variant", ["paper", "official_code"])
@pytest.mark.parametrize("student", ["gcn", "gat", "sage"])
def test_the_mean_of_the_students_is_judged_and_the_best_in_the_released_code(student: str, variant: str) -> None:
    problem = problem_for("node-classification").problem
    method = build(Configuration("oad", variant, {}, student, {"hidden": 8}), problem, ()).eval()
    items, labels = problem.validation.items, problem.validation.labels
    with torch.no_grad():
        each = [(one(problem.validation.graph).logits[items].argmax(1) == labels) for one in method.group]
        first = method.group[0](problem.validation.graph).logits[items]
    accuracies = torch.stack(each).double().mean(1)
    assert accuracies.unique().numel() > 1
    expected = accuracies.max() if variant == "official_code" else accuracies.mean()
    assert judge(method, problem, problem.validation)["accuracy"] == pytest.approx(float(expected))
    torch.testing.assert_close(predict_items(method, problem.validation)[0], first)


@pytest.mark.parametrize("students", [0, 1])
def test_a_group_needs_two(students: int) -> None:
    problem = problem_for("node-classification").problem
    with pytest.raises(UserError, match="method 'oad': students: Input should be greater than or equal to 2") as caught:
        build(Configuration("oad", "paper", {"students": students}, "gcn"), problem, ())
    assert "\n" not in str(caught.value)


def test_the_ring_needs_a_hidden_state_and_the_ablation_none() -> None:
    problem = problem_for("node-classification").problem
    with pytest.raises(ValueError, match="student_layer -1: the student has 0 hidden states"):
        build(Configuration("oad", "paper", {}, "gcn", {"layers": 1}), problem, ())
    method = build(Configuration("oad", "paper", {"adversarial_weight": 0.0}, "gcn", {"layers": 1}), problem, ())
    assert method.ring is None
