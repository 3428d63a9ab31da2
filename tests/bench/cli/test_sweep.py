"""run, sweep, status and leaderboard on sweeps of seconds: results, resume, faults."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from graph_distillery.bench.cli.commands.run import parse_seeds
from graph_distillery.bench.records import RecordError, RecordWriter
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import read_spec
from graph_distillery.bench.sweeps.sweep import run_sweep


@pytest.fixture
def swept(distillery: Callable[..., Any], write_spec: Callable[..., Path], tmp_path: Path) -> Path:
    """The store of the mini sweep."""
    assert distillery("sweep", write_spec(), "--out", "store").code == 0
    return tmp_path / "store"


def test_a_sweep_tells_each_cell_once_and_again_is_resume(
    distillery: Callable[..., Any], write_spec: Callable[..., Path], contents: Callable[[Path], Any], tmp_path: Path
) -> None:
    spec = write_spec()
    done = distillery("sweep", spec, "--json")
    assert done.code == 0
    told = done.json
    assert told["store"] == "mini"
    assert {cell["method"] for cell in told["cells"]} == {"supervised", "kd", "teacher", "majority"}
    assert all(cell["finished"] and cell["reports"] for cell in told["cells"])
    searched = [cell for cell in told["cells"] if cell["trials"]]
    assert [cell["method"] for cell in searched] == ["supervised", "kd"]
    assert all(cell["locked"] is not None and cell["validation"] is not None for cell in searched)
    lines = done.err.splitlines()
    reports = 2 * (len(told["cells"]) + sum(len(cell["reports"]) == 2 for cell in told["cells"]))
    assert f"cells 4/4, trials 4/4, reports {reports}/{reports}, 0 failed" in lines[-1]
    assert len(lines) <= 21, "a line per 5 % of the plan, and no more"

    before = contents(tmp_path / "mini")
    again = distillery("sweep", spec, "--json")
    assert again.code == 0
    assert again.json["new_records"] == 0
    assert again.json["cells"] == told["cells"]
    assert contents(tmp_path / "mini") == before
    assert "nothing was left to do" in distillery("sweep", spec).out


def test_the_reported_mean_is_that_of_the_records(swept: Path, distillery: Callable[..., Any]) -> None:
    told = distillery("sweep", swept.parent / "mini.yaml", "--out", swept, "--json").json
    records = [json.loads(line) for line in (swept / "records" / "report.jsonl").read_text().splitlines()]
    for cell in told["cells"]:
        for report in cell["reports"]:
            scores = [
                each["metrics"]["test"]["accuracy"]
                for each in records
                if each["cell"]["id"] == cell["id"] and each["search"]["selection"] == report["selection"]
            ]
            assert report["mean"] == pytest.approx(sum(scores) / len(scores))
            assert len(report["seeds"]) == len(scores) == 2


def test_a_dry_run_tells_the_plan_and_writes_nothing(
    distillery: Callable[..., Any], write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec = write_spec(methods=["kd", "glnn"], students=[{"model": "mlp", "epochs": 4}, {"model": "gcn", "epochs": 4}])
    done = distillery("sweep", spec, "--dry-run")
    assert done.code == 0
    assert "glnn trains mlp students, and gcn is of kind gnn" in done.out
    assert "seed-racing can never act: 2 tuning seeds" in done.out
    told = distillery("sweep", spec, "--dry-run", "--json").json
    assert sum(cell["method"] == "kd" for cell in told["cells"]) == 2
    # kd x 2, glnn, each 2 trials x 2 seeds and 2 configurations x 2 seeds; supervised x 2, and teacher and
    # majority with 2 report seeds each; the locked kd x 2 and glnn without their own term on 2 seeds.
    tuned = 2 + 1 + 2
    assert told["cost"]["student_trainings"] == tuned * (2 * 2 + 2 * 2) + 2 * 2 + (2 + 1) * 2
    assert told["cost"]["teacher_trainings"] == 2 + 2
    assert told["cost"]["seconds"] > 0
    assert list(tmp_path.iterdir()) == [spec]


def test_a_dry_run_of_what_is_done_finds_nothing_left(swept: Path, distillery: Callable[..., Any]) -> None:
    cost = distillery("sweep", swept.parent / "mini.yaml", "--out", swept, "--dry-run", "--json").json["cost"]
    assert (cost["student_trainings"], cost["teacher_trainings"], cost["speed_measurements"]) == (0, 0, 0)


def test_a_trial_that_fails_makes_the_exit_code_1(
    distillery: Callable[..., Any], write_spec: Callable[..., Path]
) -> None:
    spec = write_spec(methods=["supervised"], teachers=[], resources={"time_limit_s": 1e-6})
    done = distillery("sweep", spec)
    assert done.code == 1
    assert "TIMEOUT" in done.err
    assert "timeout: " in done.out
    assert "Traceback" not in done.err
    status = distillery("status", "mini", "--json").json
    (supervised,) = (cell for cell in status["cells"] if "supervised" in cell["label"])
    assert (supervised["state"], supervised["failed"], supervised["best"]) == ("failed", 2, None)


def test_a_record_that_cannot_be_written_ends_the_sweep_with_1_and_resume_completes_it(
    distillery: Callable[..., Any], write_spec: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, append, written = write_spec(), RecordWriter.append, []

    def full(self: RecordWriter, record: Any, **how: Any) -> None:
        if len(written) == 5:
            raise RecordError("trial.jsonl: cannot append: No space left on device; nothing was written")
        written.append(record)
        append(self, record, **how)

    with monkeypatch.context() as patched:
        patched.setattr(RecordWriter, "append", full)
        done = distillery("sweep", spec)
    assert done.code == 1
    assert "distillery: trial.jsonl: cannot append: No space left" in done.err
    assert "Traceback" not in done.err
    assert distillery("sweep", spec).code == 0
    assert distillery("status", "mini", "--json").json["seconds_left"] == 0


def test_an_unexpected_exception_keeps_its_traceback(
    distillery: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> int:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr("graph_distillery.bench.cli.commands.listing.run", broken)
    with pytest.raises(KeyError, match="a mistake of ours"):
        distillery("list", "methods")


def test_status_reads_a_torn_store_and_leaves_it_as_it_is(swept: Path, distillery: Callable[..., Any]) -> None:
    file = swept / "records" / "trial.jsonl"
    whole = file.read_bytes()
    torn = whole[: len(whole) - 40]
    file.write_bytes(torn)
    done = distillery("status", swept, "--json")
    assert done.code == 0
    assert "torn last line" in done.err
    kd = done.json["cells"][-1]
    assert (kd["state"], kd["trials_done"], kd["under_way"], kd["trainings_left"] > 0) == ("searching", 1, 1, True)
    assert kd["seconds_left"] > 0
    assert file.read_bytes() == torn
    assert distillery("status", swept).code == 0
    assert distillery("sweep", swept.parent / "mini.yaml", "--out", swept).code == 0


def test_status_says_whether_a_driver_is_at_work(swept: Path, distillery: Callable[..., Any]) -> None:
    assert distillery("status", swept, "--json").json["driver"] is False
    with FileLock(swept / ".lock"):
        assert distillery("status", swept, "--json").json["driver"] is True
        second = distillery("sweep", swept.parent / "mini.yaml", "--out", swept)
    assert (second.code, "another driver is at work" in second.err) == (2, True)


def test_run_takes_its_configuration_from_the_command_line(distillery: Callable[..., Any], tmp_path: Path) -> None:
    arguments = ["run", "--dataset", "karate", "--method", "kd", "--split", "random-60-20-20", "--seeds", "0-1,4"]
    arguments += [
        "--set",
        "alpha=0.3",
        "--set",
        "method.tau=2",
        "--set",
        "student.epochs=3",
        "--set",
        "teacher.epochs=2",
    ]
    done = distillery(*arguments, "--out", "store", "--json")
    assert done.code == 0
    cells = {cell["method"]: cell for cell in done.json["cells"]}
    assert set(cells) == {"kd", "supervised", "teacher", "majority"}, "the controls stand beside it"
    kd = cells["kd"]
    assert (kd["locked"]["method.alpha"], kd["locked"]["method.tau"]) == (0.3, 2.0)
    assert (kd["locked"]["student.epochs"], kd["trials"]) == (3, 0)
    assert kd["reports"][0]["seeds"] == [0, 1, 4]
    teachers = [
        json.loads(line) for line in (tmp_path / "store" / "records" / "teacher.jsonl").read_text().splitlines()
    ]
    assert {record["timings"]["epochs"] for record in teachers} == {2}
    assert "±" in distillery(*arguments, "--out", "store").out


def test_run_needs_no_student_where_the_method_has_none(distillery: Callable[..., Any]) -> None:
    done = distillery(
        "run", "--dataset", "karate", "--method", "label-propagation", "--seeds", "0", "--out", "s", "--json"
    )
    assert done.code == 0
    assert {cell["method"] for cell in done.json["cells"]} == {"label-propagation", "majority"}


def test_seeds_are_spans_and_lists() -> None:
    assert parse_seeds("0-3, 7,9-9") == [0, 1, 2, 3, 7, 9]


def test_the_board_of_a_store_needs_no_torch(swept: Path, repo_root: Path, tmp_path: Path) -> None:
    code = f"""
