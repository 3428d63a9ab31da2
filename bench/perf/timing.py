"""What the measurements share: a row, both sides in turn, and an epoch as the engine runs it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.bench.training.batches import Reads, make_source
from graph_distillery.bench.training.engine import Configuration, Snapshot, build, make_batches, train
from graph_distillery.bench.training.judging import validation_score
from graph_distillery.bench.training.problem import Problem, ProblemKey, load_problem
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Teacher

PAIRS = 40
WARM_UP = 5


@dataclass(frozen=True)
class PerfRow:
    """One measurement. unit "x" and "%": at least `target`; "ms" and "MB": a cost, at most `target`."""

    name: str
    value: float
    target: float
    unit: str
    detail: str

    @property
    def ok(self) -> bool:
        return self.value >= self.target if self.unit in ("x", "%") else self.value <= self.target


def with_teacher(split: str = "public", dataset: str = "cora") -> tuple[Problem, Teacher]:
    key = ProblemKey(dataset, split, "transductive")
    configuration = Configuration("supervised", student="sage", student_hyper={"epochs": 20})
    trained = next(train(configuration, [0], lambda seed: load_problem(key, seed), lambda seed: ()))
    artefact = pack_teacher("0" * 16, trained, configuration)
    return trained.problem, unpack_teacher(artefact, trained.problem)


def our_epoch(
    configuration: Configuration,
    problem: Problem,
    teacher: Teacher | None,
    after: int | None = None,
    whole: bool = False,
) -> Callable[[], None]:
    """One epoch exactly as the engine runs it: every step, the validation score, the snapshot.

    after: the epoch that each call is told to be, of a method that begins its epochs with work; None tells it nothing.
    whole: training and validation read the whole graph, also where a part of it would do.
    """
    if whole:
        problem = replace(problem, validation=replace(problem.validation, often=False))
    method = build(configuration, problem, () if teacher is None else (teacher,))
    source = make_batches(method, configuration, problem)
    if whole:
        source = make_source(problem.training, method.teachers, None, Reads())
    update = GradientUpdate(method.optimizers(configuration.settings))
    kept = Snapshot(method)

    def epoch() -> None:
        method.train()
        if after is not None:
            method.on_epoch_start(after)
        for batch in method.batches(source):
            method.step(batch, update)
        validation_score(method, problem)
        kept.take()

    return epoch


def stock_epoch(
    model: nn.Module,
    inputs: tuple[Tensor, ...],
    problem: Problem,
    teacher: Teacher | None = None,
    alpha: float = 0.0,
    tau: float = 1.0,
) -> Callable[[], None]:
    """The same arithmetic as most public code writes it; without a teacher on the labels alone."""
    data, validation = problem.training, problem.validation
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    target = None if teacher is None else F.log_softmax(teacher.logits / tau, dim=-1)

    def epoch() -> None:
        model.train()
        optimizer.zero_grad()
        logits: Tensor = model(*inputs)
        terms = []
        if target is not None:
            soft = F.kl_div(F.log_softmax(logits / tau, dim=-1), target, reduction="batchmean", log_target=True)
            terms.append(alpha * tau**2 * soft)
        if alpha < 1:
            terms.append((1 - alpha) * F.cross_entropy(logits[data.labelled], data.labels))
        torch.stack(terms).sum().backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            predicted = model(*inputs)[validation.items].argmax(dim=-1)
        float((predicted == validation.labels).float().mean())
        {name: value.clone() for name, value in model.state_dict().items()}

    return epoch


def ratio_row(
    name: str,
    ours: Callable[[], Any],
    stock: Callable[[], Any],
    target: float,
    detail: str,
    repeats: int = PAIRS,
    calls: int = 1,
) -> PerfRow:
    """calls: of each side in its turn; a side of microseconds would else pay for the caches that the other emptied."""
    for _ in range(min(WARM_UP, repeats)):
        ours()
        stock()
    pairs = [(seconds(ours, calls), seconds(stock, calls)) for _ in range(repeats)]
    ratio = statistics.median(b / a for a, b in pairs)
    ms = [1e3 * statistics.median(side) for side in zip(*pairs, strict=True)]
    return PerfRow(name, ratio, target, "x", f"{detail}: {ms[0]:.2f} ms against {ms[1]:.2f} ms")


def seconds(run: Callable[[], Any], calls: int = 1) -> float:
    """Of one call, on average. Processor seconds: one thread, and what else the machine is at is no cost of ours; where
    a GPU works, whose time no processor spends, by the wall's clock until it is done."""
    clock = time.perf_counter if torch.cuda.is_initialized() else time.process_time
    start = clock()
    for _ in range(calls):
        run()
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return (clock() - start) / calls
