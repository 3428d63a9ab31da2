"""DML, deep mutual learning (Zhang, Xiang, Hospedales and Lu, CVPR 2018), equations 4 to 8 and algorithm 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import (
    Batch,
    Hyperparameters,
    Method,
    NodeSet,
    OptimiserSettings,
    Output,
    Update,
    adam,
)
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.views import outputs_of


class DMLHyperparameters(Hyperparameters):
    students: int = Field(2, ge=1, le=64, description="K, the peers; 1 is the student alone")
    weight: float = Field(1.0, ge=0, description="weight of the divergence from the peers; the paper has none")
    tau: float = Field(1.0, gt=0, description="temperature of both distributions; the paper has none")
    node_set: NodeSet = Field("observed", description="the items that the divergence acts on")
    update: Literal["sequential", "joint"] = Field(
        "sequential", description="whether a peer learns from the others as they are by now, or as the step found them"
    )


class DML(Method[DMLHyperparameters]):
    """Peers of one architecture, each the others' teacher; there is no other.

    Peer k minimises CE(y, z_k) + weight tau^2 / (K - 1) times the sum over other peers l of KL(p_l || p_k), where p_l
    is a constant. `predict` is the first peer's; what is judged is the mean of all peers' scores.
    """

    Hyperparameters = DMLHyperparameters
    predictions_are_alike = True

    def setup(self) -> None:
        self.others = nn.ModuleList(self.new_student() for _ in range(self.hyper.students - 1))
        self.mutual = self.hyper.students > 1 and self.hyper.weight > 0
        if not self.mutual:
            self.epoch_items = "labelled"

    @property
    def peers(self) -> list[nn.Module]:
        """All students."""
        assert self.student is not None
        return [self.student, *self.others]

    def predictions(self, graph: Graph) -> Sequence[Output]:
        return outputs_of(self.peers, graph)

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        """One Adam a peer."""
        return [adam(peer.parameters(), settings) for peer in self.peers]

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        own: list[Tensor] = [peer(batch.graph).logits for peer in self.peers]
        targets = [logits.detach() for logits in own]
        terms: dict[str, Tensor] = {}
        for number, peer in enumerate(self.peers):
            terms |= update(self.peer_terms(number, own[number], targets, batch), number)
            if self.mutual and self.hyper.update == "sequential" and number + 1 < len(own):
                with torch.no_grad():
                    targets[number] = peer(batch.graph).logits
        return terms

    def peer_terms(self, number: int, logits: Tensor, targets: Sequence[Tensor], batch: Batch) -> dict[str, Tensor]:
        """What one peer minimises. logits: [items, classes], its own; targets: those of every peer, constants."""
        terms = {f"labels of {number}": self.task.label_loss(logits[batch.labelled], batch.labels)}
        if self.mutual:
            items, hyper = batch.positions(self.hyper.node_set), self.hyper
            others = [target for peer, target in enumerate(targets) if peer != number]
            divergences = [self.task.divergence(logits[items], other[items], hyper.tau) for other in others]
            terms[f"peers of {number}"] = hyper.weight * hyper.tau**2 * torch.stack(divergences).mean()
        return terms
