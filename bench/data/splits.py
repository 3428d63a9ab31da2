"""How the items of a dataset are divided into training, validation and test.

Every split is named, seeded, and drawn from a stream that is the same on every machine. One name always
means one protocol; results under different names do not compare.

| name | items | what |
|---|---|---|
| `public` | nodes, graphs | what came with the data; of several, the seed's (`published_number`) |
| `geom-gcn` | nodes | the ten 48/32/20 splits of Geom-GCN (Pei et al., ICLR 2020), likewise |
| `cpf` | nodes | of the largest component 20 per class train, 30 per class validate (CPF, GLNN) |
| `random-60-20-20` | nodes | uniform over all nodes, not by class, as in the field's code |
| `random-10-10-80` | nodes | likewise (SimMLP: Wang et al., WSDM 2025, transductive) |
| `sealed-20-30` | nodes | as `cpf`, with one test set for all seeds: half of each class, or all but 50 |
| `sealed-60-20-20` | nodes, graphs | as `random-60-20-20`, with one test set for all seeds |
| `planetoid-random` | nodes | 20 per class, 500 to validate, 1,000 to test (Shchur et al., 2018) |
| `balanced-20-20` | nodes | of each class a fifth of the mean class to train, as many to validate, the rest to test |
| `isolation` | nodes | test: a half of those of the least degrees, all of whose edges are taken away (Cold Brew) |
| `gprgnn-60-20-20` | nodes | 0.6 N / C of every class to train, of the rest at random 0.2 N to validate (GPR-GNN) |
| `hgb` | nodes of one type | HGB's test nodes; of its training list a fifth, drawn by the seed, validates |
| `links-5-10`, `links-production` | pairs | edges hidden as LLP hides them (`loaders.links.pairs`) |
| `graphs` | nodes | whole graphs: 20 to train, 2 to validate, 2 to test |
| `ogb` | nodes, graphs | as published: by year, sales rank or scaffold (Hu et al., NeurIPS 2020) |
| `kfold-10` | graphs | fold seed % 10 of partition seed // 10, by class; a tenth of the rest validates |
| `gnn-comparison` | graphs | the ten published folds and their inner split (Errica et al., ICLR 2020), one a seed |
| `holdout-70-30` | graphs | 30 % test, by class; of the other 70 %, a seventh validates |
| `gfkd-70-30` | graphs | GFKD's 57 test graphs of mutag; of the other 131, a seventh validates, by class |
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.bench.data.checks import check_parts
from graph_distillery.bench.data.dataset import Dataset, Indices, largest_component
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.links.pairs import LINK_SPLITS
from graph_distillery.bench.data.loaders.tu.released import GFKD_TEST
from graph_distillery.bench.data.randomness import Stream
from graph_distillery.bench.data.raw_files import MIRROR_VARIABLE
from graph_distillery.bench.data.registry import DATASETS, SPLITS, added_splits
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.tasks.registry import TASKS
from graph_distillery.near_names import hint

Parts = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

CPF_TRAIN, CPF_VALIDATION = 20, 30
PLANETOID_TRAIN, PLANETOID_VALIDATION, PLANETOID_TEST = 20, 500, 1000
FOLDS = 10
#: Splits of the largest connected component alone.
COMPONENT_SPLITS = ("cpf", "sealed-20-30")
#: The split whose test nodes lose their edges.
ISOLATION = "isolation"
#: The split whose published list of training items is drawn apart by seed, a fifth of it to validate.
REDRAWN = "hgb"
#: How often the median bounds the degrees of `isolation`.
_HALVINGS = 4


@dataclass(frozen=True)
class Split:
    """Which items train, validate and test: [count] int64 each, ascending, disjoint; some may be in none."""

    name: str
    seed: int
    train: Tensor
    val: Tensor
    test: Tensor

    @cached_property
    def sha256(self) -> str:
        """64 hexadecimal digits: the three sets of items, whatever the name and the seed."""
        return _digest(self.train, self.val, self.test)

    @cached_property
    def test_sha256(self) -> str:
        """64 hexadecimal digits: the test items alone, the same for splits that share them."""
        return _digest(self.test)


def _digest(*parts: Tensor) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.numel()};".encode() + part.cpu().numpy().astype("<i8").tobytes())
    return digest.hexdigest()


def make_split(dataset: Dataset, name: str, seed: int) -> tuple[Dataset, Split]:
    """The split called `name` under a seed, and the dataset whose items it numbers.

    The dataset comes back as given, except under `COMPONENT_SPLITS`, which keep the largest connected component, and
    under `isolation`, whose test nodes have no edges.

    Raises:
        UserError: no such split, one that the dataset does not have, or classes too small for it.
    """
    if seed < 0:
        raise UserError(f"split {name!r}: seed {seed} is negative")
    allowed = available_splits(dataset)
    if name not in allowed:
        raise _no_such_split(dataset, name, allowed)
    if name in COMPONENT_SPLITS:
        dataset = largest_component(dataset)
    if name in dataset.fixed_splits:  # checked when they were read
        choices = dataset.fixed_splits[name]
        if name == REDRAWN:
            return dataset, _split(name, seed, *redrawn(choices[0], seed))
        return dataset, _split(name, seed, *(part.numpy() for part in choices[published_number(seed, len(choices))]))
    parts = _DRAWN[name](dataset, seed) if name in _DRAWN else _added(dataset, name, seed)
    if name == ISOLATION:
        dataset = dataset.without_edges_of(torch.from_numpy(isolated_nodes(dataset)))
    split = _split(name, seed, *parts)
    try:
        check_parts(dataset, name, (split.train, split.val, split.test))
    except DataFault as fault:
        raise UserError(f"dataset {dataset.name!r}, seed {seed}: {fault}") from None
    return dataset, split


def _added(dataset: Dataset, name: str, seed: int) -> Parts:
    """The parts that another package's function gives."""
    where = f"dataset {dataset.name!r}, seed {seed}: split {name!r}"
    try:
        train, val, test = (np.asarray(part) for part in SPLITS.load(name)(dataset, seed))
    except Exception as error:  # whatever somebody's code raises
        raise UserError(f"{where}: {type(error).__name__}: {' '.join(str(error).split())}") from error
    for part in (train, val, test):
        if part.ndim != 1 or part.dtype.kind not in "iu":
            raise UserError(f"{where}: a part is {part.dtype} of shape {list(part.shape)}, not item numbers")
    return train, val, test


