"""What honest stores seldom show: copied seeds, impossible scores, times that cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.read.runs import score_of_test
from graph_distillery.leaderboard.statistics import mean
from graph_distillery.leaderboard.submission.findings import CellRecords, Finding

MOST_ABOVE_VALIDATION = 0.15
MOST_ABOVE_TEACHER = 0.10
SHORTEST_EPOCH_S = 1e-6


def check_plausibility(cells: Sequence[CellRecords], now: datetime | None = None) -> Iterator[Finding]:
    """Findings to look at, and copies to refuse."""
    floors = {_table(cell): _mean_test(cell) for cell in cells if cell.method == "majority"}
    teachers = {(*_table(cell), _models(cell)[1]): _mean_test(cell) for cell in cells if cell.method == "teacher"}
    for cell in cells:
        yield from _copies(cell)
        yield from _scores(cell, floors, teachers)
        yield from _times(cell, now or datetime.now(UTC))
        yield from _speeds(cell)
    yield from _copies_between(cells)


def _table(cell: CellRecords) -> tuple[str, ...]:
    first = (cell.reports or cell.trials or cell.speeds)[0].cell
    return (first.dataset, first.split, first.setting)


def _models(cell: CellRecords) -> tuple[str | None, str]:
    """Teacher and student; the teacher's own row has its model as the student."""
    first = (cell.reports or cell.trials or cell.speeds)[0].cell
    return first.teacher, first.student


def _mean_test(cell: CellRecords) -> float | None:
    """As the board shows it: of the majority row, the share of the test set's largest class."""
    scores = [score_of_test(cell.method, r.cell.metric, r.metrics.test) for r in cell.reports if r.metrics.test]
    return mean(scores) if scores else None


def _fine(record: Record) -> tuple[float, ...] | None:
    """Scores of many digits, which two trainings cannot share: the test set's likelihood and calibration."""
    test = record.metrics.test or {}
    fine = tuple(test[name] for name in ("nll", "ece") if name in test)
    return fine or None


def _copies(cell: CellRecords) -> Iterator[Finding]:
    if cell.method == "majority":
        return
    for selection in cell.selections:
        runs = cell.scored(selection)
        seen: dict[tuple[float, ...], int] = {}
        for run in runs:
            fine = _fine(run)
            if fine is not None and seen.setdefault(fine, run.seed) != run.seed:
                text = (
                    f"seeds {seen[fine]} and {run.seed} ({selection}) have the same test likelihood to the last digit"
                )
                yield Finding("refuse", "copied seeds", cell.name, text)
        scores = {r.metrics.test[r.cell.metric] for r in runs if r.metrics.test}
        if len(runs) > 2 and len(scores) == 1:
            text = f"{len(runs)} seeds ({selection}) with the same test score {scores.pop():.4f}"
            yield Finding("look", "copied seeds", cell.name, text)


def check_copies(own: Sequence[Record], others: Sequence[Record]) -> Iterator[Finding]:
    """Runs that claim another machine and have the very scores of the board's: a repeat that may be none."""
    known: dict[tuple[object, ...], Record] = {}
    for record in others:
        if record.kind == "report" and (fine := _fine(record)):
            known.setdefault((record.cell.id, record.seed, fine), record)
    told: set[str] = set()
    for record in own:
        c, fine = record.cell, _fine(record) if record.kind == "report" and record.cell.method != "majority" else None
        twin = known.get((c.id, record.seed, fine)) if fine else None
        if twin is None or twin.environment.fingerprint == record.environment.fingerprint or c.id in told:
            continue
        told.add(c.id)
        text = f"seed {record.seed} has the scores of the board's run on another machine to the last digit"
        yield Finding("look", "copied runs", f"{c.dataset}/{c.split} {c.student} {c.method}", text)


def _copies_between(cells: Sequence[CellRecords]) -> Iterator[Finding]:
    seen: dict[tuple[object, ...], str] = {}
    for cell in cells:
        for run in cell.reports if cell.method != "majority" else ():
            fine = _fine(run)
            if fine is None:
                continue
            first = seen.setdefault((_table(cell), run.seed, fine), cell.name)
            if first != cell.name:
                yield Finding("look", "copied rows", cell.name, f"seed {run.seed} has the very scores of {first}")
                break


def _scores(
    cell: CellRecords,
    floors: Mapping[tuple[str, ...], float | None],
    teachers: Mapping[tuple[str, ...], float | None],
) -> Iterator[Finding]:
    for selection in cell.selections:
        runs = [r for r in cell.scored(selection) if r.metrics.test]
        if not runs or cell.method == "majority":
            continue
        test = mean([(r.metrics.test or {})[r.cell.metric] for r in runs])
        val = mean([r.metrics.val[r.cell.metric] for r in runs])
        if any((r.metrics.test or {})[r.cell.metric] >= 1 for r in runs):
            yield Finding("look", "scores", cell.name, f"a perfect test score ({selection})")
        if test - val > MOST_ABOVE_VALIDATION:
            text = f"test {test:.3f} far above validation {val:.3f} ({selection})"
            yield Finding("look", "scores", cell.name, text)
        teacher, floor = teachers.get((*_table(cell), _models(cell)[0] or "")), floors.get(_table(cell))
        if teacher is not None and cell.method != "teacher" and test - teacher > MOST_ABOVE_TEACHER:
            yield Finding("look", "scores", cell.name, f"test {test:.3f} far above the teacher's {teacher:.3f}")
        if floor is not None and test < floor:
            yield Finding("look", "scores", cell.name, f"test {test:.3f} below the majority class, {floor:.3f}")


def _times(cell: CellRecords, now: datetime) -> Iterator[Finding]:
    runs = [r for r in (*cell.trials, *cell.reports) if r.status in ("ok", "pruned")]
    trained = [r for r in runs if r.timings.epochs > 0]
    fast = [r for r in trained if r.timings.train_s / r.timings.epochs < SHORTEST_EPOCH_S]
    if fast:
        text = f"{len(fast)} runs of an epoch below a microsecond"
        yield Finding("look", "times", cell.name, text)
    repeated = len(trained) - len({r.timings.train_s for r in trained})
    if cell.method != "majority" and len(trained) > 2 and repeated > len(trained) // 2:
        yield Finding(
            "look", "times", cell.name, f"{repeated} of {len(trained)} runs took the same time to the last digit"
        )
    created = [datetime.fromisoformat(r.created) for r in runs]
    if created and max(created) > now + timedelta(days=1):
        yield Finding("look", "times", cell.name, f"a record from the future, {max(created):%Y-%m-%d}")


def _speeds(cell: CellRecords) -> Iterator[Finding]:
    for record in cell.speeds:
        speed = record.speed
        if speed is None or cell.method == "majority":
            continue
        latency = speed.full_forward_ms
        if latency.p50 == 0 or (speed.params and latency.p50 < 1e-4):
            yield Finding("look", "speed", cell.name, f"a forward pass in {latency.p50:g} ms")
        if speed.request_ms and speed.request_ms.batch_1.p50 > 100 * latency.p50 > 0:
            yield Finding("look", "speed", cell.name, "one request takes over a hundred times a full forward pass")
