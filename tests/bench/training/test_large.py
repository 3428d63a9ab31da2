"""What `bench.perf.large` measures, on a graph of a thousandth of the size."""

from __future__ import annotations

import json

import pytest

from graph_distillery.bench.perf.large import products


def test_the_steps_of_a_products_run_are_measured_in_turn(capsys: pytest.CaptureFixture[str]) -> None:
    products(0.001, 16)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    timed = [row for row in rows if "cpu_s" in row]
    assert [row["what"] for row in timed] == [
        "generate", "split", "teacher epoch, sampled", "layer-wise inference", "student epoch, rows",
        "student inference",
    ]  # fmt: skip
    peaks = [row["peak_gib_so_far"] for row in timed]
    assert peaks == sorted(peaks)
    assert all(0 <= row["accuracy"] <= 1 for row in rows if "accuracy" in row)