def published_number(seed: int, count: int) -> int:
    """Which of `count` published splits a seed takes: 0 to count - 1 are their own, later seeds count from the end.

    So the usual tuning seeds, 100 and on, take the last splits of ten, and share none with up to seven report seeds.
    """
    return seed if seed < count else count - 1 - seed % count


def available_splits(dataset: Dataset) -> list[str]:
    """The names that make sense for this dataset, fixed ones first."""
    fixed, added = list(dataset.fixed_splits), added_splits(TASKS.get(dataset.task))
    if dataset.level == "graph":
        released = ["gfkd-70-30"] if dataset.name in GFKD_TEST else []
        return [*fixed, "kfold-10", "holdout-70-30", "sealed-60-20-20", *released, *added]
    if dataset.graph.num_graphs > 1:
        return fixed
    if dataset.graph.num_targets < dataset.graph.num_nodes and fixed:
        return fixed
    if dataset.level == "pair":  # where the edges are what is to be found, a random part would be shown to all
        return fixed if set(fixed) & set(LINK_SPLITS) else [*fixed, "random-60-20-20"]
    by_class = ["cpf", "planetoid-random", "balanced-20-20", "gprgnn-60-20-20", "sealed-20-30", ISOLATION]
    has_classes = TASKS.get(dataset.task).labels == "class"
    by_class = by_class if has_classes else []
    return [*fixed, "random-60-20-20", "sealed-60-20-20", *by_class, "random-10-10-80", *added]


