"""Whether seeds are trained as one program or one after another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from typing import Any, Literal

from graph_distillery.bench.training.engine import Configuration, train
from graph_distillery.bench.training.fused.run import train_together
from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Teacher
from graph_distillery.methods.vectorised import CannotVectorise

#: auto: by the device, where there is one that gains by it. A rule and no timing: what is trained in which way must not
#: depend on how busy a machine is, for the last bits of scores do.
Fused = Literal["auto", "always", "never"]

_log = logging.getLogger(__name__)


def is_fused(choice: Fused, device: str) -> bool:
    """Whether seeds on this device are to be one program, if they can be.

    On a CPU `auto` says no: there a wide product costs what its narrow ones do, and the program 1.0 to 1.5 times what
    its runs do one after another, at any width (`distillery perf fused-16 fused-128`).
    """
    return choice == "always" or (choice == "auto" and not device.startswith("cpu"))


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
