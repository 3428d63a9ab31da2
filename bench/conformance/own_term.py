"""What a method is once its own contribution is switched off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from graph_distillery.bench.conformance.checks import check
from graph_distillery.bench.conformance.examples import Case
from graph_distillery.bench.models.base import Model
from graph_distillery.bench.training.engine import Configuration, build, fit
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.methods.info import UNTRAINED
from graph_distillery.search_spaces import Space

#: The greatest difference that the order of additions may make.
TOLERANCE = 1e-6
EPOCHS = 4


def declared(info: MethodInfo) -> None:
    """That a method says how its own contribution is switched off, and what remains, or is a control."""
    if info.own_term is None:
        is_control = info.family == "control" or any(other.without_own_term == info.name for other in METHODS)
        check(is_control, "own_term is None, and it is no control: say how its own contribution is switched off")
        return
    unknown = sorted(set(info.own_term) - set(METHODS.load(info.name).Hyperparameters.model_fields))
    check(bool(info.own_term) and not unknown, f"own_term names {', '.join(unknown) or 'nothing'}")
    if info.without_own_term != UNTRAINED:
        check(info.without_own_term in METHODS, f"without_own_term {info.without_own_term!r} is no method")
        left, passed = METHODS.get(info.without_own_term), [info.name]
        while left.own_term is not None:  # as kd of kd+at; it ends at a control
            passed.append(left.name)
            left = METHODS.get(left.without_own_term)
            check(left.name not in passed, f"without_own_term runs in a circle: {', '.join(passed)}")


def acts_everywhere(info: MethodInfo, space: Space) -> None:
    """That no range or choice, and no fixed value, takes all the values by which the own term is switched off."""
    off = info.own_term or {}
    reached = [
        name
        for name, value in off.items()
        if (space.parameters[name].contains(value) if name in space.parameters else space.fixed.get(name) == value)
    ]
    check(not off or len(reached) < len(off), f"the search space holds {dict(off)}, where its own term is off")


def difference(case: Case, **training: Any) -> float:
    """The greatest difference between two weights of its student with its own term off and of what then remains.

    At the start of every epoch, from the same seed, under the same settings (`training` stands over them); of several
    students the first is compared.
    """
    info = case.info
    assert info.own_term is not None
    asked = case.configuration(**{"epochs": EPOCHS, "dropout": 0.0, **training})
    off = replace(asked, method_hyper={**asked.method_hyper, **info.own_term})
    method = build(off, case.example.problem, case.example.teachers(info))
    assert method.student is not None
    found = _course(case, off)
    if info.without_own_term == UNTRAINED:
        expected = [_weights(method.student)] * len(found)
    else:
        shared = METHODS.load(info.without_own_term).Hyperparameters.model_fields
        hyper = {name: value for name, value in method.hyper.model_dump().items() if name in shared}
        assert isinstance(method.student, Model)
        built = method.student.hyper.model_dump()  # a variant may build its student in a way of its own
        settings = {**asked.student_hyper, **built}
        expected = _course(case, Configuration(info.without_own_term, "paper", hyper, asked.student, settings))
    check(len(found) == len(expected) == asked.settings.epochs, f"{len(found)} and {len(expected)} epochs")
    return max(
        float((one - another).abs().max())
        for left, right in zip(found, expected, strict=True)
        for one, another in zip(left, right, strict=True)
    )


def _course(case: Case, configuration: Configuration) -> list[list[Tensor]]:
    """The student's weights at the start of every epoch."""
    problem = case.example.problem
    method = build(configuration, problem, case.example.teachers(METHODS.get(configuration.method)))
    student, before = method.student, method.on_epoch_start
    seen: list[list[Tensor]] = []
    assert student is not None

    def watched(epoch: int) -> None:
        seen.append(_weights(student))
        before(epoch)

    method.on_epoch_start = watched  # type: ignore[method-assign]
    fit(method, configuration, problem, None)
    return seen


def _weights(student: nn.Module) -> list[Tensor]:
    return [value.detach().to(torch.float64, copy=True) for value in student.state_dict().values()]
