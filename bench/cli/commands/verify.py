"""`distillery verify`: a published board against its records. Loads neither torch nor ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from graph_distillery.bench.cli.commands.leaderboard import split_stages
from graph_distillery.bench.cli.terminal import emit, emit_json, note
from graph_distillery.bench.text import count


def run(board: Path, stores: Sequence[Path], as_json: bool) -> int:
    """A line per difference, and 1; or what was compared, and 0. BoardError where it cannot compare."""
    from graph_distillery.leaderboard.text import visible
    from graph_distillery.leaderboard.verification.verify import verify_board

    rows, published = split_stages(stores)
    found = verify_board(board, rows, published)
    for line in found.notes:
        note(visible(line))
    if as_json:
        differences = [asdict(each) for each in found.differences]
        emit_json({"files": found.files, "differences": differences, "notes": found.notes})
    elif found.differences:
        for difference in found.differences:
            emit(visible(" ".join(str(difference).split())))
    else:
        emit(f"{board}: {count(len(found.files), 'file')} agree with the records")
    return int(bool(found.differences))
