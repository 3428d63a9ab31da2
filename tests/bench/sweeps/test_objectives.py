"""Accuracy and latency together: the Pareto set, which of it wins, and what the records keep."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import read_records
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import Search, parse_spec
from graph_distillery.bench.sweeps.store.kept_status import read_status
from graph_distillery.bench.sweeps.study.study import Study
from graph_distillery.bench.sweeps.study.trial import Trial
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.search_spaces import load_space, merge

BOTH = {"objectives": ["accuracy", "latency"], "seeds": [100, 101]}
SPACE = merge({"student": load_space("model", "mlp")})


def study(**search: Any) -> Study:
    return Study("0" * 16, SPACE, SPACE.defaults(), Search.model_validate({**BOTH, **search}), 20)


def trials(points: list[tuple[float, float]]) -> list[Trial]:
    """Complete ones with these scores and milliseconds."""
    return [Trial(n, SPACE.defaults(), {100: s, 101: s}, "complete", latency_ms=ms) for n, (s, ms) in enumerate(points)]


POINTS = [(0.80, 5.0), (0.84, 9.0), (0.84, 8.0), (0.83, 3.0), (0.70, 1.0), (0.70, 2.0), (0.84, 8.0)]


def test_the_pareto_set_and_the_lock() -> None:
    known = trials(POINTS)
    known.append(Trial(7, SPACE.defaults(), {100: 0.99}, "pruned"))
    assert [trial.number for trial in study().pareto(known)] == [2, 6, 3, 4]
    for lock, winner in [
        ("accuracy", 2),  # of the best scores the fastest, of equals the earlier
        ({"within": 0}, 2),
        ({"within": 0.99}, 2),
        ({"within": 1}, 3),
        ({"within": 13.9}, 3),
        ({"within": 14}, 4),
        ({"within": 100}, 4),
    ]:
        found = study(lock=lock).lock(known)
        assert found is not None
        assert found.number == winner, lock
    assert study(lock={"within": 1}).lock([]) is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12), st.integers(0, 5))
def test_the_winner_stands_in_the_pareto_set_by_definition(grid: list[tuple[int, int]], within: int) -> None:
    known = trials([(score / 10, float(ms)) for score, ms in grid])
    front = {trial.number for trial in study().pareto(known)}
    better = {
        n
        for (n, (s, ms)), (t, ns) in itertools.product(enumerate(grid), grid)
        if t >= s and ns <= ms and (t, ns) != (s, ms)
    }
    assert front == set(range(len(grid))) - better
    for lock in ("accuracy", {"within": within * 10}):
        winner = study(lock=lock).lock(known)
        assert (winner is None) == (not grid)
        assert winner is None or winner.number in front


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid", "gp", "nsga-ii"])
def test_proposals_for_two_objectives_are_a_function_of_the_trials(sampler: str) -> None:
    of, known = study(sampler=sampler), []
    for number in range(9):  # samplers learn from the sixth
        configuration = of.propose(number, known)
        SPACE.active(configuration)
        assert of.propose(number, known[::-1]) == configuration
        score, ms = 1 - configuration["student.dropout"] / 2, 0.1 + configuration["student.hidden"] / 100
        known.append(Trial(number, configuration, {100: score, 101: score}, "complete", latency_ms=ms))


def test_latency_is_measured_kept_and_shown(
    plan_of: Callable[..., Plan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    student = {"model": "mlp", "layers": 2, "epochs": 2}
    search = {**BOTH, "trials": 4, "lock": {"within": 30}}
    plan = plan_of(teachers=[], students=[student], methods=["supervised"], search=search, report={"seeds": 1})
    assert plan.spec.search.pruner == "none"
    store = tmp_path / "store"
    assert run_sweep(plan, store).ok
    records = [record for record in read_records(store).records if record.kind == "trial"]
    assert [record.speed is not None for record in records] == [True, False] * 4
    timed = [record.speed.full_forward_ms.p50 for record in records if record.speed]
    status = next(cell for cell in read_status(store).cells if cell.trials_total)
    shown = {point.trial: point.latency_ms for point in status.pareto}
    assert shown.items() <= dict(enumerate(timed)).items()
    (winner,) = (point.trial for point in status.pareto if point.locked)
    tuned = {
        json.dumps(r.hparams)
        for r in read_records(store).records
        if r.search and r.search.selection in ("tuned", "both")
    }
    assert tuned == {json.dumps(records[2 * winner].hparams)}
    assert asdict(status)["pareto"]

    from graph_distillery.bench.cli.commands import status as command

    command.run([store], as_json=False)
    assert f"*trial {winner + 1}: " in capsys.readouterr().out
    command.run([store], as_json=True)
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert next(c for c in cells if c["id"] == status.id)["pareto"] == [asdict(point) for point in status.pareto]
    assert run_sweep(plan, store).new == 0


@pytest.mark.parametrize(
    ("search", "line"),
    [
        ({"objectives": ["accuracy", "latancy"]}, "search.objectives.1: "),
        ({"objectives": ["latency"]}, "search.objectives: must be [accuracy] or [accuracy, latency]"),
        ({"objectives": []}, "search.objectives: must be"),
        ({**BOTH, "pruner": "asha"}, "pruner: asha needs one objective"),
        ({**BOTH, "sampler": "cma-es"}, "sampler: cma-es needs one objective"),
        ({"lock": {"within": 1}}, "lock: within needs objectives"),
        ({**BOTH, "lock": {"within": -1}}, "search.lock: must be accuracy, or {within: POINTS}"),
        ({**BOTH, "lock": {"wihin": 1}}, "search.lock: must be"),
        ({**BOTH, "lock": "fastest"}, "search.lock: must be"),
        ({"transfer_from": ["elsewhere"]}, "transfer_from: needs transfer: true"),
        ({"transfer": True, "sampler": "grid"}, "transfer: the grid sampler takes no warm starts"),
        ({"pruner": "ahsa"}, "did you mean 'asha'"),
        ({"sampler": "cmaes"}, "did you mean 'cma-es'"),
        ({"min_epochs": 0}, "search.min_epochs: "),
        ({"reduction_factor": 1}, "search.reduction_factor: "),
    ],
)
def test_what_does_not_go_together_is_one_line(
    small: Callable[..., dict[str, Any]], search: dict[str, Any], line: str
) -> None:
    with pytest.raises(UserError) as caught:
        parse_spec(small(search=search), "spec.yaml")
    assert line in str(caught.value)
    assert str(caught.value).startswith("spec.yaml: search")
    assert "\n" not in str(caught.value)