import sys
from graph_distillery.bench.cli import main
assert main(["leaderboard", {str(swept)!r}, "--out", {str(tmp_path / "board")!r}]) == 0
assert not {{"torch", "torch_geometric", "ray"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=repo_root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(tmp_path / "board" / "README.md")


def test_an_old_store_chosen_by_test_labels_is_read_and_its_work_never_extended(
    distillery: Callable[..., Any], write_spec: Callable[..., Path], contents: Callable[[Path], Any], tmp_path: Path
) -> None:
    old: dict[str, Any] = {
        "methods": [{"name": "oad", "variant": "official_code"}],
        "students": [{"model": "gcn", "hidden": 4, "epochs": 4}],
        "search": {"trials": 0},
    }
    spec, store = write_spec(**old), tmp_path / "old"
    assert run_sweep(make_plan(read_spec(spec)), store, reproduces=True).ok
    before = contents(store)
    assert "official_code" in distillery("status", store).out
    board = distillery("leaderboard", store, "--out", "board", "--no-plots")
    assert board.code == 0
    assert "apart (chosen by test labels)" in (tmp_path / "board" / "README.md").read_text()
    assert "nothing was left to do" in distillery("sweep", spec, "--out", store).out
    for more in ([], ["--dry-run"]):
        grown = distillery("sweep", write_spec(**old, report={"seeds": 3}), "--out", store, *more)
        assert (grown.code, grown.err.count("\n")) == (2, 1)
        assert "only distillery reproduce runs it" in grown.err
    assert contents(store) == before


def test_status_tells_of_the_parts_of_a_plan_together(
    distillery: Callable[..., Any], write_spec: Callable[..., Path]
) -> None:
    spec = write_spec(teachers=[], methods=["supervised"], students=["mlp", "gcn"], report={"seeds": 1})
    for part in (1, 3):
        assert distillery("sweep", spec, "--out", f"all/part-{part}-of-3", "--cells", f"{part}/3").code == 0
    told = distillery("status", "all", "--json").json
    assert [store["store"] for store in told["stores"]] == ["all/part-1-of-3", "all/part-3-of-3"]
    assert (told["cells_done"], told["cells_total"], told["seconds_left"]) == (2, 2, 0)
    assert told["parts_missing"] == ["mini 2/3"]
    done = distillery("status", "all/part-1-of-3", "all/part-3-of-3")
    assert done.code == 0
    assert done.out.splitlines()[-1] == (
        "all 2 stores: 2 of 2 cells done; 0 drivers at work; about 0 s of training left for one worker; "
        "no store yet of part mini 2/3"
    )
    assert "is no store" in distillery("status", "all", "absent").err
