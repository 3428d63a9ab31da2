"""Node classification sets of the Heterogeneous Graph Benchmark."""

from __future__ import annotations

from typing import Any

from graph_distillery.bench.data.info import DatasetInfo

_SOURCE = "Lv et al., KDD 2021, https://github.com/THUDM/HGB"
_NOTE = (
    "Typed nodes and edges; items are the {items}, which come first. Features of each type stand in columns of their "
    "own, and nodes of a type without any have one column each. Half of the published test labels are given, as the "
    "benchmark released them; the other half belongs to its leaderboard, so scores are of {tested:,} nodes."
)


def _set(
    name: str, title: str, items: str, tested: int, task: str = "classification", **counts: int | str
) -> DatasetInfo:
    more: dict[str, Any] = dict(counts)
    return DatasetInfo(
        f"hgb-{name}", title, f"typed-node-{task}", "micro_f1", ("hgb",), _SOURCE, "download", ".loader:hgb",
        options={"folder": name}, note=_NOTE.format(items=items, tested=tested), checked=True, **more,
    )  # fmt: skip


INFO = (
    _set(
        "acm", "Papers of ACM with authors, subjects and terms", "papers", 1059,
        nodes=10942, edges=547856, features=7608, classes=3,
        sha256="43bf6ebedc400beae719ad0e5f71c02e7f21fd16066b83643977a05c6837fe85",
    ),
    _set(
        "dblp", "Authors of DBLP with papers, terms and venues", "authors", 1420,
        nodes=26128, edges=239566, features=4635, classes=4,
        sha256="e7604321dfd1f579c0c5d1b48b4c03b56155e2d6aa9abaf5b6bd0e52c8455f45",
    ),
    _set(
        "imdb", "Films of IMDB with directors, actors and keywords", "films", 1601, "multilabel",
        nodes=21420, edges=86642, features=18142, classes=5,
        sha256="2fead3c5c4d6a85f831fdccb8f4cc51b519cea5d04eacdd82ee7e85683b54e71",
    ),
)  # fmt: skip
