"""What a board's file declares, beside what the stores have of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graph_distillery.leaderboard.read.board_file import BoardFile, Track
from graph_distillery.leaderboard.read.rows import RANKED, Row
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.tables.overall import Overall
from graph_distillery.near_names import did_you_mean, nearest

NO_FILE = "There is no board.yaml: the stores define the tracks, each table by what most of them have."


def untold(file: BoardFile, comparisons: Sequence[Comparison], overall: Iterable[Overall]) -> list[str]:
    """A line on each dataset of a track that no store has, or that one row alone has, so that it joins no overall."""
    warnings = []
    for track in file.tracks:
        found = {(each.data.dataset, each.data.split) for each in comparisons if each.track == track.name}
        for dataset in track.datasets:
            for split in track.splits_of(dataset):
                if (dataset, split) not in found:
                    others = {each.data.dataset for each in comparisons} - set(track.datasets)
                    near = nearest(dataset, others)
                    asked = f"; {did_you_mean(near)}" if near else ""
                    warnings.append(f"{track.name}: no store has {dataset} ({split}) yet{asked}")
    for family in overall:
        kept = {each.slug for each in family.comparisons}
        family_of = [
            each for each in comparisons
            if (each.track, each.teacher, each.student) == (family.track, family.teacher, family.student)
        ]  # fmt: skip
        warnings += [
            f"{each.title}: fewer than two complete rows, so that it joins no overall"
            for each in family_of
            if each.slug not in kept
        ]
    return warnings


def origin(file: BoardFile | None) -> list[str]:
    """Paragraphs on what a board is: its tracks, whose stores, whom to ask; or that the stores define it."""
    if file is None:
        return [NO_FILE]
    told = [
        ("version", file.version),
        ("date", file.date),
        ("contact", file.contact),
        ("code", file.code),
        ("paper", file.paper),
    ]
    facts = "; ".join(f"{name}: {value}" for name, value in told if value)
    lines = [f"{file.name}{f' ({facts})' if facts else ''}."]
    lines += [_track(track) for track in file.tracks]
    for store in file.stores:
        about = [store.id or store.path, store.date, store.contact, store.code, store.paper]
        lines.append(f"Store of {store.by}: {', '.join(each for each in about if each)}.")
    return lines


def _track(track: Track) -> str:
    from graph_distillery.leaderboard.text import ranges

    data = "; ".join(f"{name} ({', '.join(track.splits_of(name))})" for name in track.datasets)
    taught = f"{', '.join(track.teachers)} to {', '.join(track.students)}"
    models = taught if track.teachers else f"{', '.join(track.students)}, no teacher"
    search = track.search
    tuned = f"{search.trials} trials on tuning seeds {ranges(sorted(search.seeds))}" if search else "no search"
    seeds = ranges(sorted(track.report.seeds))
    return f"Track {track.name}: {data}; {track.setting}; {models}; {track.metric}; {tuned}; report seeds {seeds}."


def submissions(comparison: Comparison) -> list[tuple[str, list[Row]]]:
    """The methods that several senders brought, with their rows, verified ones first and then by score."""
    found: dict[str, list[Row]] = {}
    for row in comparison.rows:
        if row.role in RANKED and row.key.sender:
            found.setdefault(row.key.method, []).append(row)
    return [(name, sorted(rows, key=_standing)) for name, rows in found.items() if len(rows) > 1]


def _standing(row: Row) -> tuple[bool, bool, float]:
    return (not row.complete, not row.verified, -row.summary.mean if row.summary else 0.0)
