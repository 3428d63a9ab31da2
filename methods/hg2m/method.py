"""HG2M+ (Liu et al., TKDE 2025): a teacher's logits on reliable items, and at items that reliable ones are like."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Output
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.glnn.method import GLNNForm, GLNNHyperparameters
from graph_distillery.methods.hg2m.reliability import meta_paths, reliable_items, reliable_pairs
from graph_distillery.methods.losses.neighbours import NeighbourTargets


class HG2MHyperparameters(GLNNHyperparameters):
    reliable: bool = Field(True, description="whether unreliable items learn from the labels alone")
    reliable_share: float = Field(0.9, gt=0, le=1, description="p, share of unlabelled items with the surest outputs")
    path_weight: float = Field(0.0, ge=0, description="gamma, weight of the pairs; shipped 0")
    fewest_paths: int = Field(1, ge=1, description="meta-paths that join a pair at least")


class HG2M(GLNNForm[HG2MHyperparameters]):
    """lambda CE + (1 - lambda) [R + gamma mean over meta-paths of (sum of score KL(p_t,j || p_s,i) + N R) / (E + N)].

    R: the mean of KL(p_t || p_s) over reliable items. The sum is over the E arcs j -> i from reliable items to others
    that the meta-path joins them to and that are likely of their class; N: all items of a step.
    """

    Hyperparameters = HG2MHyperparameters

    def setup(self) -> None:
        super().setup()
        hyper, data = self.hyper, self.context.data
        assert data is not None
        self.sure: Tensor | None = None
        self.paths: list[NeighbourTargets] = []
        if hyper.label_weight == 1 or not (hyper.reliable or hyper.path_weight):
            return
        teacher = F.log_softmax(self.teachers[0].logits, dim=1)
        sure = reliable_items(data, teacher.exp(), hyper.reliable_share)
        self.sure = sure if hyper.reliable else None
        softened = F.log_softmax(self.teachers[0].logits / hyper.temperature, dim=1)
        for joined in meta_paths(data.graph) if hyper.path_weight else ():
            pairs = reliable_pairs(data, teacher.exp(), sure, joined, hyper.fewest_paths)
            if pairs is None:
                continue
            shape = (data.num_items, data.num_items)
            arcs = SparseMatrix.from_entries(pairs.target, pairs.source, pairs.score, shape)
            kept = torch.ones_like(arcs.values, dtype=torch.bool)
            self.paths.append(NeighbourTargets.of(arcs, softened, arcs.values, kept))

    def teacher_term(self, batch: Batch, student: Output) -> Tensor:
        if self.sure is None and not self.paths:
            return super().teacher_term(batch, student)
        logits, teacher, temperature = student.logits, batch.teacher.logits, self.hyper.temperature
        if self.sure is not None:
            sure = self.sure[batch.items]
            logits, teacher = logits[sure], teacher[sure]
        own = self.task.divergence(logits, teacher, temperature) if logits.shape[0] else student.logits.sum() * 0
        if not self.paths:
            return own
        count, log = batch.items.numel(), F.log_softmax(student.logits / temperature, dim=1)
        terms = []
        for path in self.paths:
            arcs = path.arcs[batch.items].sum()
            total = path.negentropy[batch.items].sum() - (path.shares[batch.items] * log).sum()
            terms.append((total + count * own) / (arcs + count))
        return own + self.hyper.path_weight * torch.stack(terms).mean()
