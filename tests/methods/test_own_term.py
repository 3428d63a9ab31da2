"""Switching off what a method adds, beyond what the conformance suite asks of every method."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from graph_distillery.bench.conformance import Case, cases_of
from graph_distillery.bench.conformance.own_term import TOLERANCE, acts_everywhere, difference
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.methods import METHODS
from graph_distillery.methods.contract import Method
from graph_distillery.search_spaces import parse_space

NODES, GRAPHS = "node-classification", "graph-classification"
#: Those that draw nothing before training but the student, so that dropout and batches are drawn alike as well.
DRAWING_NOTHING = [name for name in METHODS.names if name not in ("oad",) and METHODS.get(name).own_term is not None]


def _cases() -> Iterator[Any]:
    """The first of each method and task; those of its other students are slow."""
    for name in DRAWING_NOTHING:
        seen: set[str] = set()
        for case in cases_of(name):
            if case.variant == "paper" and case.task in (NODES, GRAPHS):
                yield pytest.param(case, id=str(case), marks=[pytest.mark.slow] * (case.task in seen))
                seen.add(case.task)


@pytest.mark.parametrize("case", list(_cases()))
def test_off_is_off_under_dropout_and_in_mini_batches(case: Case) -> None:
    batch_size = None if (case.kind, case.task) == ("gnn", NODES) else {NODES: 100, GRAPHS: 40}[case.task]
    norm = {} if case.model.startswith("fmlp") else {"norm": "batch"}
    assert difference(case, epochs=3, dropout=0.5, weight_decay=0.01, batch_size=batch_size, **norm) == 0


@pytest.mark.parametrize("name", ["glnn", "lsp", "fgkd", "oad", "fitnet", "kd+fitnet"])
def test_the_released_variants_can_be_switched_off_too(name: str) -> None:
    released = [case for case in cases_of(name) if case.variant == "official_code"]
    assert released
    assert max(difference(case) for case in released) <= TOLERANCE


def test_the_released_gfkd_without_its_inversion_has_the_graphs_of_random_graphs() -> None:
    """Its student drops half of its logits, so its weights are not those of `random-graphs`; what it reads is."""
    case = Case("gfkd", GRAPHS, "gnn", "official_code")
    own, plain = prepared(case, "gfkd", {"iterations": 0}), prepared(case, "random-graphs", {})
    for one, other in zip(own.kept, plain.kept, strict=True):
        assert torch.equal(one.graph.edge_index, other.graph.edge_index)
        assert torch.equal(one.graph.dense_features(), other.graph.dense_features())
        assert torch.equal(one.teacher.logits, other.teacher.logits)


def prepared(case: Case, name: str, hyper: dict[str, Any]) -> Method[Any]:
    """The method with its made-up graphs."""
    variant = case.variant if name == case.method else "paper"
    asked = Configuration(name, variant, {"graphs": 12, **hyper}, "sage", {"hidden": 8})
    method = build(asked, case.example.problem, (case.example.teacher,))
    for _ in method.prepare():
        pass
    return method


def test_strangers_are_kept_from_the_first_epoch_on() -> None:
    """`oad` without distillation has no warm-up, in which nothing could be kept."""
    method = build(
        Configuration("oad", "paper", {"kd_weight": 0.0, "adversarial_weight": 0.0}, "gcn", {"hidden": 8, "epochs": 8}),
        Case("oad", NODES, "gnn").example.problem,
        (),
    )
    assert all(method.may_be_kept(epoch) for epoch in range(8))


@pytest.mark.parametrize(
    ("beta", "holds_another"),
    [
        ({"float": [0.0, 10.0]}, True),
        ({"choice": [0.0, 1.0, 5.0]}, True),
        ({"float": [0.5, 10.0]}, False),
    ],
)
def test_a_space_that_holds_another_method_is_found(beta: dict[str, list[float]], holds_another: bool) -> None:
    """`at` with beta 0 is the student alone under another name."""
    body = {"name": "at", "kind": "method", "parameters": {"beta": {**beta, "default": 1.0, "source": "made up"}}}
    space, outcome = parse_space(body, source="at"), nullcontext()
    with pytest.raises(AssertionError, match="own term is off") if holds_another else outcome:
        acts_everywhere(METHODS.get("at"), space)
