"""Seeds as one program where they can be, and one after another where not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from typing import Any

from graph_distillery.bench.training.engine import Configuration, train
from graph_distillery.bench.training.fused.run import train_together
from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Teacher
from graph_distillery.methods.vectorised import CannotVectorise

_log = logging.getLogger(__name__)


def train_seeds(
    configuration: Configuration,
    seeds: Sequence[int],
    problem_of: Callable[[int], Problem],
    teachers_of: Callable[[int], tuple[Teacher, ...]],
    time_limit_s: float | None = None,
    *,
    report_every: int = 0,
    fused: bool,
) -> Generator[Any]:
    """`engine.train`, as one program where that is asked for and can be; one seed alone never is, nor what reports on
    its way. Raises as `engine.train`."""
    if fused and len(seeds) > 1 and not report_every:
        try:
            yield from train_together([configuration], seeds, problem_of, teachers_of, time_limit_s)
            return
        except CannotVectorise as reason:  # raised before the first is yielded
            _log.info("%s: seeds one after another: %s", configuration.method, reason)
    yield from train(configuration, seeds, problem_of, teachers_of, time_limit_s, report_every=report_every)
