"""The speed of single methods against plain readings of their papers (`references`)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from graph_distillery.bench.perf.timing import PerfRow, our_epoch, ratio_row, seconds, with_teacher
from graph_distillery.bench.training.engine import Configuration, build, make_batches
from graph_distillery.bench.training.precomputed import prepared
from graph_distillery.bench.training.problem import ProblemKey, load_problem
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Teacher

if TYPE_CHECKING:
    from graph_distillery.bench.perf.references.arcs import ArcMethod


def _oad() -> PerfRow:
    """An epoch of oad after its warm-up, plus evaluation, with four GCN students of width 16."""
    from graph_distillery.bench.perf.references.oad import stock_oad_epoch

    problem = load_problem(ProblemKey("cora", "public", "transductive"), 0)
    hyper = {"layers": 2, "hidden": 16, "dropout": 0.0, "lr": 0.005, "weight_decay": 5e-4}
    ours = our_epoch(Configuration("oad", student="gcn", student_hyper=hyper), problem, None)
    stock = stock_oad_epoch(problem, students=4, hidden=16, tau=3.0)
    detail = "epoch + evaluation, four 2x16 GCN with oad, Cora, against a loop over PyG GCNConv"
    return ratio_row("oad-epoch", ours, stock, 5.0, detail)


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
        return ratio_row("fgkd-encoder", ours, dense, 30.0, detail, calls=10)


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
    again = 1e3 * statistics.median(seconds(teacher_again) for _ in range(10))
    detail = f"a step of PPI's pair on {graph.num_nodes:,} nodes, against stock layers with the teacher in each step "
    detail += f"(the teacher alone on our own layers: {again:.0f} ms)"
    return ratio_row("lsp-step", ours, stock, 4.0, detail, repeats=8)


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
    return ratio_row("gfkd-inversion", ours.iterate, plain.iterate, 25.0, detail, repeats=10)


def _linkdist() -> PerfRow:
    """An epoch of linkdist-mlp, as many arcs as there are nodes, plus evaluation."""
    from graph_distillery.bench.perf.references.links import stock_linkdist_epoch

    problem = load_problem(ProblemKey("cora", "public", "transductive"), 0)
    hyper = {"layers": 2, "hidden": 128, "dropout": 0.5}
    ours = our_epoch(Configuration("linkdist-mlp", student="mlp", student_hyper=hyper), problem, None)
    stock = stock_linkdist_epoch(problem, hidden=128, arcs=1024, dropout=0.5)
    detail = "epoch + evaluation, 2x128 MLP, Cora, against both ends of each arc through nn.Linear"
    return ratio_row("linkdist-epoch", ours, stock, 2.0, detail, repeats=8)


def _relation_memory(name: Literal["gsp", "gcrd"]) -> PerfRow:
    """What loss and gradient take on 4,096 nodes."""
    from graph_distillery.bench.perf.references.relations import peaks

    ours, plain = peaks(name, 4096)
    against = f"{plain:.0f} MB by nodes x nodes x width, counted and not run"
    detail = f"loss and gradient, 4,096 nodes of 128: {ours:.0f} MB against {against}"
    return PerfRow(f"{name}-memory", plain / ours, 5.0, "x", detail)


def _nosmog() -> PerfRow:
    """An epoch of nosmog on all nodes of Amazon Photo's largest component at once, as shipped for it.

    The more nodes, the more all pairs cost: of Cora, a third as large, an epoch is 4.3 times as fast.
    """
    from graph_distillery.bench.perf.references.nosmog import stock_nosmog_epoch

    problem, teacher = with_teacher("cpf", "amazon-photo")
    hyper = {"layers": 2, "hidden": 128, "dropout": 0.1, "lr": 0.001, "weight_decay": 0.001}
    shipped = {"walks": 1, "walk_length": 30, "radius": 0.1}
    configuration = Configuration("nosmog", "paper", shipped, "mlp", hyper)
    problem = prepared(problem, configuration)
    ours = our_epoch(configuration, problem, teacher)
    stock = stock_nosmog_epoch(problem, teacher, hidden=128, dropout=0.1)
    detail = "epoch + evaluation, 2x128 MLP with nosmog, Amazon Photo, against nn.Linear and all pairs"
    return ratio_row("nosmog-epoch", ours, stock, 5.0, detail, repeats=5)


def _arcs(name: ArcMethod, hyper: dict[str, Any], target: float) -> PerfRow:
    """An epoch, sampling of arcs included, on all nodes of Amazon Photo's largest component at once.

    Both sides pay for the same products with its dense features: of krd's epoch 48 of 52 ms are the network's own, and
    57 of 76 in the plain reading. Were its arcs free, it would be 1.6 times as fast and not 3.
    """
    from graph_distillery.bench.perf.references.arcs import plain_epoch

    problem, teacher = with_teacher("cpf", "amazon-photo")
    student = {"layers": 2, "hidden": 128, "dropout": 0.3, "lr": 0.005, "weight_decay": 0.002}
    hyper = {"label_weight": 0.2, **hyper}
    ours = our_epoch(Configuration(name, "paper", hyper, "mlp", student), problem, teacher, after=100)
    plain = plain_epoch(name, problem, teacher, 128, 0.3, hyper["temperature"])
    detail = f"epoch + evaluation, 2x128 MLP with {name}, Amazon Photo, against nn.Linear and a divergence an arc"
    return ratio_row(f"{name}-epoch", ours, plain, target, detail, repeats=12)


def _deepwalk() -> PerfRow:
    """DeepWalk's positions of PubMed's largest component, at the settings that NOSMOG ships for it."""
    from graph_distillery.methods.artefacts import ARTEFACTS
    from graph_distillery.methods.artefacts.positions.make import Positions

    graph = load_problem(ProblemKey("pubmed", "cpf", "transductive"), 0).training.graph
    settings = {**ARTEFACTS.get("positions").settings, "position_dim": 16, "walks": 1, "walk_epochs": 3}
    start = time.process_time()  # one thread: what else the machine is at is no cost of ours
    Positions.make(graph, settings)
    took = time.process_time() - start
    detail = f"walks and skip-gram, {graph.num_nodes:,} nodes of PubMed, as NOSMOG ships it"
    return PerfRow("deepwalk-pubmed", 1e3 * took, 20_000.0, "ms", detail)


METHOD_ROWS: Mapping[str, Callable[[], PerfRow]] = {
    "oad-epoch": _oad,
    "fgkd-encoder": _fgkd_encoder,
    "fgkd-pubmed-memory": _fgkd_memory,
    "lsp-step": _lsp_step,
    "gfkd-inversion": _gfkd,
    "linkdist-epoch": _linkdist,
    "gsp-memory": lambda: _relation_memory("gsp"),
    "gcrd-memory": lambda: _relation_memory("gcrd"),
    "nosmog-epoch": _nosmog,
    "krd-epoch": lambda: _arcs("krd", {"temperature": 1.1}, 3.0),
    "ff-g2m-epoch": lambda: _arcs("ff-g2m", {"temperature": 1.5}, 3.0),
    "hgmd-epoch": lambda: _arcs("hgmd", {"temperature": 0.9, "alpha": 10.0, "beta": 0.5}, 3.0),
    "deepwalk-pubmed": _deepwalk,
}
