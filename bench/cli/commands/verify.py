"""`distillery verify`: a published board against its records. Loads neither torch nor ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from graph_distillery.bench.cli.commands.leaderboard import named_stores, split_stages
from graph_distillery.bench.cli.terminal import emit, emit_json, note
from graph_distillery.bench.text import count

if TYPE_CHECKING:
    from graph_distillery.bench.sweeps.store.rescoring import Rescored


def run(
    board: Path,
    stores: Sequence[Path],
    as_json: bool,
    data: bool = False,
    declared: Path | None = None,
    since: Path | None = None,
) -> int:
    """A line per difference, and 1; or what was compared, and 0. BoardError where it cannot compare.

    data: compute the stores' scores again too, from their predictions and the datasets' labels. declared: the
    `board.yaml` that the board was built by; default: one that lies in the board, where no store is named either.
    since: the earlier version that it tells its changes since.
    """
    from graph_distillery.leaderboard.read.load import accepting
    from graph_distillery.leaderboard.text import visible
    from graph_distillery.leaderboard.verification.verify import verify_board

    own = board / "board.yaml"
    declared = own if declared is None and not stores and own.is_file() else declared
    stores = named_stores(stores, accepting(declared))
    rows, published = split_stages(stores)
    found = verify_board(board, rows, published, declared, since)
    for line in found.notes:
        note(visible(line))
    rescored = _rescored(stores) if data else {}
    wrong = [each for of_store in rescored.values() for each in of_store.wrong]
    for store, each in rescored.items():
        if each.without:
            note(f"{store}: {count(each.without, 'report run')} without predictions, whose scores stand unchecked")
    if as_json:
        of_scores = {"scores": {store: asdict(each) for store, each in rescored.items()}} if data else {}
        differences = [asdict(each) for each in found.differences]
        emit_json({"files": found.files, "differences": differences, "notes": found.notes} | of_scores)
    elif found.differences or wrong:
        for difference in (*found.differences, *wrong):
            emit(visible(" ".join(str(difference).split())))
    else:
        emit(f"{board}: {count(len(found.files), 'file')} agree with the records")
        for store, each in rescored.items():
            emit(f"{store}: the scores of {count(each.checked, 'report run')} follow from their predictions")
    return int(bool(found.differences or wrong))


def _rescored(stores: Sequence[Path]) -> dict[str, Rescored]:
    from graph_distillery.bench.sweeps import preflight
    from graph_distillery.bench.sweeps.store.rescoring import rescore  # torch, and the datasets

    return {str(store): rescore(store, preflight.data_folder(None)) for store in stores}
