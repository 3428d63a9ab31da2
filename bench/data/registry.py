"""Every dataset by name: families of them, a folder each, found by its `info.py`; and every split. Loads no torch."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, SplitInfo
from graph_distillery.methods.registry import Registry, walk
from graph_distillery.methods.task_info import Setting, TaskInfo

#: Packages add theirs through the entry-point group.
DATASETS: Registry[DatasetInfo] = Registry(
    "dataset", lambda: walk("graph_distillery.bench.data.loaders"), "graph_distillery.datasets"
)

#: As `make_split` has them; which dataset has which is the dataset's to say.
_MAKE = "graph_distillery.bench.data.splits:make_split"
_BUILT_IN = (
    SplitInfo("public", "As it came with the data", ("node", "graph"), _MAKE),
    SplitInfo("geom-gcn", "The ten 48/32/20 splits of Geom-GCN", ("node",), _MAKE),
    SplitInfo("graphs", "By whole graphs, of sets with a label a node", ("node",), _MAKE),
    SplitInfo("ogb", "As the Open Graph Benchmark publishes it", ("node", "graph"), _MAKE),
    SplitInfo("hgb", "HGB's test nodes; a fifth of its training list validates", ("node",), _MAKE),
    SplitInfo("cpf", "Of the largest component 20 a class train and 30 validate", ("node",), _MAKE, True),
    SplitInfo("random-60-20-20", "At random", ("node",), _MAKE),
    SplitInfo("random-10-10-80", "At random, a tenth to train and a tenth to validate (SimMLP)", ("node",), _MAKE),
    SplitInfo("sealed-20-30", "As cpf, with one test set for all seeds", ("node",), _MAKE, True),
    SplitInfo("sealed-60-20-20", "As random-60-20-20, with one test set for all seeds", ("node", "graph"), _MAKE),
    SplitInfo("planetoid-random", "20 a class, 500 to validate, 1,000 to test", ("node",), _MAKE, True),
    SplitInfo("balanced-20-20", "A fifth of the mean class of each, as many to validate", ("node",), _MAKE, True),
    SplitInfo("isolation", "Nodes that lose their edges are tested (Cold Brew)", ("node",), _MAKE, True),
    SplitInfo("gprgnn-60-20-20", "0.6 N / C of every class to train (GPR-GNN)", ("node",), _MAKE, True),
    SplitInfo("links-5-10", "LLP's 5 % and 10 % of the edges", ("pair",), _MAKE, setting="transductive"),
    SplitInfo("links-production", "LLP's, some of whose nodes are new", ("pair",), _MAKE, setting="inductive"),
    SplitInfo("kfold-10", "Ten folds, by class", ("graph",), _MAKE, True),
    SplitInfo("gnn-comparison", "Errica et al.'s ten folds and their inner split", ("graph",), _MAKE),
    SplitInfo("holdout-70-30", "30 % test, by class", ("graph",), _MAKE, True),
    SplitInfo("gfkd-70-30", "GFKD's 57 test graphs of mutag", ("graph",), _MAKE, True),
)

#: Third-party packages add splits through this entry-point group.
SPLITS: Registry[SplitInfo] = Registry("split", lambda: _BUILT_IN, "graph_distillery.splits")


def added_splits(task: TaskInfo) -> tuple[str, ...]:
    """The names of other packages' splits that fit a task."""
    return tuple(info.name for info in SPLITS if info.target != _MAKE and info.fits(task))


def setting_of(split: str) -> Setting | None:
    """The setting that a split belongs to, if any."""
    return SPLITS.get(split).setting if split in SPLITS else None


def labels_everything(task: TaskInfo, split: str, setting: str) -> bool:
    """Whether every item that a method trains on is labelled: graphs, whole or all of whose nodes are, and pairs."""
    return task.items == "pair" or setting == "graph-level" or split == "graphs"


def why_not_together(task: TaskInfo, split: str, setting: str) -> str | None:
    """Why a split is not trained in a setting, in words; None where it is."""
    own = setting_of(split)
    if own is not None:
        return None if own == setting else f"split {split!r} is {own}, not {setting}"
    if setting == "inductive" and task.items == "pair":
        return f"split {split!r} of pairs is transductive, not inductive"
    return None
