"""What honest stores seldom show: copied seeds, impossible scores, times that cannot be."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.read.runs import score_of_test
from graph_distillery.leaderboard.statistics import mean
from graph_distillery.leaderboard.submission.findings import CellRecords, Finding, place_of

COPY = 1e-5  # of likelihood and calibration, relative; honest seeds differ by a hundredth
MOST_ABOVE_VALIDATION = 0.15
MOST_ABOVE_TEACHER = 0.10
MOST_OPTIMISM = 0.10
MOST_BELOW_MAJORITY = 0.02
SHORTEST_EPOCH_S = 1e-6


def check_plausibility(cells: Sequence[CellRecords], now: datetime | None = None) -> Iterator[Finding]:
    """Findings to look at, and copies to refuse."""
    floors = {_table(cell): _mean_test(cell) for cell in cells if cell.method == "majority"}
    teachers = {(*_table(cell), _models(cell)[1]): _mean_test(cell) for cell in cells if cell.method == "teacher"}
    students = {(*_table(cell), _models(cell)[1]): _mean_test(cell) for cell in cells if cell.method == "supervised"}
    for cell in cells:
        yield from _copies(cell)
        yield from _optimism(cell)
        yield from _scores(cell, floors, teachers, students)
        yield from _times(cell, now or datetime.now(UTC))
        yield from _speeds(cell)
    yield from _copies_between(cells)


def _table(cell: CellRecords) -> tuple[str, ...]:
    first = (cell.reports or cell.trials or cell.speeds)[0].cell
    return (first.dataset, first.split, first.setting)


def _models(cell: CellRecords) -> tuple[str | None, str]:
    """Teacher and student; the teacher's own row has its model as the student."""
    first = (cell.reports or cell.trials or cell.speeds)[0].cell
    return first.taught_by, first.student


def _mean_test(cell: CellRecords) -> float | None:
    """As the board shows it: of the majority row, the share of the test set's largest class."""
    scores = [score_of_test(cell.method, r.cell.metric, r.metrics.test) for r in cell.reports if r.metrics.test]
    return mean(scores) if scores else None


def _fine(record: Record) -> tuple[float, ...] | None:
    """Scores of many digits, which two trainings cannot share: the test set's likelihood and calibration."""
    test = record.metrics.test or {}
    fine = tuple(test[name] for name in ("nll", "ece") if name in test)
    return fine or None


