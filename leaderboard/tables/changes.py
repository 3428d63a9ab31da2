"""What changed on a board since an earlier version of it, read from the `leaderboard.json` of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.text import percent

Document = Mapping[str, Any]

_TABLE = ("track", "dataset", "split", "setting", "metric", "teacher", "student")
_SAME = 1e-9
_MOST = 6  # rows named of one kind of change in a sentence


@dataclass(frozen=True)
class Earlier:
    """An earlier version of a board: its document, and the SHA-256 of the file that holds it."""

    document: Document
    sha256: str


def read_earlier(path: Path, schema: int) -> Earlier:
    """The earlier version at ``path``, a board's folder or its `leaderboard.json`; BoardError where it is none."""
    file = path / "leaderboard.json" if path.is_dir() else path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BoardError(f"{path}: no earlier board to compare with: {error.strerror}") from None
    try:
        document = json.loads(content)
        found = document["schema"]
        tables = _tables(document)
        for table in tables.values():
            _rows(table), _title(table), table["dataset_sha256"]
        _named(_about(document) | {"sha256": ""})
    except (ValueError, LookupError, TypeError, AttributeError):
        raise BoardError(f"{path}: no earlier board to compare with: its leaderboard.json is not one") from None
    if found != schema:
        raise BoardError(f"{path}: an earlier board of schema {found}, which this version ({schema}) cannot compare")
    return Earlier(document, hashlib.sha256(content).hexdigest())


def changes(earlier: Earlier, now: Document) -> dict[str, Any]:
    """The difference as plain values: ranks as by mean, scores as fractions, tables in the board's order.

    A row is known again by its name (method, variant, sender) in its table, a table by its track, data, metric,
    teacher and student; of rows that are not ranked the rank is null.
    """
    before, after = _tables(earlier.document), _tables(now)
    tables = []
    for key, table in after.items():
        told: dict[str, Any] = {"title": _title(table), "slug": table["slug"]}
        if key not in before:
            tables.append({**told, "new": True, "added": sorted(_rows(table))})
            continue
        old, new = _rows(before[key]), _rows(table)
        told["data_changed"] = before[key]["dataset_sha256"] != table["dataset_sha256"]
        told["added"] = [{"row": name, "rank": new[name][0]} for name in sorted(new.keys() - old.keys())]
        told["removed"] = [{"row": name, "rank": old[name][0]} for name in sorted(old.keys() - new.keys())]
        pairs = [(name, old[name], new[name]) for name in sorted(new.keys() & old.keys())]
        told["moved"] = [{"row": name, "from": a[0], "to": b[0]} for name, a, b in pairs if a[0] != b[0]]
        told["scores"] = [{"row": name, "from": a[1], "to": b[1]} for name, a, b in pairs if _differ(a[1], b[1])]
        if any(told[kind] for kind in ("data_changed", "added", "removed", "moved", "scores")):
            tables.append(told)
    return {
        "since": {"sha256": earlier.sha256, **_about(earlier.document)},
        "version": _about(now),
        "declaration_changed": earlier.document.get("board") != now.get("board"),
        "tables_removed": [_title(before[key]) for key in before if key not in after],
        "tables": tables,
    }


def change_lines(found: Document) -> list[str]:
    """The difference in sentences, the first on the whole board; names as the records have them."""
    since, tables = found["since"], found["tables"]
    counts = {kind: sum(len(each.get(kind, ())) for each in tables) for kind in ("added", "removed", "moved")}
    told = ", ".join(f"{number} {_plural('row', number)} {kind}" for kind, number in counts.items() if number)
    lines = [f"Since {_named(since)}: {told or 'no row added, removed or moved'}."]
    if found["declaration_changed"]:
        lines.append(f"board.yaml says something else: {_version(since)} then, {_version(found['version'])} now.")
    if since["suite_versions"] != found["version"]["suite_versions"]:
        then, now = (", ".join(each["suite_versions"]) or "none" for each in (since, found["version"]))
        lines.append(f"Suite versions: {then} then, {now} now.")
    lines += [f"Removed table: {title}." for title in found["tables_removed"]]
    return lines + [f"{each['title']}: {_table_words(each)}." for each in tables]


def _table_words(table: Document) -> str:
    if table.get("new"):
        return f"new table, with {_few(table['added'])}"
    parts = ["other data than before"] if table["data_changed"] else []
    for kind in ("added", "removed"):
        if table[kind]:
            named = [f"{each['row']} ({_place(each['rank'])})" for each in table[kind]]
            parts.append(f"{kind} {_few(named)}")
    if table["moved"]:
        moved = [f"{each['row']} from {_place(each['from'])} to {_place(each['to'])}" for each in table["moved"]]
        parts.append(f"moved {_few(moved)}")
    if table["scores"]:
        scores = [f"{each['row']} from {percent(each['from'])} to {percent(each['to'])}" for each in table["scores"]]
        parts.append(f"other means: {_few(scores)}")
    return "; ".join(parts)


def _tables(document: Document) -> dict[tuple[Any, ...], Document]:
    return {tuple(each.get(name) for name in _TABLE): each for each in document["comparisons"]}


def _rows(table: Document) -> dict[str, tuple[float | None, float | None]]:
    """Rank and mean test score of each method and of the student alone."""
    found = {}
    for row in table["rows"]:
        if row["role"] in ("method", "supervised"):
            test = row["configurations"][row["headline"]]["test"] if row["headline"] else None
            found[str(row["name"])] = (_number(row["rank"]), _number(test["mean"] if test else None))
    return found


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _differ(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > _SAME


def _about(document: Document) -> dict[str, Any]:
    file = document.get("board") or {}
    return {
        "version": file.get("version"),
        "date": file.get("date"),
        "suite_versions": list(document["suite_versions"]),
    }


def _named(since: Document) -> str:
    told = [f"version {since['version']}"] if since["version"] else ["the earlier version"]
    told += [f"of {since['date']}"] if since["date"] else []
    return f"{' '.join(told)} (leaderboard.json SHA-256 {since['sha256'][:16]})"


def _version(about: Document) -> str:
    told = [f"version {about['version']}"] if about["version"] else []
    told += [f"of {about['date']}"] if about["date"] else []
    return " ".join(told) or "no version told"


def _title(table: Document) -> str:
    models = f"{table['teacher']} → {table['student']}" if table["teacher"] else f"{table['student']}, no teacher"
    title = f"{table['dataset']} ({table['split']}, {table['setting']}), {models}"
    return f"{table['track']}: {title}" if table.get("track") else title


def _place(rank: float | None) -> str:
    return "unranked" if rank is None else f"rank {rank:g}"


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"{', '.join(names[:_MOST])}{more}"
