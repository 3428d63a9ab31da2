"""`distillery leaderboard`, `verify`, `submit`, `perf --board`: exit codes, bad input, nothing half written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from graph_distillery.bench.perf import board as perf_board
from graph_distillery.bench.perf.references.board_store import write_board_store


@pytest.fixture(scope="module")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One dataset of made-up records, with three trials of each method."""
    store = tmp_path_factory.mktemp("board") / "store"
    write_board_store(store, 1)
    trials = store / "records" / "trial.jsonl"
    lines = trials.read_text().splitlines(keepends=True)
    trials.write_text("".join(line for line in lines if json.loads(line)["search"]["trial"] < 3))
    return store


def test_verify_says_0_and_then_1_with_a_line_per_difference(made_store, distillery):
    assert distillery("leaderboard", made_store, "--out", "board", "--no-plots").code == 0
    called = distillery("verify", "board", made_store)
    assert (called.code, called.out.count("\n")) == (0, 1)
    table = Path("board/tables/overall.csv")
    lines = table.read_text().splitlines(keepends=True)
    rank = lines[1].split(",")[9]
    table.write_text("".join([lines[0], lines[1].replace(f",{rank},", ",7.5,", 1), *lines[2:]]))
    called = distillery("verify", "board", made_store)
    assert called.code == 1
    (line,) = called.out.splitlines()
    assert "tables/overall.csv: " in line
    assert f"committed 7.5, recomputed {rank}" in line
    called = distillery("verify", "board", made_store, "--json")
    assert json.loads(called.out)["differences"][0]["recomputed"] == rank


def test_stages_of_a_published_table_bring_their_verdicts_to_the_page(distillery, repo_root):
    records = repo_root / "leaderboard" / "reproductions" / "records" / "glnn-1"
    stores = [records / "published-cora", records / "published-citeseer"]
    assert distillery("leaderboard", *stores, "--out", "board", "--no-plots").code == 0
    (table,) = json.loads(Path("board/leaderboard.json").read_text())["published"]
    assert table["table"] == "glnn-1"
    judged = {name for kind in ("reproduced", "above", "below") for name in table["cells"][kind]}
    assert judged == {f"{row} {dataset}" for row in ("SAGE", "MLP", "GLNN") for dataset in ("cora", "citeseer")}
    page = Path("board/index.html").read_text()
    assert "Published tables, reproduced" in page
    assert "GLNN, table 1 (transductive)</a>" in page
    assert distillery("verify", "board", *stores).code == 0
    assert distillery("verify", "board", stores[0]).code == 1
    one = distillery("leaderboard", stores[0], "--out", "one", "--no-plots")
    assert one.code == 0
    (table,) = json.loads(Path("one/leaderboard.json").read_text())["published"]
    assert "GLNN citeseer" in table["cells"]["not judged"]  # the store beside it was not given


def test_bad_input_is_one_line_and_no_board(made_store, distillery, tmp_path):
    reports = (made_store / "records" / "report.jsonl").read_text()
    first, rest = reports.split("\n", 1)
    torn = reports[:-20]
    version = first.replace('"schema":1', '"schema":2') + "\n" + rest
    nan = re.sub(r'"accuracy":[0-9.]+', '"accuracy":NaN', first, count=1) + "\n" + rest
    sealed = first.replace('"kind":"report"', '"kind":"trial"') + "\n" + rest
    for number, text in enumerate((torn, version, nan, sealed)):
        store = tmp_path / f"bad-{number}"
        (store / "records").mkdir(parents=True)
        (store / "records" / "report.jsonl").write_text(text)
        for command in (["leaderboard", store, "--out", "board"], ["submit", store], ["verify", "board", store]):
            called = distillery(*command)
            assert called.code == 2
            assert len(called.err.splitlines()) == 1
            assert command[0] == "verify" or "report.jsonl:" in called.err
        assert not Path("board").exists()
        assert not list(tmp_path.glob(".board*"))


def test_two_stores_that_disagree_are_named(made_store, distillery, tmp_path):
    other = tmp_path / "other"
    (other / "records").mkdir(parents=True)
    reports = (made_store / "records" / "report.jsonl").read_text().split("\n", 1)[0]
    record = json.loads(reports)
    record["metrics"]["test"]["accuracy"] = 0.5
    (other / "records" / "report.jsonl").write_text(json.dumps(record) + "\n")
    called = distillery("leaderboard", made_store, other, "--out", "board")
    assert called.code == 2
    (line,) = called.err.splitlines()
    assert f"{made_store}/records/report.jsonl:" in line
    assert f"{other}/records/report.jsonl:1" in line
    assert not Path("board").exists()


def test_submit_refuses_a_made_up_store(made_store, distillery):
    called = distillery("submit", made_store)
    assert called.code == 1
    assert "refuse: selection: dataset-000/cpf" in called.out
    assert json.loads(distillery("submit", made_store, "--json").out)["refused"] is True


def test_the_board_is_measured_and_targets_judged(distillery):
    asked = ["board-seconds", "board-memory", "board-growth", "board-import"]  # all but the wide one, which is large
    rows = {row.name: row for row in perf_board.run_board_perf(asked, small=1, large=2)}
    assert list(rows) == asked
    assert rows["board-memory"].value > 50
    assert rows["board-import"].ok
    called = distillery("perf", "--board", "--only", "board-secnds")
    assert (called.code, "did you mean 'board-seconds'?" in called.err) == (2, True)


def test_a_locale_without_utf_8_writes_and_verifies_a_board_all_the_same(made_store, repo_root, tmp_path):
    """The names of such a locale reach Python with surrogates, which libraries that encode paths themselves refuse."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHON"))}
    environment = {**plain, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    program = [sys.executable, "-m", "graph_distillery.bench.cli"]
    board = tmp_path / "bo\u00e9rd"
    store = str(made_store)
    for words in (["leaderboard", store, "--out", str(board), "--no-plots"], ["verify", str(board), store]):
        encoded = [word.encode() for word in (*program, *words)]
        done = subprocess.run(encoded, cwd=repo_root, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert (board / "leaderboard.parquet").is_file()
