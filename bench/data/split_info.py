"""The splits by name. What each is stands in `splits`; listing them loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graph_distillery.methods.registry import Registry
from graph_distillery.methods.task_info import TaskInfo


@dataclass(frozen=True)
class SplitInfo:
    """What there is to know of a split before it is drawn; `target` is its `module:function`.

    The function is called as `function(dataset, seed)` with a `bench.data.dataset.Dataset` and gives the training, the
    validation and the test items, [count] integers each. The same seed must always give the same.

    items: what it divides. classes: whether it needs one class an item.
    """

    name: str
    title: str
    items: tuple[Literal["node", "graph"], ...]
    target: str
    classes: bool = False

    def fits(self, task: TaskInfo) -> bool:
        """Whether the items of a task can be divided so."""
        return task.items in self.items and not task.typed and (not self.classes or task.labels == "class")


#: As `make_split` has them; which dataset has which is the dataset's to say.
_MAKE = "graph_distillery.bench.data.splits:make_split"
_BUILT_IN = (
    SplitInfo("public", "As it came with the data", ("node", "graph"), _MAKE),
    SplitInfo("geom-gcn", "The ten 48/32/20 splits of Geom-GCN", ("node",), _MAKE),
    SplitInfo("graphs", "By whole graphs, of sets with a label a node", ("node",), _MAKE),
    SplitInfo("ogb", "By publication year", ("node",), _MAKE),
    SplitInfo("hgb", "HGB's test nodes; a fifth of its training list validates", ("node",), _MAKE),
    SplitInfo("cpf", "Of the largest component 20 a class train and 30 validate", ("node",), _MAKE, True),
    SplitInfo("random-60-20-20", "At random", ("node",), _MAKE),
    SplitInfo("sealed-20-30", "As cpf, with one test set for all seeds", ("node",), _MAKE, True),
    SplitInfo("sealed-60-20-20", "As random-60-20-20, with one test set for all seeds", ("node", "graph"), _MAKE),
    SplitInfo("planetoid-random", "20 a class, 500 to validate, 1,000 to test", ("node",), _MAKE, True),
    SplitInfo("balanced-20-20", "A fifth of the mean class of each, as many to validate", ("node",), _MAKE, True),
    SplitInfo("isolation", "Nodes that lose their edges are tested (Cold Brew)", ("node",), _MAKE, True),
    SplitInfo("gprgnn-60-20-20", "0.6 N / C of every class to train (GPR-GNN)", ("node",), _MAKE, True),
    SplitInfo("kfold-10", "Ten folds, by class", ("graph",), _MAKE, True),
    SplitInfo("holdout-70-30", "30 % test, by class", ("graph",), _MAKE, True),
    SplitInfo("gfkd-70-30", "GFKD's 57 test graphs of mutag", ("graph",), _MAKE, True),
)

#: Third-party packages add splits through this entry-point group.
SPLITS: Registry[SplitInfo] = Registry("split", lambda: _BUILT_IN, "graph_distillery.splits")


def added_splits(task: TaskInfo) -> tuple[str, ...]:
    """The names of other packages' splits that fit a task."""
    return tuple(info.name for info in SPLITS if info.target != _MAKE and info.fits(task))
