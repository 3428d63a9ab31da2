"""Every registered dataset under the suite that is shipped to authors of datasets, and what each check catches."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from graph_distillery.bench.conformance import DatasetConformance, datasets
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.info import DatasetInfo
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.methods.contract import Graph
from graph_distillery.methods.contract.columns import TypeNames


class TestEveryDataset(DatasetConformance):
    @classmethod
    def datasets(cls) -> tuple[str, ...]:
        return tuple(DATASETS.names)


RING, NO_EDGE = torch.arange(12), torch.zeros(2, 0, dtype=torch.long)
#: Another load gives other content where this is counted up.
LOADS = [0]


def sound(name: str = "faulty", **changes: Any) -> Dataset:
    """Twelve nodes in a ring, three classes, one published split; `changes` are of the graph, labels or split."""
    edges = torch.stack([RING, RING.roll(1)])
    features = torch.rand(12, 4, generator=torch.Generator().manual_seed(0))
    graph = replace(Graph.build(features, edges), **changes.get("graph", {}))
    split = changes.get("split", (RING[:6], RING[6:8], RING[8:]))
    labels = changes.get("labels", RING % 3)
    return Dataset.build(name, "node-classification", "accuracy", graph, labels, 3, {"public": [split]})


def other_each_time(name: str) -> Dataset:
    LOADS[0] += 1
    return sound(name, graph={"features": torch.full((12, 4), float(LOADS[0]))})


def with_wrong_hash(name: str) -> Dataset:
    return replace(sound(name), sha256="0" * 64)


def edges_to(*arcs: tuple[int, int]) -> dict[str, Any]:
    return {"graph": {"edge_index": torch.tensor(arcs).T}}


TWO = torch.tensor([0, 6, 12])

#: By check: what is loaded, and how the failure is told. What reading refuses, every check tells.
FAULTY: list[tuple[str, Callable[[str], Dataset], str]] = [
    ("test_counts_are_those_of_the_entry", partial(sound, **edges_to((0, 1))), "1 edges, and the entry says 12"),
    ("test_is_sound", partial(sound, graph={"features": torch.full((12, 4), torch.nan)}), "has nan as feature 0"),
    ("test_is_sound", partial(sound, **edges_to((0, 12))), "12"),
    ("test_is_sound", partial(sound, **edges_to((3, 3))), "1 self-loops, 0 repeated"),
    ("test_is_sound", partial(sound, **edges_to((0, 1), (0, 1))), "0 self-loops, 1 repeated"),
    ("test_is_sound", partial(sound, graph={"graph_pointers": TWO}), "which are in graphs 0 and 1"),
    ("test_is_sound", partial(sound, graph={"node_columns": {"x": torch.ones(3)}}), r"'x' has shape \[3\] for 12"),
    ("test_is_sound", partial(sound, graph={"types": TypeNames(("a", "b"))}), "no node column 'type'"),
    ("test_is_sound", partial(sound, graph={"types": TypeNames(("a",)), "node_columns": {"type": RING}}),
     "node 1 is of type 1"),
    ("test_is_sound", partial(sound, graph={"pairs": torch.tensor([[0, 1], [2, 12]])}), r"pair 1 is \[2, 12\]"),
    ("test_is_sound", partial(sound, labels=RING), "item 3 has label 3"),
    ("test_labels_fit_the_task", partial(sound, labels=RING % 2), r"classes without an item: \[2\]"),
    ("test_loads_alike_twice", other_each_time, "two loads"),
    ("test_loads_alike_twice", with_wrong_hash, "not those of the content"),
    ("test_survives_the_cache", with_wrong_hash, "differs after a round trip"),
    ("test_splits_are_sound", partial(sound, split=(RING[:6], RING[5:8], RING[8:])), "share 1 nodes"),
    ("test_splits_are_sound", partial(sound, labels=RING.clamp(max=2), split=(RING[:2], RING[2:4], RING[4:])),
     r"training item: \[2\]"),
    ("test_becomes_a_problem", partial(sound, graph={"graph_pointers": TWO, "edge_index": NO_EDGE}), "whole graphs"),
]  # fmt: skip


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[str], Dataset]], DatasetInfo]]:
    def add(load: Callable[[str], Dataset]) -> DatasetInfo:
        monkeypatch.setitem(globals(), "load", load)
        info = DatasetInfo("faulty", "Faulty", "node-classification", "accuracy", ("public",), "made up", "generated",
                           f"{__name__}:load", nodes=12, edges=12, features=4, classes=3)  # fmt: skip
        DATASETS.register(info)
        datasets.loaded.cache_clear()
        return info

    yield add
    DATASETS.unregister("faulty")
    datasets.loaded.cache_clear()


def run(check: str, tmp_path: Path) -> None:
    test = getattr(DatasetConformance(), check)
    given = {"name": "faulty", "tmp_path": tmp_path, "info": DATASETS.get("faulty")}
    test(**{name: given[name] for name in inspect.signature(test).parameters})


CHECKS = [name for name, _ in inspect.getmembers(DatasetConformance, inspect.isfunction) if name.startswith("test_")]


def test_a_sound_dataset_passes(registered: Callable[..., DatasetInfo], tmp_path: Path) -> None:
    registered(sound)
    for check in CHECKS:
        run(check, tmp_path)


@pytest.mark.parametrize(("check", "load", "words"), FAULTY)
def test_each_fault_is_told(
    check: str, load: Callable[[str], Dataset], words: str, registered: Callable[..., DatasetInfo], tmp_path: Path
) -> None:
    registered(load)
    with pytest.raises(AssertionError, match=words):
        run(check, tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "node-ranking"}, "not registered"),
        ({"metric": "micro_f1"}, "does not fit"),
        ({"nodes": 0}, "nodes = 0"),
        ({"checked": True, "edges": None}, "some are missing"),
        ({"title": ""}, "title is empty"),
    ],
)
def test_a_poor_entry_is_told(change: dict[str, Any], words: str, registered: Callable[..., DatasetInfo]) -> None:
    info = replace(registered(sound), **change)
    with pytest.raises(AssertionError, match=words):
        DatasetConformance().test_catalogue_entry_is_complete(info)
