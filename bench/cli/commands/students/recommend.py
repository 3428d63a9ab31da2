"""`distillery recommend`: the best student of a store under a latency or a size. Loads neither torch nor ray."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from graph_distillery.bench.cli.terminal import emit, emit_json, table
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record, RecordError, read_records
from graph_distillery.bench.records.packing import is_packed
from graph_distillery.bench.students.card import FOLDER, saved_in, student_id
from graph_distillery.bench.sweeps.store.files import SPEC, read_facts
from graph_distillery.near_names import unknown_line


@dataclass(frozen=True)
class Limits:
    """Most milliseconds of a request for one item, by the median; most parameters. None: no limit."""

    latency_ms: float | None = None
    parameters: int | None = None

    def __str__(self) -> str:
        said = [f"at most {self.latency_ms:g} ms a request"] if self.latency_ms is not None else []
        said += [f"at most {self.parameters:,} parameters"] if self.parameters is not None else []
        return " and ".join(said) or "any latency and size"


@dataclass(frozen=True)
class Candidate:
    """A cell's shown configuration. score, std: of its report runs; slowest_ms: the slowest of the rounds; tied: the
    test does not tell it from the best; record: its report run with the best validation score."""

    dataset: str
    split: str
    setting: str
    method: str
    variant: str
    student: str
    teacher: str | None
    selection: str
    metric: str
    score: float
    std: float
    seeds: int
    latency_ms: float
    slowest_ms: float
    parameters: int
    record: str
    saved: str | None
    p: float | None = None
    tied: bool = False


@dataclass(frozen=True)
class Recommendation:
    """Of each dataset, split and setting of a store the students under the limits, the best first; where there is
    none the fastest student is among `missed`."""

    ranked: tuple[tuple[Candidate, ...], ...]
    missed: tuple[Candidate, ...]


def recommended(store: Path, limits: Limits, dataset: str | None = None) -> Recommendation:
    """Read off a store's records.

    Raises:
        UserError: there is no store, no such dataset in it, or no student with report runs and a latency.
    """
    read_facts(store)
    try:
        records = read_records(store).records
    except RecordError as error:
        raise UserError(str(error)) from None
    runs = _runs(records)
    names = sorted({record.cell.dataset for each in runs.values() for record in each})
    if dataset is not None and dataset not in names:
        raise UserError(f"--dataset: {unknown_line('dataset of this store', dataset, names)}")
    found = [c for c in _candidates(store, records, runs) if dataset in (None, c.dataset)]
    if not found:
        raise UserError(f"{store}: has no student with report runs and a latency yet; its sweep makes them")
    answers, missed = [], []
    for place in sorted({(c.dataset, c.split, c.setting) for c in found}):
        rivals = [c for c in found if (c.dataset, c.split, c.setting) == place]
        fitting = [c for c in rivals if _fits(c, limits)]
        if fitting:
            answers.append(tuple(_judged(fitting, runs)))
        else:
            missed.append(min(rivals, key=lambda c: c.latency_ms))
    return Recommendation(tuple(answers), tuple(missed))


def run(store: Path, limits: Limits, dataset: str | None, as_json: bool) -> int:
    """Print the best of every dataset and what ties with it; 1 where none is under the limits."""
    found = recommended(store, limits, dataset)
    if as_json:
        told = [{**asdict(c), "command": command(store, c)} for ranked in found.ranked for c in ranked]
        missed = [asdict(c) for c in found.missed]
        emit_json({"store": str(store), "limits": asdict(limits), "students": told, "none": missed})
    else:
        for ranked in found.ranked:
            _tell(store, ranked, limits)
        for least in found.missed:
            emit(
                f"{least.dataset} {least.split}: no student with {limits}; the fastest is {least.method} "
                f"{least.student}, {least.latency_ms:.3f} ms, {least.parameters:,} parameters"
            )
    return 0 if found.ranked else 1


def command(store: Path, best: Candidate) -> str:
    """What saves the student, ready to be pasted; where it is saved already, what predicts by it."""
    if best.saved is not None:
        return shlex.join(["distillery", "predict", str(store / FOLDER / best.saved), "--dataset", best.dataset])
    facts = read_facts(store)
    words = ["distillery", "sweep", str(store / SPEC)]
    if is_packed(store):  # only read; its sweep is carried out anew
        return shlex.join([*words, "--out", f"{store}-again", "--save-students", "best"])
    words += ["--out", str(store), "--save-students", best.record]
    words += ["--cells", facts.part] if facts.part else []
    words += ["--data", facts.data_dir] if facts.data_dir else []
    return shlex.join(words)


def _runs(records: Sequence[Record]) -> dict[tuple[str, str], list[Record]]:
    """Finished report runs by cell and selection; of each cell the tuned configuration, where there is one."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        selection = record.search.selection if record.search else None
        control = record.cell.method in ("teacher", "majority", "label-propagation")
        if record.kind == "report" and record.status == "ok" and selection not in (None, "ablated") and not control:
            found.setdefault((record.cell.id, str(selection)), []).append(record)
    tuned = {cell for cell, selection in found if selection != "default"}
    return {key: runs for key, runs in found.items() if key[1] != "default" or key[0] not in tuned}


