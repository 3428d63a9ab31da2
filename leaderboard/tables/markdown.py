"""The board's page, README.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graph_distillery.leaderboard.read.rows import RANKED, Row
from graph_distillery.leaderboard.statistics import Estimate, PairedTest
from graph_distillery.leaderboard.statistics.summary import RANKED_FROM, STUDENTISED_FROM
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.changes import change_lines
from graph_distillery.leaderboard.tables.comparison import Comparison
from graph_distillery.leaderboard.tables.declared import NO_FILE, origin, submissions
from graph_distillery.leaderboard.tables.overall import Overall
from graph_distillery.leaderboard.tables.worth import verdict
from graph_distillery.leaderboard.text import (
    NONE,
    TOO_FEW,
    bold_best,
    bounds,
    count,
    difference,
    factor,
    interval,
    metric_title,
    number,
    p_value,
    percent,
    plain,
    ranges,
    rank_bounds,
    rank_range,
    score,
    share,
    signed,
    table,
)

# Captions and paths, by the slug of a comparison or the number of an overall table.
Pictures = Mapping[str | int, Sequence[tuple[str, str]]]

#: Said where a table has such a column.
OWN_TERM = """\
- *Own term* is the row less the same configuration with its method's own contribution switched off, on the same seeds:
  what the method itself brings, by the table's own test, adjusted by Holm over its column. Where its interval reaches
  zero or that p is above 5 %, it is nothing that these runs can measure. Overall it is the mean over datasets."""
PROTOCOL = f"""\
- Scores are percentages: mean ± sample standard deviation over report seeds, on test labels. Where splits
  are redrawn, tuning reads labels of its own splits that report splits test: each table says how many.
- Intervals and tests speak of data that were not seen, and each table says how. Where seeds redraw the split, its parts
  overlap from seed to seed: variances are those of Nadeau and Bengio (2003), s² (1/n + test items / all others), with
  Student's t. Where all seeds share their test items, the variance of drawing these items is added to that of the
  seeds; without predictions it is p (1 - p) / n for a score and the sum of two for a difference, which is cautious.
  Where records tell neither, seeds are taken as independent: a studentised bootstrap from {STUDENTISED_FROM} seeds on
  (Student's t for fewer) and Wilcoxon's exact signed-rank test, or the paired t test, marked (t), where n seeds cannot
  give Wilcoxon's a p small enough (it is never below 2^(1 - n)). On fewer than five splits or seeds nothing is decided
  (n. d.), and all rows are tied. The test depends on these numbers alone, never on the outcome.
- p values are adjusted by Holm over all pairs of a table's ranked rows, on the seeds that all of them have: the
  chance of a single false difference in a table is at most 5 %. Rows that share a letter of *group* are not
  distinguishable (tables of more than 15 rows have none); *rank* is the range from one more than the rows that are
  significantly better to the rows that are not significantly worse. Do not order rows within a group by their means.
- *To best* is the difference to the row of the highest mean and its interval; ≈ where all of that lies within half a
  point on either side, or the margin that a board.yaml declares: equal in practice, whatever the p value.
- *majority* is a floor: the share of the test items that the largest class among them has, whatever training says.
- A row shows the tuned configuration, chosen on validation scores of the tuning seeds, or the one its column names.
  *Optimism* is that score, best of many trials, less what the same configuration reached on the validation parts of the
  report seeds. *Tuning gain* is tuned less default on the same report seeds; *tuning cost* is the training time of all
  its trials.
- *Gain* is the mean difference to the student alone on the same seeds; *gap closed* is the gain over the distance
  from the student alone to its teacher, left out where the interval of that distance reaches down to zero: a share of
  a distance that may be none says nothing.
- A row that lacks report seeds of its peers, has a failed run, or has run its default alone so far where peers show
  their tuned configurations, is partial; one of a fixed configuration among tuned ones, of a larger budget, or chosen
  by test labels stands apart: both are shown, but not ranked. Report seeds beyond a table's are left out. A dataset
  that less than half of a family's rows have joins no overall. Nothing is averaged over missing cells.
  The best mean of a column, and what reads the same, is bold.
- Overall: datasets are a sample too, each counted once whatever its splits. Intervals of *mean gain* and *gap closed*
  are Student's over datasets, those of *mean rank* and *win rate* (the chance that a run beats one of another row, mean
  over the others) of a score test of shares whose dispersion is in part that of all rows; on fewer than {RANKED_FROM}
  datasets these two have none, since so few do not tell how far others would lie.
  *IQM* is the interquartile mean of scores normalised so that the majority class is 0 and the teacher 1 (a perfect
  score, without a teacher), left out where on one dataset the teacher is not clearly better than the majority class;
  its interval carries the noise of both, and speaks of these datasets, not of others.
