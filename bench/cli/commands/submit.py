"""`distillery submit`: what a maintainer must look at before a store joins a board. Loads neither torch nor ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from graph_distillery.bench.cli.terminal import emit, emit_json
from graph_distillery.bench.text import count

if TYPE_CHECKING:
    from graph_distillery.bench.cli.rerun import Rerun


def run(
    store: Path, beside: Sequence[Path], as_json: bool, again: int = 0, seed: int = 0, declared: Path | None = None
) -> int:
    """A line per finding; 1 where one refuses the store or a row is contradicted, else 0.

    again, seed: train so many report runs once more, drawn by the seed; one that does not agree refuses the store.
    declared: the `board.yaml` of the board, whose tracks the store is held against.
    BoardError where a store cannot be read.
    """
    from graph_distillery.bench.environment import suite_version
    from graph_distillery.leaderboard.submission import check_submission
    from graph_distillery.leaderboard.text import visible

    found = check_submission(store, beside, suite_version(), declared)
    reruns = _reruns(store, again, seed) if again else []
    refused = found.refused or any(not each.agrees for each in reruns)
    code = int(refused or bool(found.contradicted))
    if as_json:
        trained = {"reruns": [{**asdict(each), "agrees": each.agrees} for each in reruns]} if again else {}
        emit_json({**asdict(found), "refused": refused} | trained)
        return code
    for finding in found.findings:
        place = f"{finding.where}: " if finding.where else ""
        emit(visible(" ".join(f"{finding.level}: {finding.check}: {place}{finding.text}".split())))
    for name in found.verified:
        emit(visible(" ".join(f"verified: {name}".split())))
    for name in found.contradicted:
        emit(visible(" ".join(f"look: not the row's mean: {name}".split())))
    for each in reruns:
        emit(visible(" ".join(f"{'rerun' if each.agrees else 'refuse: rerun'}: {each}".split())))
    to_judge = "for a maintainer to judge" if found.findings or code else "nothing to object to"
    verdict = "to be refused" if refused else to_judge
    emit(f"{store}: {count(len(found.rows), 'row')} from {', '.join(found.fingerprints)}; {verdict}")
    return code


def _reruns(store: Path, again: int, seed: int) -> list[Rerun]:
    from graph_distillery.bench.cli.rerun import rerun  # torch, and the datasets

    return rerun(store, again, seed)
