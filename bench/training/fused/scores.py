"""The validation scores of all runs, by one forward pass where they read one graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from graph_distillery.bench.training.fused.graphs import CommonGraphs
from graph_distillery.bench.training.fused.stack import Students
from graph_distillery.bench.training.judging import judged_validation, reads_rows_alone, validation_score
from graph_distillery.bench.training.problem import Judged, Problem
from graph_distillery.methods.contract import Method
from graph_distillery.methods.vectorised import CannotVectorise


class Judging(Protocol):
    """What is read of a run."""

    method: Method[Any]
    problem: Problem


class Validation:
    """Scores as `judging.validation_score` gives them."""

    def __init__(self, students: Students, graphs: CommonGraphs) -> None:
        self.students, self.graphs = students, graphs
        self.together = True
        self._judged: dict[int, Judged] = {}

    @torch.no_grad()
    def scores(self, runs: Sequence[Judging]) -> list[float]:
        """One a run."""
        if self.together and all(run.method.inherits("predict", "predictions") for run in runs):
            try:
                return self._together(runs)
            except CannotVectorise:  # they are judged on different graphs
                self.together = False
        return [validation_score(run.method, run.problem) for run in runs]

    def _together(self, runs: Sequence[Judging]) -> list[float]:
        given = [self._given(run) for run in runs]
        for run in runs:
            run.method.eval()
        graphs = [run.method.inputs(each.graph) for run, each in zip(runs, given, strict=True)]
        logits: Tensor = self.students(self.graphs.of(graphs), (), (), training=False)["logits"]
        scores = []
        for run, each, own in zip(runs, given, logits, strict=True):
            task, metric = run.problem.training.task, run.problem.identity.metric
            scores.append(task.main_score(metric, own[each.items], each.labels))
        return scores

    def _given(self, run: Judging) -> Judged:
        """What a run is judged on: the items' rows alone where the student reads no more."""
        if id(run) not in self._judged:
            judged, method = judged_validation(run.method, run.problem), run.method
            if method.task.items.are_rows and reads_rows_alone(method) and judged.graph.num_graphs == 1:
                judged = Judged(
                    judged.rows, torch.arange(judged.items.numel(), device=judged.items.device), judged.labels
                )
            self._judged[id(run)] = judged
        return self._judged[id(run)]
