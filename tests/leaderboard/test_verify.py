"""A published board is held to its records: every file, every number."""

from __future__ import annotations

import functools
import io
import json
import re
import shutil

import pyarrow.parquet as pq
import pytest
from PIL import Image

from graph_distillery.leaderboard import BoardError, build_board
from graph_distillery.leaderboard.plots.stamps import stamp_in, stamped_png
from graph_distillery.leaderboard.verification.drawings import same_data, same_drawing
from graph_distillery.leaderboard.verification.verify import _compare_page, _same, verify_board


@pytest.fixture
def published(make_runs, make_record, make_store, tmp_path):
    """A board without pictures, and its store."""
    records = []
    for dataset in ("cora", "citeseer"):
        for method, base in {"teacher": 0.84, "majority": 0.3, "supervised": 0.6, "kd": 0.78, "glnn": 0.8202}.items():
            records += make_runs(method, [base + step / 1000 for step in (0, 7, -3, 5, 1, 2, -6, 4)], dataset=dataset)
            if method != "majority":
                records.append(make_record(method, kind="speed", dataset=dataset, speed=base * 3))
    store = make_store(records)
    build_board([store], tmp_path / "board", plots=False)
    return tmp_path / "board", store


def test_a_board_agrees_with_its_records_pictures_or_not(published, tmp_path):
    board, store = published
    found = verify_board(board, [store])
    assert found.differences == []
    assert {"README.md", "index.html", "leaderboard.json", "leaderboard.parquet", "tables/overall.csv"} <= {
        *found.files
    }
    drawn = tmp_path / "drawn"
    build_board([store], drawn)
    found = verify_board(drawn, [store])
    assert (found.differences, found.notes) == ([], [])
    picture = next((drawn / "plots").glob("*.svg"))
    picture.unlink()
    found = {each.file: each for each in verify_board(drawn, [store]).differences}
    assert found.keys() == {f"plots/{picture.name}"}
    assert found[f"plots/{picture.name}"].committed == "absent"


def test_a_picture_of_other_numbers_is_named(make_runs, make_store, tmp_path):
    def board_of(name, glnn):
        records = [*make_runs("kd", [0.7, 0.72]), *make_runs("glnn", glnn)]
        for method in ("kd", "glnn"):
            records += make_runs(method, [0.6, 0.61], dataset="citeseer")
        store = make_store(records, f"{name}-store")
        build_board([store], tmp_path / name)
        return tmp_path / name / "plots", store

    plots, store = board_of("board", [0.8, 0.82])
    others, _ = board_of("other", [0.8, 0.83])
    verify = functools.partial(verify_board, plots.parent, [store])
    assert (verify().differences, verify().notes) == ([], [])
    cora, citeseer = (f"seeds-{name}-cpf-transductive-sage-mlp" for name in ("cora", "citeseer"))
    for suffix in ("png", "svg"):
        mine, theirs = plots / f"{cora}.{suffix}", others / f"{cora}.{suffix}"
        kept = mine.read_bytes()
        mine.write_bytes(theirs.read_bytes())  # drawn before a record changed
        found = verify().differences
        assert {each.file for each in found} == {f"plots/{cora}.{suffix}"}
        assert {"picture", "numbers it was drawn from"} == {each.column for each in found}
        mine.write_bytes((plots / f"{citeseer}.{suffix}").read_bytes())  # of another table
        assert {each.file for each in verify().differences} == {f"plots/{cora}.{suffix}"}
        mine.write_bytes(kept)
        assert (others / f"{citeseer}.{suffix}").read_bytes() == (plots / f"{citeseer}.{suffix}").read_bytes()
        assert (others / f"ranks-1.{suffix}").read_bytes() != (plots / f"ranks-1.{suffix}").read_bytes()
    with Image.open(plots / f"{cora}.png") as picture:
        picture.load()
        assert picture.info["Numbers"].startswith(f"{cora} cora-cpf-transductive-sage-mlp ")
        picture.save(plots / f"{cora}.png")  # as boards were before
    (found,) = verify().differences
    assert (found.file, found.committed) == (f"plots/{cora}.png", "none told")


