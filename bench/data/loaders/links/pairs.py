"""Pairs of a graph's nodes, to be told as linked or not: its edges, and pairs that no edge joins, parted as LLP's code
parts them (Guo et al., ICML 2023, https://github.com/snap-research/linkless-link-prediction).

| split | what |
|---|---|
| `links-5-10` | 5 % of the edges validate, 10 % are tested, by the very draw of that code (PyG's, seed 234) |
| `links-production` | some nodes are new: training sees neither them nor their edges; see `_production` |

Both are fixed: seeds differ in initialisation alone. Every part has as many pairs without an edge as with one, but for
the test of `links-production`, whose buckets share theirs. Those of the training part are drawn anew in every epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset, Indices
from graph_distillery.bench.data.edges import tidy_edges
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.randomness import Stream
from graph_distillery.methods.contract.columns import cut
from graph_distillery.methods.contract.graph import Graph

FIXED, PRODUCTION = "links-5-10", "links-production"
LINK_SPLITS = (FIXED, PRODUCTION)
#: The node column that says which nodes come after training, 0 or 1.
NEW = "new"
#: Tests of `links-production`, by how many of a pair's ends are new.
BUCKETS = ("old_old", "old_new", "new_new")
#: Of the edges between old nodes, those that appear for inference alone.
_LATER = 0.1
_SEED = 234
#: Numbers that one 32-bit draw of torch's permutation is taken for.
_NARROW = (2**32 - 1) // 20

Numbers = NDArray[np.int64]


def link_dataset(name: str, graph: Graph, share: float) -> Dataset:
    """The edges of a graph as pairs of label 1, by node, and after them pairs of label 0, with both splits.

    share: of the nodes that are new, and of the edges that test and validate, in `links-production`; LLP has 0.3 on
    cora and citeseer, 0.1 on others.

    Raises:
        DataFault: no edge, or too few pairs without one.
    """
    edges = tidy_edges(graph.edge_index, graph.num_nodes, undirected=True).numpy().T
    edges = edges[edges[:, 0] < edges[:, 1]]
    nodes, stream = graph.num_nodes, Stream(0, PRODUCTION)
    free = nodes * (nodes - 1) // 2 - len(edges)
    if not len(edges):
        raise DataFault("edges", "the graph has no edge, and its edges are what is to be found")
    if free < len(edges):
        raise DataFault(
            "edges", f"of its pairs of nodes {len(edges):,} have an edge and {free:,} none; as many are needed"
        )
    new = np.zeros(nodes, np.int64)
    new[stream.permutation(nodes)[: round(share * nodes)]] = 1
    (linked, apart), (linked_later, apart_later) = _fixed(edges, nodes), _production(edges, new, share, stream)
    pairs = torch.from_numpy(np.concatenate([edges, *apart, *apart_later]))
    splits = {
        FIXED: [_numbered(linked, apart, len(edges))],
        PRODUCTION: [_numbered(linked_later, apart_later, len(edges) + sum(map(len, apart)))],
    }
    labels = (torch.arange(len(pairs)) < len(edges)).long()
    asked = graph.with_columns(nodes={NEW: torch.from_numpy(new)}).with_pairs(pairs)
    return Dataset.build(name, "link-prediction", "hits_20", asked, labels, 1, splits)


def observed_graph(dataset: Dataset, train: Tensor) -> Graph:
    """The graph that training reads: of the edges those alone that are pairs of `train` ([count] int64)."""
    hidden = dataset.labels == 1
    hidden[train] = False
    return without_pairs(dataset.graph, dataset.graph.asked_pairs[hidden])


def inference_graph(dataset: Dataset, test: Tensor) -> Graph:
    """The graph that a test of `links-production` reads: all edges but those of `test` ([count] int64)."""
    return without_pairs(dataset.graph, dataset.graph.asked_pairs[test])


def without_pairs(graph: Graph, pairs: Tensor) -> Graph:
    """The same graph without the arcs, in both directions, that join the ends of [count, 2] int64 pairs."""
    kept = ~torch.isin(_codes(graph.edge_index.T, graph.num_nodes), _codes(pairs, graph.num_nodes))
    return graph.with_edges(graph.edge_index[:, kept], cut(graph.edge_columns, kept))


def buckets(dataset: Dataset, items: Tensor) -> Mapping[str, Tensor]:
    """By bucket that has any: the places within `items` ([count] int64) of its edges and of all pairs without one."""
    news = dataset.graph.node_columns[NEW][dataset.graph.asked_pairs[items]].sum(dim=1)
    linked = dataset.labels[items] == 1
    found = {name: linked & (news == count) for count, name in enumerate(BUCKETS)}
    return {name: (mine | ~linked).nonzero().flatten() for name, mine in found.items() if bool(mine.any())}


def check_links(dataset: Dataset) -> None:
    """Raises DataFault unless every pair is of two nodes and stands once: in a split, where splits hide edges, else in
    the dataset. Where they do, its label is 1 where an edge joins it, and 0 where none does."""
    graph, pairs = dataset.graph, dataset.graph.asked_pairs
    loops = (pairs[:, 0] == pairs[:, 1]).nonzero().flatten()
    if loops.numel():
        raise DataFault("pairs", f"pair {int(loops[0]):,} joins node {int(pairs[loops[0], 0]):,} with itself")
    codes = _codes(pairs, graph.num_nodes)
    if not hides_edges(dataset):
        _check_once("pairs", "", codes, pairs)
        return
    joined = torch.isin(codes, _codes(graph.edge_index.T, graph.num_nodes))
    wrong = ((dataset.labels == 1) != joined).nonzero().flatten()
    if wrong.numel():
        which = int(wrong[0])
        said = "an edge joins" if bool(joined[which]) else "no edge joins"
        why = f"pair {which:,} has label {int(dataset.labels[which])}, and {said} nodes {pairs[which].tolist()}"
        raise DataFault("pairs", why)
    for name in LINK_SPLITS:
        for parts in dataset.fixed_splits.get(name, ()):
            items = torch.cat(parts)
            _check_once(f"split {name}", f"split {name!r}: ", codes[items], pairs[items])


def check_part_of_links(dataset: Dataset, noun: str, title: str, items: Tensor) -> None:
    """Raises DataFault where a part that is judged asks for an edge that every part of the graph shows; items: [count].

    Splits that hide edges show none of those that they ask about.
    """
    if hides_edges(dataset):
        return
    graph, asked = dataset.graph, items[dataset.labels[items] == 1]
    pairs = graph.asked_pairs[asked]
    shown = torch.isin(_codes(pairs, graph.num_nodes), _codes(graph.edge_index.T, graph.num_nodes)).nonzero().flatten()
    if shown.numel():
        ends, which = pairs[shown[0]].tolist(), int(asked[shown[0]])
        raise DataFault(noun, f"{title} asks about nodes {ends} (pair {which:,}), whose edge the graph shows")


def hides_edges(dataset: Dataset) -> bool:
    """Whether a dataset's splits hide the edges that they ask about, so that its graph may hold them."""
    return bool(set(LINK_SPLITS) & set(dataset.fixed_splits))


