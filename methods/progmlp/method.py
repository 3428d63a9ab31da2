"""ProGMLP (AAAI 2026): MLPs in sequence, each of which reads the last hidden state of the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.method import Update
from graph_distillery.methods.contract.optimiser import OptimiserSettings, adam
from graph_distillery.methods.glnn.method import GLNNForm, GLNNHyperparameters

#: The loss of mixup at which its strength stays as it is and its greatest strength, both equation 7, and the share of
#: the losses before in the running mean, sigma of equation 8.
_RESTING_LOSS, _GREATEST, _OLD_SHARE = 0.1, 0.5, 0.1


class ProGMLPHyperparameters(GLNNHyperparameters):
    students: int = Field(4, ge=1, le=10, description="K, MLPs that are trained one after the other")
    growth: float = Field(1.0, ge=0, description="beta: labels and teacher count k ** beta for the k-th MLP")
    mixup_weight: float = Field(1.0, ge=0, description="weight of mixup of labelled nodes; the paper has 1")
    mixup_rate: float = Field(0.1, ge=0, description="gamma, how fast the strength of mixup moves")
    schedule: Literal["text", "equation"] = Field(
        "text", description="text: mixup grows stronger as its loss falls; equation: as its loss rises, as printed"
    )
    exit_confidence: float = Field(
        1.0, ge=0, le=1, description="tau, mean confidence from which no further MLP is asked; 1: all are"
    )


class ProGMLP(GLNNForm[ProGMLPHyperparameters]):
    """k^beta (lambda CE + (1 - lambda) KL(p_t || p_k)) + CE of mixed labelled nodes, for the MLPs k = 1..K in turn.

    MLP k reads [x || H], [nodes, features + hidden], H the last hidden state of MLP k - 1 and 0 for the first; it
    starts from the best weights of MLP k - 1, which then stay. Mixup takes m of each labelled row [x || H] and label
    and 1 - m of another's; m starts at 0, moves by gamma (0.1 - running loss) a step and stays within 0..0.5. MLPs
    are counted by the softmax of their mean confidences on the unlabelled training nodes: sum_k softmax(c)_k p_k. One
    MLP reads x alone; without mixup it is `glnn`.
    """

    Hyperparameters = ProGMLPHyperparameters
    predicts_by_item = True
    stage: Tensor
    confidences: Tensor

    def setup(self) -> None:
        super().setup()
        data, count = self.context.data, self.hyper.students
        assert data is not None
        self.strength = 0.0
        self.mean_loss: float | None = None
        self.width = 0
        if count > 1:
            self.width = self._hidden_width(data.graph)
            self.student = self.new_student(data.graph.num_features + self.width)
        self.others = nn.ModuleList(self.new_student(data.graph.num_features + self.width) for _ in range(count - 1))
        self.register_buffer("stage", torch.tensor(0))
        self.register_buffer("confidences", torch.zeros(count))
        self._stale, self._best, self._best_weights = True, -1.0, dict[str, Tensor]()

    def _hidden_width(self, graph: Graph) -> int:
        """Of the student's last hidden layer."""
        assert self.student is not None
        with torch.no_grad():
            hidden = self.student(graph.rows(torch.zeros(1, dtype=torch.long, device=graph.device))).hidden
        if not hidden:
            raise ValueError("progmlp hands on the last hidden state of its MLPs, and this student has no hidden layer")
        return int(hidden[-1].shape[1])

    @property
    def group(self) -> list[nn.Module]:
        """All MLPs, in their order."""
        assert self.student is not None
        return [self.student, *self.others]

    @property
    def used(self) -> int:
        """How many MLPs make a prediction: those trained so far, up to the first that is confident enough."""
        trained, least = int(self.stage) + 1, self.hyper.exit_confidence
        if least < 1:
            for number, confidence in enumerate(self.confidences[:trained].tolist(), start=1):
                if confidence >= least:
                    return number
        return trained

    def inference_modules(self) -> Sequence[nn.Module]:
        return self.group[: self.used]

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        return [adam(student.parameters(), settings) for student in self.group]

    # Stages

    def stage_of(self, epoch: int) -> int:
        """Which MLP, from 0, is trained in an epoch: equal parts, and the last has what is over."""
        count, epochs = self.hyper.students, self.context.settings.epochs
        return min(epoch // max(epochs // count, 1), count - 1) if epochs >= count else count - 1

    def may_be_kept(self, epoch: int) -> bool:
        return self.stage_of(epoch) == self.hyper.students - 1

    def on_epoch_start(self, epoch: int) -> None:
        while int(self.stage) < self.stage_of(epoch):
            self._next_stage()

    @torch.no_grad()
    def _next_stage(self) -> None:
        """The MLP that was trained stays at its best weights, from which the next one starts."""
        old, new = self.group[int(self.stage)], self.group[int(self.stage) + 1]
        if self._best_weights:
            old.load_state_dict(self._best_weights)
        self._measure()
        new.load_state_dict(old.state_dict())
        self.stage += 1
        self._stale, self._best, self._best_weights = True, -1.0, {}

    def on_epoch_end(self, epoch: int, validation: float) -> None:
        if not self.may_be_kept(epoch) and validation >= self._best:
            weights = self.group[int(self.stage)].state_dict()
            self._best, self._best_weights = validation, {name: value.clone() for name, value in weights.items()}

    # Forward

    def read(self, graph: Graph, last: int) -> Tensor | None:
        """What MLP `last`, from 0, reads, [nodes, features + hidden], by the frozen ones before it; None: x alone."""
        if not self.width:
            return None
        features = graph.dense_features()
        hidden = features.new_zeros(features.shape[0], self.width)
        with torch.no_grad():
            for student in self.group[:last]:
                student.eval()
                hidden = student(graph.with_features(torch.cat([features, hidden], 1))).hidden[-1]
        return torch.cat([features, hidden], 1)

    def forward(self, graph: Graph) -> Output:
        """The output of the MLP under training."""
        stage = int(self.stage)
        rows = self.read(graph, stage)
        output: Output = self.group[stage](graph if rows is None else graph.with_features(rows))
        return output

    def predict(self, graph: Graph) -> Output:
        if self.hyper.students == 1:
            return self(graph)
        if self._stale:
            self._measure()
        used = self.used
        shares = torch.stack([output.logits.softmax(dim=1) for output in self._outputs(graph, used)])
        weights = self.confidences[:used].softmax(dim=0)
        return Output((weights[:, None, None] * shares).sum(dim=0).clamp(min=1e-12).log())

    def _outputs(self, graph: Graph, count: int) -> list[Output]:
        """Of the first MLPs, each reading what the one before it hands on."""
        features = graph.dense_features()
        hidden, outputs = features.new_zeros(features.shape[0], self.width), list[Output]()
        for student in self.group[:count]:
            outputs.append(student(graph.with_features(torch.cat([features, hidden], 1))))
            hidden = outputs[-1].hidden[-1]
        return outputs

    @torch.no_grad()
    def _measure(self) -> None:
        """The mean confidence of the MLP under training on the unlabelled nodes (on all, where each has a label)."""
        data, training = self.context.data, self.training
        self._stale = False
        if data is None:  # a saved student, whose confidences are saved with it
            return
        shown = torch.ones(data.num_items, dtype=torch.bool, device=data.labelled.device)
        if data.labelled.numel() < data.num_items:
            shown[data.labelled] = False
        self.eval()
        self.confidences[int(self.stage)] = self(data.graph).logits[shown].softmax(dim=1).amax(dim=1).mean()
        self.train(training)

    # Loss

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        count = (int(self.stage) + 1) ** self.hyper.growth
        terms = {name: count * term for name, term in super().loss(batch, student).items()}
        if self.hyper.mixup_weight and batch.labelled.numel():
            terms["mixup"] = self.hyper.mixup_weight * self.mixed(batch, torch.randperm(batch.labelled.numel()))
        return terms

    def mixed(self, batch: Batch, other: Tensor) -> Tensor:
        """Cross-entropy of labelled nodes mixed with `other` ones, [labelled] int64 places among them; a scalar."""
        stage, own = int(self.stage), batch.graph.rows(batch.labelled)
        rows, other = self.read(own, stage), other.to(batch.labels.device)
        rows = own.dense_features() if rows is None else rows
        logits = self.group[stage](own.with_features(torch.lerp(rows[other], rows, self.strength))).logits
        here, there = self.task.label_loss(logits, batch.labels), self.task.label_loss(logits, batch.labels[other])
        return self.strength * here + (1 - self.strength) * there

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        terms = update(self.loss(batch, self(batch.graph)), int(self.stage))
        self._stale = True
        if "mixup" in terms:
            self.adapt(float(terms["mixup"]) / self.hyper.mixup_weight)
        return terms

    def adapt(self, loss: float) -> None:
        """The strength of mixup after a step whose mixup lost `loss`."""
        old = loss if self.mean_loss is None else self.mean_loss
        self.mean_loss = _OLD_SHARE * old + (1 - _OLD_SHARE) * loss
        sign = -1 if self.hyper.schedule == "text" else 1
        moved = self.strength + sign * self.hyper.mixup_rate * (self.mean_loss - _RESTING_LOSS)
        self.strength = min(max(moved, 0.0), _GREATEST)
