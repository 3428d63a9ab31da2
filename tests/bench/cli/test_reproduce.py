"""`distillery reproduce` from a table to its pages, on embedded and generated data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from graph_distillery.bench.cli.reproduction import join
from graph_distillery.bench.papers import find_tables
from graph_distillery.leaderboard.reproduction.page import index, index_data, page

FAST = {"hidden": 16, "epochs": 15}


@pytest.fixture
def table(table_head: dict[str, Any], tmp_path: Path) -> Path:
    """A table of one row on real digits, one on data that are not here, and one on a stand-in's."""
    content = {
        **table_head,
        "runs": {
            "main": {
                "split": "cpf",
                "setting": "transductive",
                "teachers": [{"model": "sage", "fan_out": "5", "batch_size": 64, **FAST}],
                "students": [{"model": "mlp", **FAST}],
                "methods": ["glnn", {"name": "glnn", "variant": "official_code"}],
                "seeds": 3,
                "datasets": {"ogbn-arxiv": {"split": "ogb"}},
            }
        },
        "rows": {
            "SAGE": {"run": "main", "method": "teacher"},
            "MLP": {"run": "main", "method": "supervised"},
            "GLNN": {
                "run": "main",
                "method": "glnn",
                "quirks": {"released code": {"variant": "official_code", "note": "one step more"}},
            },
            "new": {"needs": "method new"},
        },
        "columns": {"digits": {"dataset": "digits-knn"}, "arxiv": {"dataset": "ogbn-arxiv"}},
        "numbers": {
            "SAGE": {"digits": [50, 60], "arxiv": [70, 1]},
            "MLP": {"digits": [1, 0.5]},
            "GLNN": {"digits": {"mean": 90, "confidence": "unverified"}},
            "new": {"digits": 99},
        },
        "stand_ins": {"ogbn-arxiv": "csbm"},
    }
    path = tmp_path / "mini.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


#: Of GLNN's table 1; the first is the published one.
RUNS = ("published", "full-neighbours")


