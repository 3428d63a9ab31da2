"""`distillery leaderboard`: stores in, board out. Loads neither torch nor ray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.cli.text import emit, emit_json, note


def run(stores: Sequence[Path], out: Path, as_json: bool, *, plots: bool = True) -> int:
    """Build the board at `out`; BoardError where it cannot."""
    from leaderboard import build_board
    from leaderboard.text import visible

    result = build_board(stores, out, plots=plots)
    for warning in result.warnings:
        note(f"warning: {visible(warning)}")
    if as_json:
        files = [str(path) for path in result.files]
        emit_json({"board": str(result.path_readme), "files": files, "warnings": result.warnings})
    else:
        emit(str(result.path_readme))
    return 0
