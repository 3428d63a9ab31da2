"""Splits and features as released code has them: GFKD's test graphs, GPR-GNN's split, rows divided by their sums."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.generated.blocks import csbm
from graph_distillery.bench.data.loaders.node_files import row_normalised
from graph_distillery.bench.data.splits import available_splits, make_split


def test_gfkds_test_graphs_are_mutags_alone(load: Callable[[str], Dataset]) -> None:
    """57 of 188, 39 of the larger class: 68.4 %, whatever the seed; what validates is drawn."""
    dataset = load("mutag")
    splits = [make_split(dataset, "gfkd-70-30", seed)[1] for seed in range(12)]
    assert [len(part) for part in (splits[0].train, splits[0].val, splits[0].test)] == [112, 19, 57]
    assert dataset.labels[splits[0].test].bincount().tolist() == [18, 39]
    assert len({split.test_sha256 for split in splits}) == 1
    assert len({split.sha256 for split in splits}) == 12
    for split in splits:
        assert torch.cat([split.train, split.val, split.test]).sort().values.tolist() == list(range(188))
        assert dataset.labels[split.val].bincount().tolist() in ([6, 13], [7, 12])
    assert "gfkd-70-30" not in available_splits(load("ptc-mr"))


def test_gprgnns_split_trains_on_a_small_class_whole(load: Callable[[str], Dataset]) -> None:
    """Actor: 0.6 N / C is 912 and the smallest class has 853. The rest is random by class: of each class the same share
    validates, to four deviations of the hypergeometric law."""
    dataset = load("actor-row-normalised")
    rest = torch.tensor([0, 1337, 1630, 1815, 1965]) - torch.tensor([0, 912, 912, 912, 912])
    for seed in range(5):
        split = make_split(dataset, "gprgnn-60-20-20", seed)[1]
        assert dataset.labels[split.train].bincount().tolist() == [853, 912, 912, 912, 912]
        assert [len(split.val), len(split.test)] == [1520, 1579]
        both = [dataset.labels[part].bincount(minlength=5) for part in (split.val, split.test)]
        assert torch.equal(both[0] + both[1], rest)
        share = 1520 / 3099
        deviation = (rest * share * (1 - share) * (1 - rest / 3099)).sqrt()
        assert bool(((both[0] - rest * share).abs() <= 4 * deviation).all())


def test_gprgnns_split_repeats_and_is_the_same_on_every_machine() -> None:
    dataset = csbm(nodes=400, classes=4)
    hashes = [make_split(dataset, "gprgnn-60-20-20", seed)[1].sha256 for seed in range(10)]
    assert len(set(hashes)) == 10
    split = make_split(dataset, "gprgnn-60-20-20", 3)[1]
    assert split.sha256 == hashes[3]
    assert dataset.labels[split.train].bincount().tolist() == [60] * 4
    assert split.sha256[:16] == "1fe1cb37cad7e048"


def test_rows_sum_to_one_but_those_of_zeros() -> None:
    found = row_normalised(torch.tensor([[1.0, 0.0, 3.0], [0.0, 0.0, 0.0], [0.25, 0.25, 0.0]]))
    assert found.tolist() == [[0.25, 0.0, 0.75], [0.0, 0.0, 0.0], [0.5, 0.5, 0.0]]
    with pytest.raises(DataFault, match="node 1 has a negative feature"):
        row_normalised(torch.tensor([[1.0], [-1.0]]))


@pytest.mark.parametrize("name", ["cora", "actor"])
def test_row_normalised_sets_are_the_same_graph_of_another_content(name: str, load: Callable[[str], Dataset]) -> None:
    raw, divided = load(name), load(f"{name}-row-normalised")
    assert torch.equal(divided.graph.edge_index, raw.graph.edge_index)
    assert torch.equal(divided.labels, raw.labels)
    assert divided.sha256 != raw.sha256
    features = divided.graph.dense_features()
    assert torch.equal(features > 0, raw.graph.dense_features() > 0)
    torch.testing.assert_close(features.sum(1), torch.ones(len(features)))
    kept = [[part.tolist() for part in each] for each in divided.fixed_splits["geom-gcn"]]
    assert kept == [[part.tolist() for part in each] for each in raw.fixed_splits["geom-gcn"]]
