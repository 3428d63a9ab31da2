"""The pooled z of a row, against figures worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from graph_distillery.leaderboard.reproduction import Ours, Published, ReproductionCell, ReproductionTable
from graph_distillery.leaderboard.reproduction.bias import shared_bias, z_of
from graph_distillery.leaderboard.reproduction.page import index_data, page


def ours(mean: float, std: float, seeds: int = 10, expected: int = 10) -> Ours:
    """Scores of this very mean and sample standard deviation; an even number of seeds."""
    away = std * math.sqrt((seeds - 1) / seeds)
    return Ours(expected, {seed: mean + (away if seed % 2 else -away) for seed in range(seeds)})


def cell(row: str, column: str, published: tuple[float, float | None], our: Ours, **more: Any) -> ReproductionCell:
    return ReproductionCell(row, column, Published(*published, more.pop("confidence", "table"), "a paper"), our, **more)


def table_of(*cells: ReproductionCell) -> ReproductionTable:
    rows, columns = ({getattr(each, name): None for each in cells} for name in ("row", "column"))
    return ReproductionTable(
        "t", "T", "A paper", "V", "https://example.org", "table 1", "accuracy", "the paper", "table", {}, (), {},
        tuple(rows), tuple(columns), cells, "distillery reproduce t",
    )  # fmt: skip


#: GLNN's table 1, row MLP: published, and ours as the committed page prints it; z of each by hand.
MLP = {
    "cora": ((59.22, 1.31), (57.91, 1.64), -1.974),
    "citeseer": ((59.61, 2.88), (59.62, 2.51), 0.008),
    "pubmed": ((67.55, 2.31), (66.90, 2.53), -0.600),
    "a-computer": ((67.80, 1.06), (66.49, 2.84), -1.367),
    "a-photo": ((78.77, 1.74), (77.49, 2.13), -1.472),
}


def test_glnns_mlp_is_low_as_a_whole() -> None:
    cells = [cell("MLP", column, theirs, ours(*our)) for column, (theirs, our, _) in MLP.items()]
    assert [z_of(each) for each in cells] == [pytest.approx(z, abs=1e-3) for _, _, z in MLP.values()]
    (bias,) = shared_bias(table_of(*cells))
    assert bias.z == pytest.approx(-5.4036 / math.sqrt(5), abs=1e-3)
    assert (bias.datasets, bias.below, bias.above, bias.says) == (5, 4, 1, "low")
    assert bias.p == pytest.approx(0.0157, abs=2e-4)


def test_four_equal_differences_of_one_standard_error_make_two() -> None:
    """s = s' = 1 over 8 seeds: a standard error of 1/2, so half a point is z 1 in each, and 4 / sqrt(4) in all."""
    cells = [cell("A", f"set {number}", (80.0, 1.0), ours(80.5, 1.0, 8, 8)) for number in range(4)]
    (bias,) = shared_bias(table_of(*cells))
    assert (bias.z, bias.says) == (pytest.approx(2.0), "high")
    assert bias.p == pytest.approx(0.0455, abs=1e-4)


def test_one_dataset_far_off_is_no_bias_of_a_row() -> None:
    """z of -10, 1 and 1: pooled -4.6, though two of three are high."""
    cells = [cell("A", f"set {z}{n}", (80.0, 1.0), ours(80.0 + z / 2, 1.0, 8, 8)) for n, z in enumerate((-10, 1, 1))]
    (bias,) = shared_bias(table_of(*cells))
    assert (bias.z, bias.says) == (pytest.approx(-8 / math.sqrt(3)), "nothing")


def test_columns_of_one_dataset_count_once() -> None:
    """Three columns of cora with z 2, 1 and 3 are one z of 2, however many there are."""
    cells = [
        cell("A", f"cora {part}", (80.0, 1.0), ours(80.0 + z / 2, 1.0, 8, 8), dataset="cora")
        for part, z in (("ind", 2.0), ("tran", 1.0), ("prod", 3.0))
    ]
    assert shared_bias(table_of(*cells)) == []
    other = cell("A", "pubmed", (80.0, 1.0), ours(80.0, 1.0, 8, 8), dataset="pubmed")
    (bias,) = shared_bias(table_of(*cells, other))
    assert (bias.datasets, bias.z) == (2, pytest.approx(2 / math.sqrt(2)))


@pytest.mark.parametrize(
    "without",
    [
        cell("A", "ppi", (80.0, None), ours(79.0, 1.0)),
        cell("A", "ppi", (80.0, 1.0), ours(79.0, 1.0), confidence="unverified"),
        cell("A", "ppi", (80.0, 1.0), ours(79.0, 1.0, seeds=4)),
        cell("A", "ppi", (80.0, 1.0), ours(79.0, 1.0), needs="ppi"),
        cell("A", "ppi", (80.0, 0.0), ours(79.0, 0.0)),
        ReproductionCell("A", "ppi", None, ours(79.0, 1.0)),
    ],
)
def test_a_cell_that_lacks_something_is_left_out(without: ReproductionCell) -> None:
    assert z_of(without) is None
    assert shared_bias(table_of(cell("A", "cora", (80.0, 1.0), ours(79.0, 1.0)), without)) == []


def test_page_and_index_say_it() -> None:
    cells = [cell("MLP", column, theirs, ours(*our)) for column, (theirs, our, _) in MLP.items()]
    assert "| MLP | 4 of 5 | 1 of 5 | -2.4 | 0.016 | **low** |" in page(table_of(*cells), None)
    (data,) = index_data([table_of(*cells)])
    assert data["bias"]["MLP"] == {"datasets": 5, "below": 4, "above": 1, "z": -2.4166, "p": 0.0157, "says": "low"}
