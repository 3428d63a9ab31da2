"""Scores once more, from what a store keeps of predictions and from the dataset's own labels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, RecordError, read_records
from graph_distillery.bench.records.predictions import PredictedPart, Predictions, read_predictions
from graph_distillery.bench.training.judging import scores_of_parts
from graph_distillery.bench.training.problem import Judged, Problem, ProblemKey, TestSet, load_problem, open_test_set

#: Scores that labels alone give; the others need logits.
_OF_LABELS = frozenset({"accuracy", "micro_f1", "macro_f1", "prod", "tran", "ind", "largest_class"})
_SAME = 1e-9


@dataclass(frozen=True)
class WrongScore:
    """A report record that does not follow from its predictions: what it says, and what they give."""

    where: str
    what: str
    recorded: str
    recomputed: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: recorded {self.recorded}, from its predictions {self.recomputed}"


@dataclass(frozen=True)
class Rescored:
    """The report runs of a store: those whose scores were computed again, those without predictions, what is wrong."""

    checked: int
    without: int
    wrong: list[WrongScore]


def rescore(store: Path, data_dir: Path | None = None) -> Rescored:
    """Every score of a store's report runs that follows from predictions and labels.

    Raises:
        UserError: the data are not at hand, or are not those of the records.
        RecordError: the store cannot be read.
    """
    found = read_records(store, kinds=["report"])
    placed = [pair for pair in zip(found.records, found.places, strict=True) if pair[0].status == "ok"]
    told = [pair for pair in placed if pair[0].predictions_sha256 is not None]
    wrong = [each for record, place in told for each in _wrong(store, record, place, data_dir)]
    return Rescored(len(told), len(placed) - len(told), wrong)


def _wrong(store: Path, record: Record, place: str, data_dir: Path | None) -> Iterator[WrongScore]:
    problem, test = _data(record, place, data_dir)
    try:
        predictions = read_predictions(store, record.predictions_sha256 or "")
    except RecordError as error:
        yield WrongScore(place, "predictions_sha256", (record.predictions_sha256 or "")[:16], str(error))
        return
    if (fault := _fault(predictions, problem, test)) is not None:
        yield WrongScore(place, *fault)
        return
    logits = {name: _logits(part, problem) for name, part in predictions.parts.items()}
    exact = all(part.logits is not None for part in predictions.parts.values())
    task, metric = problem.training.task, problem.identity.metric
    scores = scores_of_parts(task, metric, logits, test, predictions.judged_by)
    recorded = record.metrics.test or {}
    for name in recorded:
        if not exact and name not in _OF_LABELS:
            continue
        if name not in scores:
            yield WrongScore(place, name, f"{recorded[name]:.9g}", "no such score")
        elif not math.isclose(recorded[name], scores[name], rel_tol=_SAME, abs_tol=_SAME):
            yield WrongScore(place, name, f"{recorded[name]:.9g}", f"{scores[name]:.9g}")


def _data(record: Record, place: str, data_dir: Path | None) -> tuple[Problem, TestSet]:
    """The record's own data and split; UserError where what is at hand under that name is another."""
    cell = record.cell
    key = ProblemKey(cell.dataset, cell.split, cell.setting, data_dir)
    problem, test = load_problem(key, cell.split_seed), open_test_set(key, cell.split_seed)
    here = problem.identity
    for name in ("dataset_sha256", "node_order_sha256", "split_sha256", "test_sha256"):
        told = getattr(cell, name)
        if told is not None and told != getattr(here, name):
            raise UserError(f"{place}: {name} {told[:16]} is not that of {cell.dataset}, {cell.split} here")
    return problem, test


def _fault(predictions: Predictions, problem: Problem, test: TestSet) -> tuple[str, str, str] | None:
    """What of a file is not of this test set, as the words of a `WrongScore`."""
    if predictions.parts.keys() != test.parts.keys():
        return "parts", ", ".join(predictions.parts), ", ".join(test.parts)
    for name, part in predictions.parts.items():
        if part.items.tolist() != test.numbers[name].tolist():
            return "items", f"{part.items.size} of part {name}", f"the {test.numbers[name].numel()} of the split"
        labels = _labels(part, problem, test.parts[name])
        if labels is not None and (part.right is None or not torch.equal(torch.from_numpy(part.right), labels)):
            return "right", f"other items of part {name}", f"{int(labels.sum())} of {labels.numel()}"
    return None


def _labels(part: PredictedPart, problem: Problem, judged: Judged) -> Tensor | None:
    """[predictions, items] bool: which are right; None of sets of labels."""
    task = problem.training.task
    if task.info.labels == "set":
        return None
    if part.labels is not None:
        predicted = torch.from_numpy(part.labels)
    else:
        logits = torch.from_numpy(part.logits).double()
        predicted = logits.argmax(dim=-1) if task.info.labels == "class" else (logits.squeeze(-1) > 0).long()
    return predicted == judged.labels


def _logits(part: PredictedPart, problem: Problem) -> list[Tensor]:
    """[items, classes] of each prediction: those that were kept, or such that give the labels that were."""
    task = problem.training.task
    if part.logits is not None:
        return list(torch.from_numpy(part.logits))
    if part.label_sets is not None:
        return list(torch.from_numpy(part.label_sets).float() * 2 - 1)
    labels = torch.from_numpy(part.labels)
    if task.info.labels == "class":
        return list(F.one_hot(labels, task.num_classes).float())
    return list(labels.unsqueeze(-1).float() * 2 - 1)
