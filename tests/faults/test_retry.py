"""`--retry-failed`: what failed is done again, and one record of each piece of work stands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from graph_distillery.bench.cli import main
from graph_distillery.bench.cli.progress import ProgressDisplay
from graph_distillery.bench.records import Record, RecordWriter, parse_record, read_records
from graph_distillery.bench.sweeps.cell_run import CellRun
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.retries import failures, work_of
from graph_distillery.bench.sweeps.sweep import run_sweep
from graph_distillery.leaderboard.read.load import load_stores

SPEC: dict[str, Any] = {
    "name": "retried",
    "datasets": ["karate"],
    "students": [{"model": "mlp", "hidden": 8, "layers": 2, "epochs": 5}],
    "methods": ["supervised"],
    "search": {"trials": 4, "seeds": [100, 101, 102], "pruner": "none"},
    "report": {"seeds": 2},
}


def failing(record: Record) -> Record:
    """The same piece of work, had it run out of memory."""
    content = record.model_dump(mode="json", by_alias=True)
    content |= {
        "metrics": {"val": {}, "test": None},
        "speed": None,
        "status": "oom",
        "error": "no room",
        "collapsed": None,
    }
    content["predictions_sha256"] = None
    return parse_record(json.dumps(content))


@pytest.fixture
def broken(tmp_path: Path) -> tuple[Path, Path]:
    """An undisturbed store, and one in which the winner's second seed failed, and with it the trial."""
    plan = make_plan(parse_spec(SPEC, "spec"))
    run_sweep(plan, tmp_path / "whole")
    records = read_records(tmp_path / "whole").records
    cell = next(cell for cell in plan.cells if cell.method.name == "supervised")
    run = CellRun(cell, plan.spec)
    run.take(records)
    winner = run.locked()
    assert winner is not None
    (tmp_path / "broken" / "records").mkdir(parents=True)
    for name in ("spec.yaml", "store.json", "environment.json"):
        (tmp_path / "broken" / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    with RecordWriter(tmp_path / "broken") as writer:
        for record in records:
            if record.kind != "trial" or record.search is None:
                continue
            if (record.search.trial, record.seed) == (winner.number, 101):
                writer.append(failing(record))
            elif (record.search.trial, record.seed) != (winner.number, 102):
                writer.append(record)
    run_sweep(plan, tmp_path / "broken")
    return tmp_path / "whole", tmp_path / "broken"


def standing(store: Path) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """What each piece of work came to."""
    records = read_records(store).records
    found = {work_of(record): (record.hparams, record.status, record.metrics) for record in records}
    assert len(found) == len(records)
    return found


def test_a_retried_winner_takes_the_place_of_what_stood_without_it(
    broken: tuple[Path, Path],
) -> None:
    whole, store = broken
    plan = make_plan(parse_spec(SPEC, "spec"))
    before = {path: path.read_bytes() for path in sorted((store / "records").iterdir())}
    assert not run_sweep(plan, store).ok  # again alone tries nothing again
    progress = ProgressDisplay(bar=False, quiet=True)
    summary = run_sweep(plan, store, retry_failed=True, listener=progress.attach)
    assert summary.ok
    assert progress.sweep is not None
    assert progress.sweep.failed == 0
    assert summary.new > 2
    assert standing(store) == standing(whole)
    for path, content in before.items():
        assert path.read_bytes().startswith(content)
    again = run_sweep(plan, store, retry_failed=True)
    assert (again.new, again.ok) == (0, True)
    loaded = load_stores([store])
    assert len(loaded.records) == len(standing(whole))


def test_a_failed_report_of_a_configuration_that_lost_is_replaced_too(broken: tuple[Path, Path]) -> None:
    """No work has its name any more: where default and tuned were one they are two now, or the reverse."""
    plan = make_plan(parse_spec(SPEC, "spec"))
    cell = next(cell for cell in plan.cells if cell.method.name == "supervised")
    records = [record for record in read_records(broken[0]).records if record.cell.id == cell.id]
    report = next(record for record in records if record.kind == "report" and record.seed == 1)
    stays = failing(report).model_copy(update={"status": "nan"})  # it would come again
    others = [failing(record) for record in records if record.kind == "trial"]
    assert set(failures(plan, [stays, *others]).values()) == {record.id for record in others}
    assert report.search is not None
    former = "tuned" if report.search.selection == "both" else "both"
    lost = failing(
        report.model_copy(update={"id": "f" * 16, "search": report.search.model_copy(update={"selection": former})})
    )
    run = CellRun(cell, plan.spec)
    run.take(record for record in records if record.kind == "trial")
    run.take_again(lost)
    for _ in range(2 * len(run.selections())):
        work = run.next_report()
        assert work is not None
        run.take_up(work)
        (seed,) = work.seeds
        assert run.stale(work, seed) == ((lost.id,) if seed == 1 and run.failed else ())
        if seed == 1:
            run.drop([lost.id])
    assert run.next_report() is None
    assert not run.failed


TAUGHT: dict[str, Any] = {
    **SPEC,
    "name": "taught",
    "teachers": [{"model": "sage", "hidden": 8, "epochs": 5, "tune": 2}],
    "methods": ["glnn"],
    "search": {"trials": 2, "seeds": [100], "pruner": "none"},
    "report": {"seeds": 1},
}


@pytest.fixture
def taught(tmp_path: Path) -> Path:
    """A store with a tuned teacher."""
    assert run_sweep(make_plan(parse_spec(TAUGHT, "spec")), tmp_path / "taught").ok
    return tmp_path / "taught"


def told(spec: dict[str, Any], store: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    """Exit code and standard output of a sweep."""
    path = store.parent / "spec.yaml"
    path.write_text(yaml.safe_dump(spec))
    capsys.readouterr()
    code = main(["sweep", str(path), "--out", str(store), "--quiet", *more])
    return code, capsys.readouterr().out


def test_a_failure_in_the_search_of_a_trained_teacher_is_left_and_told(
    taught: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = taught / "records" / "trial.jsonl"
    records = read_records(taught).records
    hparams = next(record.hparams for record in records if record.kind == "teacher")
    lines = file.read_text().splitlines(keepends=True)
    trials = [parse_record(line) for line in lines]
    lost = next(n for n, r in enumerate(trials) if r.cell.method == "supervised" and r.hparams != hparams)
    lines[lost] = failing(trials[lost]).model_dump_json(by_alias=True) + "\n"
    file.write_text("".join(lines))
    code, said = told(TAUGHT, taught, capsys)
    assert (code, "failed: karate/public sage supervised [teacher search]" in said) == (1, True)
    code, said = told(TAUGHT, taught, capsys, "--retry-failed")
    assert code == 0
    assert "left as it is: karate/public sage supervised [teacher search], 1 failure: its teacher is trained" in said
    assert "failed: " not in said
    assert "nothing was left to do" in said


def test_a_lost_teacher_that_cannot_be_trained_again_is_the_reason_that_is_given(
    taught: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = standing(taught)
    for kind in ("report", "speed"):
        (taught / "records" / f"{kind}.jsonl").unlink()
    shutil.rmtree(taught / "teachers")
    hurried = {**TAUGHT, "resources": {"overrides": {"supervised": {"time_limit_s": 1e-9}}}}
    code, said = told(hurried, taught, capsys)
    assert code == 1
    reason = "karate/public sage->mlp glnn: its teacher of seed 0: timeout: "
    assert f"not finished: {reason}" in said
    main(["status", str(taught)])
    assert f"cannot be finished: {reason}" in capsys.readouterr().out
    assert told(TAUGHT, taught, capsys, "--retry-failed")[0] == 0
    after = standing(taught)
    assert {name: (hparams, status, metrics.test) for name, (hparams, status, metrics) in after.items()} == {
        name: (hparams, status, metrics.test) for name, (hparams, status, metrics) in before.items()
    }
    main(["status", str(taught)])
    assert "cannot be finished" not in capsys.readouterr().out
