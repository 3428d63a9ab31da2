"""What is particular to each method, against its equation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.bench.conformance.examples import problem_for
from graph_distillery.bench.data.loaders.embedded.loader import karate
from graph_distillery.bench.training.batches import Reads, make_source
from graph_distillery.bench.training.engine import Configuration, build
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.at.method import AttentionTransfer, attention_map
from graph_distillery.methods.contract import (
    Batch,
    BatchSource,
    Context,
    Method,
    OptimiserSettings,
    Task,
    Teacher,
    TrainingData,
)
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.controls.label_propagation.method import LabelPropagation
from graph_distillery.methods.controls.majority.method import Majority
from graph_distillery.methods.controls.supervised.method import Supervised
from graph_distillery.methods.fitnet.method import FitNet
from graph_distillery.methods.glnn.method import GLNN
from graph_distillery.methods.kd.method import KD
from graph_distillery.methods.kd_at.method import KDAttentionTransfer
from graph_distillery.methods.kd_fitnet.method import KDFitNet
from graph_distillery.methods.tasks.registry import make_task

Make = Callable[..., Method[Any]]
Softened = Callable[[Tensor, float], Tensor]


def whole(data: TrainingData, teacher: Teacher) -> Batch:
    everything = torch.arange(data.num_items)
    return Batch(data.graph, everything, data.labelled, data.labels, (teacher,))


def terms_of(method: Method[Any], batch: Batch) -> dict[str, Tensor]:
    return method.loss(batch, method(batch.graph))


# Knowledge distillation


def test_kd_is_supervised_at_zero_and_pure_divergence_at_one(
    make: Make, data: TrainingData, teacher: Teacher, softened: Softened
) -> None:
    batch = whole(data, teacher)
    alone = terms_of(make(Supervised), batch)["labels"]
    at_zero = terms_of(make(KD, alpha=0.0), batch)
    assert torch.equal(at_zero["labels"], alone)
    assert at_zero.keys() == {"labels"}
    method = make(KD, alpha=1.0, tau=2.0)
    at_one = terms_of(method, batch)
    assert at_one["labels"].item() == 0
    p, q = softened(teacher.logits, 2.0), softened(method(batch.graph).logits, 2.0)
    torch.testing.assert_close(at_one["teacher"], 4 * (p * (p / q).log()).sum(1).mean())


@pytest.mark.parametrize("node_set", ["labelled", "observed", "unlabelled"])
def test_kd_acts_on_its_node_set_alone(make: Make, data: TrainingData, teacher: Teacher, node_set: str) -> None:
    """The teacher's term changes with the teacher's logits exactly where the set lies."""
    batch, method = whole(data, teacher), make(KD, node_set=node_set)
    is_labelled = torch.zeros(data.num_items, dtype=torch.bool)
    is_labelled[data.labelled] = True
    inside = {"labelled": is_labelled, "observed": is_labelled | True, "unlabelled": ~is_labelled}[node_set]
    logits = teacher.logits.clone().requires_grad_()
    read = Batch(batch.graph, batch.items, batch.labelled, batch.labels, (Teacher("t", logits, (), batch.graph),))
    (gradient,) = torch.autograd.grad(terms_of(method, read)["teacher"], logits)
    assert torch.equal(gradient.abs().sum(dim=1) > 0, inside)


def test_node_sets_partition_the_batch(data: TrainingData, teacher: Teacher) -> None:
    batch = whole(data, teacher)
    labelled, unlabelled = batch.positions("labelled"), batch.positions("unlabelled")
    both = torch.cat([labelled, unlabelled])
    assert both.unique().numel() == both.numel()
    assert torch.equal(both.sort().values, batch.positions("observed"))


def test_one_teacher_means_one(data: TrainingData) -> None:
    with pytest.raises(ValueError, match="the cell has 0"):
        _ = Batch(data.graph, torch.arange(12), data.labelled, data.labels).teacher


# GLNN


def test_glnn_without_labels_is_the_mean_divergence_over_all_nodes(
    make: Make, data: TrainingData, teacher: Teacher, softened: Softened
) -> None:
    batch, method = whole(data, teacher), make(GLNN)
    terms = terms_of(method, batch)
    p, q = softened(teacher.logits, 1.0), softened(method(batch.graph).logits, 1.0)
    assert terms["labels"].item() == 0
    torch.testing.assert_close(terms["teacher"], (p * (p / q).log()).sum(1).sum() / data.num_items)


def epochs_of_glnn(make: Make, data: TrainingData, teacher: Teacher, variant: str, sgd: bool, epochs: int) -> Tensor:
    """All weights after training full-batch, without weight decay, at lambda = 0."""
    method = make(GLNN, variant)
    parameters = list(method.parameters())
    plain = torch.optim.SGD(parameters, lr=0.1)
    update = GradientUpdate([plain] if sgd else method.optimizers(OptimiserSettings(lr=0.01)))
    source = make_source(data, (teacher,), None, Reads(edges=False))
    for _ in range(epochs):
        for batch in method.batches(source):
            method.step(batch, update)
    return torch.cat([value.detach().flatten() for value in parameters])


def test_glnn_variants_agree_under_a_memoryless_optimiser(make: Make, data: TrainingData, teacher: Teacher) -> None:
    """At lambda = 0 the steps on labels have no gradient: plain gradient descent does not see them."""
    paper, official = (
        epochs_of_glnn(make, data, teacher, variant, sgd=True, epochs=5) for variant in ("paper", "official_code")
    )
    assert torch.equal(paper, official)


def test_glnn_variants_differ_under_adam_by_its_memory_alone(make: Make, data: TrainingData, teacher: Teacher) -> None:
    """Adam's first step is lr * sign(g) wherever it comes first. After a step without gradient it comes second, and
    its bias correction makes it lr * (0.1 / 0.19) / sqrt(0.001 / 0.001999). From then on momentum moves the weights
    in the steps on labels as well."""
    start = torch.cat([value.detach().flatten() for value in make(GLNN).parameters()])
    paper, official = (
        epochs_of_glnn(make, data, teacher, variant, sgd=False, epochs=1) - start
        for variant in ("paper", "official_code")
    )
    torch.testing.assert_close(paper.abs(), torch.full_like(paper, 0.01), atol=1e-5, rtol=1e-3)
    late = 0.01 * (0.1 / 0.19) / (0.001 / 0.001999) ** 0.5
    torch.testing.assert_close(official, paper.sign() * late, atol=1e-5, rtol=1e-3)


def test_a_step_without_gradient_moves_the_weights_by_momentum(
    make: Make, data: TrainingData, teacher: Teacher
) -> None:
    method = make(GLNN, "official_code")
    update = GradientUpdate(method.optimizers(OptimiserSettings(lr=0.01)))
    seen: list[tuple[float, bool]] = []
    for _ in range(2):
        for batch in method.batches(make_source(data, (teacher,), None, Reads(edges=False))):
            before = next(method.parameters()).detach().clone()
            total = sum(float(term) for term in method.step(batch, update).values())
            seen.append((total, torch.equal(before, next(method.parameters()))))
    losses, still = zip(*seen, strict=True)
    assert losses[0] == losses[2] == 0
    assert still == (True, False, False, False)


class Spy(BatchSource):
    """Which passes were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def epoch(self, items: Literal["labelled", "observed"]) -> Iterator[Batch]:
        self.asked.append(items)
        return iter(())


