"""`distillery demo`: the main job, from sweep to board, on a dataset that needs no network."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from graph_distillery.bench.cli.commands.sweep import carry_out
from graph_distillery.bench.cli.plan_text import cost_line
from graph_distillery.bench.cli.terminal import emit, note
from graph_distillery.bench.sweeps.cost.estimate import estimate, processors, progress_of
from graph_distillery.bench.sweeps.means import Means
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.spec import read_spec
from graph_distillery.bench.text import count

_MOST_WORKERS = 8


def run(out: Path, workers: int | None) -> int:
    """Sweep into OUT/store, board into OUT/board; again goes on where it stopped."""
    from graph_distillery.leaderboard.errors import BoardError
    from graph_distillery.leaderboard.write import check_output

    plan = demo_plan()
    store, board = out / "store", out / "board"
    check_output(board)
    progress = progress_of(plan, store)
    number = min(processors(), _MOST_WORKERS) if workers is None else workers
    spec = plan.spec
    trials = sum(status.trials_total for status in progress.cells)
    emit(
        f"demo: {count(len(plan.cells), 'cell')} on {', '.join(spec.datasets)} (handwritten digits, no network), "
        f"{count(trials, 'trial')} on {count(len(spec.search.seeds), 'tuning seed')}, winners and defaults on "
        f"{count(len(spec.report.seeds), 'report seed')}"
    )
    means = Means(workers=number)
    emit(f"cost: {cost_line(estimate(plan, progress, means), means)}")
    code = carry_out(plan, store, means, as_json=False)
    from graph_distillery.leaderboard import build_board

    try:
        result = build_board([store], board)
    except BoardError as error:
        if code:  # the failures above are the reason
            note(f"no board: {error}")
            return code
        raise
    for warning in result.warnings:
        note(f"warning: {warning}")
    emit(f"board: {result.path_readme}")
    return code


def demo_plan() -> Plan:
    """The plan of bench/specs/demo.yaml."""
    with resources.as_file(resources.files("graph_distillery.bench") / "specs" / "demo.yaml") as path:
        return make_plan(read_spec(path))
