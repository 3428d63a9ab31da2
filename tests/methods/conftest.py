"""What the tests of methods share: a small problem with made-up teachers, and methods built on it by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from graph_distillery.methods.contract import Context, Method, OptimiserSettings, Output, Teacher, TrainingData
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.tasks.registry import make_task

NODES, FEATURES, CLASSES, LABELLED = 12, 5, 3, 4


class Perceptron(nn.Module):
    """Two linear layers, with the hidden state shown."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(features, 6), nn.Linear(6, classes)

    def forward(self, graph: Graph) -> Output:
        hidden = torch.tanh(self.first(graph.dense_features()))
        return Output(self.second(hidden), (hidden,))


@pytest.fixture
def data() -> TrainingData:
    """A ring of twelve nodes, four of them labelled."""
    generator = torch.Generator().manual_seed(3)
    ends = torch.arange(NODES)
    edges = torch.stack([torch.cat([ends, (ends + 1) % NODES]), torch.cat([(ends + 1) % NODES, ends])])
    graph = Graph.build(torch.randn(NODES, FEATURES, generator=generator), edges)
    labelled = torch.tensor([7, 2, 10, 0])
    return TrainingData(graph, make_task("node-classification", CLASSES), labelled, torch.tensor([0, 2, 1, 2]))


@pytest.fixture
def teacher(data: TrainingData) -> Teacher:
    generator = torch.Generator().manual_seed(4)
    logits, hidden = (torch.randn(NODES, width, generator=generator) for width in (CLASSES, 7))
    return Teacher("made-up", 3 * logits, (hidden,), data.graph)


@pytest.fixture
def make(data: TrainingData, teacher: Teacher) -> Callable[..., Method[Any]]:
    """`make(method_class, variant=..., **hyperparameters)` on that problem, weights seeded."""

    def build(method_class: type[Method[Any]], variant: str = "paper", **values: Any) -> Method[Any]:
        torch.manual_seed(5)
        context = Context(
            task=data.task,
            num_features=FEATURES,
            data=data,
            teachers=(teacher,),
            new_student=lambda width: Perceptron(width, CLASSES),
            settings=OptimiserSettings(lr=0.01),
            variant=variant,
        )
        return method_class(method_class.Hyperparameters(**values), context)

    return build


@pytest.fixture
def softened() -> Callable[[Tensor, float], Tensor]:
    """Class probabilities at a temperature, from the definition."""

    def probabilities(logits: Tensor, temperature: float) -> Tensor:
        powers = (logits / temperature).exp()
        return powers / powers.sum(dim=1, keepdim=True)

    return probabilities
