"""EHDM, ensemble of heuristic-distilled MLPs (Qin et al., LoG 2025), by https://github.com/ZongyueQin/EHDM."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, BatchSource, Graph, Output
from graph_distillery.methods.contract.method import Update
from graph_distillery.methods.contract.optimiser import OptimiserSettings, adam
from graph_distillery.methods.controls.heuristics import scores
from graph_distillery.methods.ehdm.gate import Gate, mixed
from graph_distillery.methods.losses.contexts import ContextHyperparameters, ContextMethod
from graph_distillery.near_names import unknown_line

#: The teachers by name, with the settings that their released code has.
TEACHERS: Mapping[str, Callable[[Graph, Tensor], Tensor]] = {
    "cn": scores.common_neighbours,
    "aa": scores.adamic_adar,
    "ra": scores.resource_allocation,
    "katz": lambda graph, pairs: scores.katz(graph, pairs, 0.005, 3),
    "sp": lambda graph, pairs: scores.shortest_path(graph, pairs, 6),
}


class EHDMHyperparameters(ContextHyperparameters):
    label_weight: float = Field(1.0, ge=0, description="weight of the loss on the pairs with a label")
    distribution_weight: float = Field(0.01, ge=0, description="weight of the divergence of the contexts' shares")
    heuristics: str = Field("cn-aa", description="teachers, an MLP each, of cn, aa, ra, katz and sp, joined by dashes")
    gate_width: int = Field(256, ge=1, description="of the gate's hidden states")
    gate_lr: float = Field(0.001, gt=0, description="the gate's learning rate")

    @field_validator("heuristics")
    @classmethod
    def _known(cls, value: str) -> str:
        names = value.split("-")
        for name in names:
            if name not in TEACHERS:
                raise ValueError(unknown_line("heuristic", name, TEACHERS))
        if len(set(names)) < len(names):
            raise ValueError(f"{value!r} names one twice")
        return value


class EHDM(ContextMethod[EHDMHyperparameters]):
    """One MLP a heuristic, trained by LLP's loss on its scores as they are; then a gate that weighs their chances.

    The MLPs are trained in turn, each to its best validation score, and then stay. A stage ends after `patience` epochs
    without a better one, or with its equal share of the epochs. The gate learns from labels alone. Its paper adds the
    1-norm of the weights, which a softmax makes 1 for every pair, so that it moves nothing, and it is left out here.

    Without a gate (`official_code`) the last MLP is chosen by the validation score of the mean, the others by their
    own. Contexts are drawn anew in every epoch, where the released code draws from stored ones.
    """

    Hyperparameters = EHDMHyperparameters
    predicts_by_item = True
    stage: Tensor

    def setup(self) -> None:
        super().setup()
        names = self.hyper.heuristics.split("-") if self.learns else [""]
        self.names = names
        self.others = nn.ModuleList(self.new_student() for _ in names[1:])
        gated = self.learns and len(names) > 1 and self.context.variant == "paper"
        features = self.data.graph.num_features
        self.gate = Gate(features, self.hyper.gate_width, len(names)).to(self.context.device) if gated else None
        self.register_buffer("stage", torch.tensor(0))
        self._start_stage()

    @property
    def experts(self) -> list[nn.Module]:
        """All MLPs, in the order of their teachers."""
        assert self.student is not None
        return [self.student, *self.others]

    @property
    def parts(self) -> list[nn.Module]:
        """What is trained, stage by stage."""
        return self.experts if self.gate is None else [*self.experts, self.gate]

    def inference_modules(self) -> Sequence[nn.Module]:
        return self.parts

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        found = [adam(expert.parameters(), settings) for expert in self.experts]
        if self.gate is not None:
            found.append(adam(self.gate.parameters(), replace(settings, lr=self.hyper.gate_lr)))
        return found

    # Stages

    @property
    def last(self) -> bool:
        return int(self.stage) == len(self.parts) - 1

    def _start_stage(self) -> None:
        self._spent = self._waited = 0
        self._best, self._best_weights = -math.inf, dict[str, Tensor]()

    def may_be_kept(self, epoch: int) -> bool:
        return self.last

    def on_epoch_start(self, epoch: int) -> None:
        """The next stage, where one is over; the last one has the last epoch at least."""
        stages, settings = len(self.parts), self.context.settings
        over = self._spent >= max(settings.epochs // stages, 1) or 0 < settings.patience <= self._waited
        least = stages - (settings.epochs - epoch)
        while not self.last and (over or int(self.stage) < least):
            if self._best_weights:
                self.parts[int(self.stage)].load_state_dict(self._best_weights)
            self.stage += 1
            self._start_stage()
            over = False

    def on_epoch_end(self, epoch: int, validation: float) -> None:
        self._spent, self._waited = self._spent + 1, self._waited + 1
        if not self.last and validation >= self._best:
            weights = self.parts[int(self.stage)].state_dict()
            self._best, self._waited = validation, 0
            self._best_weights = {name: value.clone() for name, value in weights.items()}

    # Forward

    def forward(self, graph: Graph) -> Output:
        """The output of the MLP under training; of the gate, what it makes of theirs."""
        stage = int(self.stage)
        if stage < len(self.experts):
            output: Output = self.experts[stage](graph)
            return output
        return self._mixed(graph)

    def predict(self, graph: Graph) -> Output:
        """Of all MLPs once the last part is trained, before that of the one under training."""
        return self._mixed(graph) if self.last and len(self.experts) > 1 else self(graph)

    def _mixed(self, graph: Graph) -> Output:
        with torch.no_grad():
            columns = [expert.eval()(graph).logits for expert in self.experts]
        logits = torch.cat(columns, dim=1)
        weights = torch.full_like(logits, -math.log(len(columns))) if self.gate is None else self.gate(graph)
        return Output(mixed(weights, logits))

    # Loss

    def targets(self, pairs: Tensor) -> Tensor:
        graph = self.data.graph
        return TEACHERS[self.names[int(self.stage)]](graph, pairs).to(graph.dtype)

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        if int(self.stage) < len(self.experts):
            yield from super().batches(source)
        else:
            yield from source.epoch("labelled")

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        if int(self.stage) < len(self.experts):
            return super().loss(batch, student)
        return {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        return update(self.loss(batch, self(batch.graph)), int(self.stage))
