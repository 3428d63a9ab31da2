"""The tasks by name. Listing them loads no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graph_distillery.methods.registry import Registry
from graph_distillery.methods.task_info import Setting, TaskInfo

if TYPE_CHECKING:
    from graph_distillery.methods.contract.task import Task


_HERE = "graph_distillery.methods.tasks"
_NODE: tuple[Setting, ...] = ("transductive", "inductive")

_BUILT_IN = (
    TaskInfo(
        "node-classification", "One class a node", "node", "class", ("accuracy", "roc_auc"), _NODE,
        f"{_HERE}.classification:Classification",
    ),
    TaskInfo(
        "node-multilabel", "A set of labels a node", "node", "set", ("micro_f1", "macro_f1"), _NODE,
        f"{_HERE}.multilabel:Multilabel",
    ),
    TaskInfo(
        "graph-classification", "One class a graph", "graph", "class", ("accuracy", "roc_auc"), ("graph-level",),
        f"{_HERE}.classification:Classification",
    ),
    TaskInfo(
        "link-prediction", "Whether two nodes are linked", "pair", "binary",
        ("hits_20", "hits_50", "mrr", "roc_auc", "accuracy"), _NODE, f"{_HERE}.links:LinkPrediction",
    ),
    TaskInfo(
        "typed-node-classification", "One class a node of one type, in a graph of typed nodes and edges", "node",
        "class", ("micro_f1", "macro_f1", "accuracy"), ("transductive",), f"{_HERE}.typed:TypedNodeClassification",
        typed=True,
    ),
    TaskInfo(
        "typed-node-multilabel", "A set of labels a node of one type, in a graph of typed nodes and edges", "node",
        "set", ("micro_f1", "macro_f1"), ("transductive",), f"{_HERE}.typed:TypedNodeMultilabel", typed=True,
    ),
)  # fmt: skip

#: Third-party packages add tasks through this entry-point group.
TASKS: Registry[TaskInfo] = Registry("task", lambda: _BUILT_IN, "graph_distillery.tasks")


#: Classes of made-up data.
_CLASSES = 3


def stand_in_task(name: str) -> Task:
    """A task as its own made-up data have it (`Task.stand_in`). Raises as `make_task`."""
    return make_task(name, 1 if TASKS.get(name).labels == "binary" else _CLASSES)


def make_task(name: str, num_classes: int) -> Task:
    """The task of a dataset.

    num_classes: of predictions' columns: classes, labels of a set, or 1 for a score.

    Raises:
        UnknownNameError: no task has this name.
    """
    task: Task = TASKS.load(name)(TASKS.get(name), num_classes)
    return task
