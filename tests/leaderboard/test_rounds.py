"""Latencies over rounds: the interval of a median, a front with a tolerance, and which measurement counts."""

from __future__ import annotations

import random

import pytest

from graph_distillery.bench.records import SpeedRounds
from graph_distillery.leaderboard import load_stores, make_board
from graph_distillery.leaderboard.statistics import pareto_front
from graph_distillery.leaderboard.statistics.rounds import median_over_rounds


def test_the_interval_of_a_median_is_of_order_statistics():
    assert median_over_rounds([3.0]).low is None
    assert (median_over_rounds([5, 1, 2, 9, 3]).low, median_over_rounds([5, 1, 2, 9, 3]).high) == (1, 9)
    assert (median_over_rounds(range(1, 9)).low, median_over_rounds(range(1, 9)).high) == (1, 8)  # 2/256 beyond
    assert (median_over_rounds(range(1, 10)).low, median_over_rounds(range(1, 10)).high) == (2, 8)  # 20/512
    assert median_over_rounds([4, 1, 3, 2]).value == 2.5


@pytest.mark.parametrize("rounds", [6, 9, 15])
def test_it_holds_the_median_of_a_skewed_law_as_often_as_it_says(rounds):
    rng = random.Random(rounds)
    held = 0
    for _ in range(2000):
        found = median_over_rounds([rng.lognormvariate(0.0, 1.0) for _ in range(rounds)])
        held += found.low <= 1.0 <= found.high
    assert held / 2000 >= 0.94


def test_a_front_counts_as_beaten_what_is_so_by_more_than_the_intervals():
    points = [(1.0, 0.80), (1.1, 0.79), (5.0, 0.80), (0.9, 0.60)]
    assert pareto_front(points) == [True, False, False, True]
    near = [[(t * 0.8, t * 1.2), (s - 0.02, s + 0.02)] for t, s in points]
    assert pareto_front(points, near) == [True, True, False, True]  # 1.1 ms and 79 % may be 1 ms and 80 %


def test_rows_that_took_turns_count_before_what_was_timed_alone(make_record, make_runs, make_store):
    def timed(ms, rows, created):
        record = make_record("kd", kind="speed", speed=ms, created=created)
        rounds = SpeedRounds(full_forward_ms=(ms, 2 * ms, 3 * ms), request_ms=(ms / 2,) * 5, rows=rows, shape="a" * 16)
        request = record.speed.request_ms
        speed = record.speed.model_copy(update={"rounds": rounds, "request_ms": request})
        return record.model_copy(update={"speed": speed, "id": f"{round(ms):032}"})

    alone = timed(9.0, 1, "2026-11-23T00:00:00Z")
    turns = [timed(ms, 4, f"2026-11-2{day}T00:00:00Z") for ms, day in ((1.0, 1), (2.0, 2))]
    store = make_store([*make_runs("kd", [0.7, 0.71]), alone, *turns])
    (comparison,) = make_board(load_stores([store])).comparisons
    (speed,) = comparison.rows[0].speed.values()
    assert (speed.full_forward_ms, speed.full_forward_low, speed.full_forward_high) == (2.0, 2.0, 6.0)
    assert (speed.request_low, speed.request_high, speed.rounds, speed.beside) == (1.0, 1.0, 3, 4)
    assert speed.first == (1.0, 1.0, 1.0)
    assert len(speed.sources) == 1
