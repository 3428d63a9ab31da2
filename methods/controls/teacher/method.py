"""The teacher itself, as a row of the board: what the student is measured against."""

from __future__ import annotations

from graph_distillery.methods.contract import Hyperparameters, Method


class TeacherAlone(Method[Hyperparameters]):
    """Predicts with the frozen teacher; nothing is trained."""

    trainable = False

    def setup(self) -> None:
        self.student = self.teachers[0].model

    def train(self, mode: bool = True) -> TeacherAlone:
        """Never: other methods read the same network, and batch norms of a network in training mode would move."""
        super().train(False)
        return self
