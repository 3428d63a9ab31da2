"""The teacher itself, as a row of the board: what the student is measured against."""

from __future__ import annotations

from methods.contract import Hyperparameters, Method, Output
from methods.graph import Graph


class TeacherAlone(Method[Hyperparameters]):
    """Predicts with the frozen teacher; nothing is trained."""

    trainable = False

    def setup(self) -> None:
        self.student = self.teachers[0].model

    def predict(self, graph: Graph) -> Output:
        return self(graph)
