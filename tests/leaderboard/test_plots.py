"""What the pictures claim, and that a picture is drawn where there is something to show, and nowhere else."""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from matplotlib.text import Text

from graph_distillery.leaderboard import load_stores, make_board
from graph_distillery.leaderboard.page.pictures import inline_svg
from graph_distillery.leaderboard.plots import draw_pictures
from graph_distillery.leaderboard.plots.canvas import canvas, short, short_names
from graph_distillery.leaderboard.plots.importance import importances
from graph_distillery.leaderboard.plots.pareto import Point, _label, points
from graph_distillery.leaderboard.plots.profile import profile_picture
from graph_distillery.leaderboard.read.runs import Trial

SCORES = {"teacher": 0.84, "majority": 0.30, "supervised": 0.60, "kd": 0.78, "glnn": 0.82, "krd": 0.8}


@pytest.fixture(scope="module")
def board(store_of, tmp_path_factory):
    """Five datasets, all rows, speeds and searches."""
    rng, records = random.Random(0), []
    for dataset in ("a", "b", "c", "d", "e"):
        for method, base in SCORES.items():
            records += store_of.runs(method, [base + rng.uniform(-0.02, 0.02) for _ in range(6)], dataset=dataset)
            if method != "majority":
                records.append(store_of.record(method, kind="speed", dataset=dataset, speed=base * 3))
        for trial in range(5):
            records.append(store_of.trial("kd", trial, rng.random(), dataset=dataset))
    return make_board(load_stores([store_of.write(tmp_path_factory.mktemp("plots") / "store", records)]))


@pytest.fixture(scope="module")
def pictures(board):
    return {picture.name: picture for picture in draw_pictures(board)}


def test_every_picture_that_has_something_to_show_is_drawn(pictures):
    overall = ("ranks-1", "critical-difference-1", "profile-1", "heat-map-1", "improvement-1", "importance-1")
    each = [f"{kind}-{name}-cpf-transductive-sage-mlp" for name in "abcde" for kind in ("pareto", "seeds", "budget")]
    assert set(pictures) == {*overall, *each}
    for picture in pictures.values():
        assert picture.png.startswith(b"\x89PNG")
        assert picture.caption
        assert len(picture.svg) < 60_000, picture.name
        root = ElementTree.fromstring(picture.svg)
        ids = {element.get("id") for element in root.iter()}
        assert picture.marks.keys() <= ids, picture.name
        assert not re.search("<(?:script|foreignObject|a|image)[ >]", picture.svg)


def test_what_a_small_board_cannot_show_is_left_out(store_of, tmp_path):
    one = [*store_of.runs("kd", [0.7]), *store_of.runs("glnn", [0.8])]
    board = make_board(load_stores([store_of.write(tmp_path / "store", one)]))
    assert {picture.name for picture in draw_pictures(board)} == {"ranks-1"}


def test_pictures_hold_neither_dates_nor_versions_and_are_equal_each_time(board, pictures):
    for picture in itertools.islice(draw_pictures(board), 9):
        assert picture == pictures[picture.name]
    for picture in pictures.values():
        assert not re.search(r"20\d\d-\d\d|matplotlib v|Matplotlib v\d", picture.svg)
        assert b"Software" not in picture.png


