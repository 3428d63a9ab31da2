"""What the page makes of names, many rows and equal numbers, each on a board of its own; in a real browser."""

from __future__ import annotations

import pytest

from graph_distillery.leaderboard import build_board
from graph_distillery.leaderboard.page.view import addresses
from graph_distillery.leaderboard.read.board_file import BoardFile


def test_one_view_holds_every_student_and_teacher_once(opened, store_of):
    """The student alone and the teachers stand in two tables each, and once in the view."""
    records = []
    for teacher, student in (("sage", "mlp"), ("gcn", "mlp"), ("sage", "gcn")):
        records += store_of.runs("kd", [0.7, 0.72, 0.71], teacher=teacher, student=student)
        records.append(store_of.record("kd", kind="speed", speed=2.0, teacher=teacher, student=student))
    for teacher in ("sage", "gcn"):
        records += store_of.runs("teacher", [0.8, 0.81, 0.82], teacher=teacher)
        records.append(store_of.record("teacher", kind="speed", speed=9.0, teacher=teacher))
    for student in ("mlp", "gcn"):
        records += store_of.runs("supervised", [0.6, 0.61, 0.62], student=student)
    tab = opened(records)
    rows = sorted(tab.locator("#choice tbody tr").all_inner_texts())
    assert len(rows) == 3 + 2 + 2
    assert tab.locator("#chart .mark").count() == 5  # the students alone were not timed
    models = sorted(tab.locator("#choice td[data-title='Models']").all_inner_texts())
    assert models == [
        "gcn (teacher)",
        "gcn alone",
        "gcn → mlp",
        "mlp alone",
        "sage (teacher)",
        "sage → gcn",
        "sage → mlp",
    ]


def test_a_name_in_the_filter_is_that_name_and_no_part_of_another(opened, store_of, names_in):
    records = [record for name in ("kd", "kd+at", "at", "glnn") for record in store_of.runs(name, [0.7, 0.71, 0.72])]
    tab = opened(records)
    for words, expected in (("kd", ["kd"]), ("kd, at", ["at", "kd"]), ("k", ["kd", "kd+at"]), ("KD+AT", ["kd+at"])):
        tab.fill("#filter", words)
        assert sorted(names_in(tab, "choice")) == expected


def test_a_long_table_has_pages_and_a_heading_that_stays(opened, store_of, names_in):
    names_of = [f"method-{number:02}" for number in range(45)]
    records = [r for number, name in enumerate(names_of) for r in store_of.runs(name, [0.5 + number / 100] * 2)]
    tab = opened(records)
    assert tab.locator("#choice tbody tr").count() == 30
    assert "1–30 of 45" in tab.inner_text("#choice .pager")
    tab.locator("#choice .pager button", has_text="Next").click()
    assert names_in(tab, "choice")[-1] == "method-00"
    assert tab.locator("#choice tbody tr").count() == 15
    tab.locator("#choice .pager button", has_text="All rows").click()
    assert tab.locator("#choice tbody tr").count() == 45
    scroll = tab.locator("#choice .scroll")
    scroll.evaluate("e => { e.scrollTop = 500; e.scrollLeft = 0; }")
    top = scroll.bounding_box()["y"]
    assert tab.locator("#choice thead th").first.bounding_box()["y"] == pytest.approx(top, abs=2)


HOSTILE = "'\"></script><script>pwned=1</script><img src=x onerror=pwned=1>\u202e{{7*7}}"


