"""AdaGMLP (Lu et al., KDD 2024, equations 5 to 14): several MLPs, each looking harder where those before it failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.method import Hyperparameters, Method, Update
from graph_distillery.methods.contract.optimiser import OptimiserSettings, adam
from graph_distillery.methods.losses.logits import divergences

#: The weight of a student whose weighted error is a half or more.
_LEAST_ALPHA = 1e-16


class AdaGMLPHyperparameters(Hyperparameters):
    students: int = Field(2, ge=1, le=10, description="K, MLPs that are trained together")
    label_weight: float = Field(0.5, ge=0, le=1, description="lambda, weight of the labels; 1 - lambda on the teacher")
    temperature: float = Field(0.9, gt=0, description="temperature of both distributions")
    beta: float = Field(4.0, ge=0, description="how fast a node's error grows with its divergence, 1 - exp(-beta KL)")
    labels: Literal["chunk", "all"] = Field(
        "chunk", description="labelled nodes of a student in a step: a K-th of them, drawn anew, or all"
    )
    feature_mask: float = Field(0.0, ge=0, lt=1, description="share of a labelled node's features that are set to 0")
    align_weight: float = Field(
        0.5, ge=0, le=1, description="of the outputs with and without the mask; 1 minus it of the last hidden states"
    )


class AdaGMLP(Method[AdaGMLPHyperparameters]):
    """lambda mean_k CE_k + (1 - lambda) mean_k sum_i w_i KL(p_t,i || p_k,i) + alignment; w: weights of the nodes.

    The weights of the nodes start equal, are raised by each student where it is far from the teacher (AdaBoost), sum to
    1 and are carried from epoch to epoch. A student counts by alpha_k = log((1 - e) / e) of its weighted error e in the
    ensemble sum_k alpha_k p_k that predicts. Alignment compares a student's log-probabilities and hidden states of
    labelled nodes with those under a feature mask, where there is one. In mini-batches the weights are those of the
    batch, brought to a sum of 1.

    The paper's inductive figures come from code that scores the wrong rows; here they are the setting's own. One
    student, beta 0 and no mask is `glnn`.
    """

    Hyperparameters = AdaGMLPHyperparameters
    predicts_by_item = True
    node_weights: Tensor
    alphas: Tensor

    def setup(self) -> None:
        data, count = self.context.data, self.hyper.students
        assert data is not None
        self.others = nn.ModuleList(self.new_student() for _ in range(count - 1))
        self.register_buffer("node_weights", torch.full((data.num_items,), 1 / data.num_items))
        self.register_buffer("alphas", torch.full((count,), 1 / count))
        if self.hyper.label_weight == 1:
            self.epoch_items = "labelled"

    @property
    def group(self) -> list[nn.Module]:
        """All students."""
        assert self.student is not None
        return [self.student, *self.others]

    def inference_modules(self) -> Sequence[nn.Module]:
        return self.group

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        return [adam((parameter for student in self.group for parameter in student.parameters()), settings)]

    def predict(self, graph: Graph) -> Output:
        outputs = [student(graph) for student in self.group]
        if len(outputs) == 1:
            return outputs[0]
        shares = torch.stack([output.logits.softmax(dim=1) for output in outputs])
        return Output((self.alphas[:, None, None] * shares).sum(dim=0).clamp(min=1e-12).log())

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        hyper, count = self.hyper, self.hyper.students
        own = torch.arange(batch.labelled.numel(), device=batch.labelled.device)
        chunks = [own] * count
        if count > 1 and hyper.labels == "chunk" and own.numel() >= count:
            chunks = list(own[torch.randperm(own.numel(), device=own.device)].tensor_split(count))
        on_labels, on_teacher, aligned = [], [], []
        for number, (student, chunk) in enumerate(zip(self.group, chunks, strict=True)):
            output: Output = student(batch.graph)
            on_labels.append(self.task.label_loss(output.logits[batch.labelled[chunk]], batch.labels[chunk]))
            if hyper.label_weight < 1:
                on_teacher.append(self.teacher_term(number, batch, output))
            if hyper.feature_mask and batch.labelled.numel():
                aligned.append(self.alignment(student, batch))
        if hyper.label_weight < 1:
            self.alphas.copy_(self._raw / self._raw.sum())
        terms = {"labels": hyper.label_weight * torch.stack(on_labels).mean()}
        if on_teacher:
            terms["teacher"] = (1 - hyper.label_weight) * torch.stack(on_teacher).mean()
        if aligned:
            terms["alignment"] = torch.stack(aligned).mean()
        return update(terms)

    def teacher_term(self, number: int, batch: Batch, output: Output) -> Tensor:
        """The weighted divergence of a student; afterwards nodes and student are weighed anew."""
        if self.hyper.beta == 0:  # no error is ever more than another
            self._raw = torch.ones_like(self.alphas)
            return self.task.divergence(output.logits, batch.teacher.logits, self.hyper.temperature)
        weights = self.node_weights[batch.items]
        weights = weights / weights.sum()
        target = batch.teacher.logits
        term = (weights * divergences(output.logits, target, self.hyper.temperature)).sum()
        with torch.no_grad():
            error = 1 - torch.exp(-self.hyper.beta * divergences(output.logits, target, 1.0))
            mean = (weights * error).sum().clamp(1e-12, 1 - 1e-12)
            alpha = torch.log((1 - mean) / mean).clamp(min=_LEAST_ALPHA)
            self.node_weights[batch.items] *= (alpha * error).exp()
            self.node_weights /= self.node_weights.sum()
            if number == 0:
                self._raw = torch.empty_like(self.alphas)
            self._raw[number] = alpha
        return term

    def alignment(self, student: nn.Module, batch: Batch) -> Tensor:
        """How far a student's outputs and last hidden states of labelled nodes move under a feature mask; a scalar."""
        graph = batch.graph.rows(batch.labelled)
        features = graph.dense_features()
        masked = int(self.hyper.feature_mask * features.shape[1])
        gone = torch.rand(features.shape, device=features.device).topk(masked, dim=1).indices
        bare: Output = student(graph.with_features(features.scatter(1, gone, 0.0)))
        whole: Output = student(graph)
        outputs = F.mse_loss(F.log_softmax(whole.logits, dim=1), F.log_softmax(bare.logits, dim=1))
        weight = self.hyper.align_weight
        hidden = F.mse_loss(whole.hidden[-1], bare.hidden[-1]) if whole.hidden else torch.zeros_like(outputs)
        return weight * outputs + (1 - weight) * hidden
