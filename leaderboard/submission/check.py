"""All checks of one store, and what it would add to a board."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from graph_distillery.bench.records import read_records
from graph_distillery.leaderboard.read.board_file import read_board_file
from graph_distillery.leaderboard.read.load import Loaded, load_stores, split_conflict
from graph_distillery.leaderboard.read.runs import Placed
from graph_distillery.leaderboard.submission.beside import check_beside
from graph_distillery.leaderboard.submission.findings import Finding, cells_of
from graph_distillery.leaderboard.submission.origin import check_origin
from graph_distillery.leaderboard.submission.plausibility import check_copies, check_plausibility
from graph_distillery.leaderboard.submission.predictions import check_predictions
from graph_distillery.leaderboard.submission.protocol import check_protocol
from graph_distillery.leaderboard.submission.repeats import check_repeats
from graph_distillery.leaderboard.submission.scores import check_scores
from graph_distillery.leaderboard.submission.spaces import check_spaces
from graph_distillery.leaderboard.submission.tracks import check_tracks
from graph_distillery.leaderboard.tables.board import make_board


@dataclass(frozen=True)
class Submission:
    """The findings, the rows the store holds, and what it says of rows that a board has already."""

    findings: list[Finding]
    rows: list[str]
    verified: list[str]
    contradicted: list[str]
    fingerprints: list[str]

    @property
    def refused(self) -> bool:
        return any(finding.level == "refuse" for finding in self.findings)


def check_submission(
    store: Path, beside: Iterable[Path] = (), suite: str | None = None, declared: Path | None = None
) -> Submission:
    """Check a store, alone and beside the stores of a board; BoardError, one line, where one cannot be read.

    declared: the board's `board.yaml`, against whose tracks the store is held; a store that is to join it need not be
    among those it accepts yet.
    """
    own = load_stores([store])
    cells = cells_of(own.records)
    replaced = read_records(store).replaced
    findings = [
        *check_origin(own.records, replaced),
        *check_repeats(own.records, replaced),
        *check_spaces(store, own.records),
        *check_protocol(cells, own.records, suite),
        *check_plausibility(cells),
        *check_scores(cells),
        *(check_tracks(cells, read_board_file(declared)) if declared is not None else ()),
    ]
    others = list(beside)
    board = load_stores(others) if others else None
    findings += check_predictions(_placed(own), _placed(board) if board else ())
    fingerprints = sorted({r.environment.fingerprint for r in own.records})
    if len(fingerprints) > 1:
        findings.append(Finding("look", "machine", "", f"records of {len(fingerprints)} hardware fingerprints"))
    make_board(own)  # contradictions within the store
    verified: list[str] = []
    contradicted: list[str] = []
    if board is not None:
        findings += [*check_beside(own.records, board.records), *check_copies(own.records, board.records)]
        conflict = split_conflict([*_placed(board), *_placed(own)])
        findings += [Finding("refuse", "split", "", conflict)] if conflict else []
        for comparison in () if conflict else make_board(load_stores([*others, store])).comparisons:
            for row in comparison.rows:
                verdicts = [
                    r.agrees for r in row.repeats if r.agrees is not None and set(fingerprints) & {r.fingerprint}
                ]
                name = f"{comparison.title}: {row.key.name}"
                verified += [name] if True in verdicts else []
                contradicted += [name] if False in verdicts else []
    findings.sort(key=lambda each: (each.level != "refuse", each.where, each.check, each.text))
    return Submission(findings, [cell.name for cell in cells if cell.reports], verified, contradicted, fingerprints)


def _placed(loaded: Loaded) -> list[Placed]:
    return list(zip(loaded.records, loaded.places, strict=True))
