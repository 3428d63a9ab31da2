"""Which items a teacher is reliable on, and which pairs of items that a meta-path joins are likely of one class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.methods.contract import TrainingData
from graph_distillery.methods.contract.graph import Graph, select_rows
from graph_distillery.methods.contract.sparse import SparseMatrix

#: Scores of pairs up to here are left out, after they are stretched to 0..1.
_LEAST_SCORE = 0.01
#: Pairs that are looked at together.
_CHUNK = 1 << 18
#: Rows that are gathered or multiplied together; and the part of all pairs, one in so many, from which the product of
#: all with all takes less time than the rows of each pair.
_ROWS, _DENSE = 1024, 64


def reliable_items(data: TrainingData, shares: Tensor, part: float) -> Tensor:
    """[items] bool: labelled ones that the teacher gets right, and others among the `part` of them with the least
    entropy and among the `part` with the greatest confidence.

    shares: [items, classes], the teacher's distributions.
    """
    found = torch.zeros(data.num_items, dtype=torch.bool, device=shares.device)
    found[data.labelled] = shares[data.labelled].argmax(dim=1) == data.labels
    others = torch.ones_like(found)
    others[data.labelled] = False
    rows = shares[others]
    count = int(part * rows.shape[0])
    if count:
        entropy, confidence = -torch.special.xlogy(rows, rows).sum(dim=1), rows.amax(dim=1)
        sure = (entropy <= entropy.kthvalue(count).values) & (confidence >= confidence.topk(count).values[-1])
        found[others] = sure
    return found


def meta_paths(graph: Graph) -> Iterator[Tensor]:
    """For each type of nodes through which any pass, [3, pairs] int64: two items, the first the lower number, and how
    many meta-paths through the type join them; through the items' own type, arcs."""
    items, types = graph.num_targets, graph.node_type
    source, target = graph.edge_index
    for kind in range(len(graph.types.nodes) if graph.types else 0):
        into = (source < items) & (types[target] == kind)
        back = (target < items) & (types[source] == kind)
        size = graph.num_nodes if kind else items
        found = _ones(source[back], target[back], (size, items))
        if kind:
            found = _ones(source[into], target[into], (items, size)) @ found
        found = found.to_sparse_coo().coalesce()
        (rows, columns), counts = found.indices(), found.values().round().long()
        above = rows < columns
        if bool(above.any()):
            yield torch.stack([rows[above], columns[above], counts[above]])


def _ones(rows: Tensor, columns: Tensor, shape: tuple[int, ...]) -> Tensor:
    ones = torch.ones(rows.numel(), dtype=torch.float64, device=rows.device)
    places = torch.stack([rows, columns])
    return torch.sparse_coo_tensor(places, ones, shape, check_invariants=False).coalesce().to_sparse_csr()


@dataclass(frozen=True)
class Pairs:
    """Arcs from reliable items: `source`, `target`, [arcs] int64, and how likely both are of one class, in 0..1."""

    source: Tensor
    target: Tensor
    score: Tensor


def reliable_pairs(data: TrainingData, shares: Tensor, reliable: Tensor, joined: Tensor, fewest: int) -> Pairs | None:
    """Those pairs of [3, pairs] that are of one class, or are said to be; None where nothing can be learnt of them.

    joined: as of `meta_paths`, in ascending order of the first item.

    A logistic regression on the cosine of features, the number of meta-paths and the product of the teacher's
    distributions learns from pairs of labelled items which are of one class. Of those that it says are, and of labelled
    ones that are, with score 1, arcs go out of each reliable end.
    """
    one, other, counts = joined[:, joined[2] >= fewest]
    kept = reliable[one] | reliable[other]
    one, other, counts = one[kept], other[kept], counts[kept]
    classes = torch.full((data.num_items,), -1, dtype=torch.long, device=shares.device)
    classes[data.labelled] = data.labels
    labelled = (classes[one] >= 0) & (classes[other] >= 0)
    same = classes[one] == classes[other]
    told = same[labelled]
    if not bool(told.any()) or bool(told.all()):
        return None
    x = _described(data.graph, shares, one, other, counts)
    chance = torch.sigmoid(_with_one(x) @ logistic_regression(x[labelled], told.double()))
    chosen = torch.where(labelled, same, chance > 0.5)
    score = torch.where(labelled, 1.0, chance)[chosen]
    one, other = one[chosen], other[chosen]
    out, back = reliable[one], reliable[other]
    source, target = torch.cat([one[out], other[back]]), torch.cat([other[out], one[back]])
    score = torch.cat([score[out], score[back]])
    if not score.numel():
        return None
    spread = float(score.max() - score.min())
    score = (score - score.min()) / spread if spread > 0 else torch.ones_like(score)
    likely = score > _LEAST_SCORE
    return Pairs(source[likely], target[likely], score[likely].to(shares.dtype))


def _described(graph: Graph, shares: Tensor, one: Tensor, other: Tensor, counts: Tensor) -> Tensor:
    """[pairs, 3] float64: what the regression reads of each pair."""
    items = torch.arange(graph.num_targets, device=graph.device)
    rows = select_rows(graph.features, items)
    x = F.normalize(rows.to_dense() if isinstance(rows, SparseMatrix) else rows)
    alike = _products(x, one, other)
    chunks = zip(*(each.split(_CHUNK) for each in (one, other, counts, alike)), strict=True)
    parts = [
        torch.stack([cosine, count.to(x.dtype), (shares[a] * shares[b]).sum(dim=1)], dim=1)
        for a, b, count, cosine in chunks
    ]
    return torch.cat(parts).double() if parts else x.new_zeros(0, 3).double()


def _products(x: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """[pairs]: x[one] times x[other], summed over columns; `one` in ascending order."""
    items, found = x.shape[0], x.new_empty(one.shape)  # filled in place: pieces kept among freed rows split the memory
    if one.numel() * _DENSE < items * items:
        for start in range(0, one.numel(), _ROWS):
            piece = slice(start, start + _ROWS)
            torch.sum(x[one[piece]] * x[other[piece]], 1, out=found[piece])
        return found
    starts = torch.arange(0, items + _ROWS, _ROWS, device=x.device)
    ends = torch.searchsorted(one, starts).tolist()
    for start, piece in zip(starts.tolist(), map(slice, ends, ends[1:]), strict=False):
        rows = x[start : start + _ROWS] @ x.T
        found[piece] = rows[one[piece] - start, other[piece]]
    return found


def logistic_regression(x: Tensor, y: Tensor) -> Tensor:
    """[features + 1], the intercept last: least sum of log losses plus half the squared weights, without the intercept.

    x: [rows, features], y: [rows] of 0 and 1, float64 both.
    """
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10).fit(x.cpu().numpy(), y.cpu().numpy())
    weights = torch.cat([torch.from_numpy(found.coef_[0]), torch.from_numpy(found.intercept_)])
    return weights.to(x.device, x.dtype)


def _with_one(x: Tensor) -> Tensor:
    return torch.cat([x, x.new_ones(x.shape[0], 1)], dim=1)
