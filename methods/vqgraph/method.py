"""VQGraph (Yang et al., ICLR 2024): a student learns how a tokenizer shares nodes out among its codes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, BatchSource, Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.taps import rereading
from graph_distillery.methods.glnn.method import GLNNForm, GLNNHyperparameters
from graph_distillery.methods.losses.codes import code_scores
from graph_distillery.methods.losses.hints import hidden_width
from graph_distillery.methods.losses.logits import soft_divergence


class VQGraphHyperparameters(GLNNHyperparameters):
    code_weight: float = Field(1e-8, ge=0, description="weight of the code assignments")
    code_temperature: float = Field(4.0, gt=0, description="temperature of both code assignments")
    teacher_codes: int = Field(5000, ge=0, le=65536, description="rows of the teacher's codebook")
    teacher_node_weight: float = Field(0.001, ge=0, description="the tokenizer's weight of its own states made again")
    teacher_edge_weight: float = Field(0.03, ge=0, description="the tokenizer's weight of the adjacency made again")


class VQGraph(GLNNForm[VQGraphHyperparameters]):
    """glnn's terms + w tau^2 KL(softmax(s_t / tau) || softmax(s_s / tau)) over the codes, on all observed nodes.

    s_t says how near the teacher's first hidden state is to each code, s_s how near a linear map of what the student's
    last layer reads is. `official_code` has tau^2 sum exp(p_t) (p_t - log p_s) in place of the divergence.
    """

    Hyperparameters = VQGraphHyperparameters
    predicts_by_item = True

    def setup(self) -> None:
        super().setup()
        self.coded = self.hyper.code_weight > 0
        if not self.coded:
            return
        self.terms, self.epoch_items = (*self.terms, "codes"), "observed"
        (teacher,) = self.teachers
        student, data = self.student, self.context.data
        assert data is not None
        assert student is not None
        if "codebook" not in teacher.whole:
            raise ValueError(f"vqgraph learns how codes are assigned, and teacher {teacher.name!r} has no codebook")
        self.states, self.codebook = teacher.hidden[0], teacher.whole["codebook"]
        self.reader = f"layers.{len(student.layers) - 1}"  # type: ignore[arg-type]
        self.to_codes = nn.Linear(hidden_width(self, -1), self.codebook.shape[1]).to(self.context.device)
        self.whose = torch.arange(data.num_items, device=data.graph.device)
        if self.context.variant == "official_code":
            rest = torch.ones_like(self.whose, dtype=torch.bool)
            rest[data.labelled] = False
            self.whose[torch.cat([data.labelled, self.whose[rest]])] = self.whose.clone()

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        if self.context.variant == "paper":
            yield from source.epoch(self.epoch_items)
            return
        passes = {"codes": self.coded, "labels": True, "teacher": self.hyper.label_weight < 1}
        for term in (name for name, taken in passes.items() if taken):
            self.terms = (term,)
            yield from source.epoch("labelled" if term == "labels" else "observed")

    def forward(self, graph: Graph) -> Output:
        if not (self.coded and self.training):
            return super().forward(graph)
        assert self.student is not None
        with rereading(self.student, self.reader, self._keep):
            return super().forward(graph)

    def _keep(self, states: Tensor) -> Tensor:
        self._read = states
        return states

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        terms = super().loss(batch, student)
        if "codes" in self.terms:
            terms["codes"] = self.hyper.code_weight * self.code_term(self._read, batch.items)
        return terms

    def code_term(self, read: Tensor, items: Tensor) -> Tensor:
        """How far the student's code assignments are from the teacher's, without its weight; a scalar.

        read: [items, width], what the student's last layer reads; items: [items] int64, in the training data.
        """
        variant, temperature = self.context.variant, self.hyper.code_temperature
        own = code_scores(self.to_codes(read), self.codebook, "cosine" if variant == "corrected" else "distance")
        states = self.states[self.whose[items]]
        target = code_scores(states, self.codebook, "distance" if variant == "paper" else "cosine")
        if variant != "official_code":
            return temperature**2 * soft_divergence(own, target, temperature)
        shares, log = F.softmax(target / temperature, dim=1), F.log_softmax(own / temperature, dim=1)
        return temperature**2 * (shares.exp() * (shares - log)).sum(dim=1).mean()
