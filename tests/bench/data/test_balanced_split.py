"""The split of the framelet papers: a fifth of the mean class, from every class."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_distillery.bench.data.loaders.embedded.loader import karate
from graph_distillery.bench.data.loaders.generated.blocks import csbm
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.errors import UserError

MODEL = csbm(nodes=403, classes=3, degree=2.0)


@settings(max_examples=20)
@given(st.integers(0, 2**40))
def test_takes_a_fifth_of_the_mean_class_twice_and_leaves_the_rest(seed: int) -> None:
    dataset, split = make_split(MODEL, "balanced-20-20", seed)
    assert dataset.labels[split.train].bincount().tolist() == [26] * 3  # int(403 / 3 * 0.2)
    assert dataset.labels[split.val].bincount().tolist() == [26] * 3
    together = torch.cat([split.train, split.val, split.test])
    assert together.sort().values.tolist() == list(range(403))


def test_a_class_that_it_would_use_up_is_refused() -> None:
    dataset = karate()
    crowded = dataset.with_labels(torch.where(torch.arange(34) < 31, 0, torch.tensor([0] * 31 + [1, 2, 3])))
    with pytest.raises(UserError, match=r"balanced-20-20.*class 1 .* has 1") as caught:
        make_split(crowded, "balanced-20-20", 0)
    assert "\n" not in str(caught.value)
