"""Pictures: drawn once with matplotlib, used as PNG, as SVG, and inside the page, where marks answer to the pointer.

Equal numbers draw equal bytes: no dates, no versions, fixed hash salt. Text stays text, so a picture is small, can be
searched and read aloud, and takes the page's colours.
"""

from __future__ import annotations

import io
import unicodedata
import warnings
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
ROLE_NAMES = {"teacher": "teacher", "supervised": "student alone", "method": "method", "majority": "largest class"}

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
        _spell_out(self.figure)
        self.figure.savefig(png, format="png", dpi=150, metadata={"Software": None})
        return Picture(name, title, caption, svg.getvalue(), png.getvalue(), dict(self.marks), place)


@contextmanager
def house_figure(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of so many inches, in the house's style."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # an SVG's reader has more faces; see _spell_out
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


def short(name: str, most: int = 28, mark: str = "…") -> str:
    """A name that fits beside an axis: cut in the middle, since names that begin alike often end otherwise.

    most: in letters; those of Chinese, Japanese and Korean are as wide as two.
    """
    name = visible(name)
    if _width(name) <= most:
        return name
    room = max(2, most - len(mark))
    head = _fitting(name, (room + 1) // 2)
    return f"{head}{mark}{_fitting(name[::-1], room - _width(head))[::-1]}"


def short_names(names: Sequence[str], most: int = 28) -> list[str]:
    """Names that fit, other ones for other names: those that would look alike are numbered where they are cut."""
    found: dict[str, str] = {}
    for name in names:
        label, count = short(name, most), 1
        while label in (label_of for other, label_of in found.items() if other != name):
            count += 1
            label = short(name, most, f"…{count}…")
        found.setdefault(name, label)
    return [found[name] for name in names]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _fitting(text: str, room: int) -> str:
    """The beginning of a text that is no wider than the room."""
    taken = 0
    for place, char in enumerate(text):
        taken += _width(char)
        if taken > room:
            return text[:place]
    return text


def _spell_out(figure: Figure) -> None:
    """Letters that the house's face lacks, in the numbers of their code points: a PNG has no other face to fall back
    on, and one of the machine's would give every machine another picture."""
    from matplotlib.font_manager import FontProperties, findfont, get_font
    from matplotlib.text import Text

    glyphs = get_font(findfont(FontProperties(family=STYLE["font.family"]))).get_charmap()
    for text in figure.findobj(Text):
        words = text.get_text()
        if not all(char == "\n" or ord(char) in glyphs for char in words):
            spelled = (char if char == "\n" or ord(char) in glyphs else f"\\u{ord(char):04x}" for char in words)
            text.set_text("".join(spelled))