def _candidates(
    store: Path, records: Sequence[Record], runs: Mapping[tuple[str, str], list[Record]]
) -> list[Candidate]:
    speeds = {
        (record.cell.id, str(record.search.selection)): record.speed
        for record in records
        if record.kind == "speed" and record.status == "ok" and record.search
    }
    saved, found = saved_in(store), []
    for key, reports in runs.items():
        speed = speeds.get(key)
        if speed is None or speed.request_ms is None:
            continue
        best = max(reports, key=lambda record: (record.metrics.val[record.cell.metric], -record.seed))
        cell, scores = best.cell, list(_scores(reports).values())
        centre = math.fsum(scores) / len(scores)
        spread = math.sqrt(math.fsum((s - centre) ** 2 for s in scores) / (len(scores) - 1)) if len(scores) > 1 else 0.0
        rounds = speed.rounds.request_ms if speed.rounds else ()
        found.append(
            Candidate(
                cell.dataset, cell.split, cell.setting, cell.method, cell.variant, cell.student, cell.teacher, key[1],
                cell.metric, centre, spread, len(scores), speed.request_ms.batch_1.p50,
                max(rounds, default=speed.request_ms.batch_1.p50), speed.params, best.id,
                next((name for name in (student_id(record) for record in _best_first(reports)) if name in saved), None),
            )
        )  # fmt: skip
    return found


def _best_first(reports: Sequence[Record]) -> list[Record]:
    return sorted(reports, key=lambda record: (-record.metrics.val[record.cell.metric], record.seed))


def _scores(reports: Sequence[Record]) -> dict[int, float]:
    return {r.seed: (r.metrics.test or {})[r.cell.metric] for r in sorted(reports, key=lambda r: r.seed)}


def _fits(candidate: Candidate, limits: Limits) -> bool:
    fast = limits.latency_ms is None or candidate.latency_ms <= limits.latency_ms
    return fast and (limits.parameters is None or candidate.parameters <= limits.parameters)


def _judged(fitting: Sequence[Candidate], runs: Mapping[tuple[str, str], list[Record]]) -> list[Candidate]:
    """The best first, and of every other whether the boards' test, with Holm's adjustment, tells it from that one."""
    from dataclasses import replace

    from graph_distillery.leaderboard.statistics.paired import LEVEL, choose_test, holm, pair_p
    from graph_distillery.leaderboard.statistics.sampling import SplitFacts, sampling_of

    of_record = {record.id: key for key, reports in runs.items() for record in reports}
    ranked = sorted(fitting, key=lambda c: (-c.score, c.latency_ms))
    best = runs[of_record[ranked[0].record]]
    facts = {r.seed: SplitFacts(r.cell.split_sha256, r.cell.test_sha256, _items(r)) for r in best}
    sampling = sampling_of(facts, ranked[0].metric == "accuracy")
    test = choose_test(sampling.samples(list(facts)), max(len(ranked) - 1, 1), sampling)
    others = [_scores(runs[of_record[each.record]]) for each in ranked[1:]]
    ps = holm([pair_p(test, _scores(best), other, sampling) for other in others]) if test else [None] * len(others)
    return [
        ranked[0],
        *(replace(c, p=p, tied=p is None or p > LEVEL) for c, p in zip(ranked[1:], ps, strict=True)),
    ]


def _items(record: Record) -> tuple[int, int, int] | None:
    items = record.cell.items
    return (items.train, items.val, items.test) if items is not None else None


def _tell(store: Path, ranked: Sequence[Candidate], limits: Limits) -> None:
    best = ranked[0]
    emit(f"{best.dataset} {best.split} {best.setting}, {limits}: {best.method} {best.student}")
    rows = [
        (
            f"{c.method} {c.variant}" if c.variant != "paper" else c.method,
            c.student,
            c.teacher or "-",
            f"{c.score:.4f} ± {c.std:.4f}",
            str(c.seeds),
            f"{c.latency_ms:.3f} ({c.slowest_ms:.3f})",
            f"{c.parameters:,}",
            "best"
            if c is best
            else "too few seeds"
            if c.p is None
            else f"tied, p {c.p:.2f}"
            if c.tied
            else f"p {c.p:.3f}",
        )
        for c in ranked
    ]
    columns = ("method", "student", "teacher", f"test {best.metric}", "seeds", "ms (slowest)", "parameters", "")
    emit(table(columns, rows, right=("seeds", "ms (slowest)", "parameters")))
    ties = [c for c in ranked[1:] if c.tied]
    if ties:
        fastest = min([best, *ties], key=lambda c: c.latency_ms)
        which = f"; the fastest of them is {fastest.method} {fastest.student}" if fastest is not best else ""
        emit(f"sure: no; the test does not tell it from {len(ties)} of {len(ranked) - 1} others{which}")
    elif len(ranked) > 1:
        emit(f"sure: at 5 %, of all {len(ranked) - 1} others, on {best.seeds} seeds")
    else:
        emit("sure: nothing to compare it with")
    if limits.latency_ms is not None and best.slowest_ms > limits.latency_ms:
        emit(f"near the limit: the slowest round took {best.slowest_ms:.3f} ms")
    emit(("saved; predict by it: " if best.saved else "save it: ") + command(store, best))
