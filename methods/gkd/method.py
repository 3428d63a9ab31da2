"""GKD, geometric knowledge distillation (Yang et al., NeurIPS 2022, arXiv 2210.13014), without learned kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Graph, Hyperparameters, Method, Output
from graph_distillery.methods.gkd.kernels import HeatKernel, pair_distance
from graph_distillery.methods.gkd.privilege import chances, without_edges_of
from graph_distillery.methods.losses.hints import pick_layer, require_preactivation


class GKDHyperparameters(Hyperparameters):
    alpha: float = Field(0.5, ge=0, le=1, description="weight of the kernels' distance; 1 - alpha on the labels")
    delta: float = Field(0.1, ge=0, le=1, description="weight of pairs that no edge of the student's graph joins")
    kernel: Literal["sigmoid", "gauss", "random"] = Field("sigmoid", description="heat kernel of two states")
    time: float = Field(1.0, gt=0, description="t of the gauss kernel")
    draws: int = Field(1, ge=1, description="draws of the random kernel")
    expansion: int = Field(2, ge=1, description="width of a draw of the random kernel, in widths of the state")
    lost_edges: float = Field(0.0, ge=0, lt=1, description="share of the edges that the teacher alone reads")
    lost_nodes: float = Field(0.0, ge=0, lt=1, description="share of the labelled nodes that the teacher alone reads")
    nodes: int = Field(2048, ge=2, description="nodes that a step compares, drawn anew; memory is nodes^2")


class GKD(Method[GKDHyperparameters]):
    """(1 - alpha) CE + alpha times the mean over hidden layers of sum_ij w_ij (K^t_ij - K^s_ij)^2.

    w: 1 of edges of the student's graph and of a node with itself, delta otherwise. K: the heat kernel of states before
    the activation, each unit of mean 0 and variance 1 over the nodes: tanh(x . y), exp(-|x - y| / t), or a sum over
    draws of e tanh(x W) . tanh(y W) with e and W normal, W shared by student and teacher. The last layers of both are
    compared with each other, then the ones before. Which edges and nodes the student does without is drawn once a run
    and follows from the ends of an edge, so that every view of the graph lacks the same ones. Edges of lost nodes are
    lost, as are their labels.
    """

    Hyperparameters = GKDHyperparameters
    quick: ClassVar[Mapping[str, Any]] = {"nodes": 300}

    def setup(self) -> None:
        hyper, data = self.hyper, self.context.data
        assert data is not None
        self.layers: list[int] = []
        if hyper.lost_edges or hyper.lost_nodes:
            self.register_buffer("salt", torch.randint(2**31, (2,), device=data.graph.device))
        self.lost: Tensor | None = None
        if hyper.lost_nodes:
            lost = data.labelled[chances(data.graph.ids_of(data.labelled), self._salt(1)) < hyper.lost_nodes]
            self.lost = lost if lost.numel() < data.labelled.numel() else lost[1:]
            self.lost_ids = data.graph.ids_of(self.lost)
        if hyper.alpha == 0:
            self.epoch_items = "labelled"
            return
        self.eval()
        with torch.no_grad():
            hidden = self(data.graph).hidden
        self.train()
        pick_layer(hidden, -1, "student")
        pick_layer(self.teachers[0].hidden, -1, "teacher")
        require_preactivation(self.student, -1, "student", "the student", "'gkd'")
        self.layers = [-1 - depth for depth in range(min(len(hidden), len(self.teachers[0].hidden)))]
        self.student_states = tuple(f"preactivation.{layer}" for layer in self.layers)
        self.kernel = HeatKernel(hyper.kernel, hyper.time, hyper.draws, hyper.expansion)

    def _salt(self, place: int) -> int:
        salt = self.salt
        assert isinstance(salt, Tensor)
        return int(salt[place])

    def inputs(self, graph: Graph) -> Graph:
        """The graph without what the teacher alone reads."""
        hyper = self.hyper
        if not (hyper.lost_edges or hyper.lost_nodes):
            return graph
        ids = self.lost_ids if self.lost is not None else None
        return without_edges_of(graph, hyper.lost_edges, self._salt(0), ids)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        alpha = self.hyper.alpha
        labelled, labels = self._still_labelled(batch)
        terms = {"labels": (1 - alpha) * self.task.label_loss(student.logits[labelled], labels)}
        if alpha:
            terms["kernels"] = alpha * self.kernel_term(batch, student)
        return terms

    def _still_labelled(self, batch: Batch) -> tuple[Tensor, Tensor]:
        if self.lost is None:
            return batch.labelled, batch.labels
        kept = ~torch.isin(batch.items[batch.labelled], self.lost)
        return batch.labelled[kept], batch.labels[kept]

    def kernel_term(self, batch: Batch, student: Output) -> Tensor:
        """The distance of the kernels on a batch, without its weight; a scalar."""
        count = batch.items.numel()
        shared = torch.arange(count, device=batch.items.device)
        if self.lost is not None:
            shared = shared[~torch.isin(batch.items, self.lost)]
        rows = shared[torch.randperm(shared.numel(), device=shared.device)[: self.hyper.nodes]]
        arcs = self.inputs(batch.graph).edge_index
        found = []
        for name in self.student_states:
            own, other = (standardised(each.state(name)[:count])[rows] for each in (student, batch.teacher))
            kernels = self.kernel(own, other)
            found.append(pair_distance(*kernels, arcs, rows, batch.graph.num_nodes, self.hyper.delta))
        return torch.stack(found).mean()


def standardised(states: Tensor) -> Tensor:
    """[nodes, width]: every column of mean 0 and variance 1."""
    return F.batch_norm(states, None, None, training=True, eps=1e-10)
