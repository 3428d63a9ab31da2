"""The README's picture, a photograph of the published board: `make picture`.

The picture names the board it was taken of, so that a test can tell when it is out of date; the numbers of a board
are in its `leaderboard.json`, and fonts differ from machine to machine.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
from pathlib import Path
from urllib.parse import urlencode

from graph_distillery.bench.errors import UserError

_ROOT = Path(__file__).resolve().parents[2]
BOARD = _ROOT / "leaderboard" / "board"
PICTURE = _ROOT / "docs" / "board.png"
#: What the page is set to: one dataset under a latency.
SHOWN = {"dataset": "cora", "under": "0.2"}
#: The PNG's text chunk that holds the SHA-256 of the board's leaderboard.json.
KEY = "leaderboard.json"

_WIDTH, _SCALE = 1320, 1.5  # the whole table in CSS pixels; finer, for screens that are
_BELOW = 8  # CSS pixels left under what is shown
_LAST = """() => document.getElementById("choice").getBoundingClientRect().bottom"""


def board_digest(board: Path) -> str:
    """SHA-256 of the numbers of a board."""
    return hashlib.sha256((board / "leaderboard.json").read_bytes()).hexdigest()


def pictured(picture: Path) -> str | None:
    """`board_digest` of the board that a picture was taken of; None where it names none."""
    from PIL import Image

    with Image.open(picture) as image:
        digest = image.info.get(KEY)
    return digest if isinstance(digest, str) else None


def photograph(board: Path, picture: Path, shown: dict[str, str]) -> None:
    """Open the board's page in Chromium and keep it, from its head to the end of the first table, as a PNG.

    shown: the page's pickers, as in its address.

    Raises:
        UserError: there is no Chromium here, or no row of the board answers what is to be shown.
    """
    from PIL import Image, PngImagePlugin
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise UserError("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": _WIDTH, "height": 900}, device_scale_factor=_SCALE)
        page.goto(f"{(board / 'index.html').resolve().as_uri()}#{urlencode(shown)}")
        page.wait_for_selector("html[data-ready=true]")
        if not page.locator("#choice tbody button").count():
            raise UserError(f"no row of {board} answers {urlencode(shown)}, which the picture is to show")
        height = page.evaluate(_LAST) + _BELOW
        taken = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": _WIDTH, "height": height})
        browser.close()
    chunk = PngImagePlugin.PngInfo()
    chunk.add_text(KEY, board_digest(board))
    with Image.open(io.BytesIO(taken)) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(picture, optimize=True, pnginfo=chunk)


if __name__ == "__main__":
    try:
        photograph(BOARD, PICTURE, SHOWN)
    except UserError as error:
        sys.exit(f"graph_distillery.bench.documents.picture: {error}")