@pytest.mark.parametrize(("variant", "passes"), [("paper", ["observed"]), ("official_code", ["labelled", "observed"])])
def test_glnn_passes(make: Make, variant: str, passes: list[str]) -> None:
    spy = Spy()
    assert list(make(GLNN, variant).batches(spy)) == []
    assert spy.asked == passes


# Hints on hidden states


def test_fitnet_sees_directions_alone(make: Make, teacher: Teacher) -> None:
    method = make(FitNet)
    assert isinstance(method.of_student, nn.Linear)
    assert tuple(method.of_student.weight.shape) == (7, 6)
    student = torch.randn(12, 6, generator=torch.Generator().manual_seed(0))
    projected = method.of_student(student).detach()
    scales = torch.linspace(0.1, 9, 12).unsqueeze(1)
    assert method.hint(student, scales * projected).item() == pytest.approx(0, abs=1e-12)
    opposite = method.hint(student, -scales * projected)  # rows 2 apart: 4 / width on average
    assert opposite.item() == pytest.approx(4 / 7, rel=1e-5)


def test_the_released_heads_of_fitnet(make: Make, teacher: Teacher) -> None:
    """Both sides are mapped, non-negative after the ReLU, and both heads are trained: rows lie in one orthant."""
    method = make(FitNet, "official_code")
    assert isinstance(method.of_teacher, nn.Sequential)
    student = torch.randn(12, 6, generator=torch.Generator().manual_seed(0))
    loss = method.hint(student, teacher.hidden[-1])
    loss.backward()
    for head, width in ((method.of_student, 6), (method.of_teacher, 7)):
        assert isinstance(head, nn.Sequential)
        assert tuple(head[0].weight.shape) == (256, width)
        assert all(parameter.grad is not None for parameter in head.parameters())
    own, other = (
        F.normalize(head(x)) for head, x in ((method.of_student, student), (method.of_teacher, teacher.hidden[-1]))
    )
    torch.testing.assert_close(loss, ((own - other) ** 2).sum() / (12 * 256))
    assert loss.item() <= 2 / 256 + 1e-7  # at most a right angle between two rows without negative entries


