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
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.perf.fused import FUSED_ROWS
from graph_distillery.bench.perf.methods import METHOD_ROWS
from graph_distillery.bench.perf.models import MODEL_ROWS
from graph_distillery.bench.perf.stores import STORE_ROWS
from graph_distillery.bench.perf.timing import PAIRS, PerfRow, our_epoch, ratio_row, stock_epoch, with_teacher
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.processes import ProcessExecutor
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.training.allocator import keep_freed_memory
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.methods.dense_product import product
from graph_distillery.near_names import unknown_line


def run_perf(names: list[str] | None = None) -> list[PerfRow]:
    """Measure everything, or what is named. One thread.

    Raises:
        UserError: an unknown name, or Cora is not at hand.
    """
    for name in names or ():
        if name not in _MEASUREMENTS:
            raise UserError(unknown_line("measurement", name, _MEASUREMENTS))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    keep_freed_memory()  # as every worker does
    try:
        return [_MEASUREMENTS[name]() for name in names or _MEASUREMENTS]
    finally:
        torch.set_num_threads(threads)


def _gcn_kd() -> PerfRow:
    """A training epoch plus evaluation of a 2x64 GCN under kd, against PyG's GCNConv on dense features."""
    from torch_geometric.nn import GCNConv

    problem, teacher = with_teacher()
    hyper = {"layers": 2, "hidden": 64, "dropout": 0.5, "weight_decay": 5e-4}
    ours = our_epoch(Configuration("kd", student="gcn", student_hyper=hyper), problem, teacher)

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
    stock = stock_epoch(StockGCN(), inputs, problem, teacher, alpha=0.9, tau=4.0)
    return ratio_row(
        "gcn-kd-epoch", ours, stock, 8.0, "epoch + evaluation, 2x64 GCN with kd, Cora, against PyG GCNConv"
    )


def _gcn_kd_bound() -> PerfRow:
    """The same epoch against what none can do without, as bare kernels in the same turn."""
    from graph_distillery.bench.perf.references.bounds import gcn_epoch

    problem, teacher = with_teacher()
    hyper = {"layers": 2, "hidden": 64, "dropout": 0.5, "weight_decay": 5e-4}
    ours = our_epoch(Configuration("kd", student="gcn", student_hyper=hyper), problem, teacher)
    detail = "epoch + evaluation, 2x64 GCN with kd, Cora, over its products, draws and Adam's sweep as bare kernels"
    found = ratio_row("gcn-kd-bound", ours, gcn_epoch(problem, 64, 0.5), 3.0, detail)
    return replace(found, value=1 / found.value, unit="ratio")


def _mlp_glnn() -> PerfRow:
    """A training epoch plus evaluation of a 2x128 MLP under glnn, against nn.Linear on dense features."""
    problem, teacher = with_teacher()
    hyper = {"layers": 2, "hidden": 128, "dropout": 0.6, "weight_decay": 0.005}
    ours = our_epoch(Configuration("glnn", student="mlp", student_hyper=hyper), problem, teacher)
    graph = problem.training.graph
    model = nn.Sequential(
        nn.Linear(graph.num_features, 128),
        nn.ReLU(),
        nn.Dropout(0.6),
        nn.Linear(128, problem.training.task.num_classes),
    )
    stock = stock_epoch(model, (graph.dense_features(),), problem, teacher, alpha=1.0, tau=1.0)
    return ratio_row(
        "mlp-glnn-epoch", ours, stock, 4.0, "epoch + evaluation, 2x128 MLP with glnn, Cora, against nn.Linear"
    )


