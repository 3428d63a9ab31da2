"""How far runs on one dataset are samples of it: formulas by hand, a published table, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from graph_distillery.leaderboard.statistics import SplitFacts, sampling_of, standings
from graph_distillery.leaderboard.statistics.items import paired_items
from graph_distillery.leaderboard.statistics.paired import choose_test, paired_test
from graph_distillery.leaderboard.statistics.sampling import UNKNOWN, Sampling
from graph_distillery.leaderboard.statistics.variance import mean_variance, summarise_runs

OURS = [0.81, 0.83, 0.80, 0.85, 0.82, 0.84, 0.80, 0.83, 0.81, 0.82]
THEIRS = [0.80, 0.80, 0.81, 0.82, 0.82, 0.81, 0.80, 0.81, 0.80, 0.80]


def drawn_anew(n: int, items=(60, 20, 20), metric_counts: bool = True) -> Sampling:
    return sampling_of({i: SplitFacts(f"s{i}", f"t{i}", items) for i in range(n)}, metric_counts)


def rows(*scores):
    return [dict(enumerate(each)) for each in scores]


def test_the_corrected_test_is_nadeau_and_bengios():
    """Their equation for t: the mean over s times sqrt(1 / J + n2 / n1), with J - 1 degrees of freedom."""
    ours, theirs = rows(OURS, THEIRS)
    d = np.array(OURS) - np.array(THEIRS)
    t = d.mean() / (d.std(ddof=1) * np.sqrt(1 / 10 + 20 / 80))
    found = paired_test(ours, theirs, "corrected_t", None, drawn_anew(10))
    assert found.p == pytest.approx(2 * stats.t.sf(t, 9))
    half = stats.t.ppf(0.975, 9) * d.std(ddof=1) * np.sqrt(0.35)
    assert (found.low, found.high) == pytest.approx((d.mean() - half, d.mean() + half))
    # By hand: the mean is 0.014, the sum of squares about it 0.00184; s^2 = 0.00020444; 0.35 s^2 = 7.1556e-05;
    # t = 0.014 / 0.0084591 = 1.6550. Uncorrected it would be 3.0963, and p 0.0128.
    assert t == pytest.approx(1.6550, abs=1e-4)
    assert found.p == pytest.approx(0.1323, abs=1e-4)


def test_a_tenth_for_testing_gives_the_factor_of_ten_times_ten_folds():
    """Bouckaert and Frank (2004): ten times tenfold, 1 / 100 + 1 / 9 in place of 1 / 100."""
    sampling = drawn_anew(100, (90, 0, 10))
    values = np.random.default_rng(0).normal(size=100)
    variance, freedom = mean_variance(values, range(100), sampling, None)
    assert variance == pytest.approx(values.var(ddof=1) * (1 / 100 + 1 / 9))
    assert freedom == 99


def test_a_published_example_has_the_published_t_and_interval():
    """scikit-learn, "Statistical comparison of models using grid search": rbf less linear, ten times tenfold.

    Areas under the curve of 5 against 5 items, so 25ths. The page prints t 0.750, its one-sided p 0.227, and the 95 %
    interval -0.016445 to 0.036445.
    """
    whole = (
        "-1 -3 0 0 0 1 1 0 1 0 1 1 1 1 1 -1 0 0 0 0 -1 -1 1 -2 0 1 1 1 0 0 -1 1 0 0 1 0 0 1 1 0 1 0 0 0 0 0 0 2 0 0 "
        "0 1 1 1 0 1 -1 2 0 0 0 0 0 5 -1 0 1 0 0 0 0 1 1 2 0 1 0 -1 0 0 1 -2 1 0 1 0 0 0 0 0 0 -1 0 -1 0 0 1 2 0 0"
    )
    rbf = [int(each) / 25 for each in whole.split()]
    found = paired_test(*rows(rbf, [0.0] * 100), "corrected_t", None, drawn_anew(100, (90, 0, 10), False))
    assert (found.low, found.high) == pytest.approx((-0.016445, 0.036445), abs=5e-7)
    assert found.p / 2 == pytest.approx(0.227, abs=5e-4)
    assert stats.t.isf(found.p / 2, 99) == pytest.approx(0.750, abs=5e-4)


def test_seeds_that_share_a_split_are_one_sample():
    """Ten splits twice: the variance is that of the ten means."""
    twice = {(i, j): SplitFacts(f"s{i}", f"t{i}", (60, 20, 20)) for i in range(10) for j in range(2)}
    sampling = sampling_of(twice, True)
    values = np.random.default_rng(1).normal(size=(10, 2))
    variance, freedom = mean_variance(values.ravel(), list(twice), sampling, None)
    assert variance == pytest.approx(values.mean(axis=1).var(ddof=1) * 0.35)
    assert (freedom, sampling.samples(list(twice))) == (9, 10)


def test_a_method_without_randomness_has_an_interval_on_a_fixed_split():
    """71.3 % of 1000 nodes, ten times over: the items' own variance, p (1 - p) / n, with Agresti and Coull's p."""
    fixed = sampling_of({i: SplitFacts("s", "t", (140, 500, 1000)) for i in range(10)}, True)
    summary = summarise_runs(dict.fromkeys(range(10), 0.713), fixed)
    p = (713 + 2) / 1004
    half = stats.norm.ppf(0.975) * np.sqrt(p * (1 - p) / 1000)
    assert (summary.low, summary.high) == pytest.approx((0.713 - half, 0.713 + half), abs=1e-6)
    alone = summarise_runs(dict.fromkeys(range(10), 0.713), UNKNOWN)
    assert alone.low == alone.high == 0.713


def test_the_degrees_of_freedom_of_seeds_and_items_are_welchs():
    """As SciPy's test of two means, of which the second sample is so large that its variance is as good as known."""
    fixed = sampling_of({i: SplitFacts("s", "t", (140, 500, 1000)) for i in range(5)}, True)
    values = np.array([0.7, 0.72, 0.69, 0.71, 0.74])
    variance, freedom = mean_variance(values, range(5), fixed, np.array(0.0002))
    seeds = values.var(ddof=1) / 5
    assert variance == pytest.approx(seeds + 0.0002)
    assert freedom == pytest.approx((seeds + 0.0002) ** 2 / (seeds**2 / 4))