def check_hidden(graph: Graph, pairs: Tensor) -> None:
    """Raises DataFault where a graph that is read has an edge between the ends of a pair ([count, 2]) to be found."""
    shown = torch.isin(_codes(pairs, graph.num_nodes), _codes(graph.edge_index.T, graph.num_nodes)).nonzero().flatten()
    if shown.numel():
        raise DataFault("edges", f"the graph shows the edge of nodes {pairs[shown[0]].tolist()}, which is to be found")


def _check_once(noun: str, title: str, codes: Tensor, pairs: Tensor) -> None:
    ordered, order = codes.sort(stable=True)
    twice = (ordered[1:] == ordered[:-1]).nonzero().flatten()
    if twice.numel():
        ends = sorted(pairs[order[twice[0]]].tolist())
        where = "stands in it more than once" if title else "is asked about more than once"
        raise DataFault(noun, f"{title}the pair of nodes {ends} {where}")


def _codes(pairs: Tensor, nodes: int) -> Tensor:
    """[count]: a number for each of [count, 2] pairs, the same for both orders of its ends."""
    return pairs.min(dim=1).values * nodes + pairs.max(dim=1).values


class _NonEdges:
    """The pairs u < v of nodes that no edge joins, numbered by u, then by v. edges: [edges, 2], so ordered."""

    def __init__(self, edges: Numbers, nodes: int) -> None:
        rows = np.arange(nodes)
        self.starts = rows * (nodes - 1) - rows * (rows - 1) // 2  # the number of (u, u + 1) among all pairs
        self.skipped = self.starts[edges[:, 0]] + edges[:, 1] - edges[:, 0] - 1 - np.arange(len(edges))
        self.count = nodes * (nodes - 1) // 2 - len(edges)

    def __getitem__(self, numbers: Numbers) -> Numbers:
        """[count, 2]: the pairs of these numbers."""
        places = numbers + np.searchsorted(self.skipped, numbers, side="right")
        one = np.searchsorted(self.starts, places, side="right") - 1
        return np.stack([one, places - self.starts[one] + one + 1], axis=1)

    def draw(self, stream: Stream, count: int, taken: Numbers | None = None) -> Numbers:
        """[count] numbers, all different and none of `taken`."""
        taken = np.empty(0, np.int64) if taken is None else taken
        if count + len(taken) > self.count:
            raise DataFault("edges", f"{count + len(taken):,} pairs without an edge are needed, of {self.count:,}")
        found = taken
        while len(found) < len(taken) + count:
            found = np.concatenate([found, stream.integers(self.count, 2 * count)])
            found = found[np.sort(np.unique(found, return_index=True)[1])]
        return found[len(taken) : len(taken) + count]


