"""The live table of a sweep on a terminal: a line for the plan with its bar, a row per cell under way."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from graph_distillery.bench.sweeps.progress import SweepProgress, Totals
from graph_distillery.bench.sweeps.store.status import CellStatus
from graph_distillery.bench.text import count, duration, score

#: Rows shown at once; the others are counted.
MOST_ROWS = 12


def live(progress: SweepProgress) -> Live:
    """Redrawn four times a second until stopped; what others write to standard error goes above it."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    return Live(
        console=console,
        get_renderable=lambda: render(progress),
        refresh_per_second=4,
        redirect_stdout=False,
        vertical_overflow="crop",
    )


def render(progress: SweepProgress) -> RenderableType:
    """The picture of this moment."""
    totals = progress.totals()
    head = Table.grid(padding=(0, 1))
    head.add_row(
        ProgressBar(total=1.0, completed=totals.share, width=24),
        Text(f"{totals.share:4.0%}  {duration(progress.elapsed())}"),
    )
    lines: list[RenderableType] = [head, Text(totals_line(totals))]
    under_way = sorted(
        (cell for cell in progress.cells() if cell.state not in ("done", "waiting") or progress.running(cell.id)),
        key=lambda cell: -progress.running(cell.id),
    )
    if under_way:
        lines.append(_rows(progress, under_way[:MOST_ROWS]))
    if len(under_way) > MOST_ROWS:
        lines.append(Text(f"and {len(under_way) - MOST_ROWS} more under way"))
    return Group(*lines)


def totals_line(totals: Totals) -> str:
    """`cells 1/5, trials 12/120 (3 pruned), reports 4/50, 0 failed, 2 of 2 slots busy, about 12 min left; ...`."""
    pruned = f" ({totals.pruned} pruned)" if totals.pruned else ""
    left = f"about {duration(totals.left_s)} left" if totals.left_s is not None else "time left unknown"
    phrases = [
        f"cells {totals.cells[0]}/{totals.cells[1]}",
        f"trials {totals.trials[0]}/{totals.trials[1]}{pruned}",
        f"reports {totals.reports[0]}/{totals.reports[1]}",
        f"{totals.failed} failed",
        f"{totals.busy} of {count(totals.slots, 'slot')} busy",
        left,
    ]
    best = totals.best
    newest = f"; newest best {score(best.score)} {best.metric}, {best.label}" if best is not None else ""
    return ", ".join(phrases) + newest


def _rows(progress: SweepProgress, cells: list[CellStatus]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("cell", "state"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for name in ("running", "trials", "reports", "best", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for cell in cells:
        table.add_row(
            Text(cell.label),
            "running" if cell.state == "waiting" else cell.state,
            str(progress.running(cell.id)),
            f"{cell.trials_done}/{cell.trials_total}",
            f"{cell.reports_done}/{cell.reports_total}",
            score(cell.best),
            str(cell.failed),
        )
    return table
