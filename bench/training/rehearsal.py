"""A cell tried on made-up data of a few nodes: what does not fit together shows before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from graph_distillery.bench.data.registry import DatasetInfo, labels_everything
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.bench.training.precomputed import prepared
from graph_distillery.bench.training.problem import Identity, Judged, Problem, ProblemKey
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Method, Output, Teacher, TrainingData
from graph_distillery.methods.tasks.registry import TASKS, stand_in_task


def rehearse(
    configuration: Configuration,
    dataset: DatasetInfo,
    split: str,
    setting: str,
    taught_by: Sequence[Configuration],
    anew: Sequence[Configuration] = (),
) -> None:
    """Builds the method, its student and its teachers as they will be, and takes one step with them.

    split, setting: of these alone whether some items have no label. taught_by: what trains each of the cell's teachers.
    anew: what makes each of them anew before the method learns from it; none where it takes them as they are.

    Raises:
        UserError: they refuse each other: a layer that is not there, a teacher without the norms that a method reads.
    """
    problem = _stand_in(dataset, split, setting)
    configuration = _on_stand_in(configuration)
    taught_by, anew = [_on_stand_in(each) for each in taught_by], [_on_stand_in(each) for each in anew]
    try:
        teachers = tuple(_view(build(each, problem, ()), each, problem) for each in taught_by)
        if anew:
            pairs = zip(anew, teachers, strict=True)
            teachers = tuple(_view(_stepped(each, problem, (source,)), each, problem) for each, source in pairs)
        _stepped(configuration, prepared(problem, configuration), teachers)
    except ValueError as error:
        raise UserError(str(error)) from None
    except Exception:  # a fault of the method, no choice of the user's: its trials record it
        return


def _on_stand_in(configuration: Configuration) -> Configuration:
    """Without what names the dataset's own types of nodes and edges, which made-up data lack."""
    named = MODELS.load(configuration.student).names_types if configuration.student else ()
    kept = {name: value for name, value in configuration.student_hyper.items() if name not in named}
    return replace(configuration, student_hyper=kept) if named else configuration


def _stand_in(dataset: DatasetInfo, split: str, setting: str) -> Problem:
    """The task's own made-up data, every other item labelled, or all where the split labels all."""
    task = stand_in_task(dataset.task)
    made = task.stand_in(torch.Generator().manual_seed(0))
    key = ProblemKey(dataset.name, split, setting)
    labelled = made.items if labels_everything(TASKS.get(dataset.task), split, setting) else made.items[::2]
    identity = Identity("", "", "", dataset.metric, dataset.task)
    data = TrainingData(made.graph, task, labelled, made.labels[labelled])
    return Problem(key, 0, data, Judged(made.graph, data.labelled, data.labels), identity)


def _stepped(configuration: Configuration, problem: Problem, teachers: tuple[Teacher, ...]) -> Method[Any]:
    """A method after one step, where it takes any."""
    method = build(configuration, problem, teachers)
    if method.trainable and method.context.data is not None:
        update = GradientUpdate(method.optimizers(configuration.settings))
        method.train().on_epoch_start(0)
        for batch in method.batches(make_batches(method, configuration, problem)):
            method.step(batch, update)
            break
    return method


def _view(method: Method[Any], configuration: Configuration, problem: Problem) -> Teacher:
    """A method's student as a teacher; more training changes nothing of what it is made of."""
    model = method.student
    assert model is not None
    model.eval().requires_grad_(False)
    graph = problem.training.graph
    output: Output = model(graph)
    name, whole = configuration.student or "", method.handed_on()
    return Teacher(name, output.logits, output.hidden, graph, model, output.edges, whole)
