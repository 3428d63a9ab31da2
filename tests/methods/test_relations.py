"""RKD, SP, GSP and G-CRD against their formulas written out, and against what must not move them."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.methods.losses.relations import (
    angle_relation,
    contrastive,
    distance_relation,
    global_structure,
    similarity_preserving,
    squared_distances,
)

KERNELS = ("cosine", "poly", "l2", "rbf")


def drawn(rows: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rotation(width: int) -> Tensor:
    found, _ = torch.linalg.qr(drawn(width, width, 9))
    return found


def test_similarity_preserving_without_the_matrix_is_the_formula() -> None:
    student, teacher = drawn(40, 6), drawn(40, 11, 1)
    student[3] = 0  # as a node whose units are all silent
    student.requires_grad_()
    grams = [F.normalize(states @ states.T) for states in (student, teacher)]
    expected = (grams[0] - grams[1]).square().sum() / 40**2
    found = similarity_preserving(student, teacher)
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    slopes = [torch.autograd.grad(loss, student, retain_graph=True)[0] for loss in (found, expected)]
    others = torch.arange(40) != 3  # the formula's own slope at a state of zeros divides 0 by 0's stand-in
    assert torch.allclose(slopes[0][others], slopes[1][others], atol=1e-14)


def test_what_scale_and_rotation_do() -> None:
    """SP and RKD see neither on one side, the cosine kernel not even a scale a row; a shift is nothing to RKD."""
    states, other = drawn(30, 8), drawn(30, 5, 1)
    moved = 3.7 * states @ rotation(8)
    assert similarity_preserving(states, moved).item() == pytest.approx(0, abs=1e-15)
    assert distance_relation(states, moved + 11.0).item() == pytest.approx(0, abs=1e-15)
    assert angle_relation(states, moved + 11.0).item() == pytest.approx(0, abs=1e-15)
    by_row = moved * torch.linspace(0.1, 9, 30, dtype=torch.float64)[:, None]
    for kernel in ("cosine", "poly"):
        one, another = (global_structure(kernel, each, other).item() for each in (states, by_row))  # type: ignore[arg-type]
        assert one == pytest.approx(another, rel=1e-12)


def test_rkd_by_hand_on_a_right_triangle() -> None:
    """Sides 3, 4, 5 against a line 0, 1, 2; the mean of the ordered distances is 4 and 4/3."""
    triangle = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]], dtype=torch.float64)
    line = torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64)
    gaps = [3 / 4 - 3 / 4, 1 - 6 / 4, 5 / 4 - 3 / 4]  # sides 01, 02, 12
    assert distance_relation(triangle, line).item() == pytest.approx(sum(g * g for g in gaps) / 9, rel=1e-9)
    # cosines between different directions: at the corners 0, 1, 2; on the line 1, -1, 1
    corners = [(0.0, 1.0), (3 / 5, -1.0), (4 / 5, 1.0)]
    losses = [abs(a - b) - 0.5 if abs(a - b) >= 1 else (a - b) ** 2 / 2 for a, b in corners]
    assert angle_relation(triangle, line).item() == pytest.approx(2 * sum(losses) / 27, rel=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
def test_global_structure_by_products_is_that_of_the_differences(kernel: str) -> None:
    student, teacher = drawn(25, 4).requires_grad_(), drawn(25, 9, 1)

    def written_out(states: Tensor) -> Tensor:
        unit = F.normalize(states)
        apart = (states[None] - states[:, None]).square().sum(dim=2)
        kernels = {
            "cosine": unit @ unit.T,
            "poly": (unit @ unit.T) ** 2,
            "l2": (apart + 1e-12 * (apart == 0)).sqrt(),
            "rbf": torch.exp(-apart / 2),
        }
        return kernels[kernel]

    expected = F.mse_loss(written_out(student), written_out(teacher))
    found = global_structure(kernel, student, teacher)  # type: ignore[arg-type]
    assert found.item() == pytest.approx(expected.item(), rel=1e-9)
    slopes = [torch.autograd.grad(loss, student, retain_graph=True)[0] for loss in (found, expected)]
    assert torch.allclose(slopes[0], slopes[1], atol=1e-9)


@pytest.mark.parametrize(("apart", "value", "slope"), [(None, 1e-4, 1e-4), (0.1, 1e-3, 1e-4), (0.01, 5e-2, 1e-3)])
def test_structure_by_small_products_is_exact_enough_in_single_precision(
    apart: float | None, value: float, slope: float
) -> None:
    """Of 1,500 nodes, also where the states are nearly the same and their sums cancel."""
    student = drawn(1500, 128).relu()
    teacher = drawn(1500, 64, 1).relu() if apart is None else student + apart * drawn(1500, 128, 1)
    exact = student.clone().requires_grad_()
    cosines = [unit @ unit.T for unit in (F.normalize(exact), F.normalize(teacher))]
    expected = F.mse_loss(*cosines)
    single = student.float().requires_grad_()
    found = global_structure("cosine", single, teacher.float())
    assert found.item() == pytest.approx(expected.item(), rel=value)
    slopes = [torch.autograd.grad(loss, at)[0].double() for loss, at in ((expected, exact), (found, single))]
    assert float((slopes[0] - slopes[1]).norm() / slopes[0].norm()) < slope


def test_distances_far_from_the_origin_keep_their_digits() -> None:
    states = drawn(20, 3).float() + 1000
    exact = (states.double()[None] - states.double()[:, None]).square().sum(dim=2)
    assert torch.allclose(squared_distances(states).double(), exact, rtol=1e-3, atol=1e-4)


def test_contrastive_at_its_ends() -> None:
    """All alike: log m. Orthonormal and the same on both sides: log(1 + (m - 1) e^(-1 / t))."""
    assert contrastive(torch.ones(7, 3), torch.ones(7, 5)[:, :3], 0.05).item() == pytest.approx(log(7), rel=1e-6)
    unit = torch.eye(6, dtype=torch.float64)
    assert contrastive(4 * unit, unit, 0.5).item() == pytest.approx(log(1 + 5 * exp(-2)), rel=1e-12)


@pytest.mark.parametrize("name", ["rkd", "sp", "gsp", "gcrd", "kd+rkd", "kd+sp", "kd+gsp", "kd+gcrd"])
def test_a_step_is_the_formula_on_the_states_of_both(name: str) -> None:
    """On all nodes, with the method's own heads; the gradient reaches the student and no teacher."""
    example = problem_for("node-classification")
    method = build(Configuration(name, "paper", {}, "mlp", {"dropout": 0.0}), example.problem, (example.teacher,))
    method.train()
    (batch,) = list(make_batches(method, Configuration(name, "paper", {}, "mlp"), example.problem).epoch("observed"))
    output = method(batch.graph)
    torch.manual_seed(3)
    terms = method.loss(batch, output)
    hyper = method.hyper
    own, other = output.hidden[-1], batch.teacher.hidden[-1]
    base = name.removeprefix("kd+")
    if base in ("gsp", "gcrd"):
        own, other = method.of_student(own), method.of_teacher(other)
    torch.manual_seed(3)
    if base == "rkd":
        rows = torch.randperm(own.shape[0])[: hyper.nodes]
        own, other = own[rows], other[rows]
        expected = hyper.beta * (distance_relation(own, other) + hyper.angle_weight * angle_relation(own, other))
    elif base == "sp":
        expected = hyper.beta * similarity_preserving(own, other)
    elif base == "gsp":
        expected = hyper.beta * (10 if "kd" in name else 100) * global_structure("cosine", own, other)
    else:
        expected = hyper.beta * contrastive(own, other, hyper.temperature)
    assert terms["hint"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert ("teacher" in terms) == name.startswith("kd+")
    terms["hint"].backward()  # type: ignore[no-untyped-call]
    assert method.student is not None
    assert all(value.grad is None or bool(value.grad.isfinite().all()) for value in method.student.parameters())
    assert example.teacher.model is not None
    assert all(value.grad is None for value in example.teacher.model.parameters())


def test_the_convolved_head_reads_the_edges_of_the_batch() -> None:
    example = problem_for("node-classification")
    configuration = Configuration("gcrd", "paper", {"head": "gcn"}, "mlp")
    method = build(configuration, example.problem, (example.teacher,)).train()
    (batch,) = list(make_batches(method, configuration, example.problem).epoch("observed"))
    states, propagation = torch.randn(batch.graph.num_nodes, 128), batch.graph.propagation("gcn")
    other = batch.teacher.hidden[-1]
    embedded, _ = method.embed(states, other, batch)
    linear = method.of_student[0]
    by_hand = method.of_student[2](method.of_student[1](propagation.matmul(states @ linear.weight.T)))
    assert torch.allclose(embedded, by_hand, atol=1e-4)


def test_official_code_compares_labelled_nodes_alone() -> None:
    example = problem_for("node-classification")
    rows = {}
    for variant in ("paper", "official_code"):
        configuration = Configuration("gsp", variant, {"nodes": 50}, "mlp")
        method = build(configuration, example.problem, (example.teacher,))
        (batch,) = list(make_batches(method, configuration, example.problem).epoch("observed"))
        rows[variant] = method.rows(batch, batch.graph.num_nodes)
        labelled = set(batch.labelled.tolist())
    assert {name: len(set(found.tolist())) for name, found in rows.items()} == {"paper": 50, "official_code": 50}
    assert set(rows["official_code"].tolist()) <= labelled
    assert not set(rows["paper"].tolist()) <= labelled


@pytest.mark.parametrize("name", ["gsp", "gcrd", "kd+gsp"])
def test_official_code_compares_nothing_in_a_batch_without_a_label(name: str) -> None:
    example = problem_for("node-classification")
    method = build(Configuration(name, "official_code", {}, "mlp"), example.problem, (example.teacher,)).train()
    (whole,) = list(make_batches(method, Configuration(name, student="mlp"), example.problem).epoch("observed"))
    batch = replace(whole, labelled=whole.labelled[:0], labels=whole.labels[:0])
    terms = method.loss(batch, method(batch.graph))
    assert "hint" not in terms
    assert all(bool(term.isfinite()) for term in terms.values())