def hide_inductive(split: Split, seed: int, fraction: float = 0.2) -> tuple[Tensor, Tensor]:
    """GLNN's inductive setting: the test items that stay in the graph, and those hidden until the test.

    `fraction` of the test items (rounded down) is hidden together with every edge that touches them.
    Ascending [count] int64 each.
    """
    if not 0 < fraction < 1:
        raise UserError(f"inductive fraction {fraction} is not between 0 and 1")
    order = split.test.numpy()[Stream(seed, "inductive").permutation(split.test.numel())]
    hidden = int(len(order) * fraction)
    observed_part, hidden_part = np.sort(order[hidden:]), np.sort(order[:hidden])
    return torch.from_numpy(observed_part), torch.from_numpy(hidden_part)


def redrawn(parts: Indices, seed: int) -> Parts:
    """The published test items; of the others, int(0.2 count) or one drawn to validate, as HGB's code does."""
    train, val, test = (part.numpy() for part in parts)
    listed = np.sort(np.concatenate([train, val]))
    order = listed[Stream(seed, REDRAWN).permutation(len(listed))]
    count = max(1, int(0.2 * len(listed)))
    return order[count:], order[:count], test


def _no_such_split(dataset: Dataset, name: str, allowed: list[str]) -> UserError:
    info = DATASETS.get(dataset.name) if dataset.name in DATASETS else None
    if info is not None and info.kind == "own" and name == "public":
        return UserError(
            f"dataset {dataset.name!r} has no split 'public': there are no masks of training, validation and test "
            f"items in {info.source}; say 'splits:', or take {' or '.join(allowed[:2])}"
        )
    if info is not None and name in info.splits:
        return UserError(
            f"dataset {dataset.name!r} was loaded without the files of its split {name!r}: put them into the "
            f"data folder or set {MIRROR_VARIABLE}"
        )
    return UserError(f"dataset {dataset.name!r} has no split {name!r}; {hint(name, allowed, otherwise='it has')}")


def _split(name: str, seed: int, train: NDArray[np.int64], val: NDArray[np.int64], test: NDArray[np.int64]) -> Split:
    parts = [torch.from_numpy(np.sort(part).astype(np.int64)) for part in (train, val, test)]
    return Split(name, seed, *parts)


def _shuffled(dataset: Dataset, seed: int, purpose: str) -> NDArray[np.int64]:
    """The items that have a label, in random order."""
    items = _labelled(dataset)
    shuffled: NDArray[np.int64] = items[Stream(seed, purpose).permutation(len(items))]
    return shuffled


def _labelled(dataset: Dataset) -> NDArray[np.int64]:
    if dataset.labels.dim() > 1:
        return np.arange(dataset.num_items)
    return np.flatnonzero(dataset.labels.numpy() >= 0)


def _per_class(dataset: Dataset, order: NDArray[np.int64], count: int, needed: int, name: str) -> NDArray[np.int64]:
    """The first `count` items of every class in the given order; each class must have more than `needed`."""
    labels = dataset.labels.numpy()[order]
    chosen = []
    for label in range(dataset.num_classes):
        members = order[labels == label]
        if len(members) <= needed:
            raise UserError(
                f"split {name!r} takes {needed} nodes of every class and leaves some to test, but class "
                f"{label} of {dataset.name!r} has {len(members)}; use 'random-60-20-20'"
            )
        chosen.append(members[:count])
    return np.concatenate(chosen)


def _cpf(dataset: Dataset, seed: int) -> Parts:
    order = _shuffled(dataset, seed, "cpf")
    needed = CPF_TRAIN + CPF_VALIDATION
    train = _per_class(dataset, order, CPF_TRAIN, needed, "cpf")
    val = np.setdiff1d(_per_class(dataset, order, needed, needed, "cpf"), train)
    return train, val, np.setdiff1d(order, np.concatenate([train, val]))