def test_from_the_table_to_its_pages(distillery: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    done = distillery("reproduce", table, "--out", "store", "--json")
    assert done.code == 0, done.err
    assert "left out: mini main-ogbn-arxiv: needs ogbn-arxiv" in done.err
    (told,) = done.json["tables"]
    assert told["cells"] == {
        "reproduced": ["SAGE digits"],
        "above": ["MLP digits"],
        "below": [],
        "not judged": ["GLNN digits", "new digits", "SAGE arxiv", "MLP arxiv", "GLNN arxiv"],
    }
    text = (tmp_path / "store" / "pages" / "mini.md").read_text()
    assert "needs method new" in text
    assert "the published number is unverified" in text
    assert "needs ogbn-arxiv" in text
    assert "no explanation yet" in text
    assert "| digits | GLNN | released code |" in text
    copied = tmp_path / "store" / "pages" / "records" / "mini" / "main-digits-knn" / "records"
    original = tmp_path / "store" / "mini" / "main-digits-knn" / "records"
    assert (copied / "report.jsonl").read_text() == (original / "report.jsonl").read_text()
    assert not list(copied.parent.rglob("*.safetensors"))

    # Again is resume; and pages come out of the copied records alone.
    before = (original / "report.jsonl").read_text()
    assert distillery("reproduce", table, "--out", "store", "--json").json["tables"] == [told]
    assert (original / "report.jsonl").read_text() == before
    (tmp_path / "store" / "pages" / "mini.md").unlink()
    assert distillery("reproduce", table, "--pages", "store/pages", "--json").json["tables"] == [told]
    assert (tmp_path / "store" / "pages" / "mini.md").read_text() == text

    # A table that now says otherwise than what was run does not show those runs as its own.
    content = yaml.safe_load(table.read_text())
    for part, still_judged in (("teachers", ["MLP digits"]), ("students", ["SAGE digits"])):
        changed = {**content["runs"]["main"], part: [{**content["runs"]["main"][part][0], "hidden": 17}]}
        table.write_text(yaml.safe_dump({**content, "runs": {"main": changed}}, sort_keys=False))
        (stale,) = distillery("reproduce", table, "--pages", "store/pages", "--json").json["tables"]
        assert stale["cells"]["reproduced"] + stale["cells"]["above"] == still_judged
        assert "its records are of other settings" in (tmp_path / "store" / "pages" / "mini.md").read_text()


def test_a_stand_in_is_run_and_never_judged(distillery: Callable[..., Any], table: Path, tmp_path: Path) -> None:
    """The protocol of data that are not here, on generated data of the same shape; also one seed of several."""
    done = distillery("reproduce", table, "--stand-in", "--seeds", "1", "--out", "store", "--json")
    assert done.code == 0, done.err
    (told,) = done.json["tables"]
    assert set(told["cells"]["not judged"]) == {"SAGE arxiv", "MLP arxiv", "GLNN arxiv"}
    assert told["stand_in"]
    text = (tmp_path / "store" / "pages" / "mini.md").read_text()
    assert "On stand-in data" in text
    assert "needs ogbn-arxiv; ours are runs on csbm" in text
    assert "(1 of 3 seeds)" in text


def test_a_dry_run_tells_the_cost_and_a_budget_leaves_out(
    distillery: Callable[..., Any], table: Path, tmp_path: Path
) -> None:
    told = distillery("reproduce", table, "--out", "store", "--dry-run", "--json")
    assert [stage["stage"] for stage in told.json["stages"]] == ["main-digits-knn"]
    assert told.json["seconds"] > 0
    none = distillery("reproduce", table, "--out", "store", "--budget-hours", "0.00001")
    assert none.code == 0
    assert "do not fit" in none.err
    assert not (tmp_path / "store" / "mini").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["glnn1", "--out", "s"], "unknown table 'glnn1'; did you mean 'glnn-1'?"),
        (["--out", "s"], "reproduce: name the tables, or say --all"),
        (["glnn-1", "--all", "--out", "s"], "not both"),
        (["glnn-1"], "--out STORE says where"),
        (["glnn-1", "--datasets", "coro", "--out", "s"], "did you mean 'cora'?"),
        (["cpf-gcn", "--stand-in", "--out", "s"], "none of these tables names a stand-in"),
        (["nowhere.yaml", "--out", "s"], "nowhere.yaml"),
        (["glnn-1", "--executor", "loca", "--out", "s"], "did you mean 'local'?"),
    ],
)
def test_wrong_input(distillery: Callable[..., Any], tmp_path: Path, arguments: list[str], message: str) -> None:
    done = distillery("reproduce", *arguments)
    assert done.code == 2
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not (tmp_path / "s").exists()


def test_the_committed_pages_are_those_of_the_committed_records(repo_root: Path) -> None:
    folder = repo_root / "leaderboard" / "reproductions"
    tables = [join(each, folder / "records") for each in find_tables(())]
    again = "run: distillery reproduce --all --pages leaderboard/reproductions"
    assert json.loads((folder / "index.json").read_text()) == index_data(tables), again
    assert (folder / "README.md").read_text() == index(tables), again
    for each in tables:
        figure = f"{each.name}.svg"
        drawn = figure if (folder / figure).exists() else None
        assert (folder / f"{each.name}.md").read_text() == page(each, drawn), again


def test_a_stage_that_runs_rows_otherwise_stands_beside_the_board_s(
    distillery: Callable[..., Any], repo_root: Path, tmp_path: Path
) -> None:
    """GLNN's teacher on sampled neighbours and on all of them: one row of a board, and a variant of the table's."""
    stages = [repo_root / "leaderboard/reproductions/records/glnn-1" / f"{run}-cora" for run in RUNS]
    for order in (stages, stages[::-1]):
        out = tmp_path / order[0].name
        made = distillery("leaderboard", *order, "--out", out, "--no-plots")
        assert made.code == 0, made.err
        assert f"{stages[1]}: runs rows of glnn-1/published-cora in another way" in made.err
        assert distillery("verify", out, *order).code == 0
        assert "GLNN, table 1" in (out / "index.html").read_text()
    alone = distillery("leaderboard", stages[0], "--out", tmp_path / "alone", "--no-plots")
    assert alone.code == 0
    rows = (tmp_path / "alone" / "README.md").read_text()
    assert (tmp_path / stages[0].name / "README.md").read_text() == rows
