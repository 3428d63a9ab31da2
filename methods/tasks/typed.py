"""Labels of the nodes of one type, in a graph of typed nodes and edges (heterogeneous node classification)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.task import StandIn
from graph_distillery.methods.tasks.classification import Classification
from graph_distillery.methods.tasks.multilabel import Multilabel
from graph_distillery.methods.tasks.stand_ins import told_by_features


class TypedNodeClassification(Classification):
    """As `Classification`, of the nodes of the first type, which come first and alone are items."""

    def stand_in(self, generator: torch.Generator, size: int = 10) -> StandIn:
        graph, classes = papers_and_words(self.num_classes, generator, size)
        return StandIn(graph, classes, torch.arange(classes.numel()))


class TypedNodeMultilabel(Multilabel):
    """As `Multilabel`, of the nodes of the first type."""

    def stand_in(self, generator: torch.Generator, size: int = 10) -> StandIn:
        """One label a paper."""
        graph, classes = papers_and_words(self.num_classes, generator, size)
        return StandIn(graph, F.one_hot(classes, self.num_classes).float(), torch.arange(classes.numel()))


def papers_and_words(num_classes: int, generator: torch.Generator, size: int) -> tuple[Graph, torch.Tensor]:
    """Papers and as many words, and the papers' classes, [papers] int64.

    A paper is `about` a word of its own class and `beside` another one. A feature tells a word's class, and a fainter
    one a paper's.
    """
    half = max(size // 2, 3 * num_classes)
    paper = torch.arange(half)
    classes = paper % num_classes
    word, span = paper + half, half - half % num_classes
    own = torch.stack([half + (paper + num_classes) % span, paper])
    other = torch.stack([half + (paper + 1) % span, paper])
    features = torch.cat(
        [
            told_by_features(classes, num_classes, generator, strength=1.0),
            told_by_features(classes, num_classes, generator, strength=1.5),
        ]
    )
    graph = Graph.build(
        features,
        torch.cat([own, other, own.flip(0)], dim=1),
        None,
        {"type": torch.cat([torch.zeros_like(paper), torch.ones_like(word)])},
        {"type": torch.arange(3).repeat_interleave(half)},
        types=TypeNames(("paper", "word"), ("about", "beside", "in")),
    )
    return graph, classes