def _alike(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether two runs' likelihood and calibration are the same but for a touch: no two trainings come that near."""
    slack = COPY if len(one) > 1 else COPY**2
    return len(one) == len(other) and all(
        abs(a - b) <= slack * max(abs(a), abs(b), 1e-9) for a, b in zip(one, other, strict=True)
    )


def _copies(cell: CellRecords) -> Iterator[Finding]:
    """Seeds that are the same run; label propagation, which trains nothing, is the same run on the same split.

    Seeds with the very same scores and predictions are a method without randomness, on one split: of copies that hide
    that they are, one of the two differs. They are told by their one score.
    """
    if _untrained(cell):
        return
    for selection in cell.selections:
        runs = sorted(((fine, r.seed) for r in cell.scored(selection) if (fine := _fine(r))), key=lambda each: each[0])
        told = {r.seed: r.predictions_sha256 for r in cell.scored(selection)}
        pairs = [
            (min(a, b), max(a, b))
            for (one, a), (other, b) in itertools.pairwise(runs)
            if a != b and _alike(one, other) and not (one == other and told[a] is not None and told[a] == told[b])
        ]
        if pairs:
            text = (
                f"seeds {pairs[0][0]} and {pairs[0][1]} ({selection}) have the same test likelihood and calibration, "
                f"as have {len(pairs)} such pairs"
            )
            yield Finding("refuse", "copied seeds", cell.name, text)
        scores = {r.metrics.test[r.cell.metric] for r in cell.scored(selection) if r.metrics.test}
        if len(cell.scored(selection)) > 2 and len(scores) == 1:
            text = f"{len(cell.scored(selection))} seeds ({selection}) with the same test score {scores.pop():.4f}"
            yield Finding("look", "copied seeds", cell.name, text)


def _untrained(cell: CellRecords) -> bool:
    """Whether there is no student to train: the majority class, label propagation."""
    return _models(cell)[1] == "none"


def check_copies(own: Sequence[Record], others: Sequence[Record]) -> Iterator[Finding]:
    """Runs that claim another machine and have the very scores of the board's: a repeat that may be none."""
    known: dict[tuple[object, ...], list[Record]] = {}
    for record in others:
        if record.kind == "report" and _fine(record):
            known.setdefault((record.cell.id, record.seed), []).append(record)
    told: set[str] = set()
    for record in own:
        c, fine = record.cell, _fine(record) if record.kind == "report" and record.cell.student != "none" else None
        for twin in known.get((c.id, record.seed), ()) if fine else ():
            other = _fine(twin)
            if fine is None or other is None or not _alike(fine, other) or c.id in told:
                continue
            if twin.environment.fingerprint != record.environment.fingerprint:
                told.add(c.id)
                text = f"seed {record.seed} has the scores of the board's run on another machine"
                exact = fine == other
                note = "to the last digit" if exact else "but for a touch, which no two machines give"
                yield Finding("look" if exact else "refuse", "copied runs", place_of(record), f"{text} {note}")


def _copies_between(cells: Sequence[CellRecords]) -> Iterator[Finding]:
    """Two rows with the same runs: a winner that is another method's, or a copy under another name."""
    seen: dict[tuple[object, ...], list[tuple[tuple[float, ...], str]]] = {}
    for cell in cells:
        for run in () if _untrained(cell) else cell.reports:
            fine = _fine(run)
            # Without its own term a method is the one that remains, at the published defaults for one.
            if fine is None or (run.search is not None and run.search.selection == "ablated"):
                continue
            known = seen.setdefault((_table(cell), run.seed), [])
            first = next((name for other, name in known if name != cell.name and _alike(fine, other)), None)
            if first is not None:
                yield Finding("look", "copied rows", cell.name, f"seed {run.seed} has the very scores of {first}")
                break
            known.append((fine, cell.name))


def _scores(
    cell: CellRecords,
    floors: Mapping[tuple[str, ...], float | None],
    teachers: Mapping[tuple[str, ...], float | None],
    students: Mapping[tuple[str, ...], float | None],
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
        alone = students.get((*_table(cell), _models(cell)[1]))
        if teacher is not None and cell.method != "supervised" and alone is not None:
            teacher = max(teacher, alone)  # a student that is better without it is no wonder with it
        if teacher is not None and cell.method != "teacher" and test - teacher > MOST_ABOVE_TEACHER:
            yield Finding("look", "scores", cell.name, f"test {test:.3f} far above the teacher's {teacher:.3f}")
        if floor is not None and test < floor - MOST_BELOW_MAJORITY:
            yield Finding("look", "scores", cell.name, f"test {test:.3f} below the majority class, {floor:.3f}")


def _optimism(cell: CellRecords) -> Iterator[Finding]:
    """The best of many trials is a little too good; by much more, its validation scores are not what training gave."""
    runs = [r for r in cell.scored("tuned") if r.metrics.val]
    if not runs:
        return
    own = [r.metrics.val[r.cell.metric] for r in cell.trials if r.status == "ok" and r.hparams == runs[0].hparams]
    again = mean([r.metrics.val[r.cell.metric] for r in runs])
    if own and abs(mean(own) - again) > MOST_OPTIMISM:
        text = f"validation {mean(own):.3f} in the search, {again:.3f} on the report seeds"
        yield Finding("look", "validation", cell.name, text)


def _times(cell: CellRecords, now: datetime) -> Iterator[Finding]:
    runs = [r for r in (*cell.trials, *cell.reports) if r.status in ("ok", "pruned")]
    trained = [r for r in runs if r.timings.epochs > 0 and r.repeats is None]
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
