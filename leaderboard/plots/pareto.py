"""Accuracy against latency, with the Pareto front; a picture per comparison and machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from graph_distillery.leaderboard.plots.canvas import (
    FAINT,
    ROLE_COLOURS,
    ROLE_MARKERS,
    ROLE_NAMES,
    RULE,
    Canvas,
    Picture,
    canvas,
    short_names,
)
from graph_distillery.leaderboard.read.rows import Role
from graph_distillery.leaderboard.statistics import pareto_front
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.text import metric_title, number, percent

if TYPE_CHECKING:
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

SHOWN: tuple[Role, ...] = ("teacher", "supervised", "method")
NEAR = 14  # points; labels further from their point than this are joined to it by a line
POINT_RADIUS = 6  # pixels
MOST_NAMED = 40  # points; of more only the front and the teacher have names
# Where a label may stand relative to its point, in points, best place first: rings of eight directions.
PLACES = [
    (round(x * radius), round(y * radius * 0.8))
    for radius in (9, 16, 26, 38, 52)
    for x, y in ((1, 0), (-1, 0), (0.7, 1), (0.7, -1), (-0.7, 1), (-0.7, -1), (0, 1.2), (0, -1.2))
]


@dataclass(frozen=True)
class Point:
    """One row: milliseconds per request (or per full forward, where no request was timed) with the ends of their
    interval, score and the ends of its 95 % interval in percent."""

    name: str
    role: Role
    latency: float
    score: float
    low: float
    high: float
    front: bool = False
    fastest: float = 0.0
    slowest: float = 0.0


def pareto_pictures(comparison: Comparison) -> Iterator[Picture]:
    """One picture per machine; the later ones have the fingerprint in their names."""
    for count, fingerprint in enumerate(comparison.fingerprints):
        found = points(comparison, fingerprint)
        if found:
            stem = f"pareto-{comparison.slug}" + (f"-{fingerprint[:12]}" if count else "")
            yield _draw(found, comparison, fingerprint, stem)


def points(comparison: Comparison, fingerprint: str) -> list[Point]:
    """The rows that have a score and a speed on this machine, and which complete ones are on the Pareto front.

    The majority class stands in the caption instead: a constant costs nothing, and would squeeze all else together.
    """
    found: list[tuple[Point, bool]] = []
    for row in comparison.rows:
        speed, summary = row.speed.get(fingerprint), row.summary
        if row.role in SHOWN and speed and summary and speed.first[0] > 0:
            low, high = summary.ends
            latency, fastest, slowest = speed.first
            name = row.key.name if row.complete else f"{row.key.name} (partial)"
            score = 100 * summary.mean
            point = Point(name, row.role, latency, score, 100 * low, 100 * high, False, fastest, slowest)
            found.append((point, row.complete))
    whole = [point for point, complete in found if complete]
    bands = [[(p.fastest, p.slowest), (p.low, p.high)] for p in whole]
    on_front = pareto_front([(p.latency, p.score) for p in whole], bands)
    front = {id(p) for p, on in zip(whole, on_front, strict=True) if on}
    return [replace(point, front=id(point) in front) for point, _ in found]


def _draw(found: list[Point], comparison: Comparison, fingerprint: str, stem: str) -> Picture:
    metric = metric_title(comparison.data.metric)
    with canvas() as board:
        axes = board.axes
        front = sorted((point for point in found if point.front), key=lambda p: p.latency)
        ends = [(p.latency, p.score) for p in front]
        steps = [p for p, on in zip(front, pareto_front(ends), strict=True) if on]  # of ties only what is best
        axes.step(
            [p.latency for p in steps], [p.score for p in steps], where="post", color=FAINT, linewidth=1.1,
            linestyle=(0, (4, 3)), label="Pareto front" if front else None, zorder=1,
        )  # fmt: skip
        for p in found:
            axes.plot([p.latency] * 2, [p.low, p.high], color=RULE, linewidth=1.6, zorder=1)
        for role in SHOWN:
            for index, p in enumerate([p for p in found if p.role == role]):
                (dot,) = axes.plot(
                    [p.latency], [p.score], ROLE_MARKERS[role], color=ROLE_COLOURS[role],
                    markersize=8 if p.front else 6.5,
                    markeredgecolor="white", markeredgewidth=0.8, zorder=3,
                    label=ROLE_NAMES[role] if not index else None,
                )  # fmt: skip
                interval = f", 95 % interval {p.low:.2f} to {p.high:.2f}" if p.high > p.low else ""
                on = ", on the Pareto front" if p.front else ""
                board.mark(dot, f"{p.name}: {metric} {p.score:.2f} %{interval}; {number(p.latency)} ms{on}")
        _axes(board, comparison)
        _label(board, found, steps)
        floor = next((row.summary.mean for row in comparison.rows if row.role == "majority" and row.summary), None)
        caption = (
            f"Test {metric} against the median time of one request on machine {fingerprint[:12]}; lines are 95 % "
            f"intervals. {_best(front)}" + (f" The largest class scores {percent(floor)} %." if floor else "")
        )
        return board.picture(stem, f"Accuracy and speed: {comparison.title}", caption, comparison.slug)


def _best(front: list[Point]) -> str:
    return f"On the front, fastest first: {', '.join(p.name for p in front)}." if front else "All rows are partial."


def _axes(board: Canvas, comparison: Comparison) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes = board.axes
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(low / 1.25, high * 1.7)
    narrow = high / low < 30
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(y=0.12)
    axes.set_xlabel("one request, median (ms, log scale)")
    axes.set_ylabel(f"test {metric_title(comparison.data.metric)} (%)")
    board.legend()


def _label(board: Canvas, found: list[Point], front: list[Point]) -> None:
    """Name every point (of many, those of the front), at the nearest place around it where the name covers nothing."""
    from matplotlib.path import Path

    figure, axes = board.figure, board.axes
    figure.canvas.draw()
    figure.set_layout_engine("none")
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    spots = [tuple(axes.transData.transform((p.latency, p.score))) for p in found]
    corners = [(p.latency, score) for before, p in pairwise(front) for score in (before.score, p.score)]
    steps = Path(axes.transData.transform([(p.latency, p.score) for p in front[:1]] + corners)) if corners else None
    taken: list[Bbox] = []
    labels = dict(zip(map(id, found), short_names([point.name for point in found]), strict=True))
    named = [p for p in found if p.front or p.role == "teacher" or len(found) <= MOST_NAMED]
    places = {id(point): spot for point, spot in zip(found, spots, strict=True)}
    for point in sorted(named, key=lambda p: (-places[id(p)][1], places[id(p)][0])):
        text = axes.annotate(
            labels[id(point)], (point.latency, point.score), xytext=PLACES[0], textcoords="offset points", fontsize=9,
            fontweight="bold" if point.front else "normal",
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4},
            zorder=4,
        )  # fmt: skip
        costs = []
        for place in PLACES:
            box = _place(text, place, renderer)
            covered = sum(box.overlaps(other) for other in taken)
            covered += sum(box.padded(POINT_RADIUS).contains(*spot) for spot in spots)
            covered += steps is not None and steps.intersects_bbox(box, filled=False)
            outside = not (box.x0 >= axes.bbox.x0 and box.x1 <= axes.bbox.x1)
            outside |= not (box.y0 >= axes.bbox.y0 and box.y1 <= axes.bbox.y1)
            costs.append(covered + 2 * outside)
            if not costs[-1]:
                break
        best = PLACES[costs.index(min(costs))]
        taken.append(_place(text, best, renderer))
        if text.arrow_patch is not None:
            text.arrow_patch.set_visible(max(map(abs, best)) > NEAR)


def _place(text: Annotation, place: tuple[int, int], renderer: Any) -> Bbox:
    """Move a label to a place relative to its point; returns the text's own box in pixels."""
    from matplotlib.text import Text

    text.xyann = place
    text.set_horizontalalignment("left" if place[0] > 0 else "right" if place[0] < 0 else "center")
    text.set_verticalalignment("center")
    text.update_positions(renderer)
    return Text.get_window_extent(text, renderer)  # an annotation's own extent would include the line
