"""Learning from links: a student with a second head, which says of a node what its neighbours are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, BatchSource, Graph, Hyperparameters, Method, Output
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.losses.hints import hidden_width, pick_layer


class LinkHyperparameters(Hyperparameters):
    weight: float = Field(1.0, ge=0, description="weight of all that links bring; 0: the student alone")
    arcs: int = Field(1024, ge=1, description="arcs a step; it stands in the place of the student's batch size")
    dropout: float = Field(0.5, ge=0, lt=1, description="of the hidden state that the second head reads")


LinkH = TypeVar("LinkH", bound=LinkHyperparameters)


class LinkMethod(Method[LinkH]):
    """A student whose logits are y, and a linear head z on its last hidden state, trained on batches of arcs.

    A batch holds every node of its arcs once. Dropout and batch norm therefore see a node once a step, where released
    code, which passes the ends of arcs one by one, has them see it once an arc.
    """

    #: Nodes drawn at random for each arc, beside its two ends.
    strangers = 0

    def setup(self) -> None:
        self.learns = self.hyper.weight > 0
        if not self.learns:
            self.epoch_items = "labelled"
            return
        data = self.context.data
        assert data is not None
        graph, labelled = data.graph, data.labelled
        if graph.num_edges == 0:
            raise ValueError("it learns from links, and the training graph has no edge")
        self.second = nn.Linear(hidden_width(self, -1), self.task.num_classes).to(self.context.device)
        self.label_of = torch.full((graph.num_nodes,), -1, dtype=torch.long, device=graph.device)
        self.label_of[labelled] = data.labels
        ends = self.label_of[graph.edge_index.flatten()]
        known = ends[ends >= 0]
        self.known_nodes = labelled.numel() / graph.num_nodes
        self.known_ends = known.numel() / ends.numel()
        self.class_weights = class_weights(data.labels, known, self.task.num_classes)
        self.to_come = torch.empty(0, dtype=torch.long, device=graph.device)

    def arcs_an_epoch(self, graph: Graph) -> int:
        """How many arcs an epoch takes of the passes over all of them."""
        return graph.num_edges

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        if not self.learns:
            yield from source.epoch("labelled")
            return
        data = self.context.data
        assert data is not None
        for arcs in self._arcs_of_epoch(data.graph).split(self.hyper.arcs):
            ends = data.graph.edge_index[:, arcs]
            if self.strangers:
                drawn = torch.randint(data.graph.num_nodes, (self.strangers, arcs.numel()), device=arcs.device)
                ends = torch.cat([ends, drawn])
            nodes, self.places = torch.unique(ends, return_inverse=True)
            self.labels = self.label_of[nodes]
            there = torch.nonzero(self.labels >= 0).flatten()
            yield Batch(data.graph.rows(nodes), nodes, there, self.labels[there])

    def _arcs_of_epoch(self, graph: Graph) -> Tensor:
        """[arcs] int64, the next ones of a shuffled pass over all arcs, which may reach into the next pass."""
        count = self.arcs_an_epoch(graph)
        while self.to_come.numel() < count:
            self.to_come = torch.cat([self.to_come, torch.randperm(graph.num_edges, device=graph.device)])
        taken, self.to_come = self.to_come[:count], self.to_come[count:]
        return taken

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        if not self.learns:
            return {"labels": self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        return self.link_terms(batch, student)

    def link_terms(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        """The terms of a batch of arcs, whose ends are rows `places` ([2 + strangers, arcs]) of the output."""
        raise NotImplementedError

    def of_neighbours(self, output: Output) -> Tensor:
        """[nodes, classes]: z."""
        found: Tensor = self.second(
            dropout(pick_layer(output.hidden, -1, "student"), self.hyper.dropout, self.training)
        )
        return found

    def label_loss(self, logits: Tensor, labels: Tensor, weighted: bool = True) -> Tensor:
        """Cross-entropy of the rows that have a label (-1: none), weighted by class; 0 where there is none."""
        known = labels >= 0
        if not bool(known.any()):
            return logits.sum() * 0
        return F.cross_entropy(logits[known], labels[known], weight=self.class_weights if weighted else None)


class ArcLoss(LinkMethod[LinkH]):
    """alpha (|y_i - z_j|^2 + |y_j - z_i|^2) and cross-entropy of y_i and z_j with i's label, for arcs (i, j).

    alpha: the share of the ends of arcs that have no label. Squares are means over arcs and classes; classes are
    weighted by how often they are labelled to how often they are met. An epoch takes as many arcs as there are nodes,
    so that E epochs are E / (arcs a node) passes, as many as the released code makes.
    """

    @property
    def alpha(self) -> float:
        return 1 - self.known_ends

    def arcs_an_epoch(self, graph: Graph) -> int:
        return graph.num_nodes

    def link_terms(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        y, z = student.logits, self.of_neighbours(student)
        weight, labels = self.hyper.weight, self.labels
        i, j = self.places[0], self.places[1]
        apart = F.mse_loss(y[i], z[j]) + F.mse_loss(y[j], z[i])
        return {
            "links": weight * self.alpha * apart,
            "labels": self.label_loss(y[i], labels[i]) + self.label_loss(y[j], labels[j]),
            "neighbours": weight * (self.label_loss(z[j], labels[i]) + self.label_loss(z[i], labels[j])),
        }


class ContrastedArcLoss(ArcLoss[LinkH]):
    """`ArcLoss`, less what an arc's ends have in common with a node r drawn at random.

    - alpha / 2 times the four distances between softmax(y) of one and softmax(z) of the other of (i, r) and (j, r),
    + 2 CE(y_r, l_r) - beta_1 (CE(z_r, l_i) + CE(z_r, l_j)) - beta_2 (CE(z_i, l_r) + CE(z_j, l_r)).
    """

    strangers = 1

    def betas(self) -> tuple[float, float]:
        """beta_1 and beta_2."""
        raise NotImplementedError

    def link_terms(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper = self.hyper
        y, z = student.logits, self.of_neighbours(student)
        i, j, r = self.places
        of_i, of_j, of_r = (self.labels[each] for each in (i, j, r))
        p, q = y.softmax(dim=1), z.softmax(dim=1)
        apart = F.mse_loss(y[i], z[j]) + F.mse_loss(y[j], z[i])
        strange = sum(F.mse_loss(p[a], q[b]) for a, b in ((i, r), (j, r), (r, i), (r, j)))
        on_ends, on_strangers = self.betas()
        strayed = on_ends * (self.label_loss(z[r], of_i) + self.label_loss(z[r], of_j)) + on_strangers * (
            self.label_loss(z[i], of_r, weighted=False) + self.label_loss(z[j], of_r, weighted=False)
        )
        return {
            "links": hyper.weight * self.alpha * apart,
            "strangers": -hyper.weight * (self.alpha / 2 * strange + strayed),
            "labels": self.label_loss(y[i], of_i)
            + self.label_loss(y[j], of_j)
            + 2 * self.label_loss(y[r], of_r, weighted=False),
            "neighbours": hyper.weight * (self.label_loss(z[j], of_i) + self.label_loss(z[i], of_j)),
        }


class ReadsNeighbours(ArcLoss[LinkH]):
    """A prediction is log softmax(y) + alpha times the mean of log softmax(z) over the in-neighbours.

    It goes before the loss: `class LinkDist(ReadsNeighbours[...], ArcLoss[...])`.
    """

    def setup(self) -> None:
        super().setup()
        self.predicts_by_item = not self.learns

    def predict(self, graph: Graph) -> Output:
        output = super().predict(graph)
        if not self.learns:
            return output
        others = graph.propagation("mean") @ F.log_softmax(self.of_neighbours(output), dim=1)
        return replace(output, logits=F.log_softmax(output.logits, dim=1) + self.alpha * others)

    def inference_modules(self) -> Sequence[nn.Module]:
        own = list(super().inference_modules())
        return [*own, self.second] if self.learns else own


def class_weights(labels: Tensor, ends: Tensor, classes: int) -> Tensor:
    """[classes]: the labels ([labelled] int64) of a class to the labelled ends of arcs ([ends]), of mean 1.

    A class that no arc meets has 0: no arc asks for it. The released code divides by 0 there.
    """
    owned, met = (torch.bincount(each, minlength=classes).float() for each in (labels, ends))
    share = torch.where(met > 0, owned / met.clamp(min=1), 0.0)
    return classes * F.normalize(share, p=1.0, dim=0)
