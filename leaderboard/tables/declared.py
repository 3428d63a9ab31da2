"""What a board's file declares, beside what the stores have of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graph_distillery.leaderboard.read.board_file import Accepted, BoardFile, Track
from graph_distillery.leaderboard.read.rows import RANKED, Row
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.tables.overall import Overall
from graph_distillery.near_names import did_you_mean, nearest

_FEW = 2  # tracks that the page's first paragraph tells of
NO_FILE = "There is no board.yaml: the stores define the tracks, each table by what most of them have."


def untold(file: BoardFile, comparisons: Sequence[Comparison], overall: Iterable[Overall]) -> list[str]:
    """A line on the datasets of a track that no store has, and on each table of one row, which joins no overall."""
    warnings = []
    declared = {name for track in file.tracks for name in track.datasets}
    undeclared = {each.data.dataset for each in comparisons} - declared
    for track in file.tracks:
        away = _away(track, comparisons)
        if away:
            near = {dataset: nearest(dataset, undeclared) for dataset, _ in away}
            asked = "".join(f"; {dataset}: {did_you_mean(found)}" for dataset, found in near.items() if found)
            names = ", ".join(f"{dataset} ({split})" for dataset, split in away)
            warnings.append(f"{track.name}: no store has {names} yet{asked}")
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


def _away(track: Track, comparisons: Sequence[Comparison]) -> list[tuple[str, str]]:
    """The datasets of a track, and their splits, that no store has."""
    found = {(each.data.dataset, each.data.split) for each in comparisons if each.track == track.name}
    wanted = [(dataset, split) for dataset in track.datasets for split in track.splits_of(dataset)]
    return [each for each in wanted if each not in found]


def brief_origin(file: BoardFile | None, comparisons: Sequence[Comparison]) -> str:
    """What a board is in two sentences; of many tracks their number, and how much of them is here."""
    if file is None or len(file.tracks) <= _FEW:
        return " ".join(origin(file))
    wanted = sum(len(track.splits_of(dataset)) for track in file.tracks for dataset in track.datasets)
    away = sum(len(_away(track, comparisons)) for track in file.tracks)
    here = f"{wanted - away if away else 'all'} of their {wanted} datasets are here"
    return f"{_name(file)} It has {len(file.tracks)} tracks, told at the end of this page; {here}."


def origin(file: BoardFile | None) -> list[str]:
    """Paragraphs on what a board is: its tracks, whose stores, whom to ask; or that the stores define it."""
    return [NO_FILE] if file is None else [_name(file), *map(_track, file.tracks), *_stores(file)]


def _name(file: BoardFile) -> str:
    told = [
        ("version", file.version),
        ("date", file.date),
        ("contact", file.contact),
        ("code", file.code),
        ("paper", file.paper),
    ]
    facts = "; ".join(f"{name}: {value}" for name, value in told if value)
    return f"{file.name}{f' ({facts})' if facts else ''}."


def _stores(file: BoardFile) -> list[str]:
    """A line for each; those of one sender of which nothing more is said share theirs, and so do those to come."""
    lines: list[str] = []
    plain: dict[str, list[str]] = {}
    away = file.away
    for store in (each for each in file.stores if each not in away):
        name = store.id or store.path or ""
        about = [each for each in (store.date, store.contact, store.code, store.paper) if each]
        if about:
            lines.append(f"Store of {store.by}: {', '.join([name, *about])}.")
        else:
            plain.setdefault(store.by, []).append(name)
    many = {by: f"{len(names)} stores" if len(names) > 1 else "Store" for by, names in plain.items()}
    told = [f"{many[by]} of {by}: {', '.join(names)}." for by, names in plain.items()]
    taken = [
        f"Taken out by hand of {each.path or each.id}: {each.taken_out}." for each in file.stores if each.taken_out
    ]
    return [*lines, *told, *taken, *_to_come(away)]


def _to_come(away: Sequence[Accepted]) -> list[str]:
    """What the stores that are planned and not there will take."""
    if not away:
        return []
    names = ", ".join(f"{each.path}{f' ({each.hours:g} h)' if each.hours else ''}" for each in away)
    hours = [each.hours for each in away if each.hours]
    rest = " beside those without an estimate" if len(hours) < len(away) else ""
    whole = f", about {sum(hours):.3g} hours of one core{rest}" if hours else ""
    return [f"Planned and not here yet{whole}: {names}."]


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
