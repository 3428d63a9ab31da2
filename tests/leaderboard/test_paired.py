"""Wilcoxon, Holm, effect sizes and tie groups against SciPy, enumeration and published examples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from graph_distillery.leaderboard.statistics import holm, paired_test, smallest_p, standings, wilcoxon_p
from graph_distillery.leaderboard.statistics.groups import letter_groups
from graph_distillery.leaderboard.statistics.paired import choose_test, seeds_needed

# Demšar (JMLR 2006), table 2: AUC of C4.5 and of C4.5 with its parameter m tuned, on 14 UCI datasets.
C45 = [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957]
C45_M = [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978]

# Counts of a test set give ties and zeros.
DIFFERENCES = st.lists(st.integers(-4, 4).map(lambda n: n / 1000), min_size=1, max_size=9)


def test_wilcoxon_on_demsars_example():
    """Table 2: rank sums 93 and 12 with the two zeros split, under the critical 21: the difference is significant."""
    differences = [b - a for a, b in zip(C45, C45_M, strict=True)]
    ranks = stats.rankdata(np.abs(np.round(differences, 3)))
    split = sum(rank / 2 for rank, d in zip(ranks, differences, strict=True) if d == 0)
    assert sum(rank for rank, d in zip(ranks, differences, strict=True) if d < 0) + split == 12
    test = paired_test(dict(enumerate(C45_M)), dict(enumerate(C45)))
    assert (test.wins, test.ties, test.losses) == (10, 2, 2)
    assert test.p == wilcoxon_p(differences) < 0.05
    rounded = np.round(differences, 3)
    permuted = stats.wilcoxon(rounded[rounded != 0], method=stats.PermutationMethod(n_resamples=10**6))
    assert test.p == pytest.approx(permuted.pvalue, rel=1e-9)


def test_holm_on_demsars_example():
    """Section 3.2.2: p 0.019, 0.607, 0.836 against 0.05 / 3, 0.05 / 2, 0.05: none is rejected."""
    assert holm([0.607, 0.019, 0.836]) == pytest.approx([1.0, 0.057, 1.0])
    # Holm (1979) as R's p.adjust: c(0.01, 0.02, 0.03, 0.04) becomes 0.04, 0.06, 0.06, 0.06
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])


@given(st.lists(st.floats(-1, 1).filter(lambda d: abs(d) > 1e-6), min_size=1, max_size=12, unique_by=abs))
def test_wilcoxon_without_ties_is_scipys_exact_one(differences):
    gaps = np.diff(sorted(map(abs, differences)))
    if len(gaps) == 0 or gaps.min() > 1e-9:
        assert wilcoxon_p(differences) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue, rel=1e-12)


@given(DIFFERENCES)
def test_wilcoxon_with_ties_counts_every_sign_pattern(differences):
    kept = [d for d in differences if d]
    if not kept:
        assert wilcoxon_p(differences) == 1
        return
    ranks = stats.rankdata(np.round(np.abs(kept), 9))
    observed = abs(ranks @ np.sign(kept))
    sums = [abs(ranks @ np.array(signs)) for signs in itertools.product((-1, 1), repeat=len(kept))]
    assert wilcoxon_p(differences) == pytest.approx(np.mean([s >= observed - 1e-9 for s in sums]))


def test_where_wilcoxon_cannot_decide_t_does_and_below_five_seeds_nothing():
    assert smallest_p(5) == 0.0625
    assert wilcoxon_p([0.02] * 5) == 0.0625
    assert [seeds_needed(m) for m in (1, 2, 5, 25)] == [6, 7, 8, 10]
    assert [choose_test(n, m) for n, m in ((4, 1), (5, 1), (6, 1), (6, 2), (10, 25), (10, 26))] == [
        None, "t", "wilcoxon", "t", "wilcoxon", "t",
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    scores = {"good": 0.8 + rng.normal(0, 0.01, 6), "bad": 0.7 + rng.normal(0, 0.01, 6)}
    for n, verdicts, test in (
        (4, ("undecided", "undecided"), None),
        (5, ("best", "below best"), "t"),
        (6, ("best", "below best"), "wilcoxon"),
    ):
        found = standings({key: dict(enumerate(values[:n])) for key, values in scores.items()})
        assert (found["good"].verdict, found["bad"].verdict) == verdicts
        bounds = [(found[key].rank_low, found[key].rank_high) for key in ("good", "bad")]
        assert bounds == ([(1, 2), (1, 2)] if test is None else [(1, 1), (2, 2)])
        assert (found["bad"].test, found["bad"].seeds_needed) == (test, 6)
        assert (found["bad"].letters == "a") == (test is None)
    five = standings({key: dict(enumerate(values[:5])) for key, values in scores.items()})["bad"].best
    four = standings({key: dict(enumerate(values[:4])) for key, values in scores.items()})["bad"].best
    assert (four.p, four.p_holm, four.significant) == (None, None, False)  # no test, so no adjusted p either
    assert five.p == pytest.approx(stats.ttest_rel(scores["bad"][:5], scores["good"][:5]).pvalue)


def test_a_planted_tie_is_a_tie_and_a_planted_gain_a_win():
    """Ten seeds, seed noise of 1.5 points shared by all rows, 0.5 of their own; the winner has 2 points more."""
    wins = ties = 0
    for board in range(100):
        rng = np.random.default_rng([5, board])
        shared = 0.7 + rng.normal(0, 0.015, 10)
        base = {f"row {i}": shared + rng.normal(0, 0.005, 10) for i in range(4)}
        tied = standings({key: dict(enumerate(scores)) for key, scores in base.items()})
        ties += all(each.letters == "a" for each in tied.values())
        best = {**base, "winner": shared + 0.02 + rng.normal(0, 0.005, 10)}
        found = standings({key: dict(enumerate(scores)) for key, scores in best.items()})
        wins += found["winner"].verdict == "best" and all(found[key].rank_low > 1 for key in base)
    assert wins >= 97
    assert ties >= 90


def test_effect_sizes_by_hand():
    # differences 1, 2, -3, 4 (hundredths): ranks 1 + 2 + 4 won, 3 lost, (7 - 3) / 10; mean 1, std sqrt(26 / 3)
    test = paired_test({1: 0.01, 2: 0.02, 3: -0.03, 4: 0.04}, dict.fromkeys((1, 2, 3, 4), 0.0))
    assert test.rank_biserial == pytest.approx(0.4)
    assert test.cohen_dz == pytest.approx(1 / (26 / 3) ** 0.5)
    assert (test.n, test.wins, test.losses) == (4, 3, 1)


@given(
    st.dictionaries(
        st.sampled_from("abcdefg"), st.lists(st.integers(0, 9), min_size=7, max_size=7), min_size=2, max_size=6
    )
)
def test_letters_rank_intervals_and_verdicts_agree(scores):
    found = standings({key: {i: v / 1000 for i, v in enumerate(values)} for key, values in scores.items()})
    leader = next(iter(found))
    for key, each in found.items():
        assert each.rank_low <= each.rank <= each.rank_high
        for other, p in each.pairs.items():
            assert (set(each.letters) & set(found[other].letters) == set()) == (p <= 0.05)
            assert p == found[other].pairs[key]
        assert each.leader == (key == leader)
        if key != leader:
            assert each.tied == (each.pairs[leader] > 0.05) == (not each.best.significant)


def test_a_pair_is_adjusted_within_all_pairs_of_the_table():
    """Holm (1979) over three pairs: the least p counts three times, the next twice, the last once."""
    a, b, c = [67, 81, 67, 84, 74, 69, 89, 60], [64, 71, 56, 79, 63, 62, 91, 61], [62, 79, 61, 77, 70, 64, 84, 52]
    raw = [wilcoxon_p([(x - y) / 100 for x, y in zip(*pair, strict=True)]) for pair in ((a, b), (a, c), (b, c))]
    assert raw == pytest.approx([10 / 256, 2 / 256, 254 / 256])
    found = standings({n: {i: v / 100 for i, v in enumerate(row)} for n, row in (("a", a), ("b", b), ("c", c))})
    assert found["a"].pairs == pytest.approx({"b": 20 / 256, "c": 6 / 256})
    assert found["b"].pairs == pytest.approx({"a": 20 / 256, "c": 254 / 256})
    assert (found["a"].letters, found["b"].letters, found["c"].letters) == ("a", "ab", "b")


def test_letters_of_an_intransitive_chain():
    """a-b and b-c are not distinguishable, a-c is: b carries both letters."""
    assert letter_groups(["a", "b", "c"], {("a", "c"), ("c", "a")}) == {"a": "a", "b": "ab", "c": "b"}
    # a - b - c - d, neighbours alone alike: a letter for each pair of them, and none that another one makes needless
    differ = {(one, other) for one, other in itertools.permutations("abcd", 2) if abs(ord(one) - ord(other)) > 1}
    assert letter_groups(list("abcd"), differ) == {"a": "a", "b": "ab", "c": "bc", "d": "c"}
