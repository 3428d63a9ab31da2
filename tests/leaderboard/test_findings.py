"""`FINDINGS.md` says what the records say: its tables are computed once more, from records and papers alone."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from graph_distillery.bench.papers.library import find_tables
from graph_distillery.bench.records import Record, read_records
from graph_distillery.leaderboard import build_board
from graph_distillery.leaderboard.findings.published import printed

ROOT = Path(__file__).resolve().parents[2]
#: Each board, beside its stores: the example's, and the suite's own.
BOARDS = {
    ROOT / "leaderboard" / board: sorted(path for path in (ROOT / "leaderboard" / stores).iterdir() if path.is_dir())
    for board, stores in (("example/board", "example/stores"), ("board", "board/stores"))
}
Cells = dict[str, list[str]]


def tables(text: str) -> list[Cells]:
    """The page's tables: by the first cell of a line the others; the head's first cell is the empty name."""
    found: list[Cells] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *lines = [[cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in block.splitlines()]
        found.append({"": head, **{line[0]: line[1:] for line in lines}})
    return found


def gains(records: list[Record], off: str, on: str) -> dict[str, list[float]]:
    """By method, one for each teacher, student and dataset: mean over seeds of `on` less `off`, in points."""
    runs: dict[tuple[str, ...], dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        if record.kind == "report" and record.status == "ok" and record.search:
            cell, selection = record.cell, record.search.selection
            score = 100 * record.metrics.test[cell.metric]
            for name in ("tuned", "default") if selection == "both" else (selection,):
                place = (cell.method, cell.dataset, cell.split, cell.setting, cell.student, cell.teacher or "")
                runs[place][name][record.seed] = score
    found = defaultdict(list)
    for place, selections in runs.items():
        if off in selections and on in selections:
            pairs = [score - selections[off][seed] for seed, score in selections[on].items()]
            found[place[0]].append(statistics.fmean(pairs))
    return found


def numbers(cell: str) -> list[float]:
    return [float(each) for each in re.findall(r"[+-]?\d+\.\d+", cell)]


@pytest.fixture(scope="module", params=BOARDS, ids=lambda board: board.relative_to(ROOT).as_posix())
def board(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(scope="module")
def records(board: Path) -> list[Record]:
    return [record for store in BOARDS[board] for record in read_records(store).records]


@pytest.fixture(scope="module")
def page(board: Path) -> str:
    return (board / "FINDINGS.md").read_text(encoding="utf-8")


def ends(found: list[float]) -> list[float]:
    """What a line tells of several tables, or of one."""
    return [statistics.fmean(found), min(found), max(found)] if len(found) > 1 else found


def test_what_each_method_is_worth_follows_from_the_records(page, records):
    told = next(each for each in tables(page) if "own term" in each[""])
    own = gains(records, "ablated", "tuned")
    tuning = gains(records, "default", "tuned")
    names = {record.cell.method for record in records if record.kind == "report"} - {"majority", "teacher"}
    assert set(told) - {""} == names
    for method in names:
        _, _, _, tuned, _, term, _ = told[method]
        for cell, found in ((tuned, tuning[method]), (term, own[method])):
            assert numbers(cell) == (pytest.approx(ends(found), abs=0.0051) if found else [])
    for what, found in (("Tuning", tuning), ("The own term, at the locked configuration,", own)):
        each = [value for name in names for value in found[name]]
        (median,) = re.findall(rf"{what} is worth (\S+) points in the median of {len(each)} rows", page)
        assert float(median) == pytest.approx(statistics.median(each), abs=0.0051)


def test_what_it_took_follows_from_the_records(page, records):
    """Stores share their teachers; what was run again on another machine took its time there."""
    run = {(each.id, each.environment.fingerprint): each for each in records if each.kind != "speed"}.values()
    hours = sum(record.timings.train_s or 0 for record in run) / 3600
    kinds = Counter(record.kind for record in run)
    assert f"{len(run)} trainings ({kinds['teacher']} of kind teacher, {kinds['trial']} of kind trial" in page
    assert f"{kinds['report']} of kind report), {hours:.3g} core-hours of training" in page
    assert f"; {sum(record.status not in ('ok', 'pruned') for record in run)} failed" in page


def test_the_gain_over_the_student_alone_follows_from_the_records(page, records):
    told = next(each for each in tables(page) if "own term" in each[""])
    scores = defaultdict(dict)
    for record in records:
        if record.kind == "report" and record.search and record.search.selection in ("tuned", "both"):
            cell = record.cell
            place = (cell.dataset, cell.split, cell.setting, cell.student)
            scores[cell.method, cell.teacher, place][record.seed] = 100 * record.metrics.test[cell.metric]
    for method in {name for name, _, (*_, student) in scores if student != "none"} - {"supervised"}:
        found = [
            statistics.fmean(score - scores["supervised", None, place][seed] for seed, score in runs.items())
            for (name, _, place), runs in scores.items()
            if name == method
        ]
        assert numbers(told[method][1]) == pytest.approx(ends(found), abs=0.0051)


def test_the_highest_mean_of_each_table_follows_from_the_records(page, records):
    """Of students' rows: tuned where they were tuned, else as they were run."""
    told = next(each for each in tables(page) if each[""][:3] == ["table", "highest mean", "%"])
    scores: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for record in records:
        selection = record.search.selection if record.search else None
        if record.kind == "report" and record.status == "ok" and selection in ("tuned", "both", None):
            cell = record.cell
            place = (cell.dataset, cell.split, cell.setting, cell.teacher or "", cell.student)
            scores[cell.method, *place].append(100 * record.metrics.test[cell.metric])
    for title, (name, mean, *_) in told.items():
        if title:
            dataset, split, setting, pair = title.rpartition(": ")[2].split(", ")
            teacher, student = pair.split(" → ")
            data = (dataset, split.removesuffix(" split"), setting)
            rows = {
                method: statistics.fmean(found)
                for (method, *place), found in scores.items()
                if tuple(place[:3]) == data and place[3] in (teacher, "") and place[4] in (student, "none")
                and method not in ("teacher", "majority")
            }  # fmt: skip
            assert max(rows.values()) == pytest.approx(float(mean), abs=0.0051)
            assert rows[name] == pytest.approx(float(mean), abs=0.0051)


