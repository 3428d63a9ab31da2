"""Speed as ratios measured in one run: our paths against the stock ones, and what a sweep costs besides training.

Each comparison runs both sides in turn, so that a slow minute of the machine slows both, and reports the median of
the pairwise ratios.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import unknown_line
from bench.sweeps.driver import Driver
from bench.sweeps.executors.processes import ProcessExecutor
from bench.sweeps.plan import make_plan
from bench.sweeps.spec import parse_spec
from bench.sweeps.store import Store
from bench.training.engine import Configuration, Snapshot, build, make_batches, train, validation_score
from bench.training.problem import Problem, ProblemKey, load_problem
from bench.training.teachers import pack_teacher, unpack_teacher
from methods.contract import Teacher

PAIRS = 40
WARM_UP = 5


@dataclass(frozen=True)
class PerfRow:
    """One measurement. unit "x": a ratio, at least `target`; unit "ms": a cost, at most `target`."""

    name: str
    value: float
    target: float
    unit: str
    detail: str

    @property
    def ok(self) -> bool:
        return self.value >= self.target if self.unit == "x" else self.value <= self.target


def run_perf(names: list[str] | None = None) -> list[PerfRow]:
    """Measure everything, or what is named. One thread.

    Raises:
        ValueError: an unknown name; UserError: Cora is not at hand.
    """
    for name in names or ():
        if name not in _MEASUREMENTS:
            raise ValueError(unknown_line("measurement", name, _MEASUREMENTS))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_MEASUREMENTS[name]() for name in names or _MEASUREMENTS]
    finally:
        torch.set_num_threads(threads)


def _gcn_kd() -> PerfRow:
    """A training epoch plus evaluation of a 2x64 GCN under kd, against PyG's GCNConv on dense features."""
    from torch_geometric.nn import GCNConv

    problem, teacher = _cora_with_teacher()
    hyper = {"layers": 2, "hidden": 64, "dropout": 0.5, "weight_decay": 5e-4}
    ours = _our_epoch(Configuration("kd", student="gcn", student_hyper=hyper), problem, teacher)

    class StockGCN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = GCNConv(problem.training.graph.num_features, 64)
            self.second = GCNConv(64, problem.training.task.num_classes)

        def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
            x = F.dropout(x, 0.5, self.training)
            x = F.dropout(F.relu(self.first(x, edge_index)), 0.5, self.training)
            out: Tensor = self.second(x, edge_index)
            return out

    graph = problem.training.graph
    inputs = (graph.dense_features(), graph.edge_index)
    stock = _stock_epoch(StockGCN(), inputs, problem, teacher, alpha=0.9, tau=4.0)
    return _ratio("gcn-kd-epoch", ours, stock, 5.0, "epoch + evaluation, 2x64 GCN with kd, Cora, against PyG GCNConv")


def _mlp_glnn() -> PerfRow:
    """A training epoch plus evaluation of a 2x128 MLP under glnn, against nn.Linear on dense features."""
    problem, teacher = _cora_with_teacher()
    hyper = {"layers": 2, "hidden": 128, "dropout": 0.6, "weight_decay": 0.005}
    ours = _our_epoch(Configuration("glnn", student="mlp", student_hyper=hyper), problem, teacher)
    graph = problem.training.graph
    model = nn.Sequential(
        nn.Linear(graph.num_features, 128),
        nn.ReLU(),
        nn.Dropout(0.6),
        nn.Linear(128, problem.training.task.num_classes),
    )
    stock = _stock_epoch(model, (graph.dense_features(),), problem, teacher, alpha=1.0, tau=1.0)
    return _ratio(
        "mlp-glnn-epoch", ours, stock, 4.0, "epoch + evaluation, 2x128 MLP with glnn, Cora, against nn.Linear"
    )


def _trial_overhead() -> PerfRow:
    """What a trial costs besides training, in a live worker process: proposal, transport, scores, record, fsync."""
    spec = {
        "name": "overhead",
        "datasets": ["digits-knn"],
        "students": [{"model": "mlp", "layers": 2, "hidden": 64, "epochs": 2}],
        "methods": ["supervised"],
        "search": {"trials": 40, "seeds": [100]},
        "report": {"seeds": 1},
    }
    plan = make_plan(parse_spec(spec, "perf"))
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store", plan) as store:
        driver = Driver(plan, store)
        executor = ProcessExecutor(1, store.path / "teachers")
        clock: list[tuple[float, float]] = []
        driver.listen(lambda record: clock.append((time.perf_counter(), record.timings.train_s)))
        try:
            driver.run(executor)
        finally:
            executor.close(kill=True)
    trials = clock[:40]
    costs = [1e3 * (b[0] - a[0] - b[1]) for a, b in itertools.pairwise(trials)]
    detail = f"median of {len(costs)} trials on one worker; largest {max(costs):.1f} ms"
    return PerfRow("trial-overhead", statistics.median(costs), 50.0, "ms", detail)


