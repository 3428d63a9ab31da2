"""Graph-MLP (Hu et al., 2021, equations 3 to 6): an MLP that learns of the graph by contrast, without a teacher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor
from torch.autograd.function import once_differentiable

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.dense_product import product
from graph_distillery.methods.losses.hints import require_preactivation


class GraphMLPHyperparameters(Hyperparameters):
    weight: float = Field(10.0, ge=0, description="alpha, weight of the contrast")
    temperature: float = Field(2.0, gt=0, description="tau, which multiplies the cosines")
    power: int = Field(2, ge=1, le=4, description="r, hops within which nodes are neighbours")
    nodes: int = Field(2000, ge=2, description="nodes that a step contrasts, drawn anew; the labelled come first")


class GraphMLP(Method[GraphMLPHyperparameters]):
    """CE + weight times the mean over nodes of -log(sum_j S^r_ij e^(tau s_ij) / sum_j e^(tau s_ij)).

    s: the cosines of the last hidden states before their activation, 0 of a node with itself, as the released code has
    it, so that e^0 stands in both sums; S = D^-1/2 (A + I) D^-1/2. Nodes are drawn without repetition, where the code
    may draw one twice. S^r is sparse, and only its rows and columns of the drawn nodes are laid out.
    """

    Hyperparameters = GraphMLPHyperparameters
    quick: ClassVar[Mapping[str, Any]] = {"nodes": 200}

    def setup(self) -> None:
        if self.hyper.weight == 0:
            self.epoch_items = "labelled"
            return
        require_preactivation(self.student, -1, "student", "the student", "'graph-mlp'")
        self.student_states = ("preactivation.-1",)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms = {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if self.hyper.weight:
            terms["contrast"] = self.hyper.weight * self.contrast(batch, student.state("preactivation.-1"))
        return terms

    def contrast(self, batch: Batch, states: Tensor) -> Tensor:
        """The term without its weight, of the states of a batch, [items, width]."""
        count, most = batch.items.numel(), self.hyper.nodes
        places = torch.arange(count, device=states.device)
        if count > most:
            unlabelled = torch.ones(count, dtype=torch.bool, device=states.device)
            unlabelled[batch.labelled] = False
            others = places[unlabelled]
            drawn = others[torch.randperm(others.numel(), device=states.device)]
            places = torch.cat([batch.labelled, drawn])[:most]
        assert self.context.data is not None
        near = neighbourhood(self.context.data.graph, self.hyper.power)
        return neighbour_contrast(states[places], block_of(near, batch.items[places]), self.hyper.temperature)


def neighbour_contrast(states: Tensor, near: Tensor, temperature: float) -> Tensor:
    """[rows, width] and S^r among them, [rows, rows], to a scalar, which is differentiable once."""
    found: Tensor = _NeighbourContrast.apply(F.normalize(states), near, temperature)
    return found


class _NeighbourContrast(torch.autograd.Function):
    """The contrast of rows of length 1. Its slope is taken at once, in the memory of the [rows, rows] numbers that it
    is made of: of c the matrix of e^(tau s), n and d the two sums of a row and f = 1 / (rows (n / d + 1e-8) d), it is
    tau c f (n / d - S) in s."""

    @staticmethod
    def forward(ctx: Any, unit: Tensor, near: Tensor, temperature: float) -> Tensor:
        closeness = product(unit, unit.T).mul_(temperature).fill_diagonal_(0).exp_()
        whole = closeness.sum(dim=1, keepdim=True)
        share = (near * closeness).sum(dim=1, keepdim=True) / whole
        factor = temperature / (unit.shape[0] * (share + 1e-8) * whole)
        slope = closeness.mul_(torch.addcmul(share * factor, near, -factor)).fill_diagonal_(0)
        ctx.save_for_backward(product(slope, unit) + product(slope.T, unit))
        return -(share + 1e-8).log().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * gradients[0], None, None


def neighbourhood(graph: Graph, power: int) -> SparseMatrix:
    """S^power of the graph, kept with it."""
    return graph.cached(("power", power), lambda: _power(graph.propagation("gcn"), power))


def _power(matrix: SparseMatrix, power: int) -> SparseMatrix:
    from scipy.sparse import csr_matrix

    parts = (matrix.values.cpu().numpy(), matrix.columns.cpu().numpy(), matrix.row_pointers.cpu().numpy())
    once = found = csr_matrix(parts, shape=matrix.shape)
    for _ in range(power - 1):
        found = found @ once
    found.sort_indices()
    pointers, columns = (torch.from_numpy(each).long() for each in (found.indptr, found.indices))
    return SparseMatrix(pointers, columns, torch.from_numpy(found.data), matrix.shape).to(matrix.device)


def block_of(matrix: SparseMatrix, nodes: Tensor) -> Tensor:
    """The rows and columns of some nodes ([count] int64, none twice), dense."""
    rows = matrix.select_rows(nodes)
    place = torch.full((matrix.shape[1],), -1, dtype=torch.long, device=nodes.device)
    place[nodes] = torch.arange(nodes.numel(), device=nodes.device)
    columns = place[rows.columns]
    inside = columns >= 0
    block = torch.zeros(nodes.numel(), nodes.numel(), dtype=matrix.values.dtype, device=nodes.device)
    block[rows.row_of_entry[inside], columns[inside]] = rows.values[inside]
    return block
