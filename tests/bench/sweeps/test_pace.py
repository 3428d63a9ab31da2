"""Time left goes by what the clock has shown: slots, overheads and waits included."""

from __future__ import annotations

import heapq
import random

import pytest

from graph_distillery.bench.sweeps.store.pace import WINDOW_S, Pace


def driven(slots: int, trainings: list[float], overhead_s: float, until: float = float("inf")) -> tuple[Pace, float]:
    """Carried out on so many slots, each training with some seconds around it; and when it was over."""
    now = 0.0
    pace = Pace(lambda: now)
    waiting, running = list(enumerate(trainings)), list[tuple[float, int, float]]()
    while waiting or running:
        while waiting and len(running) < slots:
            number, train_s = waiting.pop(0)
            pace.begins(str(number))
            heapq.heappush(running, (now + train_s + overhead_s, number, train_s))
        if running[0][0] > until:
            now = until
            break
        now, number, train_s = heapq.heappop(running)
        pace.brings(str(number), train_s, last=True)
    return pace, now


@pytest.mark.parametrize(("slots", "overhead_s"), [(1, 0.0), (4, 0.0), (4, 3.0), (50, 1.0)])
def test_a_second_of_training_takes_what_slots_and_overheads_make_of_it(slots: int, overhead_s: float) -> None:
    pace, _ = driven(slots, [2.0] * slots * 40, overhead_s)
    assert pace.wall_s() == pytest.approx((2.0 + overhead_s) / 2.0 / slots, rel=0.03)


def test_early_on_it_is_not_misled_by_what_is_still_under_way() -> None:
    """Of 100 slots that have worked for 15 s, the quick trainings alone have ended."""
    draw = random.Random(0)
    pace, _ = driven(100, [draw.choice([1.0, 60.0]) for _ in range(4000)], 0.0, until=15.0)
    assert pace.wall_s() == pytest.approx(1 / 100, rel=0.05)


def test_it_follows_a_cluster_that_shrinks_and_knows_nothing_at_first() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    assert pace.wall_s() is None
    for number in range(1000):
        pace.begins(str(number))
        assert number or pace.wall_s() is None
        now += 1.0  # ten slots
        pace.brings(str(number), 10.0, last=True)
    assert pace.wall_s() == pytest.approx(0.1)
    for number in range(int(WINDOW_S / 10) + 20):  # one slot
        pace.begins(str(number))
        now += 10.0
        pace.brings(str(number), 10.0, last=True)
    assert pace.wall_s() == pytest.approx(1.0, rel=0.02)


def test_what_was_never_given_out_and_takes_no_time_is_no_training() -> None:
    now = 5.0
    pace = Pace(lambda: now)
    pace.begins("a")
    pace.brings("taken from the cache", 0.0, last=True)
    now = 7.0
    pace.brings("a", 1.0, last=False)
    now = 9.0
    assert pace.wall_s() == pytest.approx(4 / (1 + 2))