- *ECE* is the expected calibration error on the test set, in percent; lower is better.
- A row belongs to the store that brought it first; with a board.yaml to the one that stands first in it, and another
  sender's other configuration of the method is a row of its own. *Verified*: another machine repeated the same
  configuration with the same version of the suite, and Welch's test of the two means finds no difference at 5 %, which
  one honest repeat in twenty fails.
- Speed is compared within one hardware fingerprint. Latencies are medians over rounds, in which the networks of a
  dataset take turns, with the order statistics that hold them at 95 % (of five rounds, 94 %); networks of one shape are
  timed as one. One request asks for one node or graph; speed-up is the teacher's latency over the row's, overall that
  of requests. *Pareto*: no row is as fast by request, as small and as accurate, and better in one by more than the
  intervals."""


def readme(board: Board, pictures: Pictures, changed: Mapping[str, Any] | None = None) -> str:
    """The whole page with those pictures that a reader of all datasets wants at once, and what changed."""
    parts = [f"# {plain(board.file.name)}" if board.file else "# Leaderboard", ""]
    parts += ["\n".join(f"- {plain(line)}" for line in origin(board.file)) if board.file else NO_FILE, ""]
    if changed:
        parts += ["## What changed", "", *(f"- {plain(line)}" for line in change_lines(changed)), ""]
    for place, overall in enumerate(board.overall, start=1):
        parts += [_overall(overall), ""]
        parts += [f"![{plain(caption)}]({path})\n" for caption, path in pictures.get(place, ())]
    for comparison in board.comparisons:
        parts += [_comparison(comparison), ""]
        parts += [f"![{plain(caption)}]({path})\n" for caption, path in pictures.get(comparison.slug, ())]
    parts += [_footer(board)]
    return "\n".join(parts) + "\n"


def _overall(overall: Overall) -> str:
    teacher = f"{plain(overall.teacher)} → {plain(overall.student)}" if overall.teacher else plain(overall.student)
    teacher = f"{plain(overall.track)}: {teacher}" if overall.track else teacher
    lines = [
        f"## Overall: {teacher}, {overall.task}, {overall.setting}",
        "",
        f"Over {len(overall.comparisons)} comparison(s): " + "; ".join(map(_link, overall.comparisons)) + ".",
        "",
    ]
    rows = overall.rows
    if rows:
        ranks = bold_best([f"{r.mean_rank:.2f}" for r in rows], [r.mean_rank for r in rows], lowest=True)
        values = [r.iqm.value if r.iqm else None for r in rows]
        iqms = bold_best([share(value) for value in values], values)
        gains = bold_best([signed(r.gain) for r in rows], [r.gain for r in rows])
        cells = [
            [
                _label(r.key.name, r.key.method),
                rank,
                rank_bounds(r.rank),
                share(r.win_rate.value),
                bounds(r.win_rate, "{:.0f} %", 100) if r.win_rate.low is not None else TOO_FEW,
                gain,
                bounds(r.gains, "{:+.2f}", 100),
                iqm,
                bounds(r.iqm, "{:.0f} %", 100),
                share(r.gap_closed),
                bounds(r.gap, "{:.0f} %", 100),
                signed(r.tuning_gain),
                number(r.device_hours),
                factor(r.speedup),
            ]
            for r, rank, iqm, gain in zip(rows, ranks, iqms, gains, strict=True)
        ]
        header = [
            "Method",
            "Mean rank",
            "95 %",
            "Win rate",
            "95 %",
            "Mean gain",
            "95 %",
            "IQM",
            "95 %",
            "Mean gap closed",
            "95 %",
            "Mean tuning gain",
        ]
        header += ["Tuning cost (device-hours)", "Speed-up (geometric mean)"]
        if any(r.own_term for r in rows):
            header += ["Mean own term", "95 %"]
            for line, r in zip(cells, rows, strict=True):
                line += [signed(r.own_term.value if r.own_term else None), _own_bounds(r.own_term)]
        lines += [table(header, cells), ""]
    else:
        lines += ["No method is complete in all of them.", ""]
    lines += _over_datasets(overall)
    if overall.partial:
        lines += ["Not ranked, because incomplete:", ""]
        lines += [f"- {plain(key.name)}: {plain('; '.join(gaps))}" for key, gaps in overall.partial.items()]
        lines += [""]
    return "\n".join(lines).rstrip()


def _own_bounds(worth: Estimate | None) -> str:
    found = bounds(worth, "{:+.2f}", 100)
    nothing = worth is not None and worth.low is not None and worth.high is not None and worth.low <= 0 <= worth.high
    return f"{found}, nothing measurable" if nothing else found


def _over_datasets(overall: Overall) -> list[str]:
    tests = overall.tests
    if tests is None:
        return []
    parts = [f"Over {tests.datasets} datasets"]
    if tests.p is not None:
        parts.append(f"Friedman's test gives p = {number(tests.p)}")
    parts.append(f"mean ranks closer than {tests.critical_difference:.2f} (Nemenyi, 5 %) are not distinguishable")
    cliques = "; ".join(", ".join(plain(key.name) for key in clique) for clique in tests.cliques)
    lines = ["; ".join(parts) + (f": {cliques}." if cliques else ".")]
    if not tests.decidable:
        lines.append("Wilcoxon's test with Holm's adjustment cannot tell any pair apart on so few datasets.")
    return [" ".join(lines), ""]


def _link(comparison: Comparison) -> str:
    return f"[{plain(comparison.data.dataset)} ({plain(comparison.data.split)})](#{comparison.slug})"


def _label(name: str, method: str) -> str:
    return f"{plain(name)} (student alone)" if method == "supervised" else plain(name)


def _comparison(comparison: Comparison) -> str:
    data = comparison.data
    lines = [
        f'<a id="{comparison.slug}"></a>',
        "",
        f"## {plain(comparison.title)}",
        "",
        f"Test {metric_title(data.metric)} in percent. Data `{data.dataset_sha256[:12]}`, "
        f"node order `{data.node_order_sha256[:12]}`.",
        "",
        comparison.sampling_words,
        "",
        *_verdict(comparison),
        _scores(comparison),
        *_submissions(comparison),
    ]
    for fingerprint in comparison.fingerprints:
        lines += ["", f"Speed on `{fingerprint[:12]}`:", "", _speed(comparison, fingerprint)]
    return "\n".join(lines)


def _submissions(comparison: Comparison) -> list[str]:
    """Whose rows of one method there are."""
    lines = []
    for method, rows in submissions(comparison):
        named = [f"{plain(row.key.name)}{', verified' if row.verified else ''}" for row in rows]
        lines += ["", f"Submissions of {plain(method)}, verified ones first: {'; '.join(named)}."]
    return lines


def _verdict(comparison: Comparison) -> list[str]:
    """Who is best, in a sentence."""
    found = comparison.standings
    if len(found) < 2:
        return []
    leader = next(key for key, each in found.items() if each.leader)
    tied = [plain(key.name) for key, each in found.items() if each.tied and not each.leader]
    seeds = min(len(row.test) for row in comparison.rows if row.key in found)
    if found[leader].undecided:
        return [f"Undecided: {seeds} seeds are too few to tell rows apart.", ""]
    if found[leader].test == "t":
        reason = (
            f"{seeds} seeds cannot tell {len(found)} rows apart by Wilcoxon's test, {found[leader].seeds_needed} could"
        )
        note = f" By the paired t test: {reason}."
    else:
        note = ""
    if tied:
        text = f"Tied for best: {plain(leader.name)}, {', '.join(tied)}."
    else:
        text = f"Best: {plain(leader.name)}."
    return [text + note, ""]


def _scores(comparison: Comparison) -> str:
    rows = comparison.rows
    standings = [comparison.standings.get(row.key) for row in rows]
    metric = metric_title(comparison.data.metric)
    means = [row.summary.mean if row.summary else None for row in rows]
    columns = {
        "Method": [_name(comparison, row) for row in rows],
        "Rank": [rank_range(each.rank_low, each.rank_high) if each else "" for each in standings],
        "Group": [each.letters if each else "" for each in standings],
        metric[0].upper() + metric[1:]: _best(rows, [score(row.summary) for row in rows], means),
        "95 % interval": [interval(row.summary) for row in rows],
    }
    for part in ("tran", "ind") if comparison.data.setting == "inductive" else ():
        columns[f"{part} (mean)"] = [percent(row.headline.part(part) if row.headline else None) for row in rows]
    gains = [comparison.gain(row) for row in rows]
    students = [comparison.against_student(row) for row in rows]
    columns |= {
        "Validation": [score(row.headline.validation if row.headline else None) for row in rows],
        "Optimism": [signed(row.optimism) for row in rows],
        "To best": [difference(each.best, comparison.margin) if each else NONE for each in standings],
        "p to best": [p_value(each.best) if each else NONE for each in standings],
        "Gain": _best(rows, [signed(gain) for gain in gains], gains),
        "p of gain": [p_value(test) for test in students],
        "Gap closed": [share(comparison.gap_closed(row)) for row in rows],
        "ECE": [percent(row.headline.mean_ece if row.headline else None) for row in rows],
        "Configuration": [row.headline.selection if row.headline else NONE for row in rows],
        "Default": [score(row.results["default"].summary if "default" in row.results else None) for row in rows],
        "Tuning gain": [signed(comparison.tuning_gain(row)) for row in rows],
        "Tuning cost (device-hours)": [number(row.tuning.device_hours) for row in rows],
        "Trials": [str(row.headline.trials) if row.headline and row.headline.trials else NONE for row in rows],
        "Failed trials": [str(row.failed_trials) for row in rows],
        "Seeds": [str(len(row.test)) if row.complete else row.status for row in rows],
        "Verified": ["yes" if row.verified else "" for row in rows],
    }
    if any("ablated" in row.results for row in rows):
        columns["Own term"] = [_own_term(comparison.own_term(row)) for row in rows]
    return table(list(columns), [list(cells) for cells in zip(*columns.values(), strict=True)])


def _own_term(test: PairedTest | None) -> str:
    """What a method's own term is worth, with its interval; in words where that is nothing."""
    if test is None or test.low is None or test.high is None:
        return signed(test.difference) if test else NONE
    found = f"{signed(test.difference)} ({signed(test.low)} to {signed(test.high)})"
    word = verdict(test)
    return f"{found}, {word}" if word else found


