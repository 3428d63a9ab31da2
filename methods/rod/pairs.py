"""Which pairs of nodes are most and least alike after each number of hops, and the loss on them (ROD, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph

#: All pairs of nodes are compared at once, so that memory grows with the square of this.
MOST_NODES = 6000
#: So many of the least alike are kept for each of the most alike.
_NEGATIVES = 100
_BATCH = 1000


@dataclass(frozen=True)
class HopPairs:
    """alike: [hops + 1, count, 2] int64, as many as arcs and nodes; unlike: [hops + 1, up to 100 count, 2] int64."""

    alike: Tensor
    unlike: Tensor

    @classmethod
    def of(cls, graph: Graph) -> HopPairs:
        """By the cosine of `hop_features`, every ordered pair and each node with itself.

        Raises:
            ValueError: the graph has too many nodes to compare all pairs.
        """
        nodes = graph.num_nodes
        if nodes > MOST_NODES:
            raise ValueError(f"structure_weight: all pairs of {nodes} nodes, more than {MOST_NODES}; take 0")
        count = min(graph.num_edges + nodes, nodes * nodes)
        found: tuple[list[Tensor], list[Tensor]] = ([], [])
        for states in graph.node_columns["hop_features"].unbind(1):
            rows = F.normalize(states, dim=1)
            likeness = (rows @ rows.T).flatten()
            for places, how_many, most in ((found[0], count, True), (found[1], _NEGATIVES * count, False)):
                chosen = likeness.topk(min(how_many, likeness.numel()), largest=most, sorted=False).indices
                places.append(torch.stack([chosen // nodes, chosen % nodes], dim=1))
        return cls(torch.stack(found[0]), torch.stack(found[1]))

    def drawn(self) -> tuple[Tensor, Tensor]:
        """All that are alike, and as many in a row of the others, from a place that is drawn."""
        count, others = self.alike.shape[1], self.unlike.shape[1]
        start = int(torch.randint(0, max(others - count, 0) + 1, ()))
        return self.alike, self.unlike[:, start : start + count]


def structure_loss(logits: Tensor, alike: Tensor, unlike: Tensor) -> Tensor:
    """Cross-entropy of the cosine of both ends' logits, taken as a logit, against 1 for alike and 0 for unlike.

    A pair weighs its cosine, or 1 less that where unlike, a constant; means over batches of 1000 pairs of both kinds
    are added up, and heads. logits: [heads, nodes, classes]; alike, unlike: [heads, count, 2].
    """
    count = alike.shape[1]
    sizes = torch.full((count,), float(min(_BATCH, count)), device=logits.device)
    if rest := count % _BATCH:
        sizes[-rest:] = float(rest)
    rows = F.normalize(logits, dim=2).flatten(0, 1)
    first = logits.shape[1] * torch.arange(logits.shape[0], device=logits.device)[:, None]
    total = logits.sum() * 0
    for pairs, label in ((alike, 1.0), (unlike, 0.0)):
        ends = (rows.index_select(0, (pairs[:, :, end] + first).flatten()) for end in (0, 1))
        cosine = torch.mul(*ends).sum(1).view(pairs.shape[:2])
        weight = cosine.detach() if label else 1 - cosine.detach()
        each = F.binary_cross_entropy_with_logits(cosine, torch.full_like(cosine, label), reduction="none")
        total = total + (weight * each / (2 * sizes)).sum()
    return total
