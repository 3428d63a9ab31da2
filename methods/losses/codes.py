"""Codes in place of states: how well a graph is made again from them, and how states are shared out among them."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract.sparse import SparseMatrix

Metric = Literal["distance", "cosine"]

#: Products that are held at once.
_HELD = 1 << 22


def adjacency_error(decoded: Tensor, chosen: Tensor, places: SparseMatrix) -> Tensor:
    """The root of the mean over all pairs of (A_ij - (z_i . z_j - least) / (greatest - least))^2; a scalar.

    decoded: z, [nodes, width], alike for nodes of one code; chosen: [nodes] int64, their codes; places: A, [nodes,
    nodes], ones. No matrix of all pairs is formed: the sums over pairs are those of z^T z, the greatest product is that
    of the longest row with itself, and the least one is looked for among the codes in use.
    """
    z, count = decoded.double(), decoded.shape[0]
    used, of_node = chosen.unique(return_inverse=True)
    size = torch.bincount(of_node).to(z.dtype)[:, None]
    mean = z.new_zeros(used.numel(), z.shape[1]).index_add(0, of_node, z) / size  # a code's nodes share its gradient
    first, second = _least_pair(mean.detach())
    least = mean[first] @ mean[second]
    greatest = mean.square().sum(dim=1).max()
    scale = 1 / (greatest - least).clamp(min=1e-12)
    total, squares = z.sum(dim=0).square().sum(), (z.T @ z).square().sum()
    along = ((places @ decoded) * decoded).sum(dtype=z.dtype)
    pairs, ones = float(count) ** 2, float(places.nonzeros)
    of_made = squares - 2 * least * total + pairs * least * least  # sum of (S - least)^2
    error = ones - 2 * scale * (along - least * ones) + scale * scale * of_made
    return (error / pairs).clamp(min=1e-24).sqrt().to(decoded.dtype)


def _least_pair(states: Tensor) -> tuple[int, int]:
    """Which two rows of [rows, width] have the least inner product."""
    best, found, begin = float("inf"), (0, 0), 0
    for part in states.split(max(1, _HELD // states.shape[0])):
        products = part @ states.T
        place = int(products.argmin())
        value = float(products.flatten()[place])
        if value < best:
            best, found = value, (begin + place // states.shape[0], place % states.shape[0])
        begin += part.shape[0]
    return found


def code_scores(states: Tensor, codebook: Tensor, metric: Metric) -> Tensor:
    """[rows, codes]: how near each of the states ([rows, width]) is to each code: -|h - e|, or the cosine."""
    if metric == "distance":
        return -torch.cdist(states, codebook)
    return F.normalize(states, dim=1) @ F.normalize(codebook, dim=1).T
