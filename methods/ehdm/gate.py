"""The gate of EHDM: what each MLP counts for a pair, by the product of its ends' features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.sparse import SparseMatrix


class Gate(nn.Module):
    """Three linear maps, a ReLU after the first: [pairs, features] products -> [pairs, experts] logarithms of weights
    that sum to 1."""

    def __init__(self, features: int, width: int, experts: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(features, width), nn.Linear(width, width)
        self.last = nn.Linear(width, experts)

    def forward(self, graph: Graph) -> Tensor:
        products = feature_products(graph.features, graph.asked_pairs)
        if isinstance(products, SparseMatrix):
            state = products @ self.first.weight.T.contiguous() + self.first.bias
        else:
            state = self.first(products)
        return F.log_softmax(self.last(self.second(torch.relu(state))), dim=1)


def feature_products(features: Tensor | SparseMatrix, pairs: Tensor) -> Tensor | SparseMatrix:
    """[pairs, features]: the products of both ends' rows, sparse where the features are; pairs: [pairs, 2] int64."""
    if isinstance(features, Tensor):
        return features[pairs[:, 0]] * features[pairs[:, 1]]
    one, other = (features.select_rows(pairs[:, end]) for end in (0, 1))
    width, count = features.shape[1], pairs.shape[0]
    wanted, there = (rows.row_of_entry * width + rows.columns for rows in (one, other))
    if not there.numel():
        kept, at = torch.zeros_like(wanted, dtype=torch.bool), wanted
    else:
        at = torch.searchsorted(there, wanted).clamp(max=there.numel() - 1)
        kept = there[at] == wanted
    pointers = torch.zeros(count + 1, dtype=torch.long, device=pairs.device)
    torch.cumsum(torch.bincount(one.row_of_entry[kept], minlength=count), 0, out=pointers[1:])
    return SparseMatrix(pointers, one.columns[kept], one.values[kept] * other.values[at[kept]], (count, width))


def mixed(weights: Tensor, logits: Tensor) -> Tensor:
    """[pairs, 1]: the logit of the weighted mean of chances; weights: their logarithms, logits: [pairs, experts] each.

    Taken in logarithms: chances that round to 1 would tie.
    """
    linked, apart = (torch.logsumexp(weights + F.logsigmoid(sign * logits), dim=1) for sign in (1, -1))
    return (linked - apart)[:, None]
