"""The protocol's rules: seeds, budgets, selection on validation, versions and data."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from graph_distillery.bench.records import Record, Search
from graph_distillery.leaderboard.submission.findings import CellRecords, Finding

FEWEST_SEEDS = 5
BUDGET = re.compile(r"(\d+) trials x (\d+) seeds")


def check_protocol(cells: Sequence[CellRecords], records: Sequence[Record], suite: str | None) -> Iterator[Finding]:
    """What breaks the rules of a sweep, or leaves them unproved."""
    for cell in cells:
        yield from _seeds(cell)
        yield from _selection(cell)
    yield from _budgets(cells)
    yield from _versions(records, suite)
    yield from _data(records)


def _seeds(cell: CellRecords) -> Iterator[Finding]:
    tuned, reported = {r.seed for r in cell.trials}, {r.seed for r in cell.reports}
    if shared := sorted(tuned & reported):
        yield Finding("refuse", "seeds", cell.name, f"seeds {shared} were tuned on and reported")
    if reported and reported != set(range(len(reported))):
        yield Finding("look", "seeds", cell.name, f"report seeds {sorted(reported)} are not 0 to {len(reported) - 1}")
    if reported and len(reported) < FEWEST_SEEDS:
        yield Finding(
            "look", "seeds", cell.name, f"{len(reported)} report seeds; fewer than {FEWEST_SEEDS} decide nothing"
        )
    failed = [r for r in cell.reports if r.status != "ok"]
    if failed:
        yield Finding("look", "seeds", cell.name, f"{len(failed)} of {len(cell.reports)} report runs failed")


def _selection(cell: CellRecords) -> Iterator[Finding]:
    """The tuned configuration must be the one that validation chose: the sealed test rule, where records show it."""
    tuned = cell.scored("tuned")
    if not tuned or tuned[0].search is None or cell.method in ("teacher", "majority"):
        return
    by_trial: dict[int, list[Record]] = {}
    for record in cell.trials:
        if record.search is not None and record.search.trial is not None:
            by_trial.setdefault(record.search.trial, []).append(record)
    budget = tuned[0].search.trials
    yield from _budget(cell, tuned[0].search, by_trial)
    most = max(map(len, by_trial.values()), default=0)
    yield from _pruned(cell, by_trial, tuned[0], most)
    means = {
        number: math.fsum(r.metrics.val[r.cell.metric] for r in runs) / len(runs)
        for number, runs in by_trial.items()
        if len(runs) == most and all(r.status == "ok" for r in runs)
    }
    if not means:
        if budget:
            yield Finding("refuse", "selection", cell.name, "a tuned configuration without its trials")
        return
    best = max(means.values())
    winners = [by_trial[number][0].hparams for number, score in means.items() if score >= best - 1e-9]
    if tuned[0].hparams not in winners:
        text = "the tuned configuration is not the one with the best mean validation score"
        yield Finding("refuse", "selection", cell.name, text)


def _budget(cell: CellRecords, search: Search, by_trial: Mapping[int, Sequence[Record]]) -> Iterator[Finding]:
    """The trials that are there must be those that the budget speaks of, on its number of tuning seeds."""
    said = BUDGET.fullmatch(search.budget)
    found = {record.seed for record in cell.trials}
    if said and (int(said[1]), int(said[2])) != (search.trials, len(found)) and by_trial:
        text = f"{search.trials} trials on {len(found)} seeds, but the budget says {search.budget}"
        yield Finding("refuse", "budget", cell.name, text)
    if not search.trials and cell.scored("tuned"):
        yield Finding("refuse", "budget", cell.name, "a tuned configuration of a search of no trials")
    if len(by_trial) > search.trials:
        yield Finding("refuse", "budget", cell.name, f"{len(by_trial)} trials, but the budget says {search.trials}")
    gone = sorted(set(range(search.trials)) - by_trial.keys())
    if gone and by_trial:
        text = f"{len(gone)} of {search.trials} trials are missing, such as trial {gone[0]}"
        yield Finding("refuse", "budget", cell.name, text)


def _pruned(
    cell: CellRecords, by_trial: Mapping[int, Sequence[Record]], tuned: Record, seeds: int
) -> Iterator[Finding]:
    """A trial that ran all its seeds is not pruned; one that led where it was stopped is worth a look."""
    winner = {r.seed: r.metrics.val.get(r.cell.metric) for r in cell.trials if r.hparams == tuned.hparams}
    for number, runs in by_trial.items():
        if not any(r.status == "pruned" for r in runs):
            continue
        if len(runs) == seeds > 1 and all(r.status == "pruned" for r in runs):
            yield Finding("refuse", "pruned", cell.name, f"trial {number} is pruned on every tuning seed")
        scored = [(r.metrics.val.get(r.cell.metric), winner.get(r.seed)) for r in runs]
        pairs = [(own, best) for own, best in scored if own is not None and best is not None]
        if len(pairs) == seeds and sum(own - best for own, best in pairs) > 1e-9:
            yield Finding("refuse", "pruned", cell.name, f"trial {number} is pruned, and better than the winner")


def _budgets(cells: Sequence[CellRecords]) -> Iterator[Finding]:
    """Methods of one table are compared at one budget; a space with fewer points than trials may use less."""
    budgets: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for cell in cells:
        for record in cell.scored("tuned")[:1]:
            if record.search is not None and record.search.trials:
                c = record.cell
                table = (c.dataset, c.split, c.setting, c.student)
                budgets.setdefault(table, {}).setdefault(record.search.budget, []).append(cell.name)
    for found in budgets.values():
        if len(found) > 1:
            usual = max(found, key=lambda budget: len(found[budget]))
            for budget, names in sorted(found.items()):
                for name in names if budget != usual else ():
                    yield Finding("look", "budget", name, f"{budget}, where the others have {usual}")


def _versions(records: Sequence[Record], suite: str | None) -> Iterator[Finding]:
    versions = sorted({r.suite_version for r in records})
    if len(versions) > 1:
        yield Finding("look", "version", "", f"records of several suite versions: {', '.join(versions)}")
    if suite is not None and suite not in versions:
        yield Finding("look", "version", "", f"made by suite {', '.join(versions)}, this one is {suite}")
    if len(engines := sorted({r.engine or 1 for r in records})) > 1:
        text = f"trained by engines {', '.join(map(str, engines))}, whose runs differ in their last bits"
        yield Finding("look", "version", "", text)
    commits = sorted({r.git_sha or "none" for r in records})
    if any(commit.endswith("-dirty") for commit in commits):
        yield Finding("look", "version", "", "made from a checkout with uncommitted changes")
    if len(commits) > 1:
        yield Finding("look", "version", "", f"made from {len(commits)} commits: {', '.join(c[:12] for c in commits)}")
    stores = {r.store_id for r in records}
    if len(stores) > 1:
        yield Finding("look", "version", "", f"records of {len(stores)} stores in one")


def _data(records: Sequence[Record]) -> Iterator[Finding]:
    seen: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for record in records:
        c = record.cell
        seen.setdefault((c.dataset, c.setting), set()).add((c.dataset_sha256, c.node_order_sha256))
    for (dataset, setting), hashes in sorted(seen.items()):
        if len(hashes) > 1:
            yield Finding("look", "data", f"{dataset}, {setting}", f"{len(hashes)} different contents under one name")