def test_hint_weights_and_the_logit_term(make: Make, data: TrainingData, teacher: Teacher) -> None:
    """A method alone has no logit term; joined with kd it is kd's terms and its own, weight for weight."""
    batch = whole(data, teacher)
    one, two = (terms_of(make(FitNet, beta=beta), batch)["hint"] for beta in (1.0, 10.0))
    torch.testing.assert_close(two, 10 * one)
    logits = terms_of(make(KD, alpha=0.3, tau=2.0), batch)
    for joint, alone in ((KDAttentionTransfer, AttentionTransfer), (KDFitNet, FitNet)):
        joined = terms_of(make(joint, alpha=0.3, tau=2.0, beta=7.0), batch)
        own = terms_of(make(alone, beta=7.0), batch)
        assert set(own) == {"labels", "hint"}
        assert torch.equal(joined["labels"], logits["labels"])
        assert torch.equal(joined["teacher"], logits["teacher"])
        assert torch.equal(joined["hint"], own["hint"])


def test_attention_by_hand() -> None:
    torch.testing.assert_close(
        attention_map(torch.tensor([[1.0, 1.0], [2.0, 0.0]])), torch.tensor([2.0, 4.0]) / 20**0.5
    )


def test_attention_does_not_see_rotations_and_follows_permutations(make: Make) -> None:
    generator = torch.Generator().manual_seed(1)
    hidden, other = torch.randn(12, 6, generator=generator), torch.randn(12, 9, generator=generator)
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator))
    torch.testing.assert_close(attention_map(hidden @ rotation), attention_map(hidden))
    order = torch.randperm(12, generator=generator)
    torch.testing.assert_close(attention_map(hidden[order]), attention_map(hidden)[order])
    method = make(AttentionTransfer)
    torch.testing.assert_close(method.hint(hidden[order], other[order]), method.hint(hidden, other))
    assert method.hint(hidden, 3 * hidden @ rotation).item() == pytest.approx(0, abs=1e-12)


def test_a_layer_that_is_not_there_is_named(make: Make) -> None:
    with pytest.raises(ValueError, match="teacher_layer 4: the teacher has 1 hidden states"):
        make(FitNet, teacher_layer=4)


# Controls


def context(graph: Graph, task: Task, labelled: Tensor, labels: Tensor) -> Context:
    data = TrainingData(graph, task, labelled, labels)
    return Context(task, graph.num_features, data, (), None, OptimiserSettings())


@pytest.mark.parametrize("alpha", [0.3, 0.9])
def test_label_propagation_is_its_closed_form(alpha: float) -> None:
    """Zhou et al. 2003, equation 3: F* = (1 - alpha) (I - alpha S)^-1 Y, on karate in float64."""
    dataset = karate()
    graph, labelled = dataset.graph, dataset.fixed_splits["public"][0][0]
    hyper = LabelPropagation.Hyperparameters(layers=400, alpha=alpha)  # type: ignore[call-arg]
    task = make_task("node-classification", 4)
    method = LabelPropagation(hyper, context(graph, task, labelled, dataset.labels[labelled]))  # type: ignore[arg-type]
    adjacency = torch.zeros(34, 34, dtype=torch.float64)
    adjacency[graph.edge_index[1], graph.edge_index[0]] = 1
    scale = adjacency.sum(1).rsqrt()
    start = torch.zeros(34, 4, dtype=torch.float64)
    start[labelled] = F.one_hot(dataset.labels[labelled], 4).double()
    spread = torch.eye(34, dtype=torch.float64) - alpha * scale[:, None] * adjacency * scale
    solved = (1 - alpha) * torch.linalg.solve(spread, start)
    expected = solved / solved.sum(1, keepdim=True)
    torch.testing.assert_close(method.predict(graph).logits.exp().double(), expected, atol=2e-6, rtol=2e-5)


def test_out_of_reach_of_every_label_the_majority_wins() -> None:
    graph = Graph.build(torch.ones(4, 1), torch.tensor([[0, 1], [1, 0]]))
    task = make_task("node-classification", 2)
    given = context(graph, task, torch.tensor([0, 3, 2]), torch.tensor([0, 1, 1]))
    method = LabelPropagation(LabelPropagation.Hyperparameters(), given)  # type: ignore[arg-type]
    shares = method.predict(Graph.build(torch.ones(5, 1), graph.edge_index)).logits.exp()
    torch.testing.assert_close(shares[4], torch.tensor([1 / 3, 2 / 3]))
    assert shares.argmax(1).tolist() == [0, 0, 1, 1, 1]


def test_majority_is_the_share_of_each_class() -> None:
    graph = Graph.build(torch.ones(6, 1), torch.zeros(2, 0, dtype=torch.long), torch.tensor([0, 2, 6]))
    one = context(graph, make_task("node-classification", 3), torch.arange(4), torch.tensor([1, 1, 0, 1]))
    chances = Majority(Majority.Hyperparameters(), one).predict(graph).logits.softmax(1)
    torch.testing.assert_close(chances[:, :2], torch.tensor([0.25, 0.75]).expand(6, 2), atol=1e-5, rtol=1e-5)
    labels = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    many = context(graph, make_task("node-multilabel", 2), torch.arange(4), labels)
    chances = Majority(Majority.Hyperparameters(), many).predict(graph).logits.sigmoid()
    torch.testing.assert_close(chances, torch.tensor([0.5, 0.25]).expand(6, 2))
    graphs = context(graph, make_task("graph-classification", 2), torch.arange(2), torch.tensor([1, 1]))
    assert Majority(Majority.Hyperparameters(), graphs).predict(graph).logits.argmax(1).tolist() == [1, 1]


def test_of_classes_as_frequent_the_majority_is_drawn_by_the_seed() -> None:
    """As under a split with as many labels of each class: the lowest number must not win every time."""
    graph = Graph.build(torch.ones(8, 1), torch.zeros(2, 0, dtype=torch.long))
    given = context(graph, make_task("node-classification", 4), torch.arange(7), torch.tensor([0, 1, 1, 2, 2, 3, 3]))
    drawn = []
    for seed in range(300):
        torch.manual_seed(seed)
        logits = Majority(Majority.Hyperparameters(), given).predict(graph).logits
        drawn.append(int(logits[0].argmax()))
        torch.testing.assert_close(logits[0].softmax(0), torch.tensor([1, 2, 2, 2]) / 7, atol=1e-4, rtol=1e-4)
    counts = torch.tensor(drawn).bincount(minlength=4).tolist()
    assert counts[0] == 0
    assert all(70 < count < 130 for count in counts[1:]), "a third each, within four standard deviations"


def test_kd_on_items_without_a_label_where_there_are_none_is_refused() -> None:
    """Its term would be exactly 0, and the run the student alone."""
    example = problem_for("graph-classification")
    configuration = Configuration("kd", "paper", {"node_set": "unlabelled"}, "gin")
    with pytest.raises(ValueError, match="every training item here has a label"):
        build(configuration, example.problem, (example.teacher,))
