"""Races over epochs, against Optuna's own pruners on the same curves and against their definitions."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import optuna
import pytest

from graph_distillery.bench.ids import content_id
from graph_distillery.bench.sweeps.spec import Search
from graph_distillery.bench.sweeps.study import pruners
from graph_distillery.bench.sweeps.study.study import Study
from graph_distillery.bench.sweeps.study.trial import Trial
from graph_distillery.search_spaces import JointSpace, load_space, merge, parse_space

EPOCHS, FIRST = 80, 4


def study(pruner: Any, epochs: int = EPOCHS, **changes: Any) -> Study:
    space = merge({"student": load_space("model", "mlp").override({"epochs": epochs}, {})})
    search = Search(**{"pruner": pruner, "seeds": (100, 101), "min_epochs": FIRST, "lag": 1, **changes})
    return Study(content_id("cell"), space, space.defaults(), search, 60)


def curves(count: int, of: Study, seed: int = 0) -> list[dict[int, float]]:
    """Rising, crossing and sometimes equal, reported until the end; halves of their sums are exact."""
    generator = random.Random(seed)
    every, found = pruners.first_rung(of), []
    for _ in range(count):
        top, speed = generator.choice([0.5, 0.6, 0.7, 0.8]), generator.choice([2, 5, 20])
        found.append({e: round(4096 * top * e / (e + speed)) / 4096 for e in range(every, EPOCHS, every)})
    return found


def raced(of: Study, found: list[dict[int, float]]) -> list[Trial]:
    """One trial after another, each as far as it is let."""
    known: list[Trial] = []
    for number, curve in enumerate(found):
        trial = Trial(number, of.defaults, {}, "running")
        for epoch, score in curve.items():
            trial = Trial(number, of.defaults, {}, "running", {**trial.curve, epoch: score})
            if of.stops_after_epoch(trial, epoch, known):
                known.append(Trial(number, of.defaults, {100: score}, "pruned", trial.curve))
                break
        else:
            last = max(curve.values())
            known.append(Trial(number, of.defaults, {100: last, 101: last}, "complete", curve))
    return known


def by_optuna(pruner: optuna.pruners.BasePruner, found: list[dict[int, float]]) -> list[int]:
    """Epochs to which Optuna lets each curve go, in a study of its own."""
    of, reached = optuna.create_study(direction="maximize", pruner=pruner), []
    for curve in found:
        trial = of.ask()
        for epoch, score in curve.items():
            trial.report(score, epoch)
            if trial.should_prune():
                of.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            of.tell(trial, max(curve.values()))
        reached.append(epoch)
    return reached


@pytest.mark.parametrize("eta", [2, 3, 4])
def test_asha_stops_what_optuna_s_successive_halving_stops(eta: int) -> None:
    of = study("asha", reduction_factor=eta)
    found = curves(60, of, eta)
    ours = [max(trial.curve) for trial in raced(of, found)]
    assert ours == by_optuna(optuna.pruners.SuccessiveHalvingPruner(FIRST, eta), found)
    assert {*pruners.rungs(of)} < {*ours}


def test_the_median_is_optuna_s() -> None:
    of = study("median")
    found = curves(40, of)
    ours = [max(trial.curve) for trial in raced(of, found)]
    assert ours == by_optuna(optuna.pruners.MedianPruner(n_startup_trials=5), found)
    assert len(set(ours)) > 2


@pytest.mark.parametrize(
    ("epochs", "eta", "first", "expected"),
    [
        (200, 3, None, [8, 24, 72]),
        (500, 3, None, [19, 57, 171]),
        (200, 4, None, [4, 16, 64]),
        (80, 3, 4, [4, 12, 36]),
        (36, 3, 4, [4, 12]),
        (4, 3, 4, []),
        (1, 3, None, []),
        (0, 3, None, []),
    ],
)
def test_rungs(epochs: int, eta: int, first: int | None, expected: list[int]) -> None:
    of = study("asha", epochs, reduction_factor=eta, min_epochs=first)
    assert pruners.rungs(of) == expected
    new = Trial(1, of.defaults, {}, "running")
    assert of.report_every(new) == (expected[0] if expected else 0)
    assert of.next_seeds(new) == ((100,) if expected else (100, 101))
    later = Trial(1, of.defaults, {100: 0.5}, "running")
    assert (of.report_every(later), of.next_seeds(later)) == (0, (101,))


def test_epochs_that_are_tuned_count_at_their_most() -> None:
    content = {"name": "m", "kind": "model", "parameters": {"epochs": {"int": [10, 90], "default": 20, "source": "x"}}}
    space: JointSpace = merge({"student": parse_space(content, source="x")})
    of = Study(content_id("c"), space, space.defaults(), Search(pruner="asha"), 9)
    assert pruners.rungs(of) == [4, 12, 36]


def at_a_rung(of: Study, own: float, others: Mapping[int, tuple[Any, ...]]) -> bool:
    """Whether trial 99 stops at the first rung; of the others: state, curve, values."""
    known = [Trial(n, of.defaults, values, state, curve) for n, (state, curve, values) in others.items()]
    return of.stops_after_epoch(Trial(99, of.defaults, {}, "running", {FIRST: own}), FIRST, known)


def test_who_counts_at_a_rung() -> None:
    of = study("asha")
    for state, curve, values, counts in [
        ("complete", {FIRST: 0.6}, {100: 0.9, 101: 0.9}, True),
        ("complete", {}, {100: 0.6, 101: 0.9}, True),  # ended by itself before the rung, with what it still has
        ("running", {FIRST: 0.6}, {}, False),  # who comes first at a rung is chance
        ("running", {FIRST: 0.6}, {100: 0.7}, False),
        ("pruned", {FIRST: 0.6}, {100: 0.6}, True),
        ("failed", {FIRST: 0.6}, {}, False),
    ]:
        assert at_a_rung(of, 0.5, {1: (state, curve, values)}) == counts, (state, curve, values)
        assert not at_a_rung(of, 0.6, {1: (state, curve, values)})  # as good as the best goes on
    late = {n: ("pruned", {FIRST: 0.1}, {100: 0.1}) for n in range(5)}
    assert not at_a_rung(of, 0.5, {**late, 9: ("complete", {FIRST: 0.6}, {100: 0.6, 101: 0.6})})  # 2 of 7 go on
    assert at_a_rung(of, 0.5, {**dict(itertools.islice(late.items(), 3)), 9: ("complete", {FIRST: 0.6}, {100: 0.6})})
    assert not study("asha", min_epochs=2).stops_after_epoch(Trial(99, {}, {}, "running", {4: 0.0}), 4, [])  # no rung


def test_hyperband_spreads_its_trials_and_judges_within_a_bracket() -> None:
    of = study("hyperband", reduction_factor=3)  # rungs 4, 12, 36: four brackets of 27, 12, 6 and 4 in 49
    spread = [pruners.bracket(of, number) for number in range(2 * 49)]
    assert Counter(spread) == {0: 54, 1: 24, 2: 12, 3: 8}
    assert Counter(spread[:49]) == {0: 27, 1: 12, 2: 6, 3: 4}
    assert len(set(spread[:15])) >= 3
    trials = raced(of, curves(98, of))
    ends: dict[int, set[int]] = {}
    for trial in trials:
        ends.setdefault(spread[trial.number], set()).add(max(trial.curve))
    assert ends == {0: {4, 12, 36, 76}, 1: {12, 36, 76}, 2: {36, 76}, 3: {76}}
    alone = [spread.index(0), spread.index(1)]
    best = Trial(alone[0], of.defaults, {100: 0.9, 101: 0.9}, "complete", {4: 0.9, 12: 0.9})
    worse = Trial(alone[1], of.defaults, {}, "running", {4: 0.1, 12: 0.1})
    assert not of.stops_after_epoch(worse, 12, [best])  # another bracket


def test_epochs_that_are_a_choice_race_to_the_longest() -> None:
    space = merge({"student": load_space("model", "mlp").override({}, {"epochs": {"choice": [20, 80, 40]}})})
    of = Study(content_id("cell"), space, space.defaults(), Search(pruner="asha", min_epochs=4), 60)
    assert pruners.rungs(of) == [4, 12, 36]
