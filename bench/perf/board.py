"""`distillery perf --board`: what a board of many records costs, each size in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from graph_distillery.bench.errors import UserError
from graph_distillery.near_names import unknown_line

if TYPE_CHECKING:
    from graph_distillery.bench.perf.timing import PerfRow

SMALL, LARGE = 20_000, 200_000
ROWS, DATASETS = 100, 30
_NAMES = ("board-seconds", "board-memory", "board-growth", "board-wide", "board-page", "board-plots", "board-import")

_BUILD = """
import json, resource, sys, time
from pathlib import Path
begin = time.perf_counter()
from graph_distillery.leaderboard import build_board
result = build_board([Path(sys.argv[1])], Path(sys.argv[2]), plots=len(sys.argv) > 3)
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
used = time.process_time()
page = (Path(sys.argv[2]) / "index.html").stat().st_size / 1e6
print(json.dumps({"seconds": seconds, "used": used, "peak": peak, "files": len(result.files), "page": page}))
"""
_IMPORT = """
import time
begin = time.perf_counter()
import graph_distillery.leaderboard as leaderboard
print(time.perf_counter() - begin)
"""


def run_board_perf(names: list[str] | None = None, small: int = SMALL, large: int = LARGE) -> list[PerfRow]:
    """Seconds and MiB of the full board without plots, its growth from the small to the large size, and the import.

    Raises:
        UserError: an unknown name.
    """
    for name in names or ():
        if name not in _NAMES:
            raise UserError(unknown_line("measurement", name, _NAMES))
    measured: dict[tuple[str, ...], Callable[[], list[PerfRow]]] = {
        _NAMES[:3]: lambda: _board_rows(small, large),
        _NAMES[3:5]: lambda: _wide_rows(plots=False),
        ("board-plots",): lambda: _wide_rows(plots=True),
        ("board-import",): lambda: [_import_row()],
    }
    rows = [row for group, measure in measured.items() if not names or set(names) & set(group) for row in measure()]
    return [row for row in rows if not names or row.name in names]


def _board_rows(small: int, large: int) -> list[PerfRow]:
    from graph_distillery.bench.perf.references.board_store import write_board_store
    from graph_distillery.bench.perf.timing import PerfRow

    found = {}
    for size in (small, large):
        with tempfile.TemporaryDirectory() as folder:
            store, board = Path(folder) / "store", Path(folder) / "board"
            count = write_board_store(store, size)
            found[size] = (count, json.loads(_child(_BUILD, str(store), str(board))))
    (few, little), (many, much) = found[small], found[large]
    growth = (much["seconds"] / many) / (little["seconds"] / few)
    detail = f"{many:,} records to {much['files']} files, without plots"
    return [
        PerfRow("board-seconds", much["seconds"], 15.0, "s", f"{detail}; {much['used']:.1f} s of processor time"),
        PerfRow("board-memory", much["peak"], 1500.0, "MB", f"peak of the process, {detail}"),
        PerfRow("board-growth", growth, 1.25, "ratio", f"time per record, {many:,} over {few:,} records"),
    ]


def _wide_rows(plots: bool) -> list[PerfRow]:
    """Many rows on many datasets: seconds and the size of the page without pictures, or seconds with them."""
    from graph_distillery.bench.perf.references.board_store import write_wide_store
    from graph_distillery.bench.perf.timing import PerfRow

    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        count = write_wide_store(store, ROWS, DATASETS)
        more = ["plots"] if plots else []
        found = json.loads(_child(_BUILD, str(store), str(Path(folder) / "board"), *more))
    detail = f"{ROWS} rows on {DATASETS} datasets, {count:,} report runs, with{'' if plots else 'out'} plots"
    used = f"{detail}; {found['used']:.1f} s of processor time"
    if plots:
        return [PerfRow("board-plots", found["seconds"], 180.0, "s", used)]
    page = PerfRow("board-page", found["page"], 8.0, "MB", f"index.html, {detail}")
    return [PerfRow("board-wide", found["seconds"], 60.0, "s", used), page]


def _import_row() -> PerfRow:
    from graph_distillery.bench.perf.timing import PerfRow

    return PerfRow("board-import", float(_child(_IMPORT)), 1.5, "s", "import leaderboard, in a fresh process")


def _child(code: str, *arguments: str) -> str:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=root).stdout