def test_every_changed_file_is_named_with_row_and_column(published):
    board, store = published
    name = "tables/cora-cpf-transductive-sage-mlp.csv"
    table = (board / name).read_text()
    mean = re.search(r"0\.8214\d*", table)[0]
    (board / name).write_text(table.replace(mean, "0.9", 1))
    document = json.loads((board / "leaderboard.json").read_text())
    document["overall"][0]["rows"][0]["mean_rank"]["value"] += 0.5
    (board / "leaderboard.json").write_text(json.dumps(document))
    page = (board / "README.md").read_text()
    (board / "README.md").write_text(page.replace("82.14", "92.14", 1))
    html = (board / "index.html").read_text()
    assert "glnn has the best mean rank" in html
    (board / "index.html").write_text(html.replace("glnn has the best mean rank", "kd has the best mean rank", 1))
    lines = pq.read_table(board / "leaderboard.parquet")
    column = lines.column_names.index("test_mean")
    higher = [value and value + 0.1 for value in lines["test_mean"].to_pylist()]
    pq.write_table(lines.set_column(column, lines.field(column), [higher]), board / "leaderboard.parquet")
    (board / "tables" / "extra.csv").write_text("")
    found = {}
    for difference in verify_board(board, [store]).differences:
        found.setdefault(difference.file, difference)
    table_difference = found[name]
    assert "glnn" in table_difference.row
    assert (table_difference.column, table_difference.committed) == ("test_mean", "0.9")
    assert float(table_difference.recomputed) == pytest.approx(0.8214, abs=1e-3)
    assert found["leaderboard.json"].row.endswith("mean_rank")
    assert found["leaderboard.parquet"].column == "test_mean"
    assert "92.14" in found["README.md"].committed
    assert "82.14" in found["README.md"].recomputed
    assert found["index.html"].recomputed != found["index.html"].committed
    assert found["tables/extra.csv"].recomputed == "absent"
    assert all("\n" not in str(difference) for difference in found.values())


TAMPERED = {
    "script": ("index.html: script 1", "value.toFixed(1)", "(value + 9).toFixed(1)"),
    "one more script": ("index.html: line", "</body>", "<script>pwned()</script></body>"),
    "number in the data": ("index.html: data 1", "0.8202", "0.9202"),
    "style of the page": ("index.html: style 1", "</style>", "#verdict{display:none}</style>"),
    "one more style": ("index.html: line", "</head>", "<style>td{display:none}</style></head>"),
    "style of an element": ("index.html: line", '<p id="verdict"', '<p style="margin-top:-40px" id="verdict"'),
    "table in the end": ("index.html: line", "</body>", "<table><tr><td>99.9</td></tr></table></body>"),
    "figure over a table": (
        "index.html: line",
        '<div class="table"></div>',
        '<figure style="margin-top:-900px"><svg class="picture"><text>kd 99.9</text></svg></figure>'
        '<div class="table"></div>',
    ),
    "figure in another place": ("index.html: line", '<div class="table"></div>', "<!-- \n --><div></div>"),
    "link": ("index.html: line", 'href="leaderboard.json"', 'href="https://evil.test/x.json"'),
    "policy": ("index.html: line", "connect-src", "connect-src https: x"),
    "words of a figure": ("index.html: picture", 'aria-label="glnn:', 'aria-label="kd:'),
    "point in a figure": ("index.html: picture", 'class="mark"', 'class="mark" transform="translate(0 -40)"'),
    "alt text": ("README.md: line", "![Mean ranks: ", "![kd is the best of all: "),
    "picture from elsewhere": ("README.md: line", "\n## ", "\n![99.9](https://example.org/x.png)\n## "),
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, store_of):
    """A board with pictures, and its store."""
    folder = tmp_path_factory.mktemp("drawn")
    records = []
    for dataset in ("cora", "citeseer"):
        for method, base in {"teacher": 0.84, "supervised": 0.6, "kd": 0.78, "glnn": 0.8202}.items():
            records += store_of.runs(method, [base, base + 0.01, base - 0.01], dataset=dataset)
            records.append(store_of.record(method, kind="speed", dataset=dataset, speed=base * 3))
    store = store_of.write(folder / "store", records)
    build_board([store], folder / "board")
    return folder / "board", store


@pytest.fixture(scope="module")
def again(drawn, tmp_path_factory):
    """The drawn board's files as its records give them: drawing them for each forgery would take minutes."""
    scratch = tmp_path_factory.mktemp("again") / "board"
    shutil.copytree(drawn[0], scratch)
    return scratch


@pytest.mark.parametrize("forgery", TAMPERED)
def test_a_forged_page_shows(drawn, again, forgery):
    place, before, after = TAMPERED[forgery]
    name = place.partition(":")[0]
    text = (again / name).read_text()
    assert before in text
    forged = text.replace(before, after, 1)
    assert forged != text
    found = list(_compare_page(name, forged, text))
    assert any(str(difference).startswith(place) for difference in found), found