def test_inside_the_page_ids_are_apart_and_every_mark_can_be_reached(pictures):
    drawn = [inline_svg(picture, f"f{index}-") for index, picture in enumerate(pictures.values())]
    ids = [name for svg in drawn for name in re.findall(r' id="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))
    for svg, picture in zip(drawn, pictures.values(), strict=True):
        assert svg.count('class="mark"') == len(picture.marks)
        assert svg.count('tabindex="0"') == 1
        assert set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(ids)
        assert "DejaVu" not in svg
        assert "#1b1f24" not in svg  # every ink follows the theme


def test_the_front_is_of_rows_that_no_other_beats(board):
    comparison = board.comparisons[0]
    found = points(comparison, comparison.fingerprints[0])
    for point in found:
        beaten = any(o.latency <= point.latency and o.score >= point.score and o != point for o in found)
        assert point.front == (not beaten)


def test_a_partial_row_is_never_on_the_front(make_runs, make_record, store_of, tmp_path):
    runs = {"kd": [0.7, 0.71, 0.7, 0.71, 0.7], "krd": [0.6, 0.61, 0.6, 0.61, 0.6], "glnn": [0.9]}
    records = [record for method, scores in runs.items() for record in make_runs(method, scores)]
    records += [make_record(method, kind="speed", speed=1.0) for method in ("kd", "krd", "glnn")]
    (comparison,) = make_board(load_stores([store_of.write(tmp_path / "store", records)])).comparisons
    front = {point.name: point.front for point in points(comparison, comparison.fingerprints[0])}
    assert front == {"kd": True, "krd": False, "glnn (partial)": False}


def test_no_name_stands_on_the_front():
    front = [Point(f"p{n}", "method", 0.4 * 1.6**n, 80 + 0.4 * n, 80, 80, front=True) for n in range(4)]
    with canvas() as board:
        board.axes.plot([p.latency for p in front], [p.score for p in front], "o")
        board.axes.set_xlim(0.2, 4)
        _label(board, front, front)
        at = [board.axes.transData.transform((p.latency, p.score)) for p in front]
        boxes = [Text.get_window_extent(text) for text in board.axes.texts]
    assert len(boxes) == len(front)
    for box, ((x0, y0), (x1, y1)) in itertools.product(boxes, itertools.pairwise(at)):
        assert not (box.y0 < y0 < box.y1 and max(box.x0, x0) < min(box.x1, x1)), "the level part of a step"
        assert not (box.x0 < x1 < box.x1 and max(box.y0, y0) < min(box.y1, y1)), "the upright part of a step"


def test_profiles_beyond_the_grid_are_drawn(make_runs, store_of, tmp_path):
    """A teacher barely above the majority class puts every run of every method far above 1."""
    records = [
        record
        for method, score in {"teacher": 0.31, "majority": 0.3, "kd": 0.7, "glnn": 0.8}.items()
        for record in make_runs(method, [score, score + 0.001])
    ]
    board = make_board(load_stores([store_of.write(tmp_path / "store", records)]))
    assert profile_picture(board.overall[0], 1).name == "profile-1"


def test_importance_finds_the_hyperparameter_that_matters():
    """Scores are a function of lr alone, of another level and spread in each cell; two more vary without effect."""
    rng = random.Random(1)

    def cell(level: float, spread: float) -> list[Trial]:
        made = []
        for number in range(30):
            lr = 10 ** rng.uniform(-4, -1)
            hparams = {"lr": lr, "dropout": rng.random(), "norm": rng.choice(["none", "batch"]), "epochs": 200}
            score = level + spread * (lr > 0.003)
            made.append(Trial(number, hparams, score if number % 7 else None, "ok" if number % 7 else "pruned", 3, 1.0))
        return made

    shares = importances([cell(0.2, 0.5), cell(0.9, 0.01)])
    assert shares is not None
    assert shares["lr"] > 0.9
    assert set(shares) == {"lr", "dropout", "norm"}
    assert sum(shares.values()) == pytest.approx(1)
    assert importances([cell(0.5, 0.0)]) is None
    assert importances([cell(0.2, 0.5)[:5]]) is None


def test_drawing_loads_neither_torch_nor_ray_and_optuna_only_for_importance():
    code = """
import sys
import graph_distillery.leaderboard.plots, graph_distillery.leaderboard.page
assert "optuna" not in sys.modules
from graph_distillery.leaderboard.plots.importance import importances
from graph_distillery.leaderboard.read.runs import Trial
assert importances([[Trial(i, {"x": i / 20}, i / 20, "ok", 1, 1.0) for i in range(20)]]) == {"x": 1.0}
assert "optuna" in sys.modules
assert not {"torch", "ray"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_cut_in_the_middle_and_stay_apart():
    long = [f"a-method-with-a-very-long-name-{end}" for end in ("variant-one", "variant-two", "other")]
    found = short_names(long, 20)
    assert len(set(found)) == 3
    assert all(len(label) <= 20 and label.startswith("a-method") for label in found)
    assert found[2].endswith("other")
    alike = [f"aaaaaaaaaaaaaaa{middle}zzzzzzzzzzzzzzz" for middle in "bcd"]
    assert short_names(alike, 12) == ["aaaaaa…zzzzz", "aaaaa…2…zzzz", "aaaaa…3…zzzz"]
    assert short_names(["kd", "kd", "at"]) == ["kd", "kd", "at"]
    assert short("模型" * 20, 10) == "模型…模型"  # as wide as two letters each
    assert short("\u202eabc", 28) == "\\u202eabc"


def test_letters_without_a_glyph_are_spelled_out_in_png_and_kept_in_svg():
    with canvas() as board:
        board.axes.set_title("模型 é\nא")
        picture = board.picture("x", "x", "x", "x")
        assert board.axes.get_title(loc="left") == "\\u6a21\\u578b é\nא"
    assert "模型 é" in picture.svg
