"""Numbers and names as the pages show them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from graph_distillery.leaderboard.statistics import Estimate, PairedTest, Sampling, Summary

NONE = "–"
#: Instead of the interval of a mean rank or a win rate.
TOO_FEW = "too few datasets for an interval"


#: The suite's own metrics, called as `methods.tasks.metrics` calls them, which a board does without.
METRICS = {
    "accuracy": "accuracy",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "roc_auc": "ROC AUC",
    "hits_20": "Hits@20",
    "hits_50": "Hits@50",
    "mrr": "MRR",
}


def metric_title(name: str) -> str:
    """How a metric is called; another package's by its name."""
    return METRICS.get(name) or name.replace("_", " ")


def percent(value: float | None) -> str:
    """0.8202 as "82.02"."""
    return NONE if value is None else f"{100 * value:.2f}"


def signed(value: float | None) -> str:
    """A difference of fractions in percentage points, with its sign."""
    if value is None:
        return NONE
    text = f"{100 * value:+.2f}"
    return "0.00" if float(text) == 0 else text


def score(summary: Summary | None) -> str:
    """Mean ± sample standard deviation, in percent; "82.02 (1 seed)" where there is no deviation."""
    if summary is None:
        return NONE
    if summary.std is None:
        return f"{percent(summary.mean)} (1 seed)"
    return f"{percent(summary.mean)} ± {percent(summary.std)}"


def interval(summary: Summary | None) -> str:
    """The 95 % interval of the mean, in percent."""
    if summary is None or summary.low is None:
        return NONE
    return f"{percent(summary.low)} to {percent(summary.high)}"


def bounds(estimate: Estimate | None, form: str, scale: float = 1) -> str:
    """The 95 % interval of an estimate: "1.20 to 2.00"."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return NONE
    return f"{form.format(scale * estimate.low)} to {form.format(scale * estimate.high)}"


def rank_bounds(rank: Estimate) -> str:
    """The 95 % interval of a mean rank, or why there is none."""
    return bounds(rank, "{:.2f}") if rank.low is not None else TOO_FEW


def rank_range(low: int, high: int) -> str:
    """The ranks a row may have: "2", or "1-3"."""
    return str(low) if low == high else f"{low}-{high}"


def p_value(test: PairedTest | None) -> str:
    """The adjusted p, with "t" where the paired t test gave it; "n. d." where the seeds are too few for any test."""
    if test is None:
        return NONE
    if test.p_holm is None or test.test is None:
        return "n. d."
    p = "< 0.001" if test.p_holm < 0.001 else f"{test.p_holm:.3f}"
    return f"{p} (t)" if test.test == "t" else p


def difference(test: PairedTest | None, margin: float) -> str:
    """A mean difference in points with its 95 % interval; "≈" where all of that lies within the margin."""
    if test is None:
        return NONE
    text = signed(test.difference)
    if test.low is not None:
        text += f" ({signed(test.low)} to {signed(test.high)})"
    return f"{text} ≈" if test.within(margin) else text


def sampling_words(sampling: Sampling, samples: int) -> str:
    """What the tests and intervals of a table speak of, in a sentence; samples: splits, or seeds on one."""
    test, rest = sampling.test_items, sampling.other_items
    if sampling.known and sampling.kind == "redrawn":
        return (
            f"Seeds redraw the split ({samples} splits of {rest} items to train and validate and {test} to test), so "
            "that runs overlap: tests and intervals are corrected for it (Nadeau and Bengio)."
        )
    if sampling.known:
        return (
            f"All seeds are judged on the same {test} test items: tests and intervals count that other items, drawn as "
            "these were, would give other scores, and know no more of it than the scores tell."
        )
    if sampling.kind == "unknown":
        reason = "The records do not tell how seeds use the data"
    elif sampling.kind == "fixed":
        reason = "All seeds are judged on the same test items, whose part in the score is not known"
    else:
        reason = "Seeds redraw the split, and the records do not tell the sizes of its parts"
    return f"{reason}: tests and intervals take seeds as independent, and so promise too much."


def seen_words(seen: tuple[float, float] | None) -> str:
    """What tuning had read of the test labels of a report split; seen: the least and largest share of them."""
    if seen is None:
        return "Not all records tell whether tuning had read labels that are tested here."
    low, high = (_whole_percent(each) for each in seen)
    if seen[1] == 0:
        return "Tuning had read none of the labels that are tested here."
    much = f"{high} %" if low == high else f"{low} to {high} %"
    return f"Tuning had read {much} of the labels that a report split tests, on splits of its own."


def _whole_percent(share: float) -> str:
    """In whole percent; what is not 0 does not read 0."""
    return "below 1" if 0 < share < 0.005 else f"{100 * share:.0f}"


def share(value: float | None) -> str:
    """A fraction as whole percents."""
    return NONE if value is None else f"{100 * value:.0f} %".replace("-0 %", "0 %")


def number(value: float | None) -> str:
    """Three significant digits without an exponent: 0.0123, 1.23, 123, 12300."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    return f"{rounded:.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}" if abs(rounded) >= 1e-4 else f"{value:.1e}"


def factor(value: float | None) -> str:
    """A ratio: "8.1×"."""
    return NONE if value is None else f"{value:.1f}×" if 1 <= value < 100 else f"{number(value)}×"


def count(value: int | None) -> str:
    """A count with a unit prefix: 512, 1.23 k, 45.6 M."""
    if value is None:
        return NONE
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}" if value < 999.5 * size else f"{value / size:.0f} {unit}"
    return str(value)


def plain(name: str) -> str:
    """A name from a record as harmless Markdown: one line that opens no tag, link or table cell."""
    line = visible(re.sub(r"\s+", " ", name).strip())
    return re.sub(r"([\\`*\[\]<>|#&!~])", r"\\\1", line)


def table(header: list[str], rows: list[list[str]], left: int = 1) -> str:
    """A Markdown table; the first ``left`` columns are flush left, the others right."""
    rule = [":--" if column < left else "--:" for column in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [header, rule, *rows])


def reads_best(cells: Sequence[str], values: Sequence[float | None], *, lowest: bool = False) -> list[bool]:
    """Which cells read as the best value's does, so that no rounding shows a winner; None takes no part."""
    known = [value for value in values if value is not None]
    if not known:
        return [False] * len(cells)
    best = cells[values.index(min(known) if lowest else max(known))].split(" ", 1)[0]
    return [v is not None and cell.split(" ", 1)[0] == best for cell, v in zip(cells, values, strict=True)]


def bold_best(cells: list[str], values: list[float | None], *, lowest: bool = False) -> list[str]:
    """Cells with the best in bold, and those that read the same; None takes no part."""
    best = reads_best(cells, values, lowest=lowest)
    return [f"**{cell}**" if is_best else cell for cell, is_best in zip(cells, best, strict=True)]


def ranges(numbers: list[int]) -> str:
    """Sorted whole numbers, runs joined: [0, 1, 2, 5] as "0-2, 5"."""
    runs: list[list[int]] = []
    for value in numbers:
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def visible(name: str) -> str:
    """A name with its control characters and marks of text direction spelled out: ``\\u202e``, never obeyed."""
    return "".join(
        _spelled(char) if unicodedata.category(char) in _HIDDEN or char in _NOT_XML else char for char in name
    )


_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_NOT_XML = "\ufffe\uffff"  # no picture could hold them


def _spelled(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
