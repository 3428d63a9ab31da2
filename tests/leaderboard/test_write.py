"""The folder that a reader gets: the same bytes for the same records, whole or not at all."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
from pathlib import Path

import pytest

from graph_distillery import leaderboard
from graph_distillery.leaderboard import BoardError, build_board
from graph_distillery.leaderboard.statistics import summarise
from graph_distillery.leaderboard.text import bold_best, count, number, plain, score, signed


@pytest.fixture
def records(make_runs, make_record):
    """Two datasets, three methods, every control row, and a speed of each."""
    scores = {"teacher": 0.84, "majority": 0.30, "supervised": 0.60, "kd": 0.78, "glnn": 0.8202}
    built = []
    for dataset in ("cora", "citeseer"):
        for method, base in scores.items():
            built += make_runs(method, [base - 0.0156, base, base + 0.0156], dataset=dataset)
            if method != "majority":
                built.append(make_record(method, kind="speed", dataset=dataset, speed=base * 3))
        built += make_runs("kd", [0.7, 0.7, 0.7], dataset=dataset, selection="default")
    return built


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".distillery-board"
    }


def test_any_order_of_records_and_stores_gives_the_same_bytes(records, make_store, tmp_path):
    straight = build_board([make_store(records, "all")], tmp_path / "board")
    shuffled = list(records)
    random.Random(3).shuffle(shuffled)
    parts = [make_store(shuffled[:20], "one"), make_store(shuffled[15:], "two")]
    again = build_board(parts[::-1], tmp_path / "again")
    first, second = contents(tmp_path / "board"), contents(tmp_path / "again")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    assert straight.warnings == again.warnings == []
    slug = "cora-cpf-transductive-sage-mlp"
    assert {path.relative_to(tmp_path / "board").as_posix() for path in straight.files} == first.keys() >= {
        "README.md", "tables/overall.csv", f"tables/{slug}.csv", f"tables/{slug}-speed.csv",
        f"plots/pareto-{slug}.png", f"plots/pareto-{slug}.svg",
    }  # fmt: skip
    assert straight.path_readme == tmp_path / "board" / "README.md"
    assert all(path.is_file() for path in straight.files)


def test_the_page_says_what_the_records_say(records, make_store, tmp_path):
    page = build_board([make_store(records)], tmp_path / "board", plots=False).path_readme.read_text()
    assert page.index("## Overall") < page.index("## citeseer") < page.index("## cora")
    line = next(line for line in page.splitlines() if line.startswith("| glnn | 1-3 |"))
    assert "| a | **82.02 ± 1.56** | 78.14 to 85.90 | 75.00 ± 0.00 | – | – | – | **+22.02** | n. d. | 92 % |" in line
    assert "| kd | 1-3 | a | 78.00 ± 1.56 |" in page
    assert "70.00 ± 0.00 | +8.00" in page
    for fact in (
        "Suite version: 0.1.0",
        "Report seeds: 0-2",
        "12 trials x 3 seeds",
        "`111111111111`",
        "studentised bootstrap",
    ):
        assert fact in page
    links = [part.split(")", 1)[0] for part in page.split("](")[1:]]
    assert all((tmp_path / "board" / link).is_file() for link in links if not link.startswith("#"))
    assert all(f'<a id="{link[1:]}"></a>' in page for link in links if link.startswith("#"))


def test_rows_without_scores_and_inductive_parts_are_written(make_runs, make_record, make_store, tmp_path):
    parts = {"accuracy": 0.8, "prod": 0.8, "tran": 0.9, "ind": 0.4}
    store = make_store(
        [
            make_record("kd", test_scores=parts, setting="inductive"),
            make_record("kd", kind="trial", seed=100, setting="inductive"),
            make_record("glnn", kind="trial", seed=100, setting="inductive", status="oom"),
            make_record("krd", setting="inductive", status="nan"),
        ]
    )
    page = build_board([store], tmp_path / "board", plots=False).path_readme.read_text()
    (kd,) = [line for line in page.splitlines() if line.startswith("| kd |") and "1 seed" in line]
    assert "**80.00 (1 seed)** | – | 90.00 | 40.00 |" in kd
    (glnn,) = [line for line in page.splitlines() if line.startswith("| glnn |") and "partial" in line]
    assert "| 1 | partial (0/1 seeds) |" in glnn
    assert "partial (0/1 seeds, 1 failed)" in page
    assert not list((tmp_path / "board" / "plots").iterdir())


def test_csv_keeps_every_digit(records, make_store, tmp_path):
    build_board([make_store(records)], tmp_path / "board", plots=False)
    with (tmp_path / "board/tables/cora-cpf-transductive-sage-mlp.csv").open() as file:
        lines = list(csv.DictReader(file))
    expected = summarise([0.8202 - 0.0156, 0.8202, 0.8202 + 0.0156])
    (glnn,) = [line for line in lines if line["method"] == "glnn"]
    assert (float(glnn["test_mean"]), float(glnn["test_std"])) == (expected.mean, expected.std)
    assert {line["configuration"] for line in lines if line["method"] == "kd"} == {"tuned", "default"}


def test_names_in_records_cannot_leave_the_folder_or_the_page(make_runs, make_store, tmp_path):
    evil = "../../x|<script>\n# y"
    store = make_store(
        [
            *make_runs("kd", [0.8], dataset=evil),
            *make_runs("=cmd()", [0.7], dataset=evil),
            *make_runs("kd", [0.8], dataset="X"),
        ]
    )
    result = build_board([store], tmp_path / "deep" / "board", plots=False)
    assert {path.parent.parent for path in result.files} <= {tmp_path / "deep", tmp_path / "deep" / "board"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "store"]
    page = result.path_readme.read_text()
    assert "<script>" not in page.replace("\\<script\\>", "")
    assert "\n# y" not in page
    assert "'=cmd()" in (tmp_path / "deep/board/tables/overall.csv").read_text()


def test_an_earlier_board_is_replaced_whole(records, make_store, tmp_path):
    out = tmp_path / "board"
    build_board([make_store(records, "all")], out, plots=False)
    build_board([make_store([r for r in records if r.cell.dataset == "cora"], "some")], out, plots=False)
    assert not [name for name in contents(out) if "citeseer" in name]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all", "board", "some"]


def test_what_is_not_a_board_is_not_touched(records, make_store, tmp_path):
    store = make_store(records)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "README.md").write_text("years of work")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "thesis")
    build_board([store], tmp_path / "board", plots=False)
    (tmp_path / "board" / "notes.txt").write_text("mine")
    before = contents(tmp_path / "thesis")
    for name in ("thesis", "file", "link", "board", "store"):
        with pytest.raises(BoardError, match=str(tmp_path / name)) as caught:
            build_board([store], tmp_path / name, plots=False)
        assert "\n" not in str(caught.value)
    assert contents(tmp_path / "thesis") == before
    assert (tmp_path / "board" / "notes.txt").read_text() == "mine"


def test_a_failure_half_way_keeps_the_old_board(records, make_store, tmp_path, monkeypatch):
    store, out = make_store(records), tmp_path / "board"
    build_board([store], out, plots=False)
    before = contents(out)
    rename = Path.rename

    def fail(self, target):
        if ".building-" in self.name:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(BoardError, match="No space left on device"):
            build_board([store], out, plots=False)
    assert contents(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board", "store"]


def test_no_records_writes_nothing(make_store, tmp_path):
    with pytest.raises(BoardError, match="no report records"):
        build_board([make_store([])], tmp_path / "board", plots=False)
    assert not (tmp_path / "board").exists()


def test_numbers_as_read():
    assert score(summarise([0.8046, 0.8202, 0.8358])) == "82.02 ± 1.56"
    assert score(summarise([0.5])) == "50.00 (1 seed)"
    assert [signed(v) for v in (0.0123, -0.0123, -0.00001, None)] == ["+1.23", "-1.23", "0.00", "–"]
    assert [number(v) for v in (0.01234, 1.234, 123.4, 1.0, 0.0)] == ["0.0123", "1.23", "123", "1", "0"]
    assert [count(v) for v in (512, 1230, 45_600_000)] == ["512", "1.23 k", "45.6 M"]
    assert plain("a|b\n<c>") == r"a\|b \<c\>"
    assert bold_best(["82.02 ± 1", "82.02 ± 2", "9.00 ± 0"], [0.82021, 0.82019, 0.09]) == [
        "**82.02 ± 1**", "**82.02 ± 2**", "9.00 ± 0",
    ]  # fmt: skip


LIGHT = """
import sys
import graph_distillery.leaderboard as leaderboard
heavy = {"torch", "ray", "torch_geometric", "optuna", "pandas", "seaborn", "matplotlib", "scipy", "numpy"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
from pathlib import Path
leaderboard.build_board([Path(sys.argv[1])], Path(sys.argv[2]))
assert not {"torch", "ray", "torch_geometric", "optuna"} & set(sys.modules)
"""


def test_neither_import_nor_building_loads_torch_or_ray(records, make_store, tmp_path):
    store = make_store([record for record in records if record.cell.dataset == "cora"])
    root = Path(leaderboard.__file__).resolve().parents[1]
    command = [sys.executable, "-c", LIGHT, str(store), str(tmp_path / "board")]
    subprocess.run(command, check=True, cwd=root)