def test_printed_gains_are_differences_of_the_papers_rows():
    for entry in printed():
        (table,) = find_tables([entry["table"]])
        ours, theirs = (table.numbers[row] for row in entry["rows"])
        names = {name: column.dataset.removesuffix("-row-normalised") for name, column in table.columns.items()}
        expected = {names[name]: round(ours[name].mean - theirs[name].mean, 2) for name in ours}
        assert entry["gains"] == {name: pytest.approx(expected[name], abs=1e-9) for name in entry["gains"]}
        assert table.rows[entry["rows"][0]].method == entry["method"]
        assert table.rows[entry["rows"][1]].method == entry["over"]


def test_a_printed_gain_that_one_budget_halves_is_told_smaller(tmp_path, make_record, make_store):
    """GLNN, printed +21.32 on cora: here 10 on every seed; citeseer has what is printed, pubmed nothing."""
    given = {"cora": 0.10, "citeseer": 0.13, "pubmed": 0.0}
    made = [
        make_record(method, 0.6 + 0.001 * seed + (gain if method == "glnn" else 0.0), dataset=dataset, seed=seed,
                    teacher="sage" if method == "glnn" else None)
        for dataset, gain in given.items() for method in ("glnn", "supervised") for seed in range(10)
    ]  # fmt: skip
    make_store(made)
    build_board([tmp_path / "store"], tmp_path / "board", plots=False)
    page = (tmp_path / "board" / "FINDINGS.md").read_text(encoding="utf-8")
    found = {line.split("|")[2].split(",")[0].strip(): line for line in page.splitlines() if "glnn over" in line}
    assert "+21.32 (glnn-1)" in found["cora"]
    assert "+10.00" in found["cora"]
    assert [found[name].rstrip(" |").rsplit("| ", 1)[1] for name in given] == ["smaller", "holds", "nothing measurable"]


def test_two_teachers_of_one_student_are_compared_method_by_method(tmp_path, make_record, make_store):
    def scores(teacher, method, seed):
        base = {"teacher": 0.7, "kd": 0.6, "glnn": 0.65, "supervised": 0.5}[method]
        better = {"teacher": 0.05, "kd": 0.02, "glnn": 0.03, "supervised": 0.0}[method]
        return base + 0.001 * seed + (better if teacher == "gat" else 0)

    made = [
        make_record(method, scores(teacher, method, seed), seed=seed, teacher=None if method == "teacher" else teacher,
                    student=teacher if method == "teacher" else "mlp")
        for teacher in ("gcn", "gat") for method in ("teacher", "kd", "glnn") for seed in range(10)
    ]  # fmt: skip
    made += [make_record("supervised", scores("", "supervised", seed), seed=seed, teacher=None) for seed in range(10)]
    make_store(made)
    build_board([tmp_path / "store"], tmp_path / "board", plots=False)
    page = (tmp_path / "board" / "FINDINGS.md").read_text(encoding="utf-8")
    (line,) = [line for line in page.splitlines() if "instead of" in line]
    assert "gat instead of gcn is +5.00" in line
    assert "+2.50 in the mean of 2 rows that learned from both (+2.00 to +3.00; clearly more in 2" in line


def test_a_tuned_teacher_has_a_table_of_its_own(make_record, make_store, tmp_path):
    """The same model, its settings searched: its students are compared by themselves, and with the others' paired."""
    made = [make_record("supervised", 0.5 + 0.001 * seed, seed=seed) for seed in range(10)]
    for tuned, base in ((None, {"teacher": 0.70, "kd": 0.60}), (True, {"teacher": 0.75, "kd": 0.61})):
        made += [
            make_record(method, score + 0.001 * seed, seed=seed, teacher="sage", teacher_tuned=tuned)
            for method, score in base.items() for seed in range(10)
        ]  # fmt: skip
    build_board([make_store(made)], tmp_path / "board", plots=False)
    read = json.loads((tmp_path / "board" / "leaderboard.json").read_text(encoding="utf-8"))
    tables = {
        each["teacher"]: {row["method"]: row["configurations"] for row in each["rows"]} for each in read["comparisons"]
    }
    assert {name: set(rows) for name, rows in tables.items()} == {
        "sage": {"teacher", "supervised", "kd"}, "sage (tuned)": {"teacher", "supervised", "kd"},
    }  # fmt: skip
    assert tables["sage (tuned)"]["teacher"]["fixed"]["test"]["mean"] == pytest.approx(0.7545)
    page = (tmp_path / "board" / "FINDINGS.md").read_text(encoding="utf-8")
    assert "sage \\(tuned" not in page
    assert "sage (tuned) instead of sage is +5.00" in page
    assert "+1.00 in the mean of 1 rows" in page
