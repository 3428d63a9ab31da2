"""The page of the example board, and of a made-up one of 100 rows on 30 datasets: it fits, opens, and reads well.

The long form looks at both boards at three widths, light and dark, with axe:

    pytest -m slow -s tests/leaderboard/test_page_at_scale.py
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from graph_distillery.bench.perf.references.board_store import write_wide_store
from graph_distillery.leaderboard import build_board

EXAMPLE = Path(__file__).resolve().parents[2] / "leaderboard" / "example" / "board" / "index.html"
SIZES = {"1440": (1440, 900), "1280": (1280, 900), "375": (375, 812)}


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Path:
    """The page of 100 rows on 30 datasets with ten seeds each."""
    folder = tmp_path_factory.mktemp("wide")
    write_wide_store(folder / "store", 100, 30)
    build_board([folder / "store"], folder / "board", plots=False)
    return folder / "board" / "index.html"


def drawn(tab, page: Path, size: str = "1280") -> float:
    """Open the page with all that is drawn late drawn, and return after how many seconds it was ready."""
    tab.set_viewport_size(dict(zip(("width", "height"), SIZES[size], strict=True)))
    begin = time.perf_counter()
    tab.goto(page.as_uri())
    tab.wait_for_selector("html[data-ready=true]", timeout=60_000)
    ready = time.perf_counter() - begin
    for place in tab.locator("section.board[data-place]:visible").all():
        place.scroll_into_view_if_needed()
        place.locator("tbody tr").first.wait_for()
    return ready


def test_no_table_of_the_example_scrolls_sideways_on_a_desktop(chromium):
    """At 1280 pixels, own terms in words and a column per dataset included; no heading is cut within a short word."""
    tab = chromium.new_page()
    drawn(tab, EXAMPLE)
    found = tab.locator(".scroll[aria-label]:visible").evaluate_all(
        "all => all.map(e => [e.getAttribute('aria-label'), e.scrollWidth - e.clientWidth])"
    )
    assert len(found) >= 3 + 3 + 2  # overall, the first dataset's, the choice and the comparison of two
    assert [each for each in found if each[1] > 0] == []
    cut = tab.locator("thead th:not(.long) button:visible").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1 || e.closest('th').scrollWidth > "
        "e.closest('th').clientWidth + 1).map(e => e.textContent)"
    )
    assert cut == []
    tab.locator("#choice .open").first.click()  # a row with several configurations: each table has a name of its own
    labels = tab.locator("dialog .scroll").evaluate_all("all => all.map(e => e.getAttribute('aria-label'))")
    assert len(labels) > 4
    assert len(set(labels)) == len(labels)
    tab.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("board", ["example", "wide"])
def test_axe_finds_nothing(chromium, request, board, size, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    path = EXAMPLE if board == "example" else request.getfixturevalue("wide")
    tab = chromium.new_page()
    tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    ready = drawn(tab, path, size)
    tab.wait_for_selector(f"html[data-theme={scheme}]")
    for part in tab.locator("details.method").all()[:3]:
        part.locator("summary").first.click()
    tab.locator("#choice .open").first.click()
    for where in ("dialog", "page"):
        found = axe.run(tab).response
        assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found["violations"]] == [], where
        assert len(found["passes"]) > 15
        assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), where
        tab.keyboard.press("Escape")
    print(f"\n{board} at {size}, {scheme}: {path.stat().st_size / 1e6:.2f} MB, ready in {ready:.2f} s")
    tab.close()
    assert path.stat().st_size < 8_000_000
