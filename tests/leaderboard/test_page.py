"""The page in a real browser, from disk: sort, filter, pick, trace, copy, by pointer and by keyboard."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator

import pytest

from graph_distillery.leaderboard import build_board, load_stores, make_board
from graph_distillery.leaderboard.page.overall import OVERALL, overall_section

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
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


@pytest.fixture(scope="module")
def chromium(require_or_skip, tmp_path_factory) -> Iterator:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        require_or_skip("chromium", "no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")), executable_path=found, args=list(FLAGS), viewport=DESKTOP
        )
        yield context
        context.close()


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


def names(page, slug: str) -> list[str]:
    return [text.strip() for text in page.locator(f"#{slug} tbody button").all_inner_texts()]


CORA = "cora-cpf-transductive-sage-mlp"


def test_tables_sort_and_missing_values_stay_last(page):
    assert names(page, CORA) == ["teacher", "glnn", "kd", "supervised", "majority"]
    for heading, direction, expected in (
        ("Gain", "descending", ["glnn", "kd"]),
        ("Gain", "ascending", ["kd", "glnn"]),
        ("Latency (ms)", "descending", ["teacher", "glnn", "kd", "supervised", "majority"]),
    ):
        page.locator(f"#{CORA} thead th", has_text=heading).first.click()
        page.wait_for_selector(f"#{CORA} thead th[aria-sort={direction}]:has-text('{heading}')")
        assert names(page, CORA)[: len(expected)] == expected


def test_filter_and_pickers_narrow_what_is_shown_and_stand_in_the_address(page):
    page.fill("#filter", "0.8")  # which stands in many cells, and in no name
    assert "No method" in page.inner_text(f"#{CORA} tbody")
    page.fill("#filter", "gln")
    assert names(page, CORA) == ["glnn"]
    page.select_option("#dataset", "citeseer")
    assert page.locator("section.board:visible").count() == 1
    assert page.inner_text("#shown") == "1 of 2 comparisons"
    page.select_option("#protocol", "transductive, cpf")
    assert page.locator("#nothing").is_visible()
    page.reload()
    page.wait_for_selector("html[data-ready=true]")
    assert page.input_value("#dataset") == "citeseer"
    assert page.input_value("#filter") == "gln"


def test_an_open_row_stands_in_the_address(page):
    page.locator(f"#{CORA} .open", has_text="kd").click()
    address = page.url
    page.keyboard.press("Escape")
    page.wait_for_function("address => location.href !== address", arg=address)  # the dialog tells of its end later
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("dialog[open]")
    assert page.inner_text("#details-title") == "kd on cora"


def test_a_row_opens_its_configuration_runs_and_command(page, board):
    page.locator(f"#{CORA} .open", has_text="glnn").click()
    dialog = page.locator("dialog[open]")
    command = dialog.locator("pre").first.inner_text()
    assert shlex.split(command)[:6] == ["distillery", "run", "--dataset", "cora", "--method", "glnn"]
    assert dialog.locator("table").nth(1).locator("tbody tr").count() == 9
    dialog.locator(".copy").first.click()
    dialog.locator(".copy", has_text=re.compile("Copied|Selected")).first.wait_for()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")


def test_every_number_tells_what_stands_behind_it(page):
    for ref in ("cora", "overall"):
        cells = page.locator(f"section[id^={ref}] td[data-title]")
        for index in range(0, cells.count(), 7):
            cells.nth(index).hover()
            tip = page.inner_text("#tip")
            assert all(word in tip for word in ("Seeds:", "Store: 0000", "Suite version: 0.1.0", "Some CPU")), tip
    page.locator(f"#{CORA} tr[data-ref] td[data-title='Accuracy']").nth(1).hover()
    assert "95 % interval of the mean" in page.inner_text("#tip")
    page.locator(f"#{CORA} .mark").first.hover(force=True)
    assert "ms" in page.inner_text("#tip")


def test_the_keyboard_reaches_everything(page):
    page.focus(f"#{CORA} td[tabindex='0']")
    before = page.evaluate("document.activeElement.dataset.title")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert before == "Rank"
    assert page.evaluate("document.activeElement.dataset.title") == "Group"
    assert page.locator("#tip").is_visible()
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tip"
    page.keyboard.press("Enter")
    assert page.inner_text("#details-title") == "glnn on cora"
    page.keyboard.press("Escape")
    page.focus(f"#{CORA} svg.picture .mark[tabindex='0']")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')")
    sorter = page.locator(f"#{CORA} thead [tabindex='0']").first
    sorter.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(f"#{CORA} thead th[aria-sort]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits_and_reads_well(page, size, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_selector(f"html[data-theme={scheme}]")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
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
    shown = json.loads(data[1])
    assert shown["machines"] == whole["machines"]
    for ours, theirs in zip(shown["comparisons"], whole["comparisons"], strict=True):
        for row, full in zip(ours["rows"], theirs["rows"], strict=True):
            assert row["configurations"] == full["configurations"]


HOSTILE = "'\"></script><script>pwned=1</script><img src=x onerror=pwned=1>\u202e{{7*7}}"


def test_hostile_names_do_nothing_in_the_browser(chromium, store_of, tmp_path):
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
        tab.locator("section:not(.overall) td[data-title='Accuracy']").nth(index).hover()
        tab.locator(".open").nth(index).click()
        assert tab.locator("dialog pre").first.inner_text().startswith("distillery run")
        tab.keyboard.press("Escape")
    tab.locator(".mark").first.hover(force=True)
    tab.locator(".pick").first.click()
    tab.select_option("#dataset", index=1)
    assert tab.evaluate("typeof pwned") == "undefined"
    assert tab.locator("img").count() == 0
    assert "\u202e" not in tab.inner_text("body")
    tab.close()
    assert troubles == []


def test_what_reads_the_same_is_best_alike_over_all_datasets(store_of, tmp_path):
    """glnn's mean gain is a thousandth of a point above kd's, and both read +20.00: no winner of rounding."""
    scores = {"supervised": 0.5, "kd": 0.7, "glnn": 0.70001, "krd": 0.6}
    records = [record for method, score in scores.items() for record in store_of.runs(method, [score] * 2)]
    overall = make_board(load_stores([store_of.write(tmp_path / "store", records)])).overall[0]
    column = next(place for place, each in enumerate(OVERALL) if each.title == "Mean gain")
    lines = overall_section(overall, 1, []).lines
    assert {line.name: (line.cells[column].text, line.cells[column].best) for line in lines} == {
        "glnn": ("+20.00", True), "kd": ("+20.00", True), "krd": ("+10.00", False), "supervised": ("–", False),
    }  # fmt: skip
