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
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.processes import ProcessExecutor
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.bench.training.engine import Configuration, Snapshot, build, make_batches, train
from graph_distillery.bench.training.judging import validation_score
from graph_distillery.bench.training.problem import Problem, ProblemKey, load_problem
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Teacher
from graph_distillery.near_names import unknown_line

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


def _oad() -> PerfRow:
    """An epoch of oad after its warm-up, plus evaluation, with four GCN students of width 16."""
    from graph_distillery.bench.perf.references.oad import stock_oad_epoch

    problem = load_problem(ProblemKey("cora", "public", "transductive"), 0)
    hyper = {"layers": 2, "hidden": 16, "dropout": 0.0, "lr": 0.005, "weight_decay": 5e-4}
    ours = _our_epoch(Configuration("oad", student="gcn", student_hyper=hyper), problem, None)
    stock = stock_oad_epoch(problem, students=4, hidden=16, tau=3.0)
    detail = "epoch + evaluation, four 2x16 GCN with oad, Cora, against a loop over PyG GCNConv"
    return _ratio("oad-epoch", ours, stock, 3.0, detail)


def _fgkd_encoder() -> PerfRow:
    """The low-pass and high-pass encoders of fmlp-o's first layer, 8 wide: sparse factors against dense K."""
    from graph_distillery.bench.models.framelets.fmlp import KnowledgeEncoder, encode
    from graph_distillery.bench.models.framelets.operators import FrameletSettings, framelet_system
    from graph_distillery.bench.perf.references.fgkd import DenseEncoders, dense_knowledge

    graph = load_problem(ProblemKey("cora", "public", "transductive"), 0).training.graph
    dense = DenseEncoders(dense_knowledge(graph, 1, torch.float32), 8)
    system = framelet_system(graph, FrameletSettings(), torch.float32)
    encoders = {band: KnowledgeEncoder(graph.num_nodes, 8, band, 1) for band in range(2)}
    for encoder, linear in zip(encoders.values(), dense.linears, strict=True):
        state = linear.state_dict()
        encoder.linear.load_state_dict({"weight": state["weight"].T, "bias": state["bias"]})

    def ours() -> list[Tensor]:
        return encode(encoders, system)

    with torch.inference_mode():
        for found, expected in zip(ours(), dense(), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
        detail = (
            "low- and high-pass encoders, 8 wide, Cora, against a linear map on dense knowledge, ten calls in a row"
        )
        return _ratio("fgkd-encoder", ours, dense, 30.0, detail, calls=10)


def _fgkd_memory() -> PerfRow:
    """What teacher and student take on PubMed, whose dense knowledge is 3.1 GB a matrix."""
    from graph_distillery.bench.perf.references.fgkd import peak_memory_mb

    detail = "peak of a process that trains spat-ufg and fmlp-o on PubMed, libraries included"
    return PerfRow("fgkd-pubmed-memory", peak_memory_mb(), 3000.0, "MB", detail)


def _lsp_step() -> PerfRow:
    """A step of lsp with the teacher's distributions kept, on PPI's pair and a graph of PPI's density."""
    from graph_distillery.bench.data.loaders.generated.unions import multi_sbm
    from graph_distillery.bench.data.splits import make_split
    from graph_distillery.bench.models.base import build_model
    from graph_distillery.bench.perf.references.lsp import StockGAT, stock_step
    from graph_distillery.bench.training.problem import divide
    from graph_distillery.methods.losses.local_structure import log_distribution, similarity

    dataset, split = make_split(multi_sbm(graphs=3, nodes=1200), "graphs", 0)
    problem, _ = divide(dataset, split, ProblemKey("multi-sbm", "graphs", "inductive"), 0)
    data = problem.training
    graph = data.graph
    shape: dict[str, Any] = {"residual": True, "linear_residual": True, "bias": False}
    teacher_shape = {"layers": 3, "hidden": 1024, "heads": 4, "output_heads": 6, **shape}
    student_shape = {"layers": 5, "hidden": 136, "heads": 2, "output_heads": 2, **shape}
    network = build_model("gat", graph.num_features, data.task.num_classes, teacher_shape).eval().requires_grad_(False)
    with torch.no_grad():
        output = network(graph)
    teacher = Teacher("gat", output.logits, output.hidden, graph, network)
    layers = {"student_layer": 2, "teacher_layer": 1}
    configuration = Configuration("lsp", "official_code", layers, "gat", student_shape)
    method = build(configuration, problem, (teacher,))
    source = make_batches(method, configuration, problem)
    update = GradientUpdate(method.optimizers(configuration.settings))

    def ours() -> None:
        method.train()
        for batch in method.batches(source):
            method.step(batch, update)

    def teacher_again() -> None:
        with torch.no_grad():
            states = network(graph).hidden[1]
            places = graph.propagation("sum_self")
            log_distribution(similarity("l1", states, places), places)

    stock = stock_step(
        StockGAT(graph.num_features, data.task.num_classes, 5, 68, 2, 2),
        StockGAT(graph.num_features, data.task.num_classes, 3, 256, 4, 6).eval(),
        (2, 1),
        graph.dense_features(),
        graph.edge_index,
        data.labels,
    )
    again = 1e3 * statistics.median(_seconds(teacher_again) for _ in range(10))
    detail = f"a step of PPI's pair on {graph.num_nodes:,} nodes, against stock layers with the teacher in each step "
    detail += f"(the teacher alone on our own layers: {again:.0f} ms)"
    return _ratio("lsp-step", ours, stock, 4.0, detail, repeats=8)


def _gfkd() -> PerfRow:
    """An inversion step of gfkd on 131 graphs of 10 to 29 nodes through GCN-5-64, in blocks against one by one."""
    from graph_distillery.bench.models.base import build_model
    from graph_distillery.bench.perf.references.gfkd import PlainInversion
    from graph_distillery.methods.gfkd.inversion import Inversion, Recipe
    from graph_distillery.methods.gfkd.padded import Layout

    torch.manual_seed(0)
    hyper = {"layers": 5, "hidden": 64, "norm": "batch", "residual": True, "readout": "sum"}
    model = build_model("gcn", 7, 2, hyper, "graph").eval().requires_grad_(False)
    layout = Layout(torch.randint(10, 30, (131,)).sort().values)
    recipe = Recipe("one-hot", False, True, True, 1.0, 0.01, 0.1, 1000, 0.01, 1e-6)
    ours = Inversion(model, layout, torch.randint(2, (131,)), 7, recipe)
    plain = PlainInversion(ours, model)
    detail = "step on 131 graphs, GCN-5-64 teacher, against a loop over graphs and PyG GCNConv"
    return _ratio("gfkd-inversion", ours.iterate, plain.iterate, 20.0, detail, repeats=10)


def _linkdist() -> PerfRow:
    """An epoch of linkdist-mlp, as many arcs as there are nodes, plus evaluation."""
    from graph_distillery.bench.perf.references.links import stock_linkdist_epoch

    problem = load_problem(ProblemKey("cora", "public", "transductive"), 0)
    hyper = {"layers": 2, "hidden": 128, "dropout": 0.5}
    ours = _our_epoch(Configuration("linkdist-mlp", student="mlp", student_hyper=hyper), problem, None)
    stock = stock_linkdist_epoch(problem, hidden=128, arcs=1024, dropout=0.5)
    detail = "epoch + evaluation, 2x128 MLP, Cora, against both ends of each arc through nn.Linear"
    return _ratio("linkdist-epoch", ours, stock, 2.0, detail, repeats=8)


def _relation_memory(name: Literal["gsp", "gcrd"]) -> PerfRow:
    """What loss and gradient take on 4,096 nodes."""
    from graph_distillery.bench.perf.references.relations import peaks

    ours, plain = peaks(name, 4096)
    against = f"{plain:.0f} MB by nodes x nodes x width, counted and not run"
    detail = f"loss and gradient, 4,096 nodes of 128: {ours:.0f} MB against {against}"
    return PerfRow(f"{name}-memory", plain / ours, 5.0, "x", detail)


_MEASUREMENTS: dict[str, Callable[[], PerfRow]] = {
    "gcn-kd-epoch": _gcn_kd,
    "mlp-glnn-epoch": _mlp_glnn,
    "trial-overhead": _trial_overhead,
    "study-propose": _propose,
    "oad-epoch": _oad,
    "fgkd-encoder": _fgkd_encoder,
    "fgkd-pubmed-memory": _fgkd_memory,
    "lsp-step": _lsp_step,
    "gfkd-inversion": _gfkd,
    "linkdist-epoch": _linkdist,
    "gsp-memory": lambda: _relation_memory("gsp"),
    "gcrd-memory": lambda: _relation_memory("gcrd"),
}


def _cora_with_teacher() -> tuple[Problem, Teacher]:
    key = ProblemKey("cora", "public", "transductive")
    configuration = Configuration("supervised", student="sage", student_hyper={"epochs": 20})
    trained = next(train(configuration, [0], lambda seed: load_problem(key, seed), lambda seed: ()))
    artefact = pack_teacher("0" * 16, trained, configuration)
    return trained.problem, unpack_teacher(artefact, trained.problem)


def _our_epoch(configuration: Configuration, problem: Problem, teacher: Teacher | None) -> Callable[[], None]:
    """One epoch exactly as the engine runs it: every step, the validation score, the snapshot."""
    method = build(configuration, problem, () if teacher is None else (teacher,))
    source = make_batches(method, configuration, problem)
    update = GradientUpdate(method.optimizers(configuration.settings))
    kept = Snapshot(method)

    def epoch() -> None:
        method.train()
        for batch in method.batches(source):
            method.step(batch, update)
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
    pairs = [(_seconds(ours, calls), _seconds(stock, calls)) for _ in range(repeats)]
    ratio = statistics.median(b / a for a, b in pairs)
    ms = [1e3 * statistics.median(side) for side in zip(*pairs, strict=True)]
    return PerfRow(name, ratio, target, "x", f"{detail}: {ms[0]:.2f} ms against {ms[1]:.2f} ms")


def _seconds(run: Callable[[], Any], calls: int = 1) -> float:
    """Of one call, on average."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls
