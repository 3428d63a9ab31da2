"""Scores of a trained method: on the validation items, and on the test items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from graph_distillery.bench.models.base import Model
from graph_distillery.bench.models.receptive_field import field_of
from graph_distillery.bench.records.predictions import JudgedBy
from graph_distillery.bench.training.inference import layerwise
from graph_distillery.bench.training.problem import Judged, Problem, TestSet
from graph_distillery.methods.contract import Graph, Method, Task
from graph_distillery.methods.task_info import Metric


@torch.inference_mode()
def validation_score(method: Method[Any], problem: Problem) -> float:
    """The metric on the validation items."""
    method.eval()
    task, metric, judged = problem.training.task, problem.identity.metric, judged_validation(method, problem)
    found = [task.main_score(metric, logits, judged.labels) for logits in predict_each(method, judged)]
    return max(found) if method.judged_by == "best" else sum(found) / len(found)


def judge(method: Method[Any], problem: Problem, judged: Judged) -> dict[str, float]:
    """Every score on the given items; of several predictions as `Method.judged_by` says.

    Raises:
        FloatingPointError: the predictions are not finite.
    """
    return _judged(method, problem, judged)[0]


@torch.inference_mode()
def _judged(method: Method[Any], problem: Problem, judged: Judged) -> tuple[dict[str, float], list[Tensor]]:
    """The scores, and the predictions that they are of."""
    method.eval()
    predicted = predict_each(method, judged)
    return scores_of(
        problem.training.task, problem.identity.metric, predicted, judged.labels, method.judged_by
    ), predicted


def scores_of(
    task: Task, metric: Metric, predicted: Sequence[Tensor], labels: Tensor, judged_by: JudgedBy
) -> dict[str, float]:
    """Every score of predictions, [items, classes] logits each, by `Method.judged_by` where they are several."""
    found = [task.scores(metric, logits, labels) for logits in predicted]
    if judged_by == "best":
        return max(found, key=lambda each: each[metric])
    return {name: sum(each[name] for each in found) / len(found) for name in found[0]}


def judge_validation(method: Method[Any], problem: Problem) -> dict[str, float]:
    """Validation scores, and the share of the largest class, where one is to be told."""
    judged = judged_validation(method, problem)
    return judge(method, problem, judged) | _largest_class(judged)


def judged_validation(method: Method[Any], problem: Problem) -> Judged:
    """The validation items that a method is judged on: those that it has not learned from."""
    return problem.validation if method.context.validation is None else lent(problem.validation)[1]


def lent(validation: Judged) -> tuple[Judged, Judged]:
    """Three of every four validation items, in their order, and the fourth: which is which follows from no label."""

    def make() -> tuple[Judged, Judged]:
        kept = torch.arange(validation.items.numel(), device=validation.items.device) % 4 == 3
        learned, judged = (
            replace(validation, items=validation.items[at], labels=validation.labels[at]) for at in (~kept, kept)
        )
        return learned, judged

    found: tuple[Judged, Judged] = validation.cached("lent", make)
    return found


def judge_test(method: Method[Any], problem: Problem, test: TestSet) -> dict[str, float]:
    """Test scores; in GLNN's inductive setting also `tran`, `ind` and `prod`, and the metric is `prod`."""
    return judge_and_predict(method, problem, test)[0]


def judge_and_predict(
    method: Method[Any], problem: Problem, test: TestSet
) -> tuple[dict[str, float], dict[str, list[Tensor]]]:
    """`judge_test`, and by part of the test set the logits that were judged, [items, classes] each."""
    method.eval()
    with torch.inference_mode():
        predicted = {name: predict_each(method, part) for name, part in test.parts.items()}
    task, metric = problem.training.task, problem.identity.metric
    return scores_of_parts(task, metric, predicted, test, method.judged_by), predicted


def scores_of_parts(
    task: Task, metric: Metric, predicted: Mapping[str, Sequence[Tensor]], test: TestSet, judged_by: JudgedBy
) -> dict[str, float]:
    """The scores of a test set from the predictions of its parts, as `scores_of`; of each subset the metric alone."""
    parts = {
        name: scores_of(task, metric, logits, test.parts[name].labels, judged_by) for name, logits in predicted.items()
    }
    found = joined_scores(parts, metric, test)
    for name, places in test.subsets.items():
        labels = test.parts["all"].labels[places]
        found[name] = scores_of(task, metric, [each[places] for each in predicted["all"]], labels, judged_by)[metric]
    return found


def joined_scores(parts: Mapping[str, dict[str, float]], metric: Metric, test: TestSet) -> dict[str, float]:
    """The scores of a test set from those of its parts."""
    if "all" in parts:
        return parts["all"] | _largest_class(test.parts["all"])
    observed, hidden, share = parts["tran"], parts["ind"], test.hidden_share
    found = {name: share * hidden[name] + (1 - share) * observed[name] for name in observed}
    found |= {"tran": observed[metric], "ind": hidden[metric], "prod": found[metric]}
    return found | _largest_class(test.parts["tran"], test.parts["ind"])


def _largest_class(*parts: Judged) -> dict[str, float]:
    """The share of the most frequent class, which any accuracy is to be read against; not for multi-label."""
    labels = torch.cat([judged.labels for judged in parts])
    if labels.dim() > 1:
        return {}
    return {"largest_class": float(labels.bincount().max()) / labels.numel()}


def all_alike(predicted: Mapping[str, Sequence[Tensor]], test: TestSet) -> bool:
    """Whether every item of a test set whose labels differ is predicted alike; predicted: as `judge_and_predict`'s."""
    if len(torch.cat([judged.labels for judged in test.parts.values()]).unique(dim=0)) < 2:
        return False
    several = [torch.cat(each) for each in zip(*predicted.values(), strict=True)]
    return all(len(_decided(logits, test).unique(dim=0)) == 1 for logits in several)


def _decided(logits: Tensor, test: TestSet) -> Tensor:
    """The class of each item, or of several labels at once which of them it has."""
    one = next(iter(test.parts.values())).labels.dim() == 1
    return logits.argmax(1) if one and logits.dim() == 2 and logits.size(1) > 1 else logits > 0


def predict_each(method: Method[Any], judged: Judged) -> list[Tensor]:
    """The logits of the judged items, [items, classes], under each prediction that the method has judged."""
    if method.inherits("predictions"):
        return [predict_items(method, judged)[0]]
    part = _part_read(method, judged) if method.predictions_are_alike else None
    if part is not None:
        return [output.logits for output in method.predictions(part)]
    return [output.logits[judged.items] for output in method.predictions(judged.graph)]


def predict_items(method: Method[Any], judged: Judged) -> tuple[Tensor, Tensor]:
    """Logits and labels of the judged items; reads their rows alone, or their receptive field, where the method needs
    no more."""
    part = _part_read(method, judged)
    if part is not None:
        return method.predict(part).logits, judged.labels
    return layerwise.predict(method, judged.graph).logits[judged.items], judged.labels


def _part_read(method: Method[Any], judged: Judged) -> Graph | None:
    """What a prediction of the judged items reads, as a graph of which these are the items; None: the whole graph."""
    if method.task.items.are_rows and reads_rows_alone(method) and judged.graph.num_graphs == 1:
        return judged.rows
    student, plain = method.student, judged.often and method.predicts_plainly
    if plain and isinstance(student, Model) and not layerwise.is_large(student, judged.graph):
        return field_of(student, judged.graph, judged.items, judged.cached)
    return None


def predicting_models(method: Method[Any]) -> list[Model]:
    """The models whose outputs make each item's prediction, with its own columns; none where more may go into it."""
    modules = method.inference_modules() if method.predicts_plainly or method.predicts_by_item else ()
    models = [module for module in modules if isinstance(module, Model)]
    return models if method.predicts_by_item or len(models) == len(modules) else []


def reads_rows_alone(method: Method[Any]) -> bool:
    """Whether one item's prediction depends on its own features alone."""
    models = predicting_models(method)
    return bool(models) and not any(model.uses_edges for model in models)