def _gfkd() -> PerfRow:
    """An inversion step of gfkd on 131 graphs of 10 to 29 nodes through GCN-5-64, in blocks against one by one."""
    from bench.models.base import build_model
    from bench.perf_references.gfkd import PlainInversion
    from methods.gfkd.inversion import Inversion, Recipe
    from methods.gfkd.padded import Layout

    torch.manual_seed(0)
    hyper = {"layers": 5, "hidden": 64, "norm": "batch", "residual": True, "readout": "sum"}
    model = build_model("gcn", 7, 2, hyper, "graph").eval().requires_grad_(False)
    layout = Layout(torch.randint(10, 30, (131,)))
    recipe = Recipe("one-hot", False, True, True, 1.0, 0.01, 0.1, 1000, 0.01, 1e-6)
    ours = Inversion(model, layout, torch.randint(2, (131,)), 7, recipe)
    plain = PlainInversion(ours, model)
    detail = "step on 131 graphs, GCN-5-64 teacher, against a loop over graphs and PyG GCNConv"
    return _ratio("gfkd-inversion", ours.iterate, plain.iterate, 20.0, detail, pairs=10)


_MEASUREMENTS: dict[str, Callable[[], PerfRow]] = {
    "gcn-kd-epoch": _gcn_kd,
    "mlp-glnn-epoch": _mlp_glnn,
    "trial-overhead": _trial_overhead,
    "gfkd-inversion": _gfkd,
}


def _cora_with_teacher() -> tuple[Problem, Teacher]:
    key = ProblemKey("cora", "public", "transductive")
    configuration = Configuration("supervised", student="sage", student_hyper={"epochs": 20})
    trained = next(train(configuration, [0], lambda seed: load_problem(key, seed), lambda seed: ()))
    artefact = pack_teacher("0" * 16, trained, configuration)
    return trained.problem, unpack_teacher(artefact, trained.problem)


def _our_epoch(configuration: Configuration, problem: Problem, teacher: Teacher) -> Callable[[], None]:
    """One epoch exactly as the engine runs it: every step, the validation score, the snapshot."""
    method = build(configuration, problem, (teacher,))
    source = make_batches(method, configuration, problem)
    optimizers = list(method.optimizers(configuration.settings))
    kept = Snapshot(method)

    def epoch() -> None:
        method.train()
        for batch in method.batches(source):
            method.step(batch, optimizers)
        validation_score(method, problem)
        kept.take()

    return epoch


def _stock_epoch(
    model: nn.Module, inputs: tuple[Tensor, ...], problem: Problem, teacher: Teacher, alpha: float, tau: float
) -> Callable[[], None]:
    """The same arithmetic as most public code writes it."""
    data, validation = problem.training, problem.validation
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    target = F.log_softmax(teacher.logits / tau, dim=-1)

    def epoch() -> None:
        model.train()
        optimizer.zero_grad()
        logits: Tensor = model(*inputs)
        soft = F.kl_div(F.log_softmax(logits / tau, dim=-1), target, reduction="batchmean", log_target=True)
        loss = alpha * tau**2 * soft
        if alpha < 1:
            loss = loss + (1 - alpha) * F.cross_entropy(logits[data.labelled], data.labels)
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            predicted = model(*inputs)[validation.items].argmax(dim=-1)
        float((predicted == validation.labels).float().mean())
        {name: value.clone() for name, value in model.state_dict().items()}

    return epoch


def _ratio(
    name: str, ours: Callable[[], Any], stock: Callable[[], Any], target: float, detail: str, pairs: int = PAIRS
) -> PerfRow:
    for _ in range(min(WARM_UP, pairs)):
        ours()
        stock()
    measured = [(_seconds(ours), _seconds(stock)) for _ in range(pairs)]
    ratio = statistics.median(b / a for a, b in measured)
    ms = [1e3 * statistics.median(side) for side in zip(*measured, strict=True)]
    return PerfRow(name, ratio, target, "x", f"{detail}: {ms[0]:.2f} ms against {ms[1]:.2f} ms")


def _seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
