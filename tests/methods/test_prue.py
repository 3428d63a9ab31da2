"""Pruned teachers: what is masked, that it stays so, and how the student learns from one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from graph_distillery.bench.conformance import Case, problem_for
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.training.engine import Configuration, build, fit, train
from graph_distillery.methods.contract import Method, Teacher
from graph_distillery.methods.pruning.method import Pruning

NODES = "node-classification"
EXAMPLE = problem_for(NODES)
LIKE_TEACHER = {"layers": 2, "hidden": 24, "dropout": 0.0, "lr": 0.02, "epochs": 5, "patience": 0}


def pruned(variant: str = "paper", teacher: Teacher = EXAMPLE.teacher, **hyper: Any) -> Method[Any]:
    return build(Configuration("pruning", variant, hyper, "gcn", LIKE_TEACHER), EXAMPLE.problem, (teacher,))


def matrices(method: Method[Any]) -> dict[str, Tensor]:
    assert method.student is not None
    return {name: value for name, value in method.student.named_parameters() if value.dim() > 1}


@pytest.mark.parametrize("epochs", [0, 3])
def test_with_nothing_pruned_it_is_the_teacher_to_the_bit(epochs: int) -> None:
    settings = {**LIKE_TEACHER, "epochs": epochs, "weight_decay": 0.1}
    configuration = Configuration("pruning", "paper", {"ratio": 0.0}, "gcn", settings)
    (run,) = train(configuration, [0], lambda _: EXAMPLE.problem, lambda _: (EXAMPLE.teacher,))
    teacher = EXAMPLE.teacher.model
    assert teacher is not None
    assert run.method.student is not teacher
    for name, value in run.method.student.state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(value, teacher.state_dict()[name]), name
    with torch.inference_mode():
        assert torch.equal(run.method.predict(EXAMPLE.problem.training.graph).logits, EXAMPLE.teacher.logits)


@pytest.mark.parametrize("criterion", ["prue", "magnitude", "snip", "random"])
def test_exactly_the_share_goes_and_stays_away_while_the_rest_learns(criterion: str) -> None:
    method = pruned(criterion=criterion, ratio=0.7)
    total = sum(value.numel() for value in matrices(method).values())
    assert sum(int((mask == 0).sum()) for mask in method.masks.values()) == int(0.7 * total)
    before = {name: value.clone() for name, value in matrices(method).items()}
    fit(method, Configuration("pruning", student="gcn", student_hyper=LIKE_TEACHER), EXAMPLE.problem)
    for name, value in matrices(method).items():
        assert (value[method.masks[name] == 0] == 0).all()
        assert not torch.equal(value, before[name])


def test_scores_are_the_gradients_of_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    """|dS/dm| at m = 1 by a forward that multiplies the weights by m, S written out class by class."""
    method = pruned(ratio=0.0)
    data, student = EXAMPLE.problem.training, method.student
    assert student is not None
    weights = matrices(method)
    masks = {name: torch.ones_like(value, requires_grad=True) for name, value in weights.items()}
    masked = {name: value.detach() * masks[name] for name, value in weights.items()}
    logits = torch.func.functional_call(student.eval(), masked, (data.graph,)).logits[data.labelled]
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    own = [p[data.labels == c, c] for c in range(data.task.num_classes)]
    spread = sum((each.mean().detach() - each).abs().sum() for each in own)
    surprise = -sum(each.log().sum() for each in own)
    for criterion, ranked_by in (("prue", spread), ("snip", surprise)):
        monkeypatch.setattr(method, "hyper", Pruning.Hyperparameters(criterion=criterion))  # type: ignore[call-arg]
        gradients = torch.autograd.grad(ranked_by, list(masks.values()), retain_graph=True)
        for (name, score), gradient in zip(method._scores().items(), gradients, strict=True):
            torch.testing.assert_close(score, gradient.abs(), msg=f"{criterion} {name}", atol=1e-5, rtol=1e-4)


def test_the_released_code_masks_ties_too_and_the_paper_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six of ten scores are 0 and two are to go: the threshold is 0, and all six do."""
    scores = {"a": torch.tensor([[0.0, 3.0, 0.0], [1.0, 0.0, 0.0]]), "b": torch.tensor([[2.0, 0.0], [0.0, 4.0]])}
    kept = {}
    for variant in ("paper", "official_code"):
        method = pruned(variant, ratio=0.2)
        kept[variant] = method._smallest_masked(scores)
    assert [int((mask == 0).sum()) for mask in kept["paper"].values()] == [2, 0]
    for name, mask in kept["official_code"].items():
        assert torch.equal(mask, (scores[name] > 0).float())


def test_rows_of_features_that_never_fire_go_first_unless_the_first_layer_is_spared() -> None:
    """Half of the inputs are 0 on every node; no more are to go than the weights that nobody hears of."""
    graph = EXAMPLE.problem.training.graph
    features = graph.dense_features().clone()
    silent = torch.arange(0, features.shape[1], 2)
    features[:, silent] = 0
    problem = replace(EXAMPLE.problem, training=replace(EXAMPLE.problem.training, graph=graph.with_features(features)))
    shares = {}
    for layers in ("all", "hidden"):
        configuration = Configuration("pruning", "paper", {"ratio": 0.3, "layers": layers}, "gcn", LIKE_TEACHER)
        method = build(configuration, problem, (EXAMPLE.teacher,))
        shares[layers] = {name: float((mask == 0).double().mean()) for name, mask in method.masks.items()}
        if layers == "all":
            scores = method._scores()["layers.0.linear.weight"]
            assert (scores[silent] == 0).all()
            gone = method.masks["layers.0.linear.weight"] == 0
            assert (scores[gone] == 0).all()
    assert shares["hidden"].keys() == {"layers.1.linear.weight"}
    assert shares["hidden"]["layers.1.linear.weight"] == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("student", "settings", "complaint"),
    [
        ("gcn", {"hidden": 12}, "the student is not its teacher's model, gcn of the same layers and widths"),
        ("sage", {"hidden": 24}, "the student is not its teacher's model"),
    ],
)
def test_another_model_is_refused(student: str, settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        build(Configuration("pruning", "paper", {}, student, settings), EXAMPLE.problem, (EXAMPLE.teacher,))
    assert "\n" not in str(caught.value)


def test_one_layer_has_no_hidden_ones() -> None:
    data = EXAMPLE.problem.training
    model: nn.Module = build_model("gcn", data.graph.num_features, data.task.num_classes, {"layers": 1})
    teacher = Teacher("gcn", EXAMPLE.teacher.logits, (), data.graph, model)
    configuration = Configuration("pruning", "paper", {"layers": "hidden"}, "gcn", {"layers": 1})
    with pytest.raises(ValueError, match="layers 'hidden': the teacher has one layer alone; take 'all'"):
        build(configuration, EXAMPLE.problem, (teacher,))


def test_its_student_learns_as_kds() -> None:
    """At the released weights: 0.9 on the labels, 0.1 x 16 on the divergence at temperature 4."""
    case = Case("prue", NODES, "mlp")
    method = case.fresh()
    assert (method.hyper.alpha, method.hyper.tau) == (0.1, 4.0)
    asked = Configuration("kd", "paper", {"alpha": 0.1, "tau": 4.0}, "mlp", case.configuration().student_hyper)
    runs = []
    for configuration in (case.configuration(), asked):
        (run,) = train(configuration, [0], lambda _: EXAMPLE.problem, lambda _: (EXAMPLE.teacher,))
        runs.append(run.method.state_dict())
    assert all(torch.equal(runs[0][name], value) for name, value in runs[1].items())
