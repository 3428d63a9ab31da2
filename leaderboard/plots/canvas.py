"""Pictures: drawn once with matplotlib, used as PNG, as SVG, and inside the page, where marks answer to the pointer.

Equal numbers draw equal bytes: no dates, no versions, fixed hash salt. Text stays text, so a picture is small, can be
searched and read aloud, and takes the page's colours.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graph_distillery.leaderboard.text import visible

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours of Okabe and Ito (2008), told apart with any colour vision; the page maps them to its own for dark.
BLUE, VERMILION, GREEN, GREY, ORANGE, PINK, SKY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#8a9099",
    "#e69f00",
    "#cc79a7",
    "#56b4e9",
)
SERIES = (BLUE, GREEN, ORANGE, PINK, SKY)
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
INK, FAINT, RULE, PAPER = "#1b1f24", "#57606a", "#d8dee4", "#ffffff"
ON_DARK, ON_LIGHT = "#fefefe", "#111111"  # letters on a coloured cell, whatever the theme
ROLE_COLOURS = {"teacher": GREEN, "supervised": VERMILION, "method": BLUE, "majority": GREY}
ROLE_MARKERS = {"teacher": "s", "supervised": "D", "method": "o", "majority": "^"}
ROLE_NAMES = {"teacher": "teacher", "supervised": "student alone", "method": "method", "majority": "majority class"}

STYLE: Any = {
    "svg.hashsalt": "graph-distillery",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "lines.linewidth": 1.6,
}


@dataclass(frozen=True)
class Picture:
    """A finished picture; ``marks`` says of each marked element, by its id in the SVG, what it shows.

    ``place`` is the slug of the comparison it belongs to, or the number of the overall table.
    """

    name: str
    title: str
    caption: str
    svg: str
    png: bytes
    marks: dict[str, str]
    place: str | int = ""


@dataclass
class Canvas:
    """A figure with one set of axes, and the marks put on it."""

    figure: Figure
    axes: Axes
    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, artist: Artist, text: str) -> None:
        """Let the artist answer to pointer and keyboard with a text."""
        name = f"mark-{len(self.marks)}"
        artist.set_gid(name)
        self.marks[name] = text

    def legend(self) -> None:
        """Name the lines above the axes, where they cover nothing."""
        handles, labels = self.axes.get_legend_handles_labels()
        self.figure.legend(
            handles, labels, loc="outside upper left", ncols=min(4, len(labels)), columnspacing=1.2, handletextpad=0.5
        )

    def picture(self, name: str, title: str, caption: str, place: str | int) -> Picture:
        """Freeze the figure."""
        svg, png = io.StringIO(), io.BytesIO()
        metadata = {"Date": None, "Creator": None, "Title": visible(title)}
        self.figure.savefig(svg, format="svg", metadata=metadata)
        self.figure.savefig(png, format="png", dpi=150, metadata={"Software": None})
        return Picture(name, title, caption, svg.getvalue(), png.getvalue(), dict(self.marks), place)


@contextmanager
def house_figure(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of so many inches, in the house's style."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # what a user's matplotlibrc says must not change a published picture
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


@contextmanager
def canvas(width: float = 4.8, height: float = 3.5) -> Iterator[Canvas]:
    """A canvas of so many inches."""
    with house_figure(width, height) as figure:
        yield Canvas(figure, figure.subplots())


def line_styles(methods: Sequence[str]) -> list[tuple[str, Any]]:
    """A colour and a dash for each method of a picture; the student alone has its own everywhere."""
    others = iter((colour, dash) for dash in DASHES * len(methods) for colour in SERIES)
    return [(VERMILION, "-") if method == "supervised" else next(others) for method in methods]


def short(name: str, most: int = 28) -> str:
    """A name that fits beside an axis."""
    name = visible(name)
    return name if len(name) <= most else f"{name[: most - 1]}…"
