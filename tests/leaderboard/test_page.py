"""The page in a real browser, from disk: sort, filter, pick, trace, copy, by pointer and by keyboard."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import pytest

from graph_distillery.leaderboard import build_board
from graph_distillery.leaderboard.page.packing import pack, unpack

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 812}
SCORES = {"teacher": 0.84, "majority": 0.30, "supervised": 0.60, "kd": 0.78, "glnn": 0.82}


@pytest.fixture(scope="module")
def board(tmp_path_factory, store_of):
    """Two datasets under two protocols, every control row, speeds and trials."""
    records = []
    for dataset, split in (("cora", "cpf"), ("citeseer", "public")):
        for method, base in SCORES.items():
            scores = [base + 0.004 * seed for seed in range(-4, 5)]
            records += store_of.runs(method, scores, dataset=dataset, split=split)
            if method != "majority":
                records.append(store_of.record(method, kind="speed", dataset=dataset, split=split, speed=base * 3))
        for trial in range(6):
            records.append(store_of.trial("kd", trial, 0.7 + 0.01 * trial, dataset=dataset, split=split))
    folder = tmp_path_factory.mktemp("page")
    build_board([store_of.write(folder / "store", records)], folder / "board")
    return folder / "board"


@pytest.fixture
def page(chromium, board) -> Iterator:
    """The page, opened from disk; anything on its console, any error and any request but for itself fails the test."""
    address = (board / "index.html").as_uri()
    troubles: list[str] = []
    tab = chromium.new_page()
    tab.on("console", lambda message: troubles.append(f"console: {message.text}"))
    tab.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    tab.on(
        "request", lambda request: request.url.split("#")[0] in (address, "about:blank") or troubles.append(request.url)
    )
    tab.goto(address)
    tab.wait_for_selector("html[data-ready=true]", timeout=20_000)
    yield tab
    tab.close()
    assert troubles == []


CORA = "cora-cpf-transductive-sage-mlp"


def test_the_first_screen_answers_the_question(page, names_in):
    first, second, third = page.locator("#summary > p").all_inner_texts()
    assert first.startswith("This board compares 2 methods")
    ranked = (
        "glnn has the best mean rank among mlp students of sage (1.0 on citeseer and cora; two datasets are too few"
    )
    assert f"{ranked} to say how surely)" in second
    assert "Under 0.5 ms a request" in third
    assert "no row answers" in third
    assert page.inner_text("#verdict").startswith("citeseer (transductive, public): teacher (sage) has the")
    page.select_option("#dataset", "cora")
    page.fill("#under", "1.2")  # requests take base * 1.5 ms: kd 1.17, glnn 1.23
    assert page.inner_text("#verdict").startswith("cora (transductive, cpf), under 1.2 ms: kd (sage → mlp) has the")
    assert names_in(page, "choice") == ["kd", "supervised"]
    assert page.locator("#chart .mark").count() == 4  # what is too slow is there, behind the line
    page.fill("#under", "0.1")
    assert page.inner_text("#verdict").endswith("no complete row answers.")


def test_tables_sort_and_missing_values_stay_last(page, names_in):
    page.select_option("#dataset", "cora")
    assert names_in(page, CORA) == ["teacher", "glnn", "kd", "supervised", "majority"]
    for heading, direction, expected in (
        ("Gain", "descending", ["glnn", "kd"]),
        ("Gain", "ascending", ["kd", "glnn"]),
        ("Request (ms)", "ascending", ["supervised", "kd", "glnn", "teacher", "majority"]),
    ):
        page.locator(f"#{CORA} thead button", has_text=heading).first.click()
        page.wait_for_selector(f"#{CORA} thead th[aria-sort={direction}]:has-text('{heading}')")
        assert names_in(page, CORA)[: len(expected)] == expected


def test_filter_and_pickers_narrow_what_is_shown_and_stand_in_the_address(page, names_in):
    page.select_option("#dataset", "cora")
    names_in(page, CORA)
    page.fill("#filter", "0.8")  # which stands in many cells, and in no name
    assert "No row" in page.inner_text(f"#{CORA} tbody")
    page.fill("#filter", "gln")
    assert names_in(page, CORA) == ["glnn"]
    page.select_option("#dataset", "citeseer")
    assert page.locator("section.board[data-place]:not(.overall):visible").count() == 1
    assert page.inner_text("#shown") == "1 of 2 comparisons"
    page.select_option("#protocol", "transductive, cpf")
    assert page.locator("#nothing").is_visible()
    page.reload()
    page.wait_for_selector("html[data-ready=true]")
    assert page.input_value("#dataset") == "citeseer"
    assert page.input_value("#filter") == "gln"


def test_columns_are_chosen_for_all_tables_and_kept_in_the_address(page, names_in):
    page.select_option("#dataset", "cora")
    names_in(page, CORA)
    assert page.locator(f"#{CORA} th:has-text('MACs')").count() == 0
    page.locator(f"#{CORA} details.columns summary").click()
    page.get_by_label("MACs").last.check()
    page.wait_for_selector(f"#{CORA} th:has-text('MACs')")
    assert page.locator("#choice th:has-text('MACs')").count() == 1
    page.locator(f"#{CORA} details.columns").get_by_label("Gain", exact=True).uncheck()
    assert page.locator(f"#{CORA} thead th:has-text('Gain')").count() == 0
    page.reload()
    page.wait_for_selector("html[data-ready=true]")
    names_in(page, CORA)
    assert page.locator(f"#{CORA} th:has-text('MACs')").count() == 1
    assert page.locator(f"#{CORA} thead th:has-text('Gain')").count() == 0


def test_intervals_of_a_table_stand_on_one_axis(page, names_in):
    page.select_option("#dataset", "cora")
    names_in(page, CORA)
    bars = page.locator(f"#{CORA} td[data-title='95 % interval'] svg").evaluate_all(
        "all => all.map(e => [e.getBoundingClientRect().left, e.getBoundingClientRect().width])"
    )
    assert len(bars) == 5
    assert len({tuple(each) for each in bars}) == 1
    places = page.locator(f"#{CORA} td[data-title='95 % interval'] rect.mid").evaluate_all(
        "all => all.map(e => Number(e.getAttribute('x')))"
    )
    assert places == sorted(places, reverse=True)  # as the means


def test_two_methods_are_compared_table_by_table(page):
    page.select_option("#one", "glnn")
    page.select_option("#other", "kd")
    assert "Of 2 tables that have both, glnn is significantly better in 2" in page.inner_text("#difference")
    row = page.locator("#comparing tbody tr").first.inner_text()
    assert "+4.00" in row
    assert "one is better" in row
    page.reload()
    page.wait_for_selector("html[data-ready=true]")
    assert page.input_value("#one") == "glnn"
    page.select_option("#other", "glnn")
    assert page.inner_text("#difference") == "Choose two different rows."


def test_a_method_has_a_section_with_paper_ranks_cost_command_and_stores(page):
    part = page.locator("details.method[data-method='glnn']")
    part.locator("summary").first.click()
    part.locator("tbody tr").first.wait_for()
    text = part.inner_text()
    for words in (
        "Graph-less Neural Networks",
        "ICLR 2022",
        "official_code",
        "1 of 3",
        "distillery run --dataset",
        "0000",
    ):
        assert words in text
    assert part.locator("a").first.get_attribute("href") == "https://arxiv.org/abs/2110.08727"
    assert part.locator("tbody tr").count() == 2
    kd = page.locator("details.method[data-method='kd']")
    kd.locator("summary").first.click()
    assert "0.1" in kd.locator("td[data-title='Cost of tuning (min)']").first.inner_text()  # six trials of a second


def test_an_open_row_stands_in_the_address(page, names_in):
    page.select_option("#dataset", "cora")
    names_in(page, CORA)
    page.locator(f"#{CORA} .open", has_text="kd").click()
    address = page.url
    page.keyboard.press("Escape")
    page.wait_for_function("address => location.href !== address", arg=address)  # the dialog tells of its end later
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("dialog[open]")
    assert page.inner_text("#details-title") == "kd on cora"


def test_a_row_opens_its_configuration_runs_and_command(page, board, names_in):
    page.select_option("#dataset", "cora")
    names_in(page, CORA)
    page.locator(f"#{CORA} .open", has_text="glnn").click()
    dialog = page.locator("dialog[open]")
    command = dialog.locator("pre").first.inner_text()
    assert shlex.split(command)[:6] == ["distillery", "run", "--dataset", "cora", "--method", "glnn"]
    whole = json.loads((board / "leaderboard.json").read_text())
    rows = next(each["rows"] for each in whole["comparisons"] if each["slug"] == CORA)
    assert command == next(row for row in rows if row["name"] == "glnn")["configurations"]["tuned"]["command"]
    assert dialog.locator("table").nth(1).locator("tbody tr").count() == 9
    dialog.locator(".copy").first.click()
    dialog.locator(".copy", has_text=re.compile("Copied|Selected")).first.wait_for()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")


def test_every_number_tells_what_stands_behind_it(page, names_in):
    for ref in ("citeseer", "overall-1", "choice"):
        names_in(page, page.locator(f"section[id^={ref}]").first.get_attribute("id"))
        cells = page.locator(f"section[id^={ref}] td[data-title]")
        for index in range(0, cells.count(), 7):
            cells.nth(index).hover()
            tip = page.inner_text("#tip")
            assert all(word in tip for word in ("Seeds:", "Store: 0000", "Suite version: 0.1.0", "Some CPU")), tip
    page.locator("#choice tr[data-ref] td[data-title='Accuracy']").nth(1).hover()
    assert "95 % interval of the mean" in page.inner_text("#tip")
    page.locator("#chart .mark").first.hover(force=True)
    assert "ms" in page.inner_text("#tip")
    page.locator("section[id^=citeseer] details.drawings").evaluate("e => { e.open = true; }")
    page.locator("section[id^=citeseer] figure .mark").last.hover(force=True)
    assert "%" in page.inner_text("#tip")


def test_the_keyboard_reaches_everything(page, names_in):
    page.select_option("#dataset", "cora")
    names_in(page, CORA)
    page.focus(f"#{CORA} td[tabindex='0']")
    before = page.evaluate("document.activeElement.dataset.title")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert before == "Rank"
    assert page.evaluate("document.activeElement.dataset.title") == "Accuracy"
    assert page.locator("#tip").is_visible()
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    page.keyboard.press("Enter")
    assert page.inner_text("#details-title") == "glnn on cora"
    page.keyboard.press("Escape")
    page.focus("#chart .mark[tabindex='0']")
    page.keyboard.press("ArrowRight")
    assert "ms" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('dialog[open]')?.contains(document.activeElement)")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")  # what is behind it takes no focus until then
    sorter = page.locator(f"#{CORA} thead button").first
    sorter.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#{CORA} thead th[aria-sort]")
    assert page.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')") == "ascending"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_and_reads_well(page, size, scheme, names_in):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_selector(f"html[data-theme={scheme}]")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.select_option("#dataset", "cora")
    names_in(page, CORA)
    page.locator("details.method summary").first.click()
    page.locator(f"#{CORA} .open", has_text="kd").click()
    for where in ("dialog", "page"):
        violations = axe.run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:120]) for each in violations] == [], where
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        page.keyboard.press("Escape")


def test_the_theme_button_switches(page):
    page.emulate_media(color_scheme="light")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.click("#theme")
    assert page.evaluate(colour) != light
    assert page.get_attribute("#theme", "aria-pressed") == "true"
    page.click("#theme")
    assert page.evaluate(colour) == light
    page.evaluate("localStorage.clear()")


def test_one_file_of_modest_size_that_may_load_nothing(board):
    text = (board / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    assert "default-src &#39;none&#39;" in policy[1]
    assert "connect-src &#39;none&#39;" in policy[1]
    assert "unsafe-inline" not in policy[1].split(";")[1]
    assert len(text) < 1_200_000
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["'](?!data:)""", text)
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data
    whole = json.loads((board / "leaderboard.json").read_text())
    shown = unpack(json.loads(data[1]))
    assert shown["machines"] == whole["machines"]
    for ours, theirs in zip(shown["comparisons"], whole["comparisons"], strict=True):
        for row, full in zip(ours["rows"], theirs["rows"], strict=True):
            for name, each in full["configurations"].items():
                told = row["configurations"][name]
                told["command"] = " --set ".join(told["command"])
                assert told == shortened(each)


def test_packing_loses_nothing(board):
    whole = json.loads((board / "leaderboard.json").read_text())
    assert unpack(json.loads(json.dumps(pack(whole)))) == shortened(whole)
    odd = {"a": [], "b": {}, "c": [[1, 2], [None, True, "x"]], "d": [{"e": 1}, {"e": 2}, {"e": 2.5}], "f": [{}, {}, {}]}
    assert unpack(json.loads(json.dumps(pack(odd)))) == odd


def shortened(value):
    """With floats to seven digits."""
    if isinstance(value, dict):
        return {name: shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shortened(each) for each in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value
