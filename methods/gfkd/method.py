"""Distillation without data on made-up graphs: GFKD and its baselines (Deng and Zhang, IJCAI 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

import torch
import torch.nn.functional as F
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor

from graph_distillery.methods.contract import Batch, BatchSource, Hyperparameters, Method, Output, Teacher
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.gfkd.inversion import FeatureKind, Inversion, Recipe
from graph_distillery.methods.gfkd.padded import Layout
from graph_distillery.methods.gfkd.reading import Reader, batch_norms


class RandomGraphsHyperparameters(Hyperparameters):
    graphs: int = Field(131, ge=2, description="how many graphs are made; the published number is that of MUTAG")
    min_nodes: int = Field(10, ge=2, description="nodes of the smallest graph")
    max_nodes: int = Field(
        29, ge=2, validate_default=True, description="nodes of the largest graph; sizes are uniform between the two"
    )
    features: FeatureKind = Field(
        "one-hot", description="what a node's features are: a one-hot label, its degree one-hot, or its digits one-hot"
    )
    undirected: bool = Field(False, description="one draw for both arcs of a pair; published is one for each")
    temperature: float = Field(2.0, gt=0, description="temperature of both distributions in distillation")

    @field_validator("max_nodes")
    @classmethod
    def _above(cls, value: int, known: ValidationInfo) -> int:
        least = known.data.get("min_nodes", 0)
        if value < least:
            raise ValueError(f"{value} is below min_nodes, {least}")
        return value


class DeepInversionHyperparameters(RandomGraphsHyperparameters):
    iterations: int = Field(2500, ge=0, description="steps of the inversion")
    lr_features: float = Field(0.01, gt=0, description="Adam's learning rate of the feature logits")
    decay: float = Field(0.1, gt=0, le=1, description="factor of the inversion's learning rates at each decay")
    decay_every: int = Field(1000, ge=1, description="steps of the inversion between two decays")
    bn_weight: float = Field(0.01, ge=0, description="weight of the distance to the batch norms' statistics")
    one_hot_weight: float = Field(1e-6, ge=0, description="weight of the entropy of a node's features")


class GFKDHyperparameters(DeepInversionHyperparameters):
    lr_structure: float = Field(1.0, gt=0, description="Adam's learning rate of the arcs' logits")


H = TypeVar("H", bound=RandomGraphsHyperparameters)


class FakeGraphs(Method[H]):
    """Makes graphs before the first epoch, then minimises T^2 KL(p_t || p_s) on them, averaged over graphs.

    Sizes and target classes are uniform. The learning rate of the student falls linearly to 0, batches keep the order
    of the graphs, and the last state is kept: there is no data to select on. (The validation score of that state is
    recorded, and a search over hyperparameters does read it.)
    """

    selects_on_validation = False
    quick: ClassVar[Mapping[str, Any]] = {"graphs": 24}

    def setup(self) -> None:
        if len(self.teachers) != 1:
            raise ValueError(f"this method asks for one teacher and the cell has {len(self.teachers)}")
        if self.teachers[0].model is None:
            raise ValueError("the teacher comes without its network, which distillation without data needs")
        self.kept: list[Batch] = []

    def recipe(self) -> Recipe:
        """How the graphs are made."""
        return Recipe(self.hyper.features, self.hyper.undirected)

    def iterations(self) -> int:
        """Steps of the inversion."""
        return 0

    def prepare(self) -> Iterator[None]:
        hyper, context, teacher = self.hyper, self.context, self.teachers[0]
        assert teacher.model is not None
        sizes = torch.randint(hyper.min_nodes, hyper.max_nodes + 1, (hyper.graphs,), device=context.device)
        sizes, order = sizes.sort()  # as the layout likes them; the student meets them in the order they were drawn
        targets = torch.randint(context.task.num_classes, (hyper.graphs,), device=context.device)
        inversion = Inversion(teacher.model, Layout(sizes), targets, context.num_features, self.recipe())
        for _ in range(self.iterations()):
            inversion.iterate()
            yield
        graphs = inversion.export().select_graphs(order.argsort())
        self.kept = cut(teacher, graphs, context.settings.batch_size or hyper.graphs)

    def rate_factor(self, epoch: int) -> float:
        return 1 - epoch / self.context.settings.epochs

    def batches(self, source: BatchSource) -> Iterator[Batch]:
        return iter(self.kept)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        temperature = self.hyper.temperature
        divergence = self.task.divergence(student.logits, batch.teacher.logits, temperature)
        return {"teacher": temperature**2 * divergence}


def cut(teacher: Teacher, graphs: Graph, size: int) -> list[Batch]:
    """Batches of `size` graphs in their order, each with the teacher's logits."""
    assert teacher.model is not None
    with torch.no_grad():
        output: Output = teacher.model(graphs)
    seen = replace(teacher, logits=output.logits, hidden=output.hidden, graph=graphs)
    everything = torch.arange(graphs.num_graphs, device=graphs.device)
    nothing = everything[:0]
    batches = []
    for items in everything.split(size):
        part = graphs.select_graphs(items)
        view = seen.at(items, graphs.nodes_of(items), part)
        batches.append(Batch(part, items, nothing, nothing, (view,)))
    return batches


