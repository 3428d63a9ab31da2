"""Framelet distillation as its paper reads: dense nodes x nodes knowledge, one linear map on its rows."""

from __future__ import annotations

import math
import resource
import subprocess
import sys

import torch
from torch import Tensor, nn

from graph_distillery.bench.models.framelets.filters import FILTERS, chebyshev_coefficients
from graph_distillery.methods.contract.graph import Graph

#: Epochs of teacher and student in the memory measurement; memory does not grow with more.
_EPOCHS = 5


def dense_knowledge(graph: Graph, power: int, dtype: torch.dtype) -> list[Tensor]:
    """(W_r^T A W_r)^power of Haar's two bands at order 2 and one level, [nodes, nodes] each."""
    nodes = graph.num_nodes
    adjacency = torch.zeros(nodes, nodes, dtype=torch.float64)
    adjacency[graph.edge_index[0], graph.edge_index[1]] = 1
    adjacency = torch.maximum(adjacency, adjacency.T)
    identity = torch.eye(nodes, dtype=torch.float64)
    scale = adjacency.sum(1).clamp(min=1).rsqrt()
    laplacian = identity - scale[:, None] * adjacency * scale
    with_loops = adjacency + identity
    scale = with_loops.sum(1).rsqrt()
    normal = scale[:, None] * with_loops * scale
    largest = float(torch.lobpcg(laplacian, k=1, niter=200)[0])
    found = []
    for curve in FILTERS["haar"]:
        c0, c1 = chebyshev_coefficients(curve, 2).tolist()
        operator = c0 / 2 * identity + c1 * (2 / math.pi * (math.pi / largest) * laplacian - identity)
        found.append(torch.linalg.matrix_power(operator.T @ normal @ operator, power).to(dtype))
    return found


class DenseEncoders(nn.Module):
    """The encoders of one layer: a linear map of the rows of each band's knowledge."""

    def __init__(self, knowledge: list[Tensor], hidden: int) -> None:
        super().__init__()
        self.knowledge = knowledge
        self.linears = nn.ModuleList(nn.Linear(k.shape[1], hidden, dtype=k.dtype) for k in knowledge)

    def forward(self) -> list[Tensor]:
        return [linear(k) for linear, k in zip(self.linears, self.knowledge, strict=True)]


def peak_memory_mb() -> float:
    """MB that a process of its own holds at its peak: teacher, student and scores on PubMed, libraries included."""
    done = subprocess.run([sys.executable, "-m", __name__], check=False, capture_output=True, text=True)
    if done.returncode:
        raise ValueError((done.stderr.strip().splitlines() or ["the measurement failed"])[-1])
    return float(done.stdout.split()[-1])


def _run_on_pubmed() -> None:
    from graph_distillery.bench.training.engine import Configuration, train
    from graph_distillery.bench.training.problem import ProblemKey, load_problem
    from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher

    torch.set_num_threads(1)
    problem = load_problem(ProblemKey("pubmed", "public", "transductive"), 0)
    taught = Configuration("supervised", student="spat-ufg", student_hyper={"epochs": _EPOCHS})
    trained = next(train(taught, [0], lambda _: problem, lambda _: ()))
    teacher = unpack_teacher(pack_teacher("0" * 16, trained, taught), problem)
    student = Configuration("fgkd", student="fmlp-o", student_hyper={"epochs": _EPOCHS})
    next(train(student, [0], lambda _: problem, lambda _: (teacher,)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak / (2**20 if sys.platform == "darwin" else 2**10))


if __name__ == "__main__":
    _run_on_pubmed()
