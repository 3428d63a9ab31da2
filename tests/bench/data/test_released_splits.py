"""Splits and features as released code has them: GFKD's test graphs, GPR-GNN's split, rows divided by their sums."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.loaders.generated.blocks import csbm
from graph_distillery.bench.data.loaders.node_files import row_normalised
from graph_distillery.bench.data.loaders.tu.folds import published_folds
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.registry import DATASETS
from graph_distillery.bench.data.splits import available_splits, make_split
from graph_distillery.bench.errors import UserError


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


@pytest.mark.parametrize(("name", "val", "test"), [("proteins", [60, 41], [66, 45]), ("enzymes", [9] * 6, [10] * 6)])
def test_gnn_comparisons_folds_test_every_graph_once(
    name: str, val: list[int], test: list[int], load: Callable[[str], Dataset]
) -> None:
    """Ten folds, one a seed, by class: the graphs stand in the order that the folds were drawn in."""
    dataset = load(name)
    splits = [make_split(dataset, "gnn-comparison", seed)[1] for seed in range(10)]
    tested = torch.cat([split.test for split in splits])
    assert torch.equal(tested.sort().values, torch.arange(dataset.num_items))
    for split in splits:
        assert torch.cat([split.train, split.val, split.test]).unique().numel() == dataset.num_items
        for items, wanted in ((split.val, val), (split.test, test)):
            counts = dataset.labels[items].bincount()
            assert int((counts - torch.tensor(wanted)).abs().max()) <= 1
    assert make_split(dataset, "gnn-comparison", 100)[1].sha256 == splits[9].sha256


def _folds() -> list[dict[str, Any]]:
    parts = torch.arange(20).reshape(10, 2).tolist()
    found = []
    for number, test in enumerate(parts):
        rest = [graph for other in parts[:number] + parts[number + 1 :] for graph in other]
        found.append({"test": test, "model_selection": [{"train": rest[3:], "validation": rest[:3]}]})
    return found


def _published(tmp_path: Path, body: str) -> dict[str, Any]:
    place = tmp_path / "_extra/splits/gnn-comparison"
    place.mkdir(parents=True)
    (place / "PROTEINS_full_splits.json").write_text(body)
    return published_folds(DATASETS.get("proteins"), RawFiles("proteins", tmp_path), 20)


def test_folds_are_read_with_their_inner_split(tmp_path: Path) -> None:
    found = _published(tmp_path, json.dumps(_folds()))["gnn-comparison"]
    assert [part.tolist() for part in found[1]] == [list(range(5, 20)), [0, 1, 4], [2, 3]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folds: folds.pop(), "9 folds, not 10"),
        (lambda folds: folds[1]["test"].append(0), "do not test each of 20 graphs once"),
        (lambda folds: folds[2]["model_selection"][0]["train"].pop(), "fold 2 has 19 of 20 graphs"),
        (lambda folds: folds[0]["test"].__setitem__(0, "1"), "'1' is no number of a graph"),
        (lambda folds: folds[0].pop("model_selection"), "model_selection"),
    ],
)
def test_folds_that_cannot_be_are_told(change: Callable[[Any], Any], words: str, tmp_path: Path) -> None:
    folds = _folds()
    change(folds)
    with pytest.raises((UserError, DataFault), match=words):
        _published(tmp_path, json.dumps(folds))


def test_a_torn_file_of_folds_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"PROTEINS_full_splits\.json is damaged"):
        _published(tmp_path, json.dumps(_folds())[:-9])


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
