"""Networks that take turns: rounds, shapes, and that equal networks do not differ."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from graph_distillery.bench.training import speed as module
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.bench.training.problem import ProblemKey, load_problem
from graph_distillery.bench.training.speed import measure_rounds, measure_speed, network_shape
from graph_distillery.leaderboard.statistics.rounds import median_over_rounds

KARATE = ProblemKey("karate", "public", "transductive")


def built(model="gcn", method="supervised", seed=0, **hyper):
    problem = load_problem(KARATE, seed)
    made = Configuration(method, student=model, student_hyper={"hidden": 8, **hyper})
    return build(made, problem, ()), problem


def test_rows_take_turns_in_an_order_drawn_anew(monkeypatch):
    turns = []
    monkeypatch.setattr(
        module._Timed,
        "round",
        lambda self, repeats, requests: turns.append((self.shape, repeats)) or self.full.append([1.0]),
    )
    rows = [built("gcn"), built("mlp"), built("sage")]
    found = measure_rounds(rows, repeats=35, rounds=7, requests=False)
    shapes = [network_shape(*row) for row in rows]
    assert len(turns) == 21
    rounds = [[shape for shape, _ in turns[start : start + 3]] for start in range(0, 21, 3)]
    assert all(set(each) == set(shapes) for each in rounds)
    assert len({tuple(each) for each in rounds}) > 1
    assert {repeats for _, repeats in turns} == {5}
    assert [each.rounds.rows for each in found] == [3, 3, 3]
    assert [each.rounds.shape for each in found] == shapes


def test_networks_of_one_shape_have_one_figure():
    rows = [built(seed=0), built(seed=0, dropout=0.1, lr=0.5), built(hidden=16), built("mlp")]
    found = measure_rounds(rows, repeats=10)
    assert found[0] == found[1]
    assert found[0].rounds.rows == 3
    assert len({each.rounds.shape for each in found}) == 3
    assert len(found[0].rounds.full_forward_ms) == len(found[0].rounds.request_ms) == 5
    assert found[0].full_forward_ms.p50 == sorted(found[0].rounds.full_forward_ms)[2]


def test_what_inference_does_tells_shapes_apart():
    (gcn, problem), (same, _) = built(seed=0), built(seed=0)
    assert network_shape(gcn, problem) == network_shape(same, problem)
    same.inference_modules()[0].register_parameter("one_more", nn.Parameter(torch.zeros(1)))
    assert network_shape(gcn, problem) != network_shape(same, problem)
    for other in ({"layers": 3}, {"norm": "batch"}, {"residual": True}):
        assert network_shape(*built(**other)) != network_shape(gcn, problem), other


def test_alone_it_has_rounds_too():
    speed = measure_speed(*built(), repeats=10)
    assert (len(speed.rounds.full_forward_ms), speed.rounds.rows, speed.repeats) == (5, 1, 10)


@pytest.mark.slow
def test_equal_networks_never_differ_by_more_than_their_intervals():
    """Two equal networks that do not share a figure, beside others, in ten repeats of the measurement."""
    apart = []
    for repeat in range(10):
        rows = [built(seed=0), built("mlp"), built(seed=0), built("sage")]
        one, _, other, _ = measure_rounds(rows, repeats=140, rounds=7, seed=repeat, share=False)
        for kind in ("full_forward_ms", "request_ms"):
            a, b = (median_over_rounds(getattr(each.rounds, kind)) for each in (one, other))
            print(f"{kind} {a.value:.4f} ({a.low:.4f} to {a.high:.4f}), {b.value:.4f} ({b.low:.4f} to {b.high:.4f})")
            apart += [(repeat, kind)] if a.low > b.high or b.low > a.high else []
    assert apart == []