def _speed(comparison: Comparison, fingerprint: str) -> str:
    rows = [row for row in comparison.rows if fingerprint in row.speed]
    speeds = [row.speed[fingerprint] for row in rows]
    front = comparison.pareto(fingerprint)
    header = ["Method", "One request (ms)", "Speed-up", "Full forward (ms)", "Speed-up", "Parameters", "MACs"]
    columns = [
        [_name(comparison, row) for row in rows],
        [_latency(speed.request_ms, speed.request_low, speed.request_high) for speed in speeds],
        [factor(comparison.speedup(row, fingerprint, request=True)) for row in rows],
        [_latency(speed.full_forward_ms, speed.full_forward_low, speed.full_forward_high) for speed in speeds],
        [factor(comparison.speedup(row, fingerprint)) for row in rows],
        [count(speed.params) for speed in speeds],
        [count(speed.macs) for speed in speeds],
        [number(speed.peak_memory_mb) for speed in speeds],
        ["yes" if front.get(row.key) else "" for row in rows],
    ]
    return table([*header, "Peak memory (MiB)", "Pareto"], [list(cells) for cells in zip(*columns, strict=True)])


def _latency(value: float | None, low: float | None, high: float | None) -> str:
    """Milliseconds, with the interval of the median over rounds where there were some."""
    if low is None or high is None:
        return number(value)
    return f"{number(value)} ({number(low)} to {number(high)})"


