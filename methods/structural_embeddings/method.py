"""Structural embeddings in a teacher's layers (Zheng et al., ICLR 2022, section 4.1): S (X W + E)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, BatchSource, Hyperparameters, Method, Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.taps import changed, states_of, taps

Layers = Literal["first", "last", "all", "none"]


class StructuralEmbeddingsHyperparameters(Hyperparameters):
    weight: float = Field(32.0, ge=0, description="of the sum over layers of the norms of all embeddings")
    layers: Layers = Field("first", description="whose input, after its weights, an embedding is added to")


class StructuralEmbeddings(Method[StructuralEmbeddingsHyperparameters]):
    """CE + weight sum_l |E_l|, where S E_l is added to what layer l returns, S = D^-1/2 (A + I) D^-1/2.

    E_l, [nodes, width of layer l], starts from a standard normal distribution.
    """

    Hyperparameters = StructuralEmbeddingsHyperparameters

    def setup(self) -> None:
        data, student = self.context.data, self.student
        assert data is not None
        assert student is not None
        depth = sum(name.startswith("preactivation.") for name in states_of(student))
        self.names = [f"preactivation.{layer}" for layer in range(depth)]
        self.embeddings = nn.ParameterDict()
        if self.hyper.layers == "none":
            return
        chosen = {"first": {0}, "last": {depth}, "all": set(range(depth + 1))}[self.hyper.layers]
        student.eval()
        with torch.no_grad(), taps(student, self.names) as taken:
            classes = student(data.graph).logits.shape[1]
            widths = [*(taken[name].shape[1] for name in self.names), classes]
        student.train()
        for layer in sorted(chosen):
            self.embeddings[str(layer)] = nn.Parameter(torch.randn(data.graph.num_nodes, widths[layer]))
        place = torch.full((int(data.graph.node_ids.max()) + 1,), -1, device=data.graph.device)
        place[data.graph.node_ids] = torch.arange(data.graph.num_nodes, device=data.graph.device)
        self.place = place

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        """All of the graph at once, as an embedding is carried along all arcs."""
        if not self.embeddings:
            return super().batches(source)
        data = self.context.data
        assert data is not None
        everything = torch.arange(data.num_items, device=data.graph.device)
        return iter([Batch(data.graph, everything, data.labelled, data.labels)])

    def _carried(self, layer: int, graph: Graph) -> Tensor:
        """S E of a layer, [nodes, width]; nodes that training did not see have none of their own."""
        own: Tensor = self.embeddings[str(layer)]
        data = self.context.data
        assert data is not None
        if graph.edge_index is not data.graph.edge_index:
            ids = graph.node_ids
            seen = torch.full_like(ids, -1)
            known = ids < self.place.numel()
            seen[known] = self.place[ids[known]]
            own = torch.where(seen[:, None] >= 0, own[seen.clamp(min=0)], 0.0)
        return graph.propagation("gcn") @ own

    def forward(self, graph: Graph) -> Output:
        if not self.embeddings:
            return super().forward(graph)
        assert self.student is not None
        with ExitStack() as stack:
            for layer, name in enumerate(self.names):
                if str(layer) in self.embeddings:
                    stack.enter_context(changed(self.student, name, self._carried(layer, graph).add))
            output = super().forward(graph)
        last = len(self.names)
        if str(last) not in self.embeddings:
            return output
        return Output(output.logits + self._carried(last, graph), output.hidden)

    def predict(self, graph: Graph) -> Output:
        """With the states before the activation for hidden ones."""
        if not self.embeddings:
            return super().predict(graph)
        assert self.student is not None
        with taps(self.student, self.names) as taken:
            output = self(graph)
        hidden = [taken[name] for name in self.names]
        for layer in range(len(self.names)):
            if str(layer) in self.embeddings:
                hidden[layer] = hidden[layer] + self._carried(layer, graph)
        return Output(output.logits, tuple(hidden))

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms = {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if self.embeddings and self.hyper.weight > 0:
            norms = [torch.linalg.vector_norm(each) for each in self.embeddings.values()]
            terms["embeddings"] = self.hyper.weight * torch.stack(norms).sum()
        return terms
