"""lsp where both networks build their graphs themselves: the conformance suite on point clouds, DGCNN to DGCNN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import torch

from graph_distillery.bench.conformance import Case, Example, MethodConformance
from graph_distillery.bench.conformance.examples import SEED, TRAINING
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.training.engine import Configuration, make_batches, train
from graph_distillery.bench.training.problem import ProblemKey, divide
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.methods import METHODS
from graph_distillery.methods.losses.local_structure import (
    log_distribution,
    neighbourhoods,
    similarity,
    structure_divergence,
)

MODEL: Mapping[str, Any] = {**TRAINING, "layers": 3, "norm": "batch", "lr": 0.01, "epochs": 12, "batch_size": 16}


@cache
def clouds() -> Example:
    key = ProblemKey("shapes-small", "holdout-70-30", "graph-level")
    dataset, split = make_split(load_dataset(key.dataset), key.split, SEED)
    problem, _ = divide(dataset, split, key, SEED)
    configuration = Configuration("supervised", student="dgcnn", student_hyper={**MODEL, "hidden": 24, "k": 10})
    (trained,) = train(configuration, [SEED], lambda _: problem, lambda _: ())
    return Example(dataset, split, problem, unpack_teacher(pack_teacher("0" * 16, trained, configuration), problem))


@dataclass(frozen=True)
class CloudCase(Case):
    @property
    def example(self) -> Example:
        return clouds()

    def configuration(self, hyper: Mapping[str, Any] | None = None, **training: Any) -> Configuration:
        return Configuration("lsp", self.variant, hyper or {}, "dgcnn", {**MODEL, "k": 8, **training})


class TestOnClouds(MethodConformance):
    method = "lsp"

    def pytest_generate_tests(self, metafunc: Any) -> None:
        if "case" in metafunc.fixturenames:
            cases = [CloudCase("lsp", "graph-classification", "gnn", variant) for variant in ("paper", "official_code")]
            full = metafunc.function.__name__ == "test_runs_of_full_length_are_the_same"
            slow = {case: [pytest.mark.slow] if full or case.variant != "paper" else [] for case in cases}
            metafunc.parametrize("case", [pytest.param(case, marks=slow[case], id=str(case)) for case in cases])
        elif "info" in metafunc.fixturenames:
            metafunc.parametrize("info", [METHODS.get("lsp")], ids=["lsp"])


def test_the_teacher_artefact_keeps_the_arcs_its_layers_read() -> None:
    teacher, graph = clouds().teacher, clouds().problem.training.graph
    assert teacher.model is not None
    with torch.no_grad():
        output = teacher.model(graph)
    assert [arcs.dtype for arcs in teacher.edges] == [torch.int64] * 2
    for kept, read in zip(teacher.edges, output.edges, strict=True):
        assert torch.equal(kept, read)


@pytest.mark.parametrize("size", [None, 10])
def test_the_term_stands_on_the_union_of_the_arcs_of_the_two_layers(size: int | None) -> None:
    case = CloudCase("lsp", "graph-classification", "gnn")
    method = case.fresh(batch_size=size)
    batch = next(iter(method.batches(make_batches(method, case.configuration(batch_size=size), case.example.problem))))
    output = method(batch.graph)
    assert batch.graph.num_graphs == (size or 96)
    # The teacher on the batch alone reads the arcs that the batch's view of it holds.
    assert batch.teacher.model is not None
    fresh = batch.teacher.model(batch.graph)
    assert {*map(tuple, fresh.edges[1].t().tolist())} == {*map(tuple, batch.teacher.edges[1].t().tolist())}
    pairs = {*map(tuple, output.edges[1].t().tolist())} | {*map(tuple, fresh.edges[1].t().tolist())}
    assert len(pairs) > max(output.edges[1].shape[1], fresh.edges[1].shape[1])
    places = neighbourhoods(batch.graph.num_nodes, torch.tensor(sorted(pairs)).t())
    own, target = (
        log_distribution(similarity("rbf", states, places), places) for states in (output.hidden[1], fresh.hidden[1])
    )
    expected = 100 * structure_divergence(own, target, places, "student-teacher")
    found = method.loss(batch, output)["structure"]
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)