def test_hostile_names_do_nothing_in_the_browser(chromium, store_of, tmp_path, names_in):
    names = {name: f"{name}{HOSTILE}" for name in ("dataset", "split", "teacher", "student", "budget")}
    made = [
        *store_of.runs(f"m{HOSTILE}", [0.7, 0.72, 0.71], hparams={f"k{HOSTILE}": HOSTILE}, **names),
        *store_of.runs("kd", [0.8, 0.81, 0.83], suite_version=HOSTILE, **names),
        *(store_of.record(method, kind="speed", speed=2.0, **names) for method in ("kd", f"m{HOSTILE}")),
    ]
    environment = made[0].environment.model_copy(update={"cpu": HOSTILE, "os": HOSTILE, "device": HOSTILE})
    made = [record.model_copy(update={"environment": environment}) for record in made]
    build_board([store_of.write(tmp_path / "store", made)], tmp_path / "board")
    tab = chromium.new_page()
    troubles: list[str] = []
    tab.on("console", lambda message: troubles.append(message.text))
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.goto((tmp_path / "board" / "index.html").as_uri())
    tab.wait_for_selector("html[data-ready=true]")
    for index in range(2):
        tab.locator("#choice td[data-title='Accuracy']").nth(index).hover()
        tab.locator("#choice .open").nth(index).click()
        assert tab.locator("dialog pre").first.inner_text().startswith("distillery run")
        tab.keyboard.press("Escape")
    tab.locator(".mark").first.hover(force=True)
    names_in(tab, "overall-1")
    tab.locator(".pick").first.click()
    tab.select_option("#dataset", index=1)
    for part in tab.locator("details.method").all():
        part.locator("summary").first.click()
    tab.select_option("#one", index=1)
    assert tab.evaluate("typeof pwned") == "undefined"
    assert tab.locator("img").count() == 0
    assert "\u202e" not in tab.inner_text("body")
    tab.close()
    assert troubles == []


def test_what_reads_the_same_is_best_alike_over_all_datasets(opened, store_of, names_in):
    """glnn's mean gain is a thousandth of a point above kd's, and both read +20.00: no winner of rounding."""
    scores = {"supervised": 0.5, "kd": 0.7, "glnn": 0.70001, "krd": 0.6}
    records = [record for method, score in scores.items() for record in store_of.runs(method, [score] * 2)]
    tab = opened(records)
    names_in(tab, "overall-1")
    found = tab.locator("#overall-1 tbody tr").evaluate_all(
        "all => all.map(e => { const cell = e.querySelector(\"td[data-title='Mean gain']\");"
        " return [e.querySelector('th').innerText, cell.innerText, cell.className]; })"
    )
    assert sorted(found) == [
        ["glnn", "+20.00", "best"], ["kd", "+20.00", "best"], ["krd", "+10.00", ""],
        ["supervised student alone", "–", ""],
    ]  # fmt: skip


def test_links_to_repository_and_paper_are_web_addresses():
    file = BoardFile.model_construct(code="https://example.org/board", paper="javascript:pwned()")
    assert addresses(file) == [("Repository", "https://example.org/board")]
    assert addresses(None) == []


def test_the_overall_tells_what_own_terms_are_worth(opened, store_of, names_in):
    """kd is worth 10 points on one dataset and 11 on the other, at half a point for and half a point against it."""
    records = []
    for dataset, kd, at in (("cora", 0.7, 0.745), ("citeseer", 0.69, 0.755)):
        for method, tuned, without in (("kd", 0.8, kd), ("at", 0.75, at), ("glnn", 0.7, None)):
            records += store_of.runs(method, [tuned + step / 1000 for step in range(5)], dataset=dataset)
            if without is not None:
                scores = [without + step / 1000 for step in range(5)]
                records += store_of.runs(method, scores, dataset=dataset, selection="ablated", hparams={"off": 1})
    tab = opened(records)
    names_in(tab, "overall-1")
    cells = {
        row.locator("th").inner_text().split()[0]: row.locator("td[data-title='Mean own term']")
        for row in tab.locator("#overall-1 tbody tr").all()
    }
    assert {name: cell.inner_text() for name, cell in cells.items()} == {
        "kd": "+10.50",
        "at": "0.00 (nothing measurable)",
        "glnn": "–",
    }
    half = 12.7062 * 0.5  # Student's t at one degree of freedom; the deviation of a mean of two is half their distance
    assert f"95 % interval +{10.5 - half:.2f} to +{10.5 + half:.2f}." in cells["kd"].get_attribute("data-note")
