"""`distillery submit`: what a maintainer must look at before a store joins a board. Loads neither torch nor ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from graph_distillery.bench.cli.terminal import emit, emit_json
from graph_distillery.bench.text import count


def run(store: Path, beside: Sequence[Path], as_json: bool) -> int:
    """A line per finding; 1 where one refuses the store or a row is contradicted, else 0.

    BoardError where a store cannot be read.
    """
    from graph_distillery.bench.environment import suite_version
    from graph_distillery.leaderboard.submission import check_submission
    from graph_distillery.leaderboard.text import visible

    found = check_submission(store, beside, suite_version())
    code = int(found.refused or bool(found.contradicted))
    if as_json:
        emit_json({**asdict(found), "refused": found.refused})
        return code
    for finding in found.findings:
        place = f"{finding.where}: " if finding.where else ""
        emit(visible(" ".join(f"{finding.level}: {finding.check}: {place}{finding.text}".split())))
    for name in found.verified:
        emit(visible(" ".join(f"verified: {name}".split())))
    for name in found.contradicted:
        emit(visible(" ".join(f"look: not the row's mean: {name}".split())))
    to_judge = "for a maintainer to judge" if found.findings or code else "nothing to object to"
    verdict = "to be refused" if found.refused else to_judge
    emit(f"{store}: {count(len(found.rows), 'row')} from {', '.join(found.fingerprints)}; {verdict}")
    return code