def test_a_forged_page_is_told_by_the_whole_of_verify_too(drawn, again, tmp_path):
    """The audit's four: a figure over a table, an edited SVG, a swapped PNG with its stamp moved, an alt text."""
    board, store = tmp_path / "board", drawn[1]
    shutil.copytree(again, board)
    for name in ("figure over a table", "alt text"):
        file, _, before, after = (TAMPERED[name][0].partition(":")[0], *TAMPERED[name])
        (board / file).write_text((board / file).read_text().replace(before, after, 1))
    svg = board / "plots" / "pareto-cora-cpf-transductive-sage-mlp.svg"
    first = re.search(r'<use xlink:href="#\w+" x="([\d.]+)"', svg.read_text())
    svg.write_text(svg.read_text().replace(f'x="{first[1]}"', f'x="{float(first[1]) + 9}"', 1))
    mine, other = (board / "plots" / f"pareto-{name}-cpf-transductive-sage-mlp.png" for name in ("cora", "citeseer"))
    stamp = " ".join(stamp_in(mine.read_bytes()))
    with Image.open(other) as picture:
        bare = io.BytesIO()
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(bare, "png")
    mine.write_bytes(stamped_png(bare.getvalue(), stamp))
    found = {each.file for each in verify_board(board, [store]).differences}
    assert found == {"index.html", "README.md", f"plots/{svg.name}", f"plots/{mine.name}"}


def test_a_drawing_a_hair_off_is_the_same_drawing():
    """Another processor's last digits move coordinates, and the ids that are made of them."""
    one = '<svg><defs><path id="m1f" d="M 1.25 2"/></defs><use xlink:href="#m1f" x="57.6"/><text>82.10</text></svg>'
    assert same_drawing(one, one.replace("m1f", "m2e").replace("57.6", "57.600001"))
    assert not same_drawing(one, one.replace("57.6", "59.6"))
    assert not same_drawing(one, one.replace("82.10", "82.11"))
    assert not same_drawing(one, one.replace("<text>", '<text style="x">'))
    assert same_data('{"a":0.1234567,"b":"0.5"}', '{"a":0.1234568,"b":"0.5"}')
    for other in ('{"a":0.1234667,"b":"0.5"}', '{"a":0.1234567,"b":"0.50000001"}', '{"a":0.1234567,"b":0.5}'):
        assert not same_data('{"a":0.1234567,"b":"0.5"}', other)


def test_a_changed_record_and_a_missing_one_show(published, make_runs, make_store):
    board, store = published
    reports = store / "records" / "report.jsonl"
    whole = reports.read_text()
    reports.write_text(whole.replace('"accuracy":0.78}', '"accuracy":0.79}', 1))
    assert any(d.column == "test_mean" and "kd" in d.row for d in verify_board(board, [store]).differences)
    lines = whole.splitlines(keepends=True)
    reports.write_text("".join(line for line in lines if '"method":"glnn"' not in line))
    differences = verify_board(board, [store]).differences
    assert any(d.committed == "there" and "glnn" in d.row for d in differences)


def test_a_last_digit_is_no_difference(published):
    board, store = published
    name = board / "tables" / "overall.csv"
    text = name.read_text()
    digits = re.search(r"0\.\d{16}", text)[0]
    name.write_text(text.replace(digits, f"{float(digits) * (1 + 1e-14)!r}"))
    assert verify_board(board, [store]).differences == []


def test_counts_and_hashes_are_compared_to_the_last_digit(published):
    board, store = published
    text = (board / "leaderboard.json").read_text()
    document = json.loads(text)
    row = next(row for row in document["comparisons"][0]["rows"] if row["speed"])
    next(iter(row["speed"].values()))["params"] = 6_700_000_001
    (board / "leaderboard.json").write_text(json.dumps(document))
    assert [d.column for d in verify_board(board, [store]).differences] == ["params"]
    assert _same("0.1", "0.10000000000000002")
    assert _same(1e-17, 0.0)
    for one, other in ((6_700_000_001, 6_700_000_000), ("1e999", "2e999"), ("123456789012", "123456789013"), (1, True)):
        assert not _same(one, other)


def test_what_is_no_board_is_one_line(published, tmp_path):
    _, store = published
    with pytest.raises(BoardError, match="is not a board"):
        verify_board(tmp_path, [store])
    with pytest.raises(BoardError, match="not a store"):
        verify_board(published[0], [tmp_path])