def _mini_batches() -> PerfRow:
    """An epoch of mini-batches of sparse features plus evaluation, against nn.Linear on rows of dense features."""
    problem, teacher = with_teacher("sealed-20-30", "pubmed")
    hyper = {"layers": 2, "hidden": 128, "norm": "none", "batch_size": 512}
    ours = our_epoch(Configuration("glnn", student="mlp", student_hyper=hyper), problem, teacher)
    graph, validation = problem.training.graph, problem.validation
    features, target = graph.dense_features(), F.log_softmax(teacher.logits, dim=-1)
    model = nn.Sequential(
        nn.Linear(graph.num_features, 128), nn.ReLU(), nn.Linear(128, problem.training.task.num_classes)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def stock() -> None:
        for rows in torch.randperm(graph.num_nodes).split(512):
            if len(rows) == 512:  # the last ones are left out, as in ours
                optimizer.zero_grad()
                logits = F.log_softmax(model(features[rows]), dim=-1)
                F.kl_div(logits, target[rows], reduction="batchmean", log_target=True).backward()
                optimizer.step()
        with torch.no_grad():
            predicted = model(features)[validation.items].argmax(dim=-1)
        float((predicted == validation.labels).float().mean())

    detail = "epoch + evaluation, 2x128 MLP with glnn, PubMed, mini-batches of 512, against nn.Linear on dense features"
    return ratio_row("mini-batch-epoch", ours, stock, 1.5, detail)


def _dense_product() -> PerfRow:
    """A product and its gradients, as the hidden layer of a link decoder takes them, against PyTorch's own."""
    x, weight = torch.randn(9000, 256, requires_grad=True), torch.randn(256, 256, requires_grad=True)
    bias, gradient = torch.randn(256, requires_grad=True), torch.randn(9000, 256)

    def step(of: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        torch.autograd.grad(of(x, weight, bias), (x, weight, bias), gradient)

    detail = "9,000 x 256 by 256 x 256 and its gradients, single precision, against torch.addmm; one where they are one"
    return ratio_row(
        "dense-product", lambda: step(product), lambda: step(lambda x, w, b: torch.addmm(b, x, w)), 0.9, detail
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
        executor = ProcessExecutor(1, store.path)
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


def _propose() -> PerfRow:
    """The next proposal of tpe, the default sampler, in a search that knows a thousand trials already."""
    from graph_distillery.bench.ids import content_id
    from graph_distillery.bench.sweeps.spec import Search
    from graph_distillery.bench.sweeps.study.study import Study
    from graph_distillery.bench.sweeps.study.trial import Trial
    from graph_distillery.search_spaces import load_space, merge

    space = merge({"method": load_space("method", "kd"), "student": load_space("model", "mlp")})
    known, seeds, count = list[Trial](), (100, 101, 102), 1000
    draws, study = (
        Study(content_id("perf"), space, space.defaults(), Search(sampler=sampler, seeds=seeds), 2 * count)
        for sampler in ("random", "tpe")
    )
    generator = torch.Generator().manual_seed(0)
    costs: list[float] = []
    while len(costs) < PAIRS:
        number = len(known)
        start = time.process_time()  # one thread: what else the machine is at is no cost of ours
        configuration = (study if number >= count else draws).propose(number, known)
        if number > count:  # the first one there hears of all trials before it, as after a restart
            costs.append(1e3 * (time.process_time() - start))
        scores = torch.rand(len(seeds), generator=generator).tolist()
        known.append(Trial(number, configuration, dict(zip(seeds, scores, strict=True)), "complete"))
    detail = f"median of {PAIRS} proposals of tpe after {count:,} trials of kd with mlp; largest {max(costs):.1f} ms"
    return PerfRow("study-propose", statistics.median(costs), 40.0, "ms", detail)


_MEASUREMENTS: dict[str, Callable[[], PerfRow]] = {
    "gcn-kd-epoch": _gcn_kd,
    "gcn-kd-bound": _gcn_kd_bound,
    "mlp-glnn-epoch": _mlp_glnn,
    "mini-batch-epoch": _mini_batches,
    "dense-product": _dense_product,
    "trial-overhead": _trial_overhead,
    "study-propose": _propose,
    **METHOD_ROWS,
    **MODEL_ROWS,
    **STORE_ROWS,
    **FUSED_ROWS,
}
