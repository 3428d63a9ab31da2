"""VQGraph and its tokenizer against their formulas, pair by pair and step by step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graph_distillery.bench.conformance import Case, problem_for
from graph_distillery.bench.training.engine import Configuration, build, train
from graph_distillery.bench.training.teachers import pack_teacher, unpack_teacher
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.contract import Batch, BatchSource, Method
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.losses.codes import adjacency_error, code_scores

GCN = {"layers": 2, "hidden": 8, "dropout": 0.0, "epochs": 2}


def test_the_student_fed_with_shares_for_logarithms_is_almost_uniform() -> None:
    """What minimises sum exp(t) (t - log s) is exp(t) / sum exp(t), however sure t is; the loss is convex in logits."""
    shares = torch.tensor([[0.97, 0.01, 0.01, 0.01]], dtype=torch.double)
    logits = shares.clone().requires_grad_()  # whose softmax that is
    loss = (shares.exp() * (shares - logits.log_softmax(1))).sum()
    (slope,) = torch.autograd.grad(loss, logits)
    assert float(slope.abs().max()) < 1e-14
    best = logits.detach().softmax(1)
    assert float(best.max() / best.min()) < torch.e
    assert float(shares.max() / shares.min()) > 90


@pytest.mark.parametrize("spread", [1.0, 1e-4])
def test_the_adjacency_from_codes_without_a_matrix_of_all_pairs(spread: float) -> None:
    """Value and gradient against the matrix of all pairs, whose least element is shared out among its ties."""
    generator = torch.Generator().manual_seed(2)
    arcs = torch.tensor([[0, 1, 1, 2, 4, 3], [1, 0, 2, 1, 3, 4]])
    places = Graph.build(torch.zeros(6, 1), arcs).propagation("sum_self")
    chosen = torch.tensor([3, 0, 3, 7, 0, 0])
    rows = 1 + spread * torch.randn(9, 4, generator=generator, dtype=torch.double)
    z = rows[chosen].clone().requires_grad_()
    places = replace(places, values=places.values.double(), _cache={})
    found = adjacency_error(z, chosen, places)
    dense = torch.eye(6, dtype=torch.double)
    dense[arcs[1], arcs[0]] = 1
    products = z @ z.T
    scaled = (products - products.min()) / (products.max() - products.min())
    expected = F.mse_loss(scaled, dense).sqrt()
    torch.testing.assert_close(found, expected)
    slopes = [torch.autograd.grad(value, z)[0] for value in (found, expected)]
    by_code = [torch.zeros(9, 4, dtype=torch.double).index_add(0, chosen, each) for each in slopes]
    torch.testing.assert_close(*by_code, rtol=1e-5, atol=1e-8)


def tokenizer(**hyper: Any) -> Method[Any]:
    example = problem_for("node-classification")
    configuration = Configuration("graph-tokenizer", "paper", {"codes": 7, **hyper}, "gcn", GCN)
    return build(configuration, example.problem, (example.teacher,))


def test_a_step_of_the_tokenizer() -> None:
    """Every term, the straight gradient through the codes, and where the codes are after it."""
    method = tokenizer(node_weight=0.3, edge_weight=0.5, commitment=0.25).train()
    data, before = problem_for("node-classification").problem.training, method.codebook.clone()
    (batch,) = list(method.batches(BatchSource()))
    first, second = method.student.layers
    h = first(data.graph, data.graph.features).relu()
    cosines = F.cosine_similarity(h[:, None], before[None], dim=2)
    which = cosines.argmax(1)
    z = method.of_edges(h + (before[which] - h).detach())
    terms = method.loss(batch, method(batch.graph))
    logits = second(data.graph, z)
    torch.testing.assert_close(terms["labels"], F.cross_entropy(logits[data.labelled], data.labels))
    torch.testing.assert_close(terms["nodes"], 0.3 * (method.of_nodes(before[which]) - h).square().mean())
    torch.testing.assert_close(terms["commitment"], 0.25 * (h - before[which]).square().mean())
    torch.testing.assert_close(terms["edges"], 0.5 * adjacency_error(z, which, data.graph.propagation("sum_self")))
    (slope,) = torch.autograd.grad(terms["labels"], first.linear.weight, retain_graph=True)
    expected = torch.autograd.grad(F.cross_entropy(logits[data.labelled], data.labels), first.linear.weight)
    torch.testing.assert_close(slope, expected[0])
    assert float(slope.abs().max()) > 0
    method.step(batch, GradientUpdate(method.optimizers(method.context.settings)))
    unit = F.normalize(h.detach(), dim=1)
    for code in range(7):
        own = unit[which == code]
        moved = 0.8 * before[code] + 0.2 * F.normalize(own.mean(0), dim=0) if len(own) else before[code]
        torch.testing.assert_close(method.codebook[code], moved, atol=1e-5, rtol=1e-4)


def test_the_codebook_reaches_the_student_whole() -> None:
    example = problem_for("node-classification")
    configuration = Configuration("graph-tokenizer", "paper", {"codes": 7}, "gcn", GCN)
    trained = next(train(configuration, [0], lambda _: example.problem, lambda _: (example.teacher,)))
    teacher = unpack_teacher(pack_teacher("0" * 16, trained, configuration), example.problem)
    assert torch.equal(teacher.whole["codebook"], trained.method.codebook)
    rows = torch.tensor([5, 3])
    part = teacher.at(rows, rows, example.problem.training.graph.rows(rows))
    assert torch.equal(part.whole["codebook"], teacher.whole["codebook"])
    assert not teacher.without_data().whole
    with torch.no_grad():
        found = trained.method.predict(example.problem.training.graph)
    assert torch.equal(teacher.logits, found.logits)
    assert torch.equal(teacher.hidden[0], found.hidden[0])


class _Whole(BatchSource):
    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def epoch(self, items: Any) -> Any:
        chosen = self.batch.labelled if items == "labelled" else self.batch.items
        labelled = torch.arange(chosen.numel()) if items == "labelled" else self.batch.labelled
        teachers = tuple(each.at(chosen, chosen, self.batch.graph.rows(chosen)) for each in self.batch.teachers)
        graph = self.batch.graph.rows(chosen)
        return iter([Batch(graph, chosen, labelled, self.batch.labels, teachers)])


@pytest.mark.parametrize("variant", ["official_code", "corrected", "paper"])
def test_an_epoch(variant: str) -> None:
    """Plain gradient descent: on codes, on labels, on the teacher apart; or on all of them at once."""
    case = Case("vqgraph", "node-classification", "mlp", variant)
    example = case.example
    hyper = {"code_weight": 0.7, "label_weight": 0.3}
    configuration = replace(case.configuration(hyper), student_hyper={"layers": 2, "hidden": 6, "dropout": 0.0})
    method = build(configuration, example.problem, (example.teacher,)).train()
    data, teacher = example.problem.training, example.teacher
    x, codebook, kept = data.graph.dense_features(), teacher.whole["codebook"], list(method.parameters())
    start = [p.detach().clone() for p in kept]
    of_rows = torch.arange(x.shape[0])
    if variant == "official_code":  # row k of the features, labelled first, is given row k of the shares
        rest = torch.tensor(sorted(set(range(x.shape[0])) - set(data.labelled.tolist())))
        of_rows = torch.cat([data.labelled, rest]).argsort()

    def terms() -> dict[str, Tensor]:
        one, two = method.student.layers
        state = one(data.graph, x).relu()
        logits = two(data.graph, state)
        own = -(method.to_codes(state)[:, None] - codebook).square().sum(2).sqrt()
        if variant == "corrected":
            own = F.cosine_similarity(method.to_codes(state)[:, None], codebook[None], dim=2)
        target = F.cosine_similarity(teacher.hidden[0][of_rows][:, None], codebook[None], dim=2)
        if variant == "paper":
            target = -torch.cdist(teacher.hidden[0], codebook)
        shares, log = (target / 4).softmax(1), (own / 4).log_softmax(1)
        apart = shares.exp() * (shares - log) if variant == "official_code" else shares * (shares.log() - log)
        soft = teacher.logits.softmax(1)
        return {
            "codes": 0.7 * 16 * apart.sum(1).mean(),
            "labels": 0.3 * F.cross_entropy(logits[data.labelled], data.labels),
            "teacher": 0.7 * (soft * (soft.log() - logits.log_softmax(1))).sum(1).mean(),
        }

    steps = [["codes", "labels", "teacher"]] if variant == "paper" else [["codes"], ["labels"], ["teacher"]]
    for names in steps:
        found = terms()
        slopes = torch.autograd.grad(sum(found[name] for name in names), kept, allow_unused=True)
        with torch.no_grad():
            for p, slope in zip(kept, slopes, strict=True):
                if slope is not None:
                    p.sub_(0.1 * slope)
    expected = [p.detach().clone() for p in kept]
    with torch.no_grad():
        for p, was in zip(kept, start, strict=True):
            p.copy_(was)
    items = torch.arange(x.shape[0])
    batch = Batch(data.graph, items, data.labelled, data.labels, (teacher,))
    update = GradientUpdate([torch.optim.SGD(kept, lr=0.1)])
    for each in method.batches(_Whole(batch)):
        method.step(each, update)
    for p, after in zip(kept, expected, strict=True):
        torch.testing.assert_close(p.detach(), after, atol=1e-6, rtol=1e-4)


def test_a_teacher_without_codes_is_refused_in_one_line() -> None:
    example = problem_for("node-classification")
    with pytest.raises(ValueError, match=r"teacher 'gcn' has no codebook"):
        build(Configuration("vqgraph", student="mlp"), example.problem, (example.teacher,))


def test_scores_by_cosine_and_by_distance() -> None:
    states, codes = torch.tensor([[3.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    torch.testing.assert_close(code_scores(states, codes, "cosine"), torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(code_scores(states, codes, "distance"), -torch.tensor([[1.0, 10.0**0.5]]))
