"""DFAD-GNN: a student and a generator of graphs play against each other (Zhuang et al., IJCAI 2022)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import (
    Batch,
    BatchSource,
    Hyperparameters,
    Method,
    OptimiserSettings,
    Output,
    Update,
    adam,
)
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.dfad_gnn.generator import Generator, one_hot_through, structure_term
from graph_distillery.methods.gfkd.inversion import FeatureKind
from graph_distillery.methods.gfkd.method import cut
from graph_distillery.methods.gfkd.padded import Layout

#: Widths of the generator's hidden layers.
_HIDDEN = (64, 128, 256)


class DFADHyperparameters(Hyperparameters):
    student_steps: int = Field(5, ge=0, description="steps of the student an epoch, on new graphs each; 0: ablated")
    generator_steps: int = Field(1, ge=1, description="steps of the generator an epoch")
    generator_lr: float = Field(0.005, gt=0, description="Adam's learning rate of the generator")
    generator_weight_decay: float = Field(5e-4, ge=0, description="L2 regularisation of the generator")
    generator_dropout: float = Field(0.5, ge=0, lt=1, description="dropout of the generator's hidden layers")
    noise: int = Field(32, ge=1, description="width of the normal noise that a graph is made of")
    graphs: int = Field(128, ge=2, description="graphs of a step where the student has no batch size")
    nodes: int = Field(17, ge=2, description="nodes of every graph; the published number is that of MUTAG's first")
    features: FeatureKind = Field(
        "one-hot", description="what a node's features are: a one-hot label, its degree one-hot, or its digits one-hot"
    )
    undirected: bool = Field(False, description="one draw for both arcs of a pair; published is one for each")


class DFADGNN(Method[DFADHyperparameters]):
    """In turn the student goes down mean |z_t - z_s|, and the generator up mean |softmax(z_t) - softmax(z_s)|.

    An epoch is `student_steps` steps of the one, each on graphs newly drawn, and `generator_steps` of the other, both
    networks held still.

    Arcs are drawn by their chances, so that the generator's gradient is an expectation's: ARM's estimate for arcs (Yin
    and Zhou, ICLR 2019), a straight-through softmax for one-hot features. The last state is kept: there is no data to
    select on.
    """

    Hyperparameters = DFADHyperparameters
    selects_on_validation = False
    quick: ClassVar[Mapping[str, Any]] = {"graphs": 16, "nodes": 8}

    def setup(self) -> None:
        if len(self.teachers) != 1:
            raise ValueError(f"this method asks for one teacher and the cell has {len(self.teachers)}")
        if self.teachers[0].model is None:
            raise ValueError("the teacher comes without its network, which distillation without data needs")
        hyper, context = self.hyper, self.context
        size = context.settings.batch_size or hyper.graphs
        self.layout = Layout(torch.full((size,), hyper.nodes, device=context.device))
        self.generator = Generator(
            hyper.noise, _HIDDEN, hyper.nodes, context.num_features, hyper.features, hyper.undirected,
            hyper.generator_dropout,
        ).to(context.device)  # fmt: skip

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        """One Adam of the student, one of the generator."""
        assert self.student is not None
        own = replace(settings, lr=self.hyper.generator_lr, weight_decay=self.hyper.generator_weight_decay)
        return [adam(self.student.parameters(), settings), adam(self.generator.parameters(), own)]

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        """One an epoch: the first graphs that the student meets."""
        return iter([self.drawn()])

    def drawn(self) -> Batch:
        """Graphs from the generator as it is, without its dropout, and what the teacher says of them."""
        self.generator.eval()
        with torch.no_grad():
            logits, labels = self.generator(self.noise())
            arcs = self.generator.uniform(logits) < torch.sigmoid(logits)
            features = None if labels is None else one_hot_through(labels)
            graphs = self.generator.graph(self.layout, arcs, features).compact()
        self.generator.train()
        (batch,) = cut(self.teachers[0], graphs, graphs.num_graphs)
        return batch

    def noise(self) -> Tensor:
        """[graphs, noise], normal."""
        return torch.randn(self.layout.pairs.shape[0], self.hyper.noise, device=self.context.device)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        return {"teacher": F.l1_loss(student.logits, batch.teacher.logits)}

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = {}
        for number in range(self.hyper.student_steps):
            batch = self.drawn() if number else batch
            terms |= update(self.loss(batch, self(batch.graph)), 0)
        for _ in range(self.hyper.generator_steps):
            terms |= update({"generator": -self.disagreement()}, 1)
        return terms

    def disagreement(self) -> Tensor:
        """Mean |softmax(z_t) - softmax(z_s)| over new graphs and classes, a scalar to be raised by the generator."""
        assert self.student is not None
        was = self.student.training
        self.student.eval()
        logits, labels = self.generator(self.noise())
        features = None if labels is None else one_hot_through(labels)
        noise = self.generator.uniform(logits)
        still = None if features is None else features.detach()
        count = self.layout.pairs.shape[0]
        gap = self._gaps(self.generator.graph(self.layout, noise < torch.sigmoid(logits), features)).mean()
        pull = structure_term(
            lambda drawn: self._gaps(self.generator.graph(self.layout, drawn, still)) / count,
            logits,
            noise,
            self.layout.pairs * (0.5 if self.hyper.undirected else 1.0),
        )
        self.student.train(was)
        return gap + pull

    def _gaps(self, graphs: Graph) -> Tensor:
        """[graphs]: the mean distance of the two networks' chances."""
        assert self.student is not None
        teacher = self.teachers[0].model
        assert teacher is not None
        chances = [torch.softmax(network(graphs).logits, dim=1) for network in (teacher, self.student)]
        return (chances[0] - chances[1]).abs().mean(dim=1)
