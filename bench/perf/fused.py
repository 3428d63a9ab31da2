"""Seeds as one program against the same seeds one after another, by the width of the student."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

import torch

from graph_distillery.bench.perf.timing import PerfRow, ratio_row
from graph_distillery.bench.training.engine import Configuration, train
from graph_distillery.bench.training.fused.run import train_together
from graph_distillery.bench.training.problem import Problem, ProblemKey, load_problem
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.methods.contract import Teacher

_KEY = ProblemKey("cora", "public", "transductive")
_EPOCHS, _REPEATS = 10, 6
#: On a CPU the engine does not do so unless it is told to; what the row says is why.
_ON_CPU = 0.4


def _taught(device: str) -> tuple[Callable[[int], Problem], Callable[[int], tuple[Teacher, ...]]]:
    """Problems and teachers by seed, the teacher a SAGE of 20 epochs."""
    problems = partial(load_problem, _KEY, device=device)
    made = Configuration("supervised", student="sage", student_hyper={"epochs": 20})
    trained = next(train(made, [0], problems, lambda _: ()))
    artefact = pack_teacher("0" * 16, trained, made)
    return problems, lru_cache(lambda seed: (unpack_teacher(artefact, problems(seed)),))


def _compared(name: str, rates: tuple[float, ...], width: int, seeds: int, device: str, target: float) -> PerfRow:
    """Every rate of learning on every seed."""
    problems, teachers = _taught(device)
    settings = {"layers": 2, "hidden": width, "dropout": 0.5, "epochs": _EPOCHS, "patience": 0}
    configurations = [Configuration("kd", student="gcn", student_hyper={**settings, "lr": rate}) for rate in rates]

    def together() -> None:
        for _ in train_together(configurations, range(seeds), problems, teachers):
            pass

    def one_by_one() -> None:
        for configuration in configurations:
            for _ in train(configuration, range(seeds), problems, teachers):
                pass

    detail = (
        f"{len(rates)} x {seeds} seeds of a 2x{width} GCN with kd, {_EPOCHS} epochs, Cora, {device}, as one program"
    )
    return ratio_row(name, together, one_by_one, target, detail, _REPEATS)


def _on_gpu() -> PerfRow:
    """64 configurations x 10 seeds."""
    rates = tuple(0.001 * 1.05**place for place in range(64))
    return _compared("fused-64x10", rates, 64, 10, "cuda", 20.0)


FUSED_ROWS: Mapping[str, Callable[[], PerfRow]] = {
    **{
        f"fused-{width}": partial(_compared, f"fused-{width}", (0.01,), width, 5, "cpu", _ON_CPU)
        for width in (16, 64, 256)
    },
    **({"fused-64x10": _on_gpu} if torch.cuda.is_available() else {}),
}
