"""Learning from the nodes around an anchor: a student of pairs that is held to a teacher's scores of them (LLP)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import torch
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.artefacts.positions.walks import Neighbours, walks_from
from graph_distillery.methods.contract import Batch, BatchSource, Graph, Hyperparameters, Method, Output, TrainingData
from graph_distillery.methods.losses.rankings import distribution_term, ranking_term


class ContextHyperparameters(Hyperparameters):
    label_weight: float = Field(0.1, ge=0, description="weight of the loss on the pairs with a label")
    distribution_weight: float = Field(1.0, ge=0, description="weight of the divergence of the contexts' shares")
    ranking_weight: float = Field(1.0, ge=0, description="weight of the hinge on the contexts' order")
    margin: float = Field(0.1, ge=0, description="of the hinge, and between scores that the teacher tells apart")
    temperature: float = Field(1.0, gt=0, description="of the contexts' shares; T^2 times their divergence")
    walks: int = Field(3, ge=1, description="walks from each anchor")
    walk_length: int = Field(2, ge=1, description="nodes that a walk visits, all of them near nodes of its anchor")
    random_rate: int = Field(1, ge=0, description="nodes drawn at random for each near node")


ContextH = TypeVar("ContextH", bound=ContextHyperparameters)


class ContextMethod(Method[ContextH]):
    """label_weight BCE + distribution_weight (T^2 KL of the contexts' shares) + ranking_weight (hinge on their order).

    Every node is the anchor of one batch an epoch. Its contexts are the nodes that `walks` random walks of
    `walk_length` steps over the training edges visit, with repeats (a node without an edge is visited by itself), and
    `random_rate` times as many that are drawn from all nodes. What is matched are chances, sigmoids of the scores.

    A batch's graph asks about the pairs with a label and then about the anchors' pairs with their contexts, so that one
    forward answers for all of them.
    """

    def setup(self) -> None:
        hyper, data = self.hyper, self.context.data
        assert data is not None
        self.data: TrainingData = data
        self.learns = hyper.distribution_weight > 0 or hyper.ranking_weight > 0
        if not self.learns:
            self.epoch_items = "labelled"
            return
        if data.graph.num_edges == 0:
            raise ValueError("near nodes are found along edges, and the training graph has none")
        self.neighbours = Neighbours.of(data.graph)
        self.place = torch.argsort(data.graph.node_ids)
        self.ids = data.graph.node_ids[self.place]

    def targets(self, pairs: Tensor) -> Tensor:
        """[pairs]: the teacher's chances of [pairs, 2] nodes of the training graph."""
        raise NotImplementedError

    def contexts_of(self, anchors: Tensor) -> Tensor:
        """[anchors, contexts] int64, near ones first; anchors: [anchors] int64."""
        hyper, count = self.hyper, anchors.numel()
        walked = walks_from(self.neighbours, anchors.repeat_interleave(hyper.walks), hyper.walk_length)
        near = walked.view(count, hyper.walks * hyper.walk_length)
        shape = (count, hyper.random_rate * near.shape[1])
        return torch.cat([near, torch.randint(self.data.graph.num_nodes, shape, device=anchors.device)], dim=1)

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        if not self.learns:
            yield from source.epoch(self.epoch_items)
            return
        size = self.context.settings.batch_size or max(self.data.num_items, 1)
        number, nodes = -(-self.data.num_items // size), self.data.graph.num_nodes
        shares = torch.randperm(nodes, device=self.data.graph.device).tensor_split(max(number, 1))
        for batch, anchors in zip(source.epoch(self.epoch_items), shares, strict=True):
            yield self._with_contexts(batch, anchors)

    def _with_contexts(self, batch: Batch, anchors: Tensor) -> Batch:
        contexts = self.contexts_of(anchors)
        asked = torch.stack([anchors[:, None].expand_as(contexts), contexts], dim=2)
        self.shape, pairs = contexts.shape, asked.reshape(-1, 2)
        self.scored = self.targets(pairs).view(self.shape)
        graph = self._asked(batch.graph, torch.cat([self._numbered(batch.graph), pairs]))
        return Batch(graph, batch.items, batch.labelled, batch.labels, batch.teachers)

    def _numbered(self, graph: Graph) -> Tensor:
        """[pairs, 2]: the pairs that a batch's graph asks about, by the numbers of the training graph."""
        if graph.num_nodes == self.data.graph.num_nodes:
            return graph.asked_pairs
        return self.place[torch.searchsorted(self.ids, graph.node_ids[graph.asked_pairs])]

    def _asked(self, read: Graph, pairs: Tensor) -> Graph:
        """The training graph asked about [pairs, 2] of its nodes; the rows of their ends where a batch has no more."""
        graph, kind = self.data.graph.with_pairs(pairs), self.task.items
        if read.num_nodes == graph.num_nodes:
            return read.with_pairs(pairs)
        everything = torch.arange(pairs.shape[0], device=pairs.device)
        nodes = kind.nodes_of(graph, everything)
        places = torch.arange(nodes.numel(), device=nodes.device)
        return kind.within(graph, everything, graph.rows(nodes), places)[0]

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper = self.hyper
        labels = self.task.label_loss(student.logits[batch.labelled], batch.labels)
        terms = {"labels": hyper.label_weight * labels}
        return {**terms, **self.context_terms(batch, student)} if self.learns else terms

    def context_terms(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        """The terms on the anchors' contexts, weights included."""
        hyper, terms = self.hyper, {}
        told = torch.sigmoid(student.logits[batch.items.numel() :, 0]).view(self.shape)
        if hyper.distribution_weight > 0:
            shares = distribution_term(told, self.scored, hyper.temperature)
            terms["distribution"] = hyper.distribution_weight * shares
        if hyper.ranking_weight > 0:
            terms["ranking"] = hyper.ranking_weight * ranking_term(told, self.scored, hyper.margin)
        return terms
