"""What tuning has read of the test sets, counted item by item."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_distillery.bench.data.dataset import Dataset, largest_component
from graph_distillery.bench.data.loaders.embedded.loader import digits_knn
from graph_distillery.bench.data.loaders.generated.blocks import csbm
from graph_distillery.bench.data.loaders.generated.unions import motifs
from graph_distillery.bench.data.sealing import check_rotation, seen_in_tuning, shared_splits
from graph_distillery.bench.data.splits import make_split, published_number
from graph_distillery.bench.errors import UserError

DIGITS = digits_knn()
MODEL = csbm(nodes=700, classes=3, degree=4.0)
TREES = motifs(graphs=97)
TUNING, REPORT = (100, 101, 102), range(10)


def by_hand(dataset: Dataset, split: str, seed: int) -> float:
    """Sets of items, and no mask."""
    parts = [make_split(dataset, split, each)[1] for each in TUNING]
    read = {item for part in parts for item in [*part.train.tolist(), *part.val.tolist()]}
    test = make_split(dataset, split, seed)[1].test.tolist()
    return len(read & set(test)) / len(test)


@pytest.mark.parametrize("split", ["cpf", "planetoid-random", "balanced-20-20", "random-60-20-20"])
def test_the_share_is_counted_from_the_items(split: str) -> None:
    component = largest_component(DIGITS) if split == "cpf" else DIGITS
    seen = seen_in_tuning(component, split, TUNING, REPORT)
    assert list(seen) == list(REPORT)
    assert seen[4] == pytest.approx(by_hand(component, split, 4), abs=1e-12)
    assert seen_in_tuning(component, split, (), [4]) == {4: 0.0}
    assert seen_in_tuning(component, split, [4], [4]) == {4: 0.0}, "of its own seed's test items none is read"


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_sealed_splits_have_one_test_set(one: int, other: int) -> None:
    for dataset, name in ((DIGITS, "sealed-20-30"), (DIGITS, "sealed-60-20-20"), (TREES, "sealed-60-20-20")):
        whole, first = make_split(dataset, name, one)
        _, second = make_split(dataset, name, other)
        assert torch.equal(first.test, second.test)
        assert seen_in_tuning(whole, name, [one], [other]) == {other: 0.0}
        assert one == other or not torch.equal(first.train, second.train)
        if name == "sealed-60-20-20":
            total = dataset.num_items
            sizes = (int(0.6 * total), int(0.8 * total) - int(0.6 * total), total - int(0.8 * total))
            assert (len(first.train), len(first.val), len(first.test)) == sizes


def test_sealed_20_30_takes_of_each_class_half_to_test() -> None:
    component, split = make_split(MODEL, "sealed-20-30", 5)
    assert component.sha256 == largest_component(MODEL).sha256, "as cpf"
    labels = component.labels
    assert labels[split.train].bincount().tolist() == [20] * 3
    assert labels[split.val].bincount().tolist() == [30] * 3
    assert labels[split.test].bincount().tolist() == (labels.bincount() // 2).tolist()
    tight, split = make_split(csbm(nodes=270, classes=3, degree=20.0), "sealed-20-30", 5)
    assert tight.labels[split.test].bincount().tolist() == (tight.labels.bincount() - 50).tolist()
    with pytest.raises(UserError, match="takes 50 nodes of every class and leaves some to test"):
        make_split(csbm(nodes=150, classes=3, degree=20.0), "sealed-20-30", 5)


def ten_published() -> Dataset:
    parts = [tuple(torch.arange(700)[torch.arange(700) % 10 == (number + shift) % 10] for shift in range(3))
             for number in range(10)]  # fmt: skip
    return Dataset.build(
        "ten", "node-classification", "accuracy", MODEL.graph, MODEL.labels, 3, {"public": parts, "one": parts[:1]}
    )


def test_published_splits_rotate_without_meeting() -> None:
    dataset = ten_published()
    assert [published_number(seed, 10) for seed in (*range(10), 10, 19, 100, 101, 102)] == [*range(10), 9, 0, 9, 8, 7]
    for reports in range(1, 11):
        check_rotation(dataset, "public", TUNING, range(reports))
        assert shared_splits(dataset, "public", TUNING, range(reports)) == [n for n in (7, 8, 9) if n < reports]
    with pytest.raises(
        UserError, match=r"report\.seeds: seeds 9 and 10 are both split 9 of the 10 'public' splits of 'ten'"
    ):
        check_rotation(dataset, "public", TUNING, range(15))
    with pytest.raises(UserError, match=r"search\.seeds: seeds 100 and 110 are both split 9"):
        check_rotation(dataset, "public", (100, 110), range(5))
    check_rotation(dataset, "one", TUNING, range(30))
    assert seen_in_tuning(dataset, "one", TUNING, range(3)) == {0: 0.0, 1: 0.0, 2: 0.0}, "the published test set itself"


def test_cora_under_cpf_and_sealed(load: Callable[[str], Dataset]) -> None:
    component = largest_component(load("cora"))
    assert all(0.3 < share < 0.4 for share in seen_in_tuning(component, "cpf", TUNING, REPORT).values())
    assert set(seen_in_tuning(component, "sealed-20-30", TUNING, REPORT).values()) == {0.0}
