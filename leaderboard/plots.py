"""Accuracy against latency, a picture per comparison and machine; equal numbers draw equal bytes of SVG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaderboard.comparison import Comparison
from leaderboard.rows import Role
from leaderboard.statistics import pareto_front

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

KINDS: dict[Role, str] = {"teacher": "teacher", "supervised": "student alone", "method": "method"}
MARKERS = {"teacher": "s", "student alone": "D", "method": "o"}
NEAR = 14  # points; labels further from their point than this are joined to it by a line
POINT_RADIUS = 6  # pixels
# Where a label may stand relative to its point, in points, best place first: rings of eight directions.
PLACES = [
    (round(x * radius), round(y * radius * 0.8))
    for radius in (11, 20, 32, 46, 62)
    for x, y in ((1, 0), (-1, 0), (0.7, 1), (0.7, -1), (-0.7, 1), (-0.7, -1), (0, 1.2), (0, -1.2))
]


@dataclass(frozen=True)
class Point:
    """One row: milliseconds per full forward, score and half its 95 % interval in percent."""

    name: str
    kind: str
    latency: float
    score: float
    half: float
    front: bool = False


def pareto_plots(comparisons: Iterable[Comparison], folder: Path) -> dict[str, list[str]]:
    """Write pareto-SLUG.png and .svg into ``folder``; returns the PNG names by slug.

    A comparison measured on several machines gets one picture for each, the later ones with the fingerprint
    in their names.
    """
    written: dict[str, list[str]] = {}
    for comparison in comparisons:
        for number, fingerprint in enumerate(comparison.fingerprints):
            found = points(comparison, fingerprint)
            if found:
                stem = f"pareto-{comparison.slug}" + (f"-{fingerprint[:12]}" if number else "")
                _draw(found, comparison, fingerprint, folder / stem)
                written.setdefault(comparison.slug, []).append(f"{stem}.png")
    return written


def points(comparison: Comparison, fingerprint: str) -> list[Point]:
    """The rows that have a score and a speed on this machine, and which of them are on the Pareto front.

    The majority class is named in the title instead: a constant costs nothing, and would squeeze all else together.
    """
    found = []
    for row in comparison.rows:
        speed, summary = row.speed.get(fingerprint), row.summary
        if row.role in KINDS and speed and summary and speed.full_forward_ms > 0:
            half = 100 * (summary.high - summary.mean) if summary.high is not None else 0.0
            name = row.key.name if row.complete else f"{row.key.name} (partial)"
            found.append(Point(name, KINDS[row.role], speed.full_forward_ms, 100 * summary.mean, half))
    front = pareto_front([(point.latency, point.score) for point in found])
    return [Point(p.name, p.kind, p.latency, p.score, p.half, on) for p, on in zip(found, front, strict=True)]


def _draw(found: list[Point], comparison: Comparison, fingerprint: str, stem: Path) -> None:
    import matplotlib as mpl
    import seaborn as sns
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = {
        **sns.axes_style("whitegrid"),
        **sns.plotting_context("notebook"),
        "svg.hashsalt": "graph-distillery",
        "text.parse_math": False,
        "font.family": ["DejaVu Sans"],
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(8, 5.2), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        colours = dict(zip(MARKERS, sns.color_palette("colorblind", len(MARKERS)), strict=True))
        ordered = sorted((point for point in found if point.front), key=lambda p: p.latency)
        axes.step(
            [p.latency for p in ordered],
            [p.score for p in ordered],
            where="post",
            color="0.45",
            linewidth=1.2,
            linestyle="--",
            label="Pareto front",
            zorder=1,
        )
        axes.errorbar(
            [p.latency for p in found],
            [p.score for p in found],
            yerr=[p.half for p in found],
            fmt="none",
            ecolor="0.75",
            elinewidth=1,
            capsize=2,
            zorder=1,
        )
        axes.scatter(
            [p.latency for p in ordered],
            [p.score for p in ordered],
            s=150,
            facecolors="none",
            edgecolors="0.35",
            linewidths=1.2,
            zorder=2,
        )
        sns.scatterplot(
            x=[p.latency for p in found],
            y=[p.score for p in found],
            hue=[p.kind for p in found],
            style=[p.kind for p in found],
            hue_order=list(MARKERS),
            style_order=list(MARKERS),
            palette=colours,
            markers=MARKERS,
            s=70,
            ax=axes,
            zorder=3,
        )
        _decorate(axes, comparison, fingerprint, {p.kind for p in found})
        _label(figure, axes, found)
        figure.savefig(stem.with_name(stem.name + ".png"), dpi=150)
        figure.savefig(stem.with_name(stem.name + ".svg"), metadata={"Date": None})


def _decorate(axes: Axes, comparison: Comparison, fingerprint: str, kinds: set[str]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(low / 1.25, high * 1.6)
    narrow = high / low < 30
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7) if narrow else (1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(y=0.12)
    axes.set_xlabel("full forward, median (ms, log scale)")
    axes.set_ylabel(f"test {comparison.data.metric.replace('_', ' ')} (%)")
    floor = [row.summary.mean for row in comparison.rows if row.role == "majority" and row.summary]
    majority = f", majority class {100 * floor[0]:.1f} %" if floor else ""
    axes.set_title(f"{comparison.title}\nmachine {fingerprint[:12]}, bars: 95 % t interval{majority}", fontsize=11)
    handles, labels = axes.get_legend_handles_labels()
    shown = [(h, label) for h, label in zip(handles, labels, strict=True) if label in kinds or label == "Pareto front"]
    axes.legend([h for h, _ in shown], [label for _, label in shown], fontsize=9, loc="best")


def _label(figure: Figure, axes: Axes, found: list[Point]) -> None:
    """Name every point, at the nearest place around it where the name covers no point and no other name."""
    from matplotlib.patheffects import withStroke

    figure.canvas.draw()
    figure.set_layout_engine("none")
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    spots = [tuple(axes.transData.transform((p.latency, p.score))) for p in found]
    legend = axes.get_legend()
    taken = [legend.get_window_extent(renderer)] if legend else []
    for point, _ in sorted(zip(found, spots, strict=True), key=lambda pair: (-pair[1][1], pair[1][0])):
        text = axes.annotate(
            point.name,
            (point.latency, point.score),
            xytext=PLACES[0],
            textcoords="offset points",
            fontsize=9,
            fontweight="bold" if point.front else "normal",
            arrowprops={"arrowstyle": "-", "color": "0.5", "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4},
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            zorder=4,
        )
        costs = []
        for place in PLACES:
            box = _place(text, place, renderer)
            covered = sum(box.overlaps(other) for other in taken)
            covered += sum(box.padded(POINT_RADIUS).contains(*spot) for spot in spots)
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
