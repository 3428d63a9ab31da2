"""What is predicted, as an object that answers for itself: no method and no engine asks for its name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import ITEMS, Items, Level
from graph_distillery.methods.task_info import TaskInfo
from graph_distillery.methods.tasks.metrics import METRICS, metrics_of


@dataclass(frozen=True)
class StandIn:
    """Made-up data of a task, on which it can be learnt.

    labels: for every item that the graph has, as a dataset's. items: [count] int64, those that may be labelled.
    """

    graph: Graph
    labels: Tensor
    items: Tensor


@dataclass(frozen=True)
class Task(ABC):
    """What is predicted: its items, its losses, its scores.

    num_classes: columns of the predictions, [items, num_classes] logits throughout.
    """

    info: TaskInfo
    num_classes: int

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def items(self) -> Items:
        return ITEMS[self.info.items]

    @property
    def level(self) -> Level:
        """What one prediction of a model is of."""
        return self.info.items

    @abstractmethod
    def label_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss against labels (as the dataset has them, [items, ...]), averaged over items; no item gives 0."""

    @abstractmethod
    def divergence(self, student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
        """KL(teacher || student) of the predictions at a temperature, averaged over items; logits both.

        Not multiplied by the square of the temperature.
        """

    @abstractmethod
    def constant_logits(self, labels: Tensor) -> Tensor:
        """[num_classes]: what fits labels best, were all items predicted alike."""

    @abstractmethod
    def other_labels(self, labels: Tensor) -> Tensor:
        """A false label for each true one, of the same shape and type."""

    @abstractmethod
    def label_problem(self, labels: Tensor) -> str | None:
        """What is wrong with a dataset's labels, in words; None where they are as they must be."""

    @abstractmethod
    def all_scores(self, metric: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
        """Every score that comes for free, and `metric`, of finite float64 logits."""

    def scores(self, metric: str, logits: Tensor, labels: Tensor) -> dict[str, float]:
        """Every score that fits; `metric` is always among them. Fractions in 0..1, but for likelihoods (nats).

        Raises:
            FloatingPointError: the logits are not finite.
            ValueError: the metric does not fit the task.
        """
        if not bool(torch.isfinite(logits).all()):
            raise FloatingPointError("the predictions are not finite")
        if metric in self.info.metrics:
            return self.all_scores(metric, logits.double(), labels)
        if metric not in metrics_of(self.info):
            raise ValueError(f"metric {metric!r} does not fit task {self.name!r}, but {', '.join(self.info.metrics)}")
        found = float(METRICS.load(metric)(logits.double(), labels))
        if not 0 <= found <= 1:
            raise ValueError(f"metric {metric!r} gives {found}, which is no fraction in 0 to 1")
        return {**self.all_scores(self.info.metrics[0], logits.double(), labels), metric: found}

    def main_score(self, metric: str, logits: Tensor, labels: Tensor) -> float:
        """The one score that training selects on; cheaper than `scores` where it can be."""
        return self.scores(metric, logits, labels)[metric]

    def best_constant(self, metric: str, labels: Tensor) -> float:
        """The score of saying of every item what `constant_logits` says of these very labels."""
        return self.main_score(metric, self.constant_logits(labels).expand(labels.shape[0], -1), labels)

    @abstractmethod
    def stand_in(self, generator: torch.Generator, size: int = 10) -> StandIn:
        """Small made-up data, for rehearsals and for the conformance of what knows no dataset of the task.

        size: about how many nodes a graph has.
        """
