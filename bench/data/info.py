"""What there is to know of a dataset before it is loaded. Listing datasets loads no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from graph_distillery.methods.task_info import Metric, Setting, TaskInfo

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a dataset before it is loaded.

    splits: the names `graph_distillery.bench.data.splits.make_split` accepts for it, the usual one first.
    target: `module:function`. Called as `function(name, **options)` where `kind` is embedded, generated or own (of a
        user's spec), and as `function(name, raw, **options)` with a `bench.data.raw_files.RawFiles` where it is
        download; it returns a `graph_distillery.bench.data.dataset.Dataset`.
    licence: what its source says that may be done with the data; None where it says nothing.
    nodes, edges, features, classes, graphs: counts as loaded. `edges` counts arcs, without self-loops and
        repeats, so an undirected edge counts twice; `classes` counts labels for multi-label tasks.
    checked: the counts were measured on the real files, and a download that differs is refused as damaged.
    sha256: what `Dataset.sha256` must be (or begin with), where the source publishes one version of the files.
        Where `checked` is not set, other data of other counts are only told apart from the published ones.
    """

    name: str
    title: str
    task: str
    metric: Metric
    splits: tuple[str, ...]
    source: str
    kind: Literal["embedded", "generated", "download", "own"]
    target: str
    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)
    note: str = ""
    licence: str | None = None
    nodes: int | None = None
    edges: int | None = None
    features: int | None = None
    classes: int | None = None
    graphs: int | None = None
    checked: bool = False
    sha256: str | None = None


def one_graph(name: str, title: str, splits: tuple[str, ...], source: str, target: str, **more: Any) -> DatasetInfo:
    """A node classification set of one graph, downloaded and judged by accuracy unless told otherwise."""
    more = {"kind": "download", "metric": "accuracy", **more}
    return DatasetInfo(name, title, "node-classification", splits=splits, source=source, target=target, **more)


@dataclass(frozen=True)
class SplitInfo:
    """What there is to know of a split before it is drawn; `target` is its `module:function`.

    The function is called as `function(dataset, seed)` with a `bench.data.dataset.Dataset` and gives the training, the
    validation and the test items, [count] integers each. The same seed must always give the same.

    items: what it divides. classes: whether it needs one class an item. setting: the one that it belongs to, if any.
    """

    name: str
    title: str
    items: tuple[Literal["node", "graph", "pair"], ...]
    target: str
    classes: bool = False
    setting: Setting | None = None

    def fits(self, task: TaskInfo) -> bool:
        """Whether the items of a task can be divided so."""
        return task.items in self.items and not task.typed and (not self.classes or task.labels == "class")