def _sealed_20_30(dataset: Dataset, seed: int) -> Parts:
    name, needed = "sealed-20-30", CPF_TRAIN + CPF_VALIDATION
    fixed = _shuffled(dataset, 0, f"{name} test")
    labels = dataset.labels.numpy()[fixed]
    _per_class(dataset, fixed, 0, needed, name)
    members = [fixed[labels == label] for label in range(dataset.num_classes)]
    test = np.concatenate([mine[: min(len(mine) // 2, len(mine) - needed)] for mine in members])
    rest = np.setdiff1d(fixed, test)
    order: NDArray[np.int64] = rest[Stream(seed, name).permutation(len(rest))]
    train = _per_class(dataset, order, CPF_TRAIN, 0, name)
    return train, np.setdiff1d(_per_class(dataset, order, needed, 0, name), train), test


def _sealed_60_20_20(dataset: Dataset, seed: int) -> Parts:
    fixed = _shuffled(dataset, 0, "sealed-60-20-20 test")
    first, second = int(0.6 * len(fixed)), int(0.8 * len(fixed))
    rest, test = np.sort(fixed[:second]), fixed[second:]
    order = rest[Stream(seed, "sealed-60-20-20").permutation(len(rest))]
    return order[:first], order[first:], test


def _planetoid_random(dataset: Dataset, seed: int) -> Parts:
    order = _shuffled(dataset, seed, "planetoid-random")
    train = _per_class(dataset, order, PLANETOID_TRAIN, PLANETOID_TRAIN, "planetoid-random")
    rest = order[~np.isin(order, train)]
    needed = PLANETOID_VALIDATION + PLANETOID_TEST
    if len(rest) < needed:
        raise UserError(
            f"split 'planetoid-random' needs {needed} nodes beside its training nodes, but {dataset.name!r} "
            f"has {len(rest)}; use 'random-60-20-20'"
        )
    # in `order` what is left of a small class comes late
    rest = np.sort(rest)[Stream(seed, "planetoid-random rest").permutation(len(rest))]
    return train, rest[:PLANETOID_VALIDATION], rest[PLANETOID_VALIDATION:needed]


def _balanced_20_20(dataset: Dataset, seed: int) -> Parts:
    """int(0.2 N / C) of every class to train and as many to validate, as in the framelet papers' code.

    Their code sends a class too small for that to the test set whole; here the split is refused instead.
    """
    order = _shuffled(dataset, seed, "balanced-20-20")
    count = len(order) // (5 * dataset.num_classes)
    train = _per_class(dataset, order, count, 2 * count, "balanced-20-20")
    both = _per_class(dataset, order, 2 * count, 2 * count, "balanced-20-20")
    return train, np.setdiff1d(both, train), np.setdiff1d(order, both)


def isolated_nodes(dataset: Dataset) -> NDArray[np.int64]:
    """[count]: the nodes that lose their edges under `isolation`, ascending, the same for every seed.

    As Cold Brew's code (Zheng et al., ICLR 2022): the nodes of a degree up to the median, of these again, four times,
    which is a sixteenth of all and more where degrees are alike; of them the half with the least degrees, of equal
    degrees the first in order.
    """
    degrees = dataset.graph.in_degrees().numpy()
    bound = np.inf
    for _ in range(_HALVINGS):
        bound = np.median(degrees[degrees <= bound])
    least = np.flatnonzero(degrees <= bound)
    ordered = least[np.argsort(degrees[least], kind="stable")]
    return np.sort(ordered[: len(ordered) // 2])


def _isolation(dataset: Dataset, seed: int) -> Parts:
    """The isolated nodes test; of the others 20 per class train and 30 validate. The code has nobody validate."""
    test = np.intersect1d(isolated_nodes(dataset), _labelled(dataset))
    order = _shuffled(dataset, seed, ISOLATION)
    rest: NDArray[np.int64] = order[~np.isin(order, test)]
    needed = CPF_TRAIN + CPF_VALIDATION
    train = _per_class(dataset, rest, CPF_TRAIN, needed, ISOLATION)
    return train, np.setdiff1d(_per_class(dataset, rest, needed, needed, ISOLATION), train), test


def _gprgnn_60_20_20(dataset: Dataset, seed: int) -> Parts:
    """GPR-GNN's dense split (Chien et al., ICLR 2021): a class of fewer than 0.6 N / C nodes is in the training part
    whole, and so not tested."""
    order = _shuffled(dataset, seed, "gprgnn-60-20-20")
    labels, count = dataset.labels.numpy()[order], round(0.6 * len(order) / dataset.num_classes)
    train = np.concatenate([order[labels == label][:count] for label in range(dataset.num_classes)])
    rest, validated = np.setdiff1d(order, train), round(0.2 * len(order))
    rest = rest[Stream(seed, "gprgnn-60-20-20 rest").permutation(len(rest))]  # in `order` it is not random by class
    return train, rest[:validated], rest[validated:]


def _random_60_20_20(dataset: Dataset, seed: int) -> Parts:
    order = _shuffled(dataset, seed, "random-60-20-20")
    first, second = int(0.6 * len(order)), int(0.8 * len(order))
    return order[:first], order[first:second], order[second:]


def _random_10_10_80(dataset: Dataset, seed: int) -> Parts:
    order = _shuffled(dataset, seed, "random-10-10-80")
    tenth = int(0.1 * len(order))
    return order[:tenth], order[tenth : 2 * tenth], order[2 * tenth :]


def _by_class(dataset: Dataset, items: NDArray[np.int64], stream: Stream) -> NDArray[np.int64]:
    """The items, shuffled and then sorted by class: every k-th of them is a sample of all classes alike."""
    shuffled = items[stream.permutation(len(items))]
    return shuffled[np.argsort(dataset.labels.numpy()[shuffled], kind="stable")]


def _kfold(dataset: Dataset, seed: int) -> Parts:
    _require_graphs(dataset, "kfold-10", 2 * FOLDS)
    partition, fold = divmod(seed, FOLDS)
    by_class = _by_class(dataset, _labelled(dataset), Stream(partition, "kfold-10"))
    in_fold = np.arange(len(by_class)) % FOLDS == fold
    rest = _by_class(dataset, np.sort(by_class[~in_fold]), Stream(seed, "kfold-10 validation"))
    in_validation = np.arange(len(rest)) % FOLDS == 0
    return rest[~in_validation], rest[in_validation], by_class[in_fold]


def _holdout(dataset: Dataset, seed: int) -> Parts:
    _require_graphs(dataset, "holdout-70-30", FOLDS)
    by_class = _by_class(dataset, _labelled(dataset), Stream(seed, "holdout-70-30"))
    tenth = np.arange(len(by_class)) % FOLDS
    test, val = np.isin(tenth, (1, 4, 8)), tenth == 6
    return by_class[~test & ~val], by_class[val], by_class[test]


def _gfkd_70_30(dataset: Dataset, seed: int) -> Parts:
    """The released code trains on all 131 others and picks no epoch; here a part of them must validate."""
    test = np.array(GFKD_TEST[dataset.name])
    rest = _by_class(dataset, np.setdiff1d(_labelled(dataset), test), Stream(seed, "gfkd-70-30"))
    in_validation = np.arange(len(rest)) % 7 == 3
    return rest[~in_validation], rest[in_validation], test


def _require_graphs(dataset: Dataset, name: str, needed: int) -> None:
    count = len(_labelled(dataset))
    if count < needed:
        raise UserError(f"split {name!r} needs {needed} graphs or more, but {dataset.name!r} has {count}")


_DRAWN: dict[str, Callable[[Dataset, int], Parts]] = {
    "cpf": _cpf,
    "random-60-20-20": _random_60_20_20,
    "random-10-10-80": _random_10_10_80,
    "sealed-20-30": _sealed_20_30,
    "sealed-60-20-20": _sealed_60_20_20,
    "planetoid-random": _planetoid_random,
    "balanced-20-20": _balanced_20_20,
    ISOLATION: _isolation,
    "gprgnn-60-20-20": _gprgnn_60_20_20,
    "kfold-10": _kfold,
    "holdout-70-30": _holdout,
    "gfkd-70-30": _gfkd_70_30,
}