D = TypeVar("D", bound=DeepInversionHyperparameters)


class InvertedGraphs(FakeGraphs[D]):
    """What `deep-inversion` and `gfkd` share: graphs moved towards what the teacher was trained on."""

    quick: ClassVar[Mapping[str, Any]] = {**FakeGraphs.quick, "iterations": 10}

    def setup(self) -> None:
        super().setup()
        if self.hyper.bn_weight:
            require_batch_norms(self.teachers[0], self.context.num_features)

    def recipe(self) -> Recipe:
        hyper = self.hyper
        return Recipe(
            hyper.features,
            hyper.undirected,
            learns_features=True,
            lr_features=hyper.lr_features,
            decay=hyper.decay,
            decay_every=hyper.decay_every,
            bn_weight=hyper.bn_weight,
            one_hot_weight=hyper.one_hot_weight,
        )

    def iterations(self) -> int:
        return self.hyper.iterations


class GFKD(InvertedGraphs[GFKDHyperparameters]):
    """Deng and Zhang (2021): features by gradient, structures by the ARM estimator, in turn.

    Each step moves the feature logits down the gradient of CE(teacher, target) + bn_weight * distance of the batch
    norms' statistics + one_hot_weight * entropy at the likelier structure, then every arc's logit along the difference
    of CE and distance between two coupled draws of all structures, times the noise less 1/2.

    `official_code` joins the structures of the best step with the features of the last, and drops half of the
    student's logits while it trains. Two of its traits are left out: a node without out-arcs loses its self-loop in
    the exported graphs (which takes n - 1 absent arcs of one node), and the test set chooses the epoch.
    """

    Hyperparameters = GFKDHyperparameters

    def recipe(self) -> Recipe:
        stale = self.context.variant == "official_code"
        return replace(super().recipe(), learns_structure=True, lr_structure=self.hyper.lr_structure, stale=stale)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        if self.context.variant == "official_code":
            student = replace(student, logits=F.dropout(student.logits, 0.5, self.training))
        return super().loss(batch, student)


def require_batch_norms(teacher: Teacher, columns: int) -> None:
    """Raises ValueError where a teacher of `columns` features has no batch norm, or one whose input cannot be read."""
    assert teacher.model is not None
    if not batch_norms(teacher.model):
        raise ValueError(
            f"teacher {teacher.name!r} has no batch norm, whose statistics stand in for the data; train it with "
            "norm: batch, or set bn_weight: 0"
        )
    if not Reader(teacher.model).reads_all_norms(columns):
        raise ValueError(
            f"teacher {teacher.name!r} works its batch norms out by itself, so that what they read cannot be compared "
            "with what they recorded; take another teacher, or set bn_weight: 0"
        )
