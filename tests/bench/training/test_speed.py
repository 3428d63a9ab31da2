"""What inference costs: counts by hand, and requests that answer what the whole graph answers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.bench.training.problem import Problem, ProblemKey, load_problem
from graph_distillery.bench.training.speed import _peak_memory_mb, answer, measure_speed
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.methods.contract import Method

KARATE = ProblemKey("karate", "public", "transductive")  # 34 nodes, 156 arcs, 34 features, 4 classes
MOTIFS = ProblemKey("motifs", "holdout-70-30", "graph-level")


def untrained(model: str | None, key: ProblemKey, method: str = "supervised", **hyper: Any) -> Method[Any]:
    configuration = Configuration(method, student=model, student_hyper={"hidden": 8, **hyper} if model else {})
    return build(configuration, load_problem(key, 0), ()).eval()


@pytest.mark.parametrize(
    ("model", "params", "macs"),
    [
        ("mlp", 34 * 8 + 8 + 8 * 4 + 4, 34 * (34 * 8 + 8 * 4)),
        ("gcn", 34 * 8 + 8 + 8 * 4 + 4, 34 * (34 * 8 + 8 * 4) + (156 + 34) * (8 + 4)),
        ("sage", 34 * 8 + 8 + 8 * 4 + 4, 34 * (34 * 8 + 8 * 4) + (156 + 34) * (8 + 4)),
    ],
)
def test_counts_by_hand(model: str, params: int, macs: int) -> None:
    speed = measure_speed(untrained(model, KARATE), load_problem(KARATE, 0), repeats=3)
    assert (speed.params, speed.macs, speed.repeats) == (params, macs, 3)
    for latency in (speed.full_forward_ms, speed.request_ms.batch_1, speed.request_ms.batch_10):
        assert latency.p95 >= latency.p50 > 0
    assert speed.peak_memory_mb >= 34 * 8 * 4 / 2**20  # at the least one hidden state


def test_what_has_no_student_has_no_parameters() -> None:
    speed = measure_speed(untrained(None, KARATE, "majority"), load_problem(KARATE, 0), repeats=3)
    assert (speed.params, speed.macs) == (0, 0)
    assert speed.request_ms.batch_1.p50 > 0


@pytest.mark.parametrize("model", ["mlp", "gcn", "sage", "gat", "gin", "appnp"])
@pytest.mark.parametrize("layers", [1, 3])
def test_requests_answer_what_the_whole_graph_answers(model: str, layers: int) -> None:
    """One node or several, from their neighbourhoods alone."""
    key = ProblemKey("csbm", "cpf", "transductive")
    problem, method = load_problem(key, 0), untrained(model, key, layers=layers)
    check_requests(method, problem, [[0], [999, 3], list(range(17, 27))])


@pytest.mark.parametrize("model", ["mlp", "gin"])
def test_requests_of_graphs(model: str) -> None:
    method, problem = untrained(model, MOTIFS), load_problem(MOTIFS, 0)
    check_requests(method, problem, [[5], [359, 0, 17]])
    assert measure_speed(method, problem, repeats=2).request_ms.batch_10.p50 > 0


@pytest.mark.parametrize("method", ["label-propagation", "majority"])
def test_requests_of_methods_without_a_student(method: str) -> None:
    check_requests(untrained(None, KARATE, method), load_problem(KARATE, 0), [[3], [33, 0]])


def test_the_teacher_is_asked_like_a_student() -> None:
    """Its requests fetch a neighbourhood too, and its parameters are counted."""
    from graph_distillery.bench.training.engine import train
    from graph_distillery.bench.training.judging import predicting_models

    problem = load_problem(KARATE, 0)
    configuration = Configuration("supervised", student="gcn", student_hyper={"hidden": 8, "epochs": 2})
    (run,) = train(configuration, [0], lambda _: problem, lambda _: ())
    teacher = unpack_teacher(pack_teacher("0" * 16, run, configuration), problem)
    method = build(Configuration("teacher"), problem, (teacher,)).eval()
    assert predicting_models(method) == [teacher.model]
    check_requests(method, problem, [[3], [33, 0]])
    assert measure_speed(method, problem, repeats=2).params == 34 * 8 + 8 + 8 * 4 + 4


@torch.inference_mode()
def check_requests(method: Method[Any], problem: Problem, requests: list[list[int]]) -> None:
    everything = method.predict(problem.training.graph).logits
    for items in requests:
        asked = torch.tensor(items)
        torch.testing.assert_close(answer(method, problem, asked), everything[asked], atol=1e-5, rtol=1e-4)


def test_peak_memory_is_the_most_alive_at_once() -> None:
    """Three steps, each of which frees what came before: two arrays of a MiB live together, never three."""

    def forward() -> torch.Tensor:
        state = torch.ones(2**18)
        for _ in range(3):
            state = state + 1
        return state

    graph = load_problem(KARATE, 0).training.graph
    assert _peak_memory_mb(forward, graph) == pytest.approx(2.0, abs=1e-3)
