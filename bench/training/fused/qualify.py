"""Which methods may be trained as one program of several runs, and the check that they are trained alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Method, Teacher
from graph_distillery.methods.vectorised import CannotVectorise

#: What a method must leave to the contract.
_LEFT = ("step", "optimizers", "forward", "prepare", "rate_factor", "on_epoch_end")
#: How far the gradient of the first step may be from the one of a run alone, as a share of its norm.
_TOLERANCE = 1e-3


def why_not(methods: Sequence[Method[Any]]) -> str | None:
    """Why these have to be run one after another; None where nothing is known to be against it."""
    first = methods[0]
    if not first.trainable or first.context.data is None:
        return "nothing is trained, or without training data"
    for name in _LEFT:
        if not first.inherits(name):
            return f"the method has {name} of its own"
    if first.student is None:
        return "there is no student"
    if getattr(first.student, "fan_out", None) is not None:
        return "neighbours are sampled"
    if len({each.student_states for each in methods}) > 1 or len({each.selects_on_validation for each in methods}) > 1:
        return "the configurations differ in what they read"
    return None


class _NotInProgram(nn.Module):
    """Stands for the student within a loss: its own weights are not what the gradient is taken of."""

    def __getattr__(self, name: str) -> Any:
        raise CannotVectorise(f"the loss reads {name!r} of the student")

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise CannotVectorise("the loss runs the student again")


@contextmanager
def without_student(method: Method[Any]) -> Iterator[None]:
    """Within the block the method cannot reach its student."""
    student = method._modules["student"]
    method._modules["student"] = _NOT_IN_PROGRAM
    try:
        yield
    finally:
        method._modules["student"] = student


_NOT_IN_PROGRAM = _NotInProgram()


def check_first_step(
    configuration: Configuration,
    problem: Problem,
    teachers: tuple[Teacher, ...],
    gradients: Mapping[str, Tensor | None],
) -> None:
    """Hold the gradients of a run's first step, by parameter, against those of the same run alone.

    Raises:
        CannotVectorise: they differ.
    """
    method = build(configuration, problem, teachers).train()
    source = make_batches(method, configuration, problem)
    method.on_epoch_start(0)
    batch = next(iter(method.batches(source)))
    terms = method.loss(batch, method(batch.graph))
    torch.stack(list(terms.values())).sum().backward()
    for name, own in method.named_parameters():
        ours = gradients[name]
        if (own.grad is None) != (ours is None):
            raise CannotVectorise(f"the gradient of {name} is another than that of a run alone")
        if own.grad is not None and ours is not None:
            bound = _TOLERANCE * float(own.grad.norm()) + 1e-6
            if not float((own.grad - ours).norm()) <= bound and bool(torch.isfinite(own.grad).all()):
                raise CannotVectorise(f"the gradient of {name} is another than that of a run alone")
