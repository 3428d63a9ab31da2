"""`submit --rerun`: honest runs come out again, made-up ones do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.cli.entry import main
from graph_distillery.bench.cli.rerun import rerun
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.sweep import run_sweep


@pytest.fixture
def store(mini: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    def build(seeds: int) -> Path:
        spec = {**mini, "methods": ["kd+fitnet"], "report": {"seeds": seeds}, "search": {"trials": 1, "seeds": [100]}}
        assert run_sweep(make_plan(parse_spec(spec, "spec.yaml")), tmp_path / "store").ok
        return tmp_path / "store"

    return build


def test_honest_runs_come_out_again_and_made_up_ones_do_not(
    store: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = store(3)
    honest = rerun(path, 2, 5)
    assert [each.agrees for each in honest] == [True, True]
    assert [each.again for each in honest] == [pytest.approx(each.recorded, abs=1e-12) for each in honest]
    assert [each.record for each in rerun(path, 2, 5)] == [each.record for each in honest]

    file = path / "records" / "report.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        line["metrics"]["test"]["accuracy"] = 1.0
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    capsys.readouterr()
    assert main(["submit", str(path), "--rerun", "1", "--seed", "5"]) == 1
    said = capsys.readouterr().out
    assert "refuse: rerun: karate/random-60-20-20 " in said
    assert "does not agree" in said


def test_too_few_seeds_to_know_their_spread_are_one_line(store: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match="no row of 3 report seeds or more can be trained again"):
        rerun(store(2), 1, 0)
