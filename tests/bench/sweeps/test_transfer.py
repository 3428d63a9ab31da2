"""Warm starts: what is learned from where, in which order, and that it survives a kill."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, read_records
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan
from graph_distillery.bench.sweeps.study.warm_starts import Kind, Winner, read_winners, warm_starts, winners
from graph_distillery.bench.sweeps.sweep import run_sweep

STUDENT = {"model": "mlp", "hidden": 8, "layers": 2, "epochs": 4}
SEARCH: dict[str, Any] = {"trials": 6, "seeds": [100, 101], "pruner": "none", "transfer": True}


@pytest.fixture
def plan(plan_of: Callable[..., Plan]) -> Callable[..., Plan]:
    def build(datasets: list[str], **search: Any) -> Plan:
        fields: dict[str, Any] = {"students": [STUDENT], "methods": ["supervised"], "report": {"seeds": 1}}
        return plan_of(teachers=[], datasets=datasets, search={**SEARCH, **search}, **fields)

    return build


def trials_of(cell: Cell, store: Path) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for record in read_records(store).records:
        if record.kind == "trial" and record.cell.id == cell.id and record.search and record.search.trial is not None:
            found.setdefault(record.search.trial, []).append(record)
    return found


def tuned(cell: Cell, configuration: Any) -> dict[str, Any]:
    return {name: value for name, value in configuration.items() if name in cell.space.parameters}


def best(cell: Cell, store: Path) -> dict[str, Any]:
    trials = trials_of(cell, store)
    mean = {n: round(sum(r.metrics.val["accuracy"] for r in of) / 2, 12) for n, of in trials.items()}
    return tuned(cell, trials[min(mean, key=lambda n: (-mean[n], n))][0].hparams)


def test_a_cell_begins_with_what_won_before_it(plan: Callable[..., Plan], tmp_path: Path) -> None:
    of, store = plan(["csbm", "karate"]), tmp_path / "store"
    assert run_sweep(of, store).ok
    first, second = (cell for cell in of.cells if cell.trials)
    plain = plan(["csbm", "karate"], transfer=False)
    assert {cell.id for cell in plain.cells}.isdisjoint({first.id, second.id})
    opening = trials_of(second, store)
    assert opening[0][0].hparams == dict(second.defaults)
    won = best(first, store)
    if won == tuned(first, first.defaults) and dict(first.defaults) == dict(second.defaults):
        pytest.fail("choose other data: the default won, and shows nothing")
    assert tuned(second, opening[1][0].hparams) == won
    assert len({str(of[0].hparams) for of in opening.values()}) == 6
    runs = {cell.id: CellRun(cell, of.spec) for cell in of.cells}
    for run in runs.values():
        run.take(read_records(store).records)
    assert [tuned(second, found) for found in warm_starts(second, runs, [])] == [won]
    assert warm_starts(first, runs, []) == []  # nothing is learned from a later dataset, were it done before
    kind, configuration = Kind("supervised", "paper", None, "mlp"), dict(second.defaults)
    assert warm_starts(second, {}, [Winner(kind, "cora", configuration)]) == [configuration]
    assert warm_starts(second, {}, [Winner(kind, "karate", configuration)]) == []  # of its own dataset

    def killed(left: list[int]) -> Callable[[Any], Any]:
        def listen(record: Any) -> None:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        return lambda driver: listen

    again = tmp_path / "again"
    for count in (5, 9, 3):
        with pytest.raises(KeyboardInterrupt):
            run_sweep(of, again, listener=killed([count]))
    assert run_sweep(of, again).ok
    three_slots = tmp_path / "three slots"  # more than a trial has seeds, so that a cell could begin before its turn
    assert run_sweep(of, three_slots, Means(workers=3)).ok
    for cell in (first, second):
        one, *others = ({n: r[0].hparams for n, r in trials_of(cell, at).items()} for at in (store, again, three_slots))
        assert others == [one, one]

    # another store, told by its path: the two winners come on every other trial, in the order of the cells
    third = plan(["digits-knn"], transfer_from=[str(store)])
    assert run_sweep(third, tmp_path / "third").ok
    (cell,) = (cell for cell in third.cells if cell.trials)
    opening = trials_of(cell, tmp_path / "third")
    told = [tuned(cell, opening[n][0].hparams) for n in (1, 3)]
    wanted = [won, best(second, store)]
    wanted = [w for n, w in enumerate(wanted) if w not in wanted[:n] and w != tuned(cell, cell.defaults)]
    assert told[: len(wanted)] == wanted
    kept = read_winners(third.spec, tmp_path / "third")
    assert kept == read_winners(third.spec, tmp_path / "nowhere")
    shutil.rmtree(store / "records")  # what the other store is now is nothing to a sweep that was begun
    assert read_winners(third.spec, tmp_path / "third") == kept
    assert (run_sweep(third, tmp_path / "third").new, len(kept)) == (0, 2)


def test_the_winner_of_records(make_trial: Callable[..., Record]) -> None:
    found = winners(
        [
            *(make_trial("a" * 16, 0, seed, score, 0) for seed, score in ((1, 0.5), (2, 0.6))),
            *(make_trial("a" * 16, 1, seed, score, 1) for seed, score in ((1, 0.6), (2, 0.5))),
            make_trial("a" * 16, 2, 1, 0.99, 2),  # not complete
            *(make_trial("a" * 16, 3, seed, 0.9, 3, status) for seed, status in ((1, "ok"), (2, "pruned"))),
            make_trial("b" * 16, 0, 1, 0.2, 7, "pruned"),
        ]
    )
    kind = Kind("kd", "paper", "sage", "mlp")
    assert found == [Winner(kind, "cora", {"method.alpha": 0})]


@pytest.fixture
def make_trial(plan: Callable[..., Plan], tmp_path: Path) -> Callable[..., Record]:
    run_sweep(plan(["karate"], trials=1, transfer=False), tmp_path / "model")
    model = next(r for r in read_records(tmp_path / "model").records if r.kind == "trial")

    def build(cell_id: str, trial: int, seed: int, score: float, alpha: int, status: str = "ok") -> Record:
        of = {"id": cell_id, "dataset": "cora", "method": "kd", "teacher": "sage", "student": "mlp"}
        assert model.search is not None
        return model.model_copy(
            update={
                "cell": model.cell.model_copy(update=of),
                "search": model.search.model_copy(update={"trial": trial}),
                "seed": seed,
                "status": status,
                "hparams": {"method.alpha": alpha},
                "metrics": model.metrics.model_copy(update={"val": {"accuracy": score}}),
            }
        )

    return build


def test_a_store_that_is_none_is_one_line_and_nothing_is_written(plan: Callable[..., Plan], tmp_path: Path) -> None:
    of = plan(["karate"], transfer_from=[str(tmp_path / "nowhere")])
    with pytest.raises(UserError, match=r"^search\.transfer_from: .*nowhere: is no store"):
        run_sweep(of, tmp_path / "store")
    assert not (tmp_path / "store").exists()
