"""The live table of a sweep on a terminal: a line for the plan with its bar, a row per cell under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from graph_distillery.bench.text import duration, score

if TYPE_CHECKING:
    from graph_distillery.bench.cli.progress import Progress
    from graph_distillery.bench.sweeps.store.status import CellStatus

#: Rows shown at once; the others are counted.
MOST_ROWS = 12


def live(progress: Progress) -> Live:
    """Redrawn four times a second until stopped; what others write to standard error goes above it."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    return Live(
        console=console,
        get_renderable=lambda: render(progress),
        refresh_per_second=4,
        redirect_stdout=False,
        vertical_overflow="crop",
    )


def render(progress: Progress) -> RenderableType:
    """The picture of this moment."""
    totals = progress.totals()
    head = Table.grid(padding=(0, 1))
    head.add_row(
        ProgressBar(total=1.0, completed=totals.part, width=24),
        Text(f"{totals.part:4.0%}  {duration(progress.elapsed())}"),
    )
    lines: list[RenderableType] = [head, Text(totals.line())]
    under_way = sorted(
        (cell for cell in progress.cells() if cell.state not in ("done", "waiting") or progress.running(cell.id)),
        key=lambda cell: -progress.running(cell.id),
    )
    if under_way:
        lines.append(_rows(progress, under_way[:MOST_ROWS]))
    if len(under_way) > MOST_ROWS:
        lines.append(Text(f"and {len(under_way) - MOST_ROWS} more under way"))
    return Group(*lines)


def _rows(progress: Progress, cells: list[CellStatus]) -> Table:
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