def test_where_the_test_part_is_most_of_the_data_its_items_say_more_than_the_correction():
    """GLNN's split of cora: 140, 210 and 2135 nodes. The correction would be 6.1 s^2; 2135 nodes vary far less."""
    sampling = drawn_anew(10, (140, 210, 2135))
    d = np.array(OURS) - np.array(THEIRS)
    found = paired_test(*rows(OURS, THEIRS), "corrected_t", None, sampling)
    items = sum(p * (1 - p) / 2135 for p in ((m * 2135 + 2) / 2139 for m in (np.mean(OURS), np.mean(THEIRS))))
    seeds = d.var(ddof=1) * (0.1 + 350 / 2135)
    width = np.sqrt(seeds + items) * stats.t.ppf(0.975, 9 * ((seeds + items) / seeds) ** 2)
    assert found.high - found.difference == pytest.approx(width)
    assert width < np.sqrt(d.var(ddof=1) * (0.1 + 2135 / 350)) * stats.t.ppf(0.975, 9)


def test_the_kind_of_sampling_follows_from_what_records_tell():
    facts = {0: SplitFacts("a", "x", (1, 1, 1)), 1: SplitFacts("b", "y", (1, 1, 1))}
    assert sampling_of(facts, True).kind == "redrawn"
    assert sampling_of({0: facts[0], 1: SplitFacts("b", "x", (1, 1, 1))}, True).kind == "fixed"  # one sealed test part
    assert sampling_of({0: facts[0], 1: facts[0]}, True).kind == "fixed"
    assert sampling_of({0: facts[0], 1: SplitFacts()}, True).kind == "unknown"
    unsized = sampling_of({0: SplitFacts("a"), 1: SplitFacts("b")}, True)
    assert (unsized.kind, unsized.known) == ("redrawn", False)
    assert not sampling_of({0: facts[0], 1: facts[0]}, counted=False).known  # an area under a curve is no share
    tests = [(4, drawn_anew(4), None), (5, drawn_anew(5), "corrected_t"), (10, UNKNOWN, "wilcoxon")]
    assert [choose_test(n, 3, sampling) for n, sampling, _ in tests] == [test for *_, test in tests]


def test_mcnemars_table_gives_the_item_bootstraps_variance():
    """b items that ours alone has right, c that theirs alone has: (b - c) / n with (b + c - (b - c)^2 / n) / n^2."""
    n, b, c = 400, 40, 20
    ours, theirs = np.zeros((1, n)), np.zeros((1, n))
    ours[0, :b], theirs[0, b : b + c], ours[0, 100:], theirs[0, 100:] = 1, 1, 1, 1
    error = np.sqrt(b + c - (b - c) ** 2 / n) / n
    found = paired_items(ours, theirs, "table", 20_000)
    assert found.difference == pytest.approx((b - c) / n)
    assert (found.high - found.low) / 2 == pytest.approx(stats.norm.ppf(0.975) * error, rel=0.03)
    assert found.p == pytest.approx(2 * stats.norm.sf((b - c) / n / error), rel=0.1)
    three = paired_items(np.repeat(ours, 3, axis=0), np.repeat(theirs, 3, axis=0), "table", 20_000)
    assert (three.high - three.low) == pytest.approx(found.high - found.low, rel=0.03)  # seeds without randomness
    assert paired_items(ours, ours, "same").p == 1
    with pytest.raises(ValueError, match=r"\(1, 400\) and \(1, 399\)"):
        paired_items(ours, theirs[:, 1:], "short")


def test_above_fifteen_rows_there_are_ranges_and_no_letters():
    rng = np.random.default_rng(0)
    scores = {i: dict(enumerate(0.5 + 0.02 * i + rng.normal(0, 0.002, 10))) for i in range(16)}
    found = standings(scores, drawn_anew(10))
    assert {each.letters for each in found.values()} == {""}
    assert (found[15].rank_low, found[15].rank_high) == (1, 1)
    assert standings({i: scores[i] for i in range(15)}, drawn_anew(10))[14].letters == "a"


def test_practically_equal_is_an_interval_within_the_margin():
    near = paired_test(*rows([0.8, 0.801, 0.8], [0.8, 0.8, 0.8]), "t")
    assert near.within(0.005)
    assert not near.within(0.0005)
    assert not paired_test(*rows(OURS, THEIRS), "t").within(0.005)