class _Mersenne:
    """The permutations that torch draws on a CPU after `torch.manual_seed`, up to any length of them."""

    def __init__(self, seed: int) -> None:
        state = np.random.RandomState(seed).get_state(legacy=False)
        self.bits = np.random.MT19937()
        self.bits.state = cast("Any", {key: state[key] for key in ("bit_generator", "state")})

    def permutation(self, count: int, length: int | None = None) -> Numbers:
        """The first `length` of `torch.randperm(count)`: Fisher and Yates, with what was swapped kept aside."""
        if count >= _NARROW:
            raise DataFault("edges", f"{count:,} pairs without an edge; torch permutes {_NARROW:,} otherwise")
        length = count if length is None else length
        drawn = np.zeros(length, np.int64)
        drawn[: count - 1] = self.bits.random_raw(min(length, count - 1))
        targets = (np.arange(length) + drawn % (count - np.arange(length))).tolist()
        swapped: dict[int, int] = {}
        found = np.empty(length, np.int64)
        for place, target in enumerate(targets):
            found[place] = swapped.get(target, target)
            swapped[target] = swapped.get(place, place)
        return found


def _fixed(edges: Numbers, nodes: int) -> tuple[list[Numbers], list[Numbers]]:
    """Of `links-5-10`: the edges of each part, by number, and its pairs without an edge, [count, 2]."""
    stream, free = _Mersenne(_SEED), _NonEdges(edges, nodes)
    val, test = int(0.05 * len(edges)), int(0.1 * len(edges))
    order, apart = stream.permutation(len(edges)), stream.permutation(free.count, val + test)
    more = free.draw(Stream(0, FIXED), len(edges) - val - test, taken=apart)
    linked = [order[val + test :], order[:val], order[val : val + test]]
    return linked, [free[more], free[apart[:val]], free[apart[val:]]]


def _production(edges: Numbers, new: Numbers, share: float, stream: Stream) -> tuple[list[Numbers], list[Numbers]]:
    """The same of `links-production`.

    Of the edges between old nodes, between old and new and between new ones a share each is tested, and a tenth of the
    first appears for inference alone, as do all those of new nodes that are not tested. Of the other edges between old
    nodes a share validates. LLP draws pairs to validate from all that training has no edge for, so that some are edges
    that it hides; here none is.
    """
    tested, seen = [], np.empty(0, np.int64)
    for count in range(len(BUCKETS)):
        members = np.flatnonzero(new[edges].sum(axis=1) == count)
        members = members[stream.permutation(len(members))]
        cut_at = int(share * len(members))
        tested.append(members[:cut_at])
        if count == 0:
            seen = members[cut_at + int(_LATER * len(members)) :]
    val = int(share * len(seen))
    old, place = np.flatnonzero(new == 0), np.cumsum(new == 0) - 1
    among_old = _NonEdges(place[edges[new[edges].sum(axis=1) == 0]], len(old))
    observed = old[among_old[among_old.draw(stream, len(seen))]]
    free, wanted = _NonEdges(edges, len(new)), round(share * len(edges))
    apart = free[free.draw(stream, wanted + len(observed))]
    apart = apart[~np.isin(apart @ [len(new), 1], observed @ [len(new), 1])][:wanted]  # no pair is in two parts
    return [seen[val:], seen[:val], np.concatenate(tested)], [observed[val:], observed[:val], apart]


def _numbered(linked: list[Numbers], apart: list[Numbers], first: int) -> Indices:
    """The parts by number, where the pairs without an edge stand from `first` on, part after part."""
    train, val, test = (
        torch.from_numpy(np.concatenate([mine, first + sum(map(len, apart[:part])) + np.arange(len(apart[part]))]))
        for part, mine in enumerate(linked)
    )
    return train, val, test
