"""The students of several runs as stacked weights, whose rows are the students' own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from graph_distillery.bench.training.fused.generators import OwnDraws
from graph_distillery.bench.training.fused.graphs import Common
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.taps import taps
from graph_distillery.methods.vectorised import CannotVectorise, Program, running


class Students:
    """Networks of one shape. Every parameter and buffer is one tensor, [runs, ...]; each student keeps the row that is
    its own, in the same memory, so that it can be judged, saved and looked at as if it were alone.

    Raises CannotVectorise where they differ in shape.
    """

    def __init__(self, students: Sequence[nn.Module]) -> None:
        self.students = list(students)
        self.rates = _rates(self.students)
        self.template = self.students[0]
        named = [dict(_tensors(student)) for student in self.students]
        if any(_shapes(other) != _shapes(named[0]) for other in named[1:]):
            raise CannotVectorise("the students differ in shape")
        self.stacked: dict[str, Tensor] = {}
        for name, first in named[0].items():
            rows = torch.stack([each[name].detach() for each in named])
            self.stacked[name] = rows.requires_grad_(first.requires_grad)
        if not self.parameters:
            raise CannotVectorise("the students have no weights")
        self._share()

    def _share(self) -> None:
        """Each student's tensors become rows of the stacked ones."""
        for place, student in enumerate(self.students):
            for name, own in _tensors(student):
                own.data = self.stacked[name].data[place]

    @property
    def parameters(self) -> dict[str, Tensor]:
        """What is trained, [runs, ...] by name."""
        return {name: value for name, value in self.stacked.items() if value.requires_grad}

    def keep(self, places: Sequence[int]) -> None:
        """Only these stay; the others are left as they are, in memory of their own."""
        self.release()
        self.students = [self.students[place] for place in places]
        self.template = self.students[0]
        self.rates = _rates(self.students)
        chosen = torch.tensor(places)
        for name, value in self.stacked.items():
            kept = value.detach()[chosen.to(value.device)]
            self.stacked[name] = kept.requires_grad_(value.requires_grad)
        self._share()

    def release(self) -> None:
        """Every student has memory of its own again."""
        for student in self.students:
            for _, own in _tensors(student):
                own.data = own.data.clone()

    def __call__(
        self, common: Common, draws: Sequence[OwnDraws], states: Sequence[str], training: bool
    ) -> dict[str, Any]:
        """What each student returns of the graph that it reads, [runs, ...] each; by part of `Output`.

        states: names of what else is read on the way, as `contract.taps` has them.
        """
        count, device = len(self.students), next(iter(self.stacked.values())).device

        def draw(place: int, shape: tuple[int, ...], p: float, like: Tensor) -> Tensor:
            mask = draws[place].mask(shape, self.rates[place].get(p, p), like)
            return like.new_ones(shape) if mask is None else mask

        def one(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], seed: Tensor) -> dict[str, Any]:
            with running(Program(seed, count, draw)), ExitStack() as stack:
                taken = stack.enter_context(taps(self.template, states)) if states else {}
                output: Output = functional_call(self.template, dict(tensors), (common.assemble(own),))
            if output.edges or output.states:
                raise CannotVectorise("the student's layers read edges of their own")
            pooled = {} if output.pooled is None else {"pooled": output.pooled}
            return {"logits": output.logits, "hidden": output.hidden, "states": dict(taken), **pooled}

        self.template.train(training)
        places = torch.arange(count, device=device)
        found: dict[str, Any] = vmap(one)(self.stacked, dict(common.varying), places)
        return found


def output_of(found: Mapping[str, Any], place: int) -> Output:
    """One run's part of what `Students` return."""
    pooled = found.get("pooled")
    return Output(
        found["logits"][place],
        tuple(state[place] for state in found["hidden"]),
        None if pooled is None else pooled[place],
        states={name: state[place] for name, state in found["states"].items()},
    )


def _tensors(student: nn.Module) -> list[tuple[str, Tensor]]:
    return [*student.named_parameters(), *student.named_buffers()]


def _shapes(named: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: (value.shape, value.dtype, value.requires_grad) for name, value in named.items()}


def _rates(students: Sequence[nn.Module]) -> list[dict[float, float]]:
    """Of each student, which rate of dropout it has in the place of the first one's.

    Raises:
        CannotVectorise: they differ in more than rates of dropout, or in ways that one rate does not tell.
    """
    given = [getattr(student, "hyper", None) for student in students]
    first, found = given[0], []
    for hyper in given:
        own: dict[float, float] = {}
        for name in getattr(type(first), "model_fields", ()):
            theirs, ours = getattr(first, name), getattr(hyper, name)
            if "dropout" in name:
                if own.setdefault(theirs, ours) != ours or (theirs == 0) != (ours == 0):
                    raise CannotVectorise(f"the students' {name}s cannot be told apart")
            elif theirs != ours:
                raise CannotVectorise(f"the students' {name} differ")
        found.append({theirs: ours for theirs, ours in own.items() if theirs != ours})
    return found
