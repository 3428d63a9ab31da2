"""One class a node of one type, in a graph of typed nodes and edges (heterogeneous node classification)."""

from __future__ import annotations

import torch

from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.task import StandIn
from graph_distillery.methods.tasks.classification import Classification
from graph_distillery.methods.tasks.stand_ins import told_by_features


class TypedNodeClassification(Classification):
    """As `Classification`; nodes of other types have a label too, for the length's sake, and no split holds them."""

    def stand_in(self, generator: torch.Generator, size: int = 10) -> StandIn:
        """Papers and as many words; a paper is `about` words of its own class and `beside` words of other ones.

        A feature tells a word's class, and a fainter one a paper's.
        """
        half = max(size // 2, 3 * self.num_classes)
        paper = torch.arange(half)
        classes = paper % self.num_classes
        word, span = paper + half, half - half % self.num_classes
        own = torch.stack([half + (paper + self.num_classes) % span, paper])
        other = torch.stack([half + (paper + 1) % span, paper])
        edges = torch.cat([own, other, own.flip(0)], dim=1)
        features = torch.cat(
            [
                told_by_features(classes, self.num_classes, generator, strength=0.7),
                told_by_features(classes, self.num_classes, generator, strength=1.5),
            ]
        )
        graph = Graph.build(
            features,
            edges,
            None,
            {"type": torch.cat([torch.zeros_like(paper), torch.ones_like(word)])},
            {"type": torch.arange(3).repeat_interleave(half)},
            types=TypeNames(("paper", "word"), ("about", "beside", "in")),
        )
        return StandIn(graph, classes.repeat(2), paper)
