"""What an epoch cannot do without, as bare kernels: no autograd, no modules, nothing worked out twice."""

from __future__ import annotations

from collections.abc import Callable

import torch

from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract.dropout import Draws
from graph_distillery.methods.contract.sparse import SparseMatrix


def gcn_epoch(problem: Problem, hidden: int, p: float) -> Callable[[], None]:
    """A step of a GCN of two layers, a prediction of all nodes, and a pass over each hidden state for its activation
    and its dropout, there and back: the products, the draws and Adam's sweep over weights and moments.

    hidden: the width between the layers; p: the dropout of features and hidden states.
    """
    graph, classes = problem.training.graph, problem.training.task.num_classes
    features, matrix = graph.features, graph.propagation("gcn")
    assert isinstance(features, SparseMatrix)
    weights = [torch.nn.Parameter(torch.randn(*shape)) for shape in ((graph.num_features, hidden), (hidden, classes))]
    adam = torch.optim.Adam(weights, lr=0.01, weight_decay=5e-4, fused=True)
    first, second = weights

    def forward() -> tuple[torch.Tensor, torch.Tensor]:
        state = (matrix @ (features @ first)).relu_()
        return state, matrix @ (state @ second)

    def epoch() -> None:
        with torch.no_grad():
            Draws.of((features.nonzeros,), p, graph.device)
            Draws.of((graph.num_nodes, hidden), p, graph.device)
            state, logits = forward()
            state.mul_(2.0)
            by_second = matrix.transposed @ logits
            second.grad = (by_second.T @ state).T.contiguous()
            by_first = matrix.transposed @ (by_second @ second.T).mul_(state)
            first.grad = features.transposed @ by_first
            adam.step()
            forward()

    return epoch
