"""A cell tried on made-up data of a few nodes: what does not fit together shows before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from graph_distillery.bench.data.info import labels_everything
from graph_distillery.bench.data.registry import DatasetInfo
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.bench.training.precomputed import prepared
from graph_distillery.bench.training.problem import Identity, Judged, Problem, ProblemKey
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Output, Teacher, TrainingData
from graph_distillery.methods.tasks.registry import stand_in_task


def rehearse(
    configuration: Configuration, dataset: DatasetInfo, split: str, setting: str, taught_by: Sequence[Configuration]
) -> None:
    """Builds the method, its student and its teachers as they will be, and takes one step with them.

    split, setting: of these alone whether some items have no label. taught_by: what trains each of the cell's teachers.

    Raises:
        UserError: they refuse each other: a layer that is not there, a teacher without the norms that a method reads.
    """
    problem = _stand_in(dataset, split, setting)
    try:
        teachers = tuple(_untrained(each, problem) for each in taught_by)
        problem = prepared(problem, configuration)
        method = build(configuration, problem, teachers)
        if method.trainable and method.context.data is not None:
            update = GradientUpdate(method.optimizers(configuration.settings))
            method.train().on_epoch_start(0)
            method.step(next(iter(method.batches(make_batches(method, configuration, problem)))), update)
    except ValueError as error:
        raise UserError(str(error)) from None
    except Exception:  # a fault of the method, no choice of the user's: its trials record it
        return


def _stand_in(dataset: DatasetInfo, split: str, setting: str) -> Problem:
    """The task's own made-up data, every other item labelled, or all where the split labels all."""
    task = stand_in_task(dataset.task)
    made = task.stand_in(torch.Generator().manual_seed(0))
    key = ProblemKey(dataset.name, split, setting)
    labelled = made.items if labels_everything(split, setting) else made.items[::2]
    identity = Identity("", "", "", dataset.metric, dataset.task)
    data = TrainingData(made.graph, task, labelled, made.labels[labelled])
    return Problem(key, 0, data, Judged(made.graph, data.labelled, data.labels), identity)


def _untrained(configuration: Configuration, problem: Problem) -> Teacher:
    """The teacher before its training, which changes nothing of what it is made of."""
    model = build(configuration, problem, ()).student
    assert model is not None
    model.eval().requires_grad_(False)
    graph = problem.training.graph
    output: Output = model(graph)
    return Teacher(configuration.student or "", output.logits, output.hidden, graph, model, output.edges)
