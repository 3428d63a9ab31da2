"""What is kept up of the trials of a search is what looking at all of them would say."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Literal

from graph_distillery.bench.sweeps.study.known_trials import KnownTrials
from graph_distillery.bench.sweeps.study.trial import Trial


def test_whatever_happens_in_whatever_order_the_answers_are_those_of_a_walk_over_all_trials() -> None:
    draw = random.Random(3)
    states: dict[int, Literal["running", "complete", "pruned", "failed"]] = {}
    known = KnownTrials(lambda number, values: Trial(number, values, {}, states[number]))
    begun: dict[int, dict[str, object]] = {}
    for _ in range(600):
        number = draw.randrange(120)
        begun.setdefault(number, {"a": draw.randrange(30), "b": draw.choice([None, "x", 1.5])})
        states[number] = draw.choice(["running", "running", "complete", "pruned", "failed"])
        known.begin(number, begun[number])
        assert known.configurations == begun
        assert [trial.number for trial in known.every()] == sorted(begun)
        assert all(trial.state == states[trial.number] for trial in known.every())
        assert known.running() == sorted(n for n, state in states.items() if state == "running")
        assert known.any_running is bool(known.running())
        assert known.first_free == next(n for n in range(121) if n not in begun)
        below = draw.randrange(121)
        assert known.have_ended(below) is all(states.get(n, "running") != "running" for n in range(below))
        alike = [other for other in sorted(begun) if begun[other] == begun[number] and other < number]
        assert known.first_alike(number) == (alike[0] if alike else None)


def test_asking_what_comes_next_costs_the_same_however_many_trials_have_ended() -> None:
    """Counted in readings of a trial, not in seconds."""
    read: list[int] = []
    states: dict[int, Literal["running", "complete"]] = {}

    def reading(number: int, values: Mapping[str, Any]) -> Trial:
        read.append(number)
        return Trial(number, values, {}, states[number])

    known = KnownTrials(reading)
    for number in range(2000):
        states[number] = "complete"
        known.begin(number, {"a": number})
        assert known.have_ended(number + 1)
        assert not known.any_running
        assert known.first_free == number + 1
    assert read == list(range(2000))
