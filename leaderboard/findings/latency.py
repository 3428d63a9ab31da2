"""What has the highest mean under which latency of a request, dataset by dataset."""

from __future__ import annotations

from collections.abc import Iterator

from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.requests import Timed, timed_data
from graph_distillery.leaderboard.text import NONE, number, percent, plain, table

#: Milliseconds a request; None: any.
LIMITS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, None)


def latency_table(board: Board) -> Iterator[str]:
    """A sentence and a table; the limits are those at which some dataset's leader changes."""
    data = timed_data(board)
    if not data:
        yield "No latency was measured, so nothing is said of speed."
        return
    datasets = [{limit: each.leader_under(limit) for limit in LIMITS} for each in data]
    shown = [
        limit for place, limit in enumerate(LIMITS)
        if limit is None or place == 0
        or any(found[limit] != found[LIMITS[place - 1]] for found in datasets)
    ]  # fmt: skip
    shown = [limit for limit in shown if any(found[limit] for found in datasets)]
    yield (
        "The highest mean under a latency of a request (one item, and what it reads fetched; teachers take part), with "
        "how many other rows have a 95 % interval that reaches into its own:"
    )
    several = len({each.machine for each in data}) > 1
    limits = ["any latency" if limit is None else f"under {number(limit)} ms" for limit in shown]
    header = ["data", *(["machine"] if several else []), *limits]
    lines = [
        [
            plain(f"{each.dataset}, {each.split}, {each.setting}"),
            *([_machine(board, each.machine)] if several else []),
            *(_cell(found[limit]) for limit in shown),
        ]
        for each, found in zip(data, datasets, strict=True)
        if any(found.values())
    ]
    yield table(header, lines, len(header))


def _machine(board: Board, fingerprint: str) -> str:
    """As the board lists it; two of one processor are two machines."""
    return f"{plain(board.environments[fingerprint].cpu)} `{fingerprint[:12]}`"


def _cell(best: Timed | None) -> str:
    if best is None:
        return NONE
    tied = f", {best.tied} tied" if best.tied else ""
    name = f"{plain(best.name)} as {plain(best.model)}" if best.model else plain(best.name)
    return f"{name} {percent(best.score)} ({number(best.latency_ms)} ms{tied})"
