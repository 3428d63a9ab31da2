"""The tokenizer of VQGraph (Yang et al., ICLR 2024): hidden states as codes from which the graph is made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, BatchSource, Hyperparameters, Method, Output, Update
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.taps import rereading
from graph_distillery.methods.losses.codes import adjacency_error

#: What reads the codes in place of hidden states.
_READER = "layers.1"


class GraphTokenizerHyperparameters(Hyperparameters):
    codes: int = Field(5000, ge=0, le=65536, description="rows of the codebook; 0: none, a network like any other")
    node_weight: float = Field(0.001, ge=0, description="weight of the error of the states made from codes")
    edge_weight: float = Field(0.03, ge=0, description="weight of the error of the adjacency made from codes")
    commitment: float = Field(0.25, ge=0, description="weight of the distance of states from their codes")
    decay: float = Field(0.8, ge=0, le=1, description="share of a code that a step leaves as it is")


class GraphTokenizer(Method[GraphTokenizerHyperparameters]):
    """CE + a MSE(h, D2 q) + b sqrt(MSE(A + I, S)) + c MSE(h, sg(q)), S = z z^T rescaled to 0 .. 1, z = D1 q.

    h, [nodes, width], is what the second layer would read; q the code of greatest cosine, whose gradient is passed on
    to h; D1 and D2 are linear, and the second layer reads z. A code that stands for any moves by 1 - decay towards
    their mean direction after a step. Without codes it is `supervised`.
    """

    Hyperparameters = GraphTokenizerHyperparameters
    quick: ClassVar[Mapping[str, Any]] = {"codes": 48}
    epoch_items = "labelled"
    codebook: Tensor

    def setup(self) -> None:
        if self.hyper.codes == 0:
            return
        data, student = self.context.data, self.student
        assert data is not None
        assert student is not None
        student.eval()
        with torch.no_grad():
            hidden = student(data.graph).hidden
        student.train()
        if not hidden or dict(student.named_modules()).get(_READER) is None:
            raise ValueError("graph-tokenizer puts codes between a network's first two layers, and this one has no two")
        width = hidden[0].shape[1]
        start = nn.init.kaiming_uniform_(torch.empty(self.hyper.codes, width, device=self.context.device))
        self.register_buffer("codebook", F.normalize(start, dim=1))
        self.of_edges, self.of_nodes = (nn.Linear(width, width).to(self.context.device) for _ in range(2))
        self.places = data.graph.propagation("sum_self")

    def handed_on(self) -> dict[str, Tensor]:
        """The codebook, [codes, width]."""
        return {"codebook": self.codebook} if self.hyper.codes else {}

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        """All of the graph at once, whose adjacency is made again."""
        if self.hyper.codes == 0:
            return super().batches(source)
        data = self.context.data
        assert data is not None
        everything = torch.arange(data.num_items, device=data.graph.device)
        return iter([Batch(data.graph, everything, data.labelled, data.labels)])

    def forward(self, graph: Graph) -> Output:
        if self.hyper.codes == 0:
            return super().forward(graph)
        assert self.student is not None
        with rereading(self.student, _READER, self._decoded):
            return super().forward(graph)

    def _decoded(self, states: Tensor) -> Tensor:
        """z of the states; keeps what the losses read."""
        with torch.no_grad():
            directions, codes = F.normalize(states, dim=1), F.normalize(self.codebook, dim=1)
            chosen = (directions @ codes.T).argmax(dim=1)
        code = self.codebook[chosen]
        if not self.training:
            decoded: Tensor = self.of_edges(code)
            return decoded
        passed = states + (code - states).detach()
        decoded = self.of_edges(passed)
        self._seen = states, chosen, code, passed, decoded
        return decoded

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms = {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if self.hyper.codes == 0:
            return terms
        hyper, (states, chosen, code, passed, decoded) = self.hyper, self._seen
        terms["nodes"] = hyper.node_weight * F.mse_loss(states, self.of_nodes(passed))
        terms["edges"] = hyper.edge_weight * adjacency_error(decoded, chosen, self.places)
        terms["commitment"] = hyper.commitment * F.mse_loss(states, code)
        return terms

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        terms = super().step(batch, update)
        if self.hyper.codes:
            self._move_codes()
        return terms

    @torch.no_grad()
    def _move_codes(self) -> None:
        states, chosen, *_ = self._seen
        sums = torch.zeros_like(self.codebook).index_add_(0, chosen, F.normalize(states, dim=1))
        counts = torch.bincount(chosen, minlength=self.hyper.codes).to(sums.dtype)[:, None]
        targets = torch.where(counts > 0, F.normalize(sums, dim=1), F.normalize(self.codebook, dim=1))
        self.codebook.lerp_(targets, 1 - self.hyper.decay)
