"""Whether two nodes are linked: a score for every pair of nodes that is asked about."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.task import StandIn, Task
from graph_distillery.methods.losses.logits import binary_soft_divergence
from graph_distillery.methods.tasks.scores import hits_at, mean_reciprocal_rank, ranking_auc
from graph_distillery.methods.tasks.stand_ins import told_by_features

#: The K of Hits@K, told where there are so many negatives.
_HITS = (10, 20, 50)
#: Communities of the stand-in.
_GROUPS = 3


class LinkPrediction(Task):
    """Binary cross-entropy of pair scores, [pairs, 1] logits. Labels are [pairs] int64 of 0 and 1.

    The pairs are `graph.pairs`; the edges of the graph are those that may be read, without the ones to be found.
    Hits@K and the reciprocal rank rank each positive among all negatives that are judged with it.
    """

    def label_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if labels.shape[0] == 0:
            return logits.sum() * 0
        return F.binary_cross_entropy_with_logits(logits.squeeze(1), labels.to(logits.dtype))

    def divergence(self, student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
        return binary_soft_divergence(student, teacher, temperature)

    def constant_logits(self, labels: Tensor) -> Tensor:
        """The frequency of links."""
        return torch.logit(labels.float().mean(dim=0, keepdim=True), eps=1e-6)

    def other_labels(self, labels: Tensor) -> Tensor:
        return 1 - labels

    def label_problem(self, labels: Tensor) -> str | None:
        if labels.dtype != torch.long or labels.dim() != 1:
            return f"labels are {labels.dtype} of shape {list(labels.shape)}, not int64 of one dimension"
        return None if bool(((labels == 0) | (labels == 1)).all()) else "labels are other than 0 and 1"

    def all_scores(self, metric: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
        score, negatives = logits.squeeze(1), int((labels == 0).sum())
        hits = {f"hits_{k}": k for k in _HITS if negatives >= k or metric == f"hits_{k}"}
        return {
            **{name: hits_at(k, score, labels) for name, k in hits.items()},
            "mrr": mean_reciprocal_rank(score, labels),
            "roc_auc": ranking_auc(score, labels),
            "accuracy": float(((score > 0) == (labels == 1)).double().mean()),
            "nll": float(F.binary_cross_entropy_with_logits(score, labels.double())),
        }

    def main_score(self, metric: str, logits: Tensor, labels: Tensor) -> float:
        if not metric.startswith("hits_") or not bool(torch.isfinite(logits).all()):
            return super().main_score(metric, logits, labels)
        return hits_at(int(metric.removeprefix("hits_")), logits.double().squeeze(1), labels)

    def stand_in(self, generator: torch.Generator, size: int = 10) -> StandIn:
        """Communities of nodes in a ring each, told by a feature; pairs within one are links, others are not."""
        size = max(size, 3 * _GROUPS)
        nodes = torch.arange(size)
        step = nodes[: size - _GROUPS]
        arcs = torch.stack([step, step + _GROUPS])
        features = told_by_features(nodes % _GROUPS, _GROUPS, generator, strength=3.0)
        linked = torch.stack([nodes, (nodes + 2 * _GROUPS) % (size - size % _GROUPS)], dim=1)
        apart = torch.stack([nodes, (nodes + 1) % (size - size % _GROUPS)], dim=1)
        pairs = torch.cat([linked, apart])
        labels = (pairs[:, 0] % _GROUPS == pairs[:, 1] % _GROUPS).long()
        graph = Graph.build(features, torch.cat([arcs, arcs.flip(0)], dim=1)).with_pairs(pairs)
        return StandIn(graph, labels, torch.arange(pairs.shape[0]))
