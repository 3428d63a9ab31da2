"""LSP in the form of G-CRD's tables, by hand and arc by arc."""

from __future__ import annotations

from math import exp, log
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Context, OptimiserSettings, Output, Teacher, TrainingData
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.losses.local_structure import (
    Kernel,
    gcrd_similarity,
    log_distribution,
    neighbourhoods,
    structure_divergence,
)
from graph_distillery.methods.lsp.method import LSP
from graph_distillery.methods.tasks.registry import make_task

LN2 = log(2)
PATH = torch.tensor([[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]])  # 0 - 1 - 2 - 3


class Fixed(nn.Module):
    """A student whose states are given."""

    def __init__(self, states: Tensor) -> None:
        super().__init__()
        self.states = nn.Parameter(states)

    def forward(self, graph: Graph) -> Output:
        return Output(self.states[:, :1].expand(-1, 2), (self.states,))


def gcrd_term(student: Tensor, teacher: Tensor, edges: Tensor, labelled: list[int], **hyper: Any) -> Tensor:
    """The structure term of `gcrd` on one graph of nodes, for states of student and teacher."""
    nodes, own = len(student), Fixed(student)
    graph = Graph(torch.zeros(nodes, 1, dtype=student.dtype), edges, torch.tensor([0, nodes]))
    data = TrainingData(
        graph, make_task("node-classification", 2), torch.tensor(labelled), torch.zeros(len(labelled)).long()
    )
    taught_by = Teacher("made-up", torch.zeros(nodes, 2), (teacher,), graph)
    context = Context(data.task, 1, data, (taught_by,), lambda _: own, OptimiserSettings(), variant="gcrd")  # type: ignore[arg-type]
    method = LSP(LSP.Hyperparameters(**hyper), context)
    batch = Batch(graph, torch.arange(nodes), data.labelled, data.labels, (taught_by,))
    return method.loss(batch, method(graph))["structure"]


@pytest.mark.parametrize(
    ("labelled", "expected"),
    [([0, 1, 2, 3], 100 * log(9 / 8) / 12), ([1, 2, 3], 100 * log(9 / 8) / 8), ([0, 1], 0.0), ([0, 2], 0.0)],
)
def test_gcrd_by_hand_on_four_nodes(labelled: list[int], expected: float) -> None:
    """Node 2 alone sees a difference: exp(SIM) is 1 and 2, (1/3, 2/3) against a half each, ln(9/8) / 2; then the mean
    over the arcs between labelled nodes, six or four, times 100. Where node 3 has no label, no node sees any."""
    student = torch.tensor([[0.0], [(-2 * log(1 - LN2)) ** 0.5], [0.0], [0.0]], dtype=torch.float64)
    teacher = torch.full((4, 1), 0.7, dtype=torch.float64)
    assert gcrd_term(student, teacher, PATH, labelled).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kernel", ["published", "linear", "polynomial", "l2"])
def test_gcrd_is_its_definition_arc_by_arc(kernel: str) -> None:
    """On a directed graph where a node has no arcs: cosine, its square, the distance, and rbf of sigma 1."""
    generator = torch.Generator().manual_seed(3)
    student, teacher = (torch.randn(6, width, generator=generator, dtype=torch.float64) for width in (3, 4))
    edges = torch.tensor([[0, 2, 3, 1, 4, 3, 2], [1, 1, 1, 0, 0, 2, 4]])

    def alike(a: Tensor, b: Tensor) -> float:
        cosine = float(a @ b / (a.norm() * b.norm()))
        return {
            "linear": cosine,
            "polynomial": cosine**2,
            "l2": float((a - b).norm()),
            "published": exp(-float(((a - b) ** 2).sum()) / 2),
        }[kernel]

    def structure(states: Tensor) -> list[float]:
        weights = [exp(alike(states[source], states[target])) for source, target in edges.t().tolist()]
        into = edges[1].tolist()
        return [w / sum(o for o, t in zip(weights, into, strict=True) if t == target)
                for w, target in zip(weights, into, strict=True)]  # fmt: skip

    one, other = structure(student), structure(teacher)
    expected = 100 * sum(q * log(q / p) for p, q in zip(one, other, strict=True)) / 7
    states = student.clone().requires_grad_()
    found = gcrd_term(states, teacher, edges, list(range(6)), kernel=kernel)
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_gcrd_has_a_finite_gradient_where_nodes_have_no_arcs_or_the_same_state() -> None:
    places = neighbourhoods(4, torch.tensor([[0, 1, 2], [1, 0, 1]]), loops=False)
    kernels: list[Kernel] = ["rbf", "linear", "polynomial", "l2"]
    for kernel in kernels:
        states = torch.ones(4, 2, requires_grad=True)
        target = log_distribution(gcrd_similarity(kernel, torch.arange(12.0).reshape(4, 3), places), places)
        found = log_distribution(gcrd_similarity(kernel, states, places), places)
        structure_divergence(found, target, places, "teacher-student", "arcs").backward()
        assert states.grad is not None
        assert torch.isfinite(states.grad).all()