def _best(rows: tuple[Row, ...], cells: list[str], values: list[float | None]) -> list[str]:
    """The best in bold, among the rows that are ranked."""
    ranked = [row.role in RANKED and row.complete for row in rows]
    return bold_best(cells, [value if ok else None for value, ok in zip(values, ranked, strict=True)])


def _name(comparison: Comparison, row: Row) -> str:
    if row.role == "method":
        return plain(row.key.name)
    note = {"teacher": comparison.whose(row), "majority": "largest class", "supervised": "student alone"}[row.role]
    return f"*{plain(row.key.name)}* ({plain(note)})"


def _footer(board: Board) -> str:
    reports = [result for c in board.comparisons for row in c.rows for result in row.results.values()]
    seeds = sorted({seed for result in reports for _, seed in result.test})
    budgets = sorted({budget for result in reports for budget in result.budgets})
    ablated = any("ablated" in row.results for comparison in board.comparisons for row in comparison.rows)
    lines = ["## How to read this", "", PROTOCOL, *([OWN_TERM] if ablated else []), "", "## What it was made from", ""]
    lines += [f"- Suite version: {', '.join(map(plain, board.suite_versions))}"]
    lines += [f"- Report seeds: {ranges(seeds)}"]
    lines += [f"- Search budget of a cell: {', '.join(map(plain, budgets)) or 'none'}"]
    for fingerprint, e in board.environments.items():
        software = f"Python {e.python}, torch {e.torch}, PyG {e.pyg}"
        machine = f"{e.device}, {e.cpu}, {e.threads} thread(s), {e.os}, {software}"
        lines += [f"- Machine `{fingerprint[:12]}`: {plain(machine)}"]
    lines += [f"- Note: {plain(warning)}" for warning in board.warnings]
    return "\n".join(lines)
