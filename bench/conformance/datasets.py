"""What every dataset must be, as a test class for authors of datasets.

What is part of the suite or generated is loaded and checked; what would be downloaded is checked by its entry alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import torch

from graph_distillery.bench.conformance.checks import check, refused
from graph_distillery.bench.data import cache as disk
from graph_distillery.bench.data.dataset import Dataset, content_hashes
from graph_distillery.bench.data.info import DatasetInfo
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.registry import DATASETS, SPLITS, why_not_together
from graph_distillery.bench.data.splits import Split, make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.problem import ProblemKey, divide
from graph_distillery.methods.contract.items import ITEMS
from graph_distillery.methods.tasks.metrics import metrics_of
from graph_distillery.methods.tasks.registry import TASKS, make_task

#: Seeds whose splits are made.
SEEDS = (0, 1)
#: Items of a class from which on a draw of three in five that misses them all is no chance (1 in 10,000).
RARE = 10


@cache
def loaded(name: str) -> Dataset:
    """The dataset, once per process.

    Raises:
        AssertionError: it is refused when it is read; the line that says why.
    """
    try:
        return load_dataset(name)
    except UserError as error:
        raise AssertionError(str(error)) from None


class DatasetConformance:
    """Subclass it, name the dataset, and let pytest collect the subclass."""

    dataset: ClassVar[str]

    @classmethod
    def datasets(cls) -> tuple[str, ...]:
        """The datasets that are checked."""
        return (cls.dataset,)

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Called by pytest: a test that takes `info` runs on every entry, one that takes `name` where it is at hand."""
        infos = [DATASETS.get(name) for name in self.datasets()]
        if "info" in metafunc.fixturenames:
            metafunc.parametrize("info", infos, ids=lambda info: info.name)
        if "name" in metafunc.fixturenames:
            metafunc.parametrize("name", [info.name for info in infos if info.kind != "download"])

    # The catalogue

    def test_catalogue_entry_is_complete(self, info: DatasetInfo) -> None:
        check(
            bool(re.fullmatch(r"[a-z0-9]+([-_.][a-z0-9]+)*", info.name)), f"name {info.name!r}: lower case and dashes"
        )
        for field in ("title", "source"):
            check(bool(getattr(info, field)), f"{field} is empty")
        check(info.task in TASKS, f"task {info.task!r} is not registered")
        check(info.metric in metrics_of(TASKS.get(info.task)), f"metric {info.metric!r} does not fit {info.task}")
        check(bool(info.splits) and len(set(info.splits)) == len(info.splits), f"splits {info.splits}")
        check(callable(DATASETS.load(info.name)), f"{info.target} cannot be called")
        for field in ("nodes", "features", "classes", "graphs"):
            value = getattr(info, field)
            check(value is None or value > 0, f"{field} = {value}")
        known = not info.checked or None not in (info.nodes, info.edges, info.features, info.classes)
        check(known, "its counts are called checked, and some are missing")

    # What was loaded

    def test_counts_are_those_of_the_entry(self, name: str) -> None:
        info, data = DATASETS.get(name), loaded(name)
        graph = data.graph
        check((data.name, data.task, data.metric) == (info.name, info.task, info.metric), "name, task or metric differ")
        found = {
            "graphs": graph.num_graphs, "nodes": graph.num_nodes, "edges": graph.num_edges,
            "features": graph.num_features, "classes": data.num_classes,
        }  # fmt: skip
        for noun, count in found.items():
            told = getattr(info, noun)
            check(told is None or told == count, f"{count} {noun}, and the entry says {told}")

    def test_is_sound(self, name: str) -> None:
        """Whatever is checked when data are read, by one line that names item and value."""
        data = loaded(name)
        check((data.self_loops, data.repeats) == (0, 0), f"{data.self_loops} self-loops, {data.repeats} repeated arcs")

    def test_labels_fit_the_task(self, name: str) -> None:
        """Every item that has one has one that the task knows, and every class an item."""
        data = loaded(name)
        labels = data.labels if data.labels.dim() > 1 else data.labels[data.labels >= 0]
        problem = make_task(data.task, data.num_classes).label_problem(labels)
        check(problem is None, str(problem))
        if TASKS.get(data.task).labels == "class":
            missing = sorted(set(range(data.num_classes)) - set(labels.tolist()))
            check(not missing, f"classes without an item: {missing}")

    def test_loads_alike_twice(self, name: str) -> None:
        """The content, and what stands at each node, are the same to the bit, and are what the hashes say."""
        first, second = loaded(name), load_dataset(name)
        hashes = (first.sha256, first.node_order_sha256)
        check(hashes == (second.sha256, second.node_order_sha256), "two loads have different hashes")
        check(hashes == content_hashes(second.graph, second.labels), "the hashes are not those of the content")

    def test_survives_the_cache(self, name: str, tmp_path: Path) -> None:
        data = loaded(name)
        disk.write(tmp_path / "kept.safetensors", data)
        back = disk.read(tmp_path / "kept.safetensors")
        check(back is not None, "what was written cannot be read")
        assert back is not None
        check(content_hashes(back.graph, back.labels)[0] == data.sha256, "the content differs after a round trip")
        check(list(back.fixed_splits) == list(data.fixed_splits), "the splits differ after a round trip")

    # Splits and problems

    def test_splits_are_sound(self, name: str) -> None:
        """Parts disjoint, in range and not empty, a seed's always the same, every class but rare ones in training."""
        data = loaded(name)
        for split_name in DATASETS.get(name).splits:
            for seed in SEEDS:
                of, split = make_split(data, split_name, seed)
                problems = list(split_problems(of, split))
                check(not problems, f"split {split_name!r}, seed {seed}: {'; '.join(problems)}")
                check(make_split(data, split_name, seed)[1].sha256 == split.sha256, f"{split_name!r} is drawn anew")

    def test_names_no_split_that_is_not_its_own(self, name: str) -> None:
        data = loaded(name)
        unknown = [one for one in DATASETS.get(name).splits if one not in {*SPLITS.names, *data.fixed_splits}]
        check(not unknown, f"unknown splits: {', '.join(unknown)}")
        refused(lambda: make_split(data, "no-such-split", 0), name, "no-such-split")

    def test_becomes_a_problem(self, name: str) -> None:
        """In every setting that it has, what trains, validates and is tested are items with their labels."""
        data = loaded(name)
        many = data.graph.num_graphs > 1
        for setting in TASKS.get(data.task).settings:
            if many and setting == "transductive":
                continue
            fitting = (
                each for each in DATASETS.get(name).splits if not why_not_together(TASKS.get(data.task), each, setting)
            )
            if (split_name := next(fitting, None)) is None:
                continue
            of, split = make_split(data, split_name, 0)
            problem, test = divide(of, split, ProblemKey(name, split_name, setting), 0)
            training, parts = problem.training, [problem.validation, *test.parts.values()]
            check(
                torch.equal(training.labels, of.labels[split.train]), f"{setting}: labels are not the training items'"
            )
            count = sum(part.items.numel() for part in parts)
            check(count == split.val.numel() + split.test.numel(), f"{setting}: items are lost or told twice")
            for part in parts:
                items = training.task.items.count(part.graph)
                check(bool((part.items < items).all()), f"{setting}: an item is out of range")
                check(part.labels.shape[0] == part.items.numel(), f"{setting}: not one label an item")
                whole = part.items.numel() == items
                check(whole or not many, f"{setting}: a part of the split does not hold whole graphs")


def split_problems(data: Dataset, split: Split) -> Iterator[str]:
    """What is wrong with a split of a dataset, in words."""
    parts = {"training": split.train, "validation": split.val, "test": split.test}
    for noun, part in parts.items():
        if part.numel() == 0:
            yield f"the {noun} part is empty"
        elif not (int(part.min()) >= 0 and int(part.max()) < ITEMS[data.level].count(data.graph)):
            yield f"the {noun} part names what is no item"
            return
    together = torch.cat(list(parts.values()))
    if together.unique().numel() != together.numel():
        yield "an item is in two parts, or twice in one"
    if TASKS.get(data.task).labels == "class" and split.train.numel():
        counts = torch.bincount(data.labels[together].clamp(min=0), minlength=data.num_classes)
        missing = set((counts >= RARE).nonzero().flatten().tolist()) - set(data.labels[split.train].tolist())
        if missing:
            yield f"classes without a training item: {sorted(missing)}"
