"""The board's tables as LaTeX, made to be pasted: booktabs, means with 95 % intervals, what ties for best in bold.

``overall-N.tex`` has a family's methods against its datasets, six a block, and a file per comparison its rows with
gain, rank, latency and size; what the method's own term is worth and who sent the row, where that is known. Names are
text: what LaTeX would obey is escaped, and letters that pdflatex has no glyph for are spelled out.
"""

from __future__ import annotations

from collections.abc import Sequence

from graph_distillery.leaderboard.read.rows import Row, RowKey
from graph_distillery.leaderboard.statistics import Estimate, Standing, Summary
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.tables.overall import Overall
from graph_distillery.leaderboard.text import count, metric_title, number, percent, rank_range, signed, visible

_ACROSS = 6  # datasets beside each other
_NONE = "--"
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "[": "{[}", "]": "{]}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
}  # fmt: skip
_LAST_LATIN = 0x17F


def escaped(name: str) -> str:
    """A name as LaTeX sets it, letter by letter: no command, no group, no ligature of dashes or quotes."""
    parts: list[str] = []
    for char in visible(" ".join(name.split())):
        if char in _ESCAPES:
            parts.append(_ESCAPES[char])
        elif char == "-" and parts[-1:] == ["-"]:
            parts.append("{}-")
        elif char.isascii() or (0xC0 <= ord(char) <= _LAST_LATIN and char.isalpha()):
            parts.append(char)
        else:
            code = f"{ord(char):04x}"
            parts.append(rf"\textbackslash{{}}u{code}")
    return "".join(parts)


def latex_files(board: Board) -> dict[str, str]:
    """File name to content."""
    files = {
        f"overall-{place}.tex": _overall(each, place) for place, each in enumerate(board.overall, start=1) if each.rows
    }
    return files | {f"{each.slug}.tex": _comparison(each) for each in board.comparisons}


def _overall(overall: Overall, place: int) -> str:
    keys = [row.key for row in overall.rows]
    ranks = {row.key: f"{row.mean_rank:.2f}" for row in overall.rows}
    blocks = []
    for start in range(0, len(overall.comparisons), _ACROSS):
        some = overall.comparisons[start : start + _ACROSS]
        found = [{row.key: row for row in each.rows} for each in some]
        lines = [
            [escaped(key.name), *(_entry(each, rows[key]) for each, rows in zip(some, found, strict=True)), ranks[key]]
            for key in keys
        ]
        names = [escaped(name) for name in _data_names(some)]
        header = ["Method", *names, "Mean rank"]
        if any(row.own_term for row in overall.rows):
            header.append("Own term")
            lines = [[*line, _worth(row.own_term)] for line, row in zip(lines, overall.rows, strict=True)]
        blocks.append(_tabular(header, lines))
    caption = (
        f"{_models(overall.teacher, overall.student)}, {escaped(overall.setting)}: mean test score in percent with its "
        "95\\,\\% interval; bold are the best of a dataset and what cannot be told apart from it (5\\,\\%, Holm)."
    )
    return _table(blocks, caption, f"overall-{place}")


def _data_names(comparisons: Sequence[Comparison]) -> list[str]:
    names = [each.data.dataset for each in comparisons]
    return [
        name if names.count(name) == 1 else f"{name} ({each.data.split})"
        for name, each in zip(names, comparisons, strict=True)
    ]


def _comparison(comparison: Comparison) -> str:
    machine = comparison.fingerprints[0] if comparison.fingerprints else ""
    lines = [_line(comparison, row, machine) for row in comparison.rows if row.summary]
    metric = metric_title(comparison.data.metric)
    header = ["Method", f"{metric[0].upper()}{metric[1:]} (\\%)", "Rank", "Gain", "Request (ms)", "Parameters"]
    told = [row for row in comparison.rows if row.summary]
    if any("ablated" in row.results for row in told):
        header.insert(4, "Own term")
        lines = [[*line[:4], _own_term(comparison, row), *line[4:]] for line, row in zip(lines, told, strict=True)]
    if any(row.key.sender for row in told):
        header.append("Sent by")
        lines = [[*line, escaped(row.key.sender) or _NONE] for line, row in zip(lines, told, strict=True)]
    data = comparison.data
    caption = (
        f"{escaped(data.dataset)} ({escaped(data.split)}, {escaped(data.setting)}), "
        f"{_models(comparison.teacher, comparison.student)}: mean with its 95\\,\\% interval; bold are the best row "
        "and what cannot be told apart from it (5\\,\\%, Holm)."
    )
    return _table([_tabular(header, lines)], caption, comparison.slug)


def _line(comparison: Comparison, row: Row, machine: str) -> list[str]:
    standing, speed = comparison.standings.get(row.key), row.speed.get(machine)
    return [
        _name(comparison, row),
        _entry(comparison, row),
        rank_range(standing.rank_low, standing.rank_high).replace("-", "--") if standing else _NONE,
        _number(signed(comparison.gain(row))),
        number(speed.request_ms) if speed and speed.request_ms is not None else _NONE,
        count(speed.params).replace(" ", "\\,") if speed else _NONE,
    ]


def _own_term(comparison: Comparison, row: Row) -> str:
    test = comparison.own_term(row)
    return _worth(Estimate(test.difference, test.low, test.high)) if test else _NONE


def _worth(worth: Estimate | None) -> str:
    """In points, with its interval."""
    if worth is None:
        return _NONE
    if worth.low is None or worth.high is None:
        return _number(signed(worth.value))
    return rf"{_number(signed(worth.value))} {{\scriptsize(${signed(worth.low)}$ to ${signed(worth.high)}$)}}"


def _name(comparison: Comparison, row: Row) -> str:
    name = escaped(row.key.name)
    if row.role == "teacher":
        return f"{name} ({escaped(comparison.whose(row))})"
    return name if row.complete or row.role == "majority" else f"{name} ({escaped(row.status.split(' ')[0])})"


def _entry(comparison: Comparison, row: Row) -> str:
    text = _score(row.summary)
    return rf"\textbf{{{text}}}" if _leads(comparison.standings.get(row.key)) else text


def _leads(standing: Standing[RowKey] | None) -> bool:
    return standing is not None and not standing.undecided and (standing.leader or standing.tied)


def _score(summary: Summary | None) -> str:
    if summary is None:
        return _NONE
    if summary.low is None or summary.high is None:
        return percent(summary.mean)
    return rf"{percent(summary.mean)} {{\scriptsize({percent(summary.low)}--{percent(summary.high)})}}"


def _number(text: str) -> str:
    """A signed number in mathematics, where a minus is one."""
    return f"${text}$" if text[0] in "+-" else _NONE if text == "–" else text


def _models(teacher: str | None, student: str) -> str:
    return rf"{escaped(teacher)} $\rightarrow$ {escaped(student)}" if teacher else f"{escaped(student)}, no teacher"


def _tabular(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    body = [rf"{' & '.join(line)} \\" for line in (header, *lines)]
    columns = "l" + "r" * (len(header) - 1)
    rules = [rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\toprule", body[0], r"\midrule", *body[1:]]
    return "\n".join([*rules, r"\bottomrule", r"\end{tabular}"])


def _table(blocks: Sequence[str], caption: str, label: str) -> str:
    inner = "\n\n\\medskip\n".join(blocks)
    opening = "% \\usepackage{booktabs} and \\usepackage{textcomp}, with [T1]{fontenc}, in the preamble.\n"
    return (
        f"{opening}\\begin{{table}}\n\\centering\n\\small\n\\caption{{{caption}}}\n\\label{{tab:{label}}}\n{inner}\n"
        "\\end{table}\n"
    )
