"""Whether a store has what the tracks of a `board.yaml` ask for: data, metric, trials, tuning seeds, report seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.read.board_file import BoardFile, Track
from graph_distillery.leaderboard.read.rows import RANKED, role_of
from graph_distillery.leaderboard.submission.findings import CellRecords, Finding
from graph_distillery.leaderboard.text import ranges
from graph_distillery.near_names import did_you_mean, nearest


def check_tracks(cells: Sequence[CellRecords], file: BoardFile) -> Iterator[Finding]:
    """Findings on every row of students; a row that fits one of several tracks of its data has none."""
    held = False
    for cell in cells:
        if not cell.reports or role_of(cell.method) not in RANKED:
            continue
        beside = [track for track in file.tracks if _holds(track, cell.reports[0])]
        tracks = [each for each in beside if role_of(cell.method) != "method" or each.shows(cell.method, beside)]
        found = [list(_against(cell, track)) for track in tracks]
        held = held or bool(tracks)
        if not tracks:
            yield Finding("look", "track", cell.name, _strange(cell.reports[0], file))
        elif found:
            yield from min(found, key=lambda each: sum(one.level == "refuse" for one in each))
    if not held:
        yield Finding("refuse", "track", "", f"no row is in a track of {file.name!r}")


def _holds(track: Track, record: Record) -> bool:
    """Methods without a teacher or without a student join every table of their data."""
    c = record.cell
    known = c.taught_by is None or c.taught_by in track.teachers
    return track.holds(c.dataset, c.split, c.setting, c.metric) and known and c.student in (*track.students, "none")


def _strange(record: Record, file: BoardFile) -> str:
    """What no track has, in a few words."""
    c = record.cell
    every = {name for track in file.tracks for name in track.datasets}
    if c.dataset not in every:
        near = nearest(c.dataset, every)
        return f"dataset {c.dataset!r} is in no track{f'; {did_you_mean(near)}' if near else ''}"
    of = [track for track in file.tracks if c.dataset in track.datasets]
    for name, value, valid in (
        ("split", c.split, [each for track in of for each in track.splits_of(c.dataset)]),
        ("setting", c.setting, [track.setting for track in of]),
        ("metric", c.metric, [track.metric for track in of]),
        ("student", c.student, [each for track in of for each in track.students]),
        ("teacher", c.taught_by or "none", [each for track in of for each in track.teachers]),
    ):
        if value not in valid:
            return f"{name} {value!r}, where tracks with {c.dataset} have {', '.join(sorted(set(valid))) or 'none'}"
    return f"no track has this dataset, split, setting, metric, teacher and student together ({c.dataset})"


def _against(cell: CellRecords, track: Track) -> Iterator[Finding]:
    wanted = set(track.report.seeds)
    if missing := wanted - {r.seed for r in cell.reports if r.status == "ok"}:
        text = f"report seeds {ranges(sorted(missing))} of track {track.name} are missing"
        yield Finding("refuse", "track", cell.name, text)
    if more := {r.seed for r in cell.reports} - wanted:
        text = f"report seeds {ranges(sorted(more))} are beyond those of track {track.name}, and will be ignored"
        yield Finding("look", "track", cell.name, text)
    if any(r.cell.test_selected for r in cell.reports):
        yield Finding("look", "track", cell.name, "chosen by test labels: it will stand apart, unranked")
    searches = [r.search for r in cell.reports if r.search is not None]
    if track.search is None:
        if cell.trials:
            yield Finding("look", "track", cell.name, f"tuned, where track {track.name} compares fixed configurations")
        return
    if not searches:
        yield Finding("look", "track", cell.name, "a fixed configuration: it will stand apart, unranked")
        return
    trials = max(search.trials for search in searches)
    if trials > track.search.trials:
        text = f"{trials} trials, where track {track.name} has {track.search.trials}"
        yield Finding("refuse", "track", cell.name, text)
    elif 0 < trials < track.search.trials:
        text = f"{trials} trials of the {track.search.trials} that track {track.name} allows"
        yield Finding("look", "track", cell.name, text)
    tuned = {r.seed for r in cell.trials}
    if tuned and tuned != set(track.search.seeds):
        has = ranges(sorted(track.search.seeds))
        text = f"tuned on seeds {ranges(sorted(tuned))}, where track {track.name} has {has}"
        yield Finding("refuse", "track", cell.name, text)
