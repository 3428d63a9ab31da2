"""HKD, holistic knowledge distillation (Liu et al., ICCV 2021), over the nodes of a graph instead of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Output, Update
from graph_distillery.methods.losses.contrast import info_nce, nearest, new_bank, refreshed
from graph_distillery.methods.losses.hints import HintHyperparameters, HintMethod, hidden_width, pick_layer

#: What a bank's row counts for in the positive of a holistic term, against the embedding that reads the graph.
_OF_BANK = 0.75


class HKDHyperparameters(HintHyperparameters):
    beta: float = Field(3.0, ge=0, description="weight of the four contrasts")
    temperature: float = Field(0.07, gt=0, description="temperature of the contrasts")
    graph: Literal["knn", "given", "off"] = Field(
        "knn",
        description="what holistic embeddings read: the nearest of a step's nodes by either network's predictions, the "
        "dataset's own edges, or nothing (the individual contrasts alone)",
    )
    neighbours: int = Field(8, ge=1, description="nearest nodes of knn, the node itself among them")
    negatives: Literal["other-class", "all"] = Field(
        "other-class",
        description="nodes of another class, by their label or the teacher's word where there is none, or all others",
    )
    most: int = Field(16384, ge=1, description="negatives of a step at most, drawn anew")
    nodes: int = Field(256, ge=1, description="nodes that a step contrasts, drawn anew")
    width: int = Field(128, ge=1, description="width of the embeddings")
    momentum: float = Field(0.9, ge=0, lt=1, description="what stays of a bank's row in an update")


class HKD(HintMethod[HKDHyperparameters]):
    """CE + beta (individual + holistic contrast), each of the student's embedding and of the teacher's.

    e = norm(V h + a) of each network, and g = norm(W [e_i, mean of e over the neighbours of i] + b). An anchor e_i of
    one network is drawn to row i of the other network's bank, an anchor g_i to norm(0.75 of that row + 0.25 of the
    other network's g_i), and pushed off the rows of other nodes. Banks take no gradient and follow e after each step.

    The negatives of a step are the same for all its anchors, so that no tensor of anchors x negatives x width is
    formed; the released code draws them anew for each. Where a step has fewer nodes than `neighbours`, `knn` has the
    individual contrasts alone and leaves the banks as they are.
    """

    Hyperparameters = HKDHyperparameters
    quick: ClassVar[Mapping[str, Any]] = {"nodes": 64, "most": 256}

    def setup(self) -> None:
        super().setup()
        hyper, data = self.hyper, self.context.data
        if hyper.beta == 0:
            return
        assert data is not None
        device, count = self.context.device, data.graph.num_nodes
        target = pick_layer(self.teachers[0].hidden, hyper.teacher_layer, "teacher").shape[1]
        widths = (hidden_width(self, hyper.student_layer), target)
        self.embedding = nn.ModuleList(nn.Linear(width, hyper.width) for width in widths).to(device)
        self.reading = nn.ModuleList()
        if hyper.graph != "off":
            self.reading.extend(nn.Linear(2 * hyper.width, hyper.width) for _ in widths).to(device)
        self.banks = [new_bank(count, hyper.width, device) for _ in widths]
        self.needs_edges = hyper.graph == "given"
        self.class_of = self.teachers[0].logits.argmax(dim=1)
        self.class_of[data.labelled] = data.labels
        self.news: tuple[Tensor, list[Tensor]] | None = None

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        terms = super().step(batch, update)
        if self.hyper.beta and self.news is not None:
            places, embeddings = self.news
            self.banks = [
                refreshed(bank, places, each, self.hyper.momentum)
                for bank, each in zip(self.banks, embeddings, strict=True)
            ]
        return terms

    def hint_term(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        hyper = self.hyper
        if hyper.beta == 0:
            return {}
        states = (
            pick_layer(student.hidden, hyper.student_layer, "student"),
            pick_layer(batch.teacher.hidden, hyper.teacher_layer, "teacher"),
        )
        rows = torch.randperm(states[0].shape[0], device=states[0].device)[: hyper.nodes]
        every = [F.normalize(embed(state)) for embed, state in zip(self.embedding, states, strict=True)]
        own = [each[rows] for each in every]
        places = batch.items[rows]
        chosen = self.negatives_for(places)
        terms = {"individual": hyper.beta * self.contrast(own, [bank[places] for bank in self.banks], *chosen)}
        self.news = None
        if hyper.graph == "knn" and rows.numel() < hyper.neighbours:
            return terms
        if hyper.graph != "off":
            read = self.holistic(batch, every, rows, (student.logits[rows], batch.teacher.logits[rows]))
            mixed = [
                F.normalize(torch.lerp(each.detach(), bank[places], _OF_BANK))
                for each, bank in zip(read, self.banks, strict=True)
            ]
            terms["holistic"] = hyper.beta * self.contrast(read, mixed, *chosen)
        self.news = (places, [each.detach() for each in own])
        return terms

    def negatives_for(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of the banks that a step's anchors are pushed off, [count] int64, and which of them each is."""
        count = self.banks[0].shape[0]
        drawn = torch.arange(count, device=places.device)
        if count - 1 > self.hyper.most:
            drawn = torch.randperm(count, device=places.device)[: self.hyper.most]
        allowed = places[:, None] != drawn[None, :]
        if self.hyper.negatives == "other-class":
            allowed = self.class_of[places][:, None] != self.class_of[drawn][None, :]
        return drawn, allowed

    def contrast(self, anchors: list[Tensor], positives: list[Tensor], drawn: Tensor, allowed: Tensor) -> Tensor:
        """Both networks' terms; anchors and positives: [rows, width] of the student and of the teacher."""
        others = [bank[drawn] for bank in reversed(self.banks)]
        if self.context.variant == "official_code":
            others.reverse()
        return sum(
            (
                info_nce(anchor, positive, negatives, allowed, self.hyper.temperature)
                for anchor, positive, negatives in zip(anchors, reversed(positives), others, strict=True)
            ),
            start=anchors[0].new_zeros(()),
        )

    def holistic(self, batch: Batch, every: list[Tensor], rows: Tensor, logits: tuple[Tensor, Tensor]) -> list[Tensor]:
        """g of the rows, [rows, width] each, of the embeddings of all nodes of a batch."""
        found = []
        for read, embeddings, predicted in zip(self.reading, every, logits, strict=True):
            own = embeddings[rows]
            if self.hyper.graph == "given":
                around = (batch.graph.propagation("mean_self") @ embeddings)[rows]
            else:
                around = own[nearest(predicted.detach().softmax(dim=1), self.hyper.neighbours)].mean(dim=1)
            found.append(F.normalize(read(torch.cat([own, around], dim=1))))
        return found
