"""What a board says in three sentences: what it is, what leads on accuracy, what leads under a latency; how sure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from graph_distillery.leaderboard.read.rows import RANKED
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.declared import brief_origin
from graph_distillery.leaderboard.tables.overall import Overall, OverallRow
from graph_distillery.leaderboard.tables.requests import Timed, TimedData, timed_data
from graph_distillery.leaderboard.text import number, percent

_MOST = 4  # names in one enumeration
_LONG = 40  # letters of a name
_NUMBERS = {2: "two", 3: "three"}


def summary(board: Board) -> list[str]:
    """Three paragraphs of plain words; names as the records have them, to be escaped by whoever shows them."""
    return [_what(board), _accuracy(board), _latency(board)]


def brief(name: str) -> str:
    """A name for a sentence, cut in the middle where it is long."""
    return name if len(name) <= _LONG else f"{name[: _LONG // 2]}…{name[1 - _LONG // 2 :]}"


def few(names: Sequence[str], most: int = _MOST, last: str = "and") -> str:
    """Names in a row: the first few, and how many more there are."""
    if len(names) > most:
        return f"{', '.join(names[:most])} {last} {len(names) - most} more"
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)


def _what(board: Board) -> str:
    rows = [row for each in board.comparisons for row in each.rows if row.role in RANKED]
    methods = {row.key.method for row in rows if row.role == "method"}
    datasets = [brief(name) for name in dict.fromkeys(each.data.dataset for each in board.comparisons)]
    seeds = sorted({len(each.shared_seeds) for each in board.comparisons if each.shared_seeds})
    budgets = sorted({budget for row in rows if row.headline for budget in row.headline.budgets})
    tuned = f"tuned with {few(budgets)} each" if budgets else "at fixed configurations"
    runs = "" if not seeds else f" and run on {_range(seeds)} report seeds"
    return (
        f"This board compares {_count(len(methods), 'method')} of distilling a trained graph network into a smaller or "
        f"faster one, on {few(datasets)}: {tuned}{runs}, and judged on test labels {_seen(board)}. "
        f"{brief_origin(board.file, board.comparisons)}"
    )


def _seen(board: Board) -> str:
    """How far these labels were sealed, of the table that is worst."""
    shares = [each.seen_in_tuning for each in board.comparisons if each.shared_seeds]
    if any(share is None for share in shares):
        return "(not all records tell whether tuning had read them)"
    most = max((share[1] for share in shares if share), default=0.0)
    return f"of which tuning had read up to {100 * most:.0f} %" if most else "that tuning never read"


def _accuracy(board: Board) -> str:
    families = [each for each in board.overall if each.rows]
    families.sort(key=lambda each: (-len(each.comparisons) * len(each.rows), each.title))
    parts = [_family(each) for each in families[:3]]
    more = f"; {len(families) - 3} more families stand below" if len(families) > 3 else ""
    lead = f"On accuracy, {'; '.join(parts)}{more}. " if parts else ""
    tables = [each for each in board.comparisons if len(each.standings) > 1]
    single = sum(any(each.verdict == "best" for each in table.standings.values()) for table in tables)
    if not tables:
        return f"{lead}No table has two complete rows to compare.".strip()
    if single == len(tables):
        sure = f"In all {len(tables)} tables one row is better than all others"
    elif single:
        sure = f"In {single} of {len(tables)} tables one row is better than all others; in the rest the first are tied"
    else:
        sure = f"In none of {_count(len(tables), 'table')} is one row better than all others: the first are tied"
    return f"{lead}{sure} (5 %, adjusted for all pairs of a table)."


def _family(overall: Overall) -> str:
    taught = f"{overall.student} students of {overall.teacher}" if overall.teacher else f"{overall.student} students"
    first, others = overall.rows[0], overall.rows[1:]
    if not others:
        return f"{brief(first.key.name)} alone is complete among {taught}"
    if first.rank.low is None:
        shared = [brief(row.key.name) for row in overall.rows if row.mean_rank == first.mean_rank]
        have = "has" if len(shared) == 1 else "share"
        return f"{few(shared)} {have} the best mean rank among {taught} ({first.mean_rank:.1f} {_unsure(overall)})"
    over = f"over {overall.datasets} datasets"
    tied = [brief(row.key.name) for row in others if _overlap(first, row)]
    if len(tied) == len(others):
        sure = "and no other is clearly behind"
    else:
        sure = f"not clearly before {few(tied, 3)}" if tied else "clearly before all others"
    return f"{brief(first.key.name)} has the best mean rank among {taught} ({first.mean_rank:.1f} {over}, {sure})"


def _unsure(overall: Overall) -> str:
    """On how few datasets, and that these do not tell how surely."""
    names = [brief(name) for name in dict.fromkeys(each.data.dataset for each in overall.comparisons)]
    few_of = "one dataset is" if len(names) == 1 else f"{_NUMBERS[len(names)]} datasets are"
    return f"on {few(names)}; {few_of} too few to say how surely"


def _overlap(one: OverallRow, other: OverallRow) -> bool:
    if one.rank.high is None or other.rank.low is None:
        return True
    return other.rank.low <= one.rank.high


def _latency(board: Board) -> str:
    data = timed_data(board)
    if not data:
        return "No latency was measured, so nothing is said of speed."
    limit = _limit(data)
    best = [(each, each.leader_under(limit)) for each in data]
    found = [f"{_told(leader)} on {brief(each.dataset)}" for each, leader in best if leader is not None]
    unit = f"Under {number(limit)} ms a request (one item, and what it reads fetched)"
    machines = list(dict.fromkeys(each.machine[:12] for each in data))
    if not found:
        return f"{unit} no row answers on machine {few(machines)}."
    differ = "" if len(machines) == 1 else " Tables that were timed on different machines are told apart."
    near = "Tied are rows whose 95 % intervals reach into its own."
    return f"{unit} the highest means are {few(found, 6)}. {near}{differ}"


def _told(best: Timed) -> str:
    tied = f"; {best.tied} tied" if best.tied else ""
    name = f"{brief(best.name)} as {best.model}" if best.model else brief(best.name)
    return f"{name} ({percent(best.score)} %, {number(best.latency_ms)} ms{tied})"


def _limit(data: Iterable[TimedData]) -> float:
    """The largest of 1, 2, 5, 10 ... ms that is at most half of what the median row takes among the teachers, or
    among all rows where no teacher was timed."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for each in data:
        for row in (row for table in each.tables for row in table.rows):
            speed = row.speed.get(each.machine)
            if speed and speed.request_ms:
                times[row.role == "teacher"].append(speed.request_ms)
    half = statistics.median(times[True] or times[False]) / 2
    steps = [digit * 10.0**power for power in range(-6, 7) for digit in (1, 2, 5)]
    return max((step for step in steps if step <= half), default=half)


def _count(number_of: int, what: str) -> str:
    return f"{number_of} {what}{'' if number_of == 1 else 's'}"


def _range(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
