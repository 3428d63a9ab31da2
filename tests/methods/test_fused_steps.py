"""Steps that were rewritten for speed have the loss curves of their equations written out, with the same draws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.training.update import GradientUpdate
from graph_distillery.methods.artefacts.hop_features.make import HopFeatures
from graph_distillery.methods.contract import (
    Batch,
    BatchSource,
    Context,
    Graph,
    Method,
    OptimiserSettings,
    TrainingData,
)
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.controls.simmlp.method import SimMLP
from graph_distillery.methods.rod import method as rod
from graph_distillery.methods.rod.gate import gated
from graph_distillery.methods.tasks.registry import make_task
from graph_distillery.methods.tgs.method import TGS

NODES, WIDTH, CLASSES, HOPS, EPOCHS = 90, 40, 4, 3, 20


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    """In which rounding is far below what is asked for: in float32 the last bits grow from step to step."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Plain(TGS):
    """Both ends' features are mixed, and the student reads the mixture."""

    def setup(self) -> None:
        super().setup()
        self.student_states = ()


class PlainSim(SimMLP):
    """Dense features, and what is reconstructed of them."""

    def unsupervised(self, graph: Graph) -> dict[str, Tensor]:
        return super().unsupervised(graph.with_features(graph.dense_features()))


def gated_plainly(hops: Tensor, weight: Tensor, bias: Tensor, p: float, training: bool) -> Tensor:
    hops = dropout(hops, p, training)
    weights = torch.sigmoid(hops @ weight + bias).softmax(1)
    return (weights[:, :, None] * hops).sum(1)


def structure_plainly(logits: Tensor, alike: Tensor, unlike: Tensor) -> Tensor:
    """Head by head, batch of a thousand pairs by batch."""
    total = torch.zeros(())
    for head, near, far in zip(F.normalize(logits, dim=2), alike, unlike, strict=True):
        for at in range(0, near.shape[0], 1000):
            for pairs, label in ((near[at : at + 1000], 1.0), (far[at : at + 1000], 0.0)):
                cosine = (head[pairs[:, 0]] * head[pairs[:, 1]]).sum(1)
                weight = cosine.detach() if label else 1 - cosine.detach()
                each = F.binary_cross_entropy_with_logits(cosine, torch.full_like(cosine, label), reduction="none")
                total = total + (weight * each).mean() / 2
    return total


def curve(method_class: type[Method[Any]], **values: Any) -> list[float]:
    """The loss of every step of so many epochs of Adam on a random graph with sparse features."""
    torch.manual_seed(7)
    features = torch.rand(NODES, WIDTH) * (torch.rand(NODES, WIDTH) < 0.1)
    ends = torch.randint(0, NODES, (2, 600))
    graph = Graph.build(features, torch.cat([ends, ends.flip(0)], 1).unique(dim=1))
    assert isinstance(graph.features, SparseMatrix)
    if method_class is rod.ROD:
        graph = graph.with_columns(HopFeatures.make(graph, {"hops": HOPS, "normalise": True}))
    data = TrainingData(
        graph, make_task("node-classification", CLASSES), torch.arange(30), torch.randint(0, CLASSES, (30,))
    )
    hyper = {"layers": 2, "hidden": 16, "dropout": 0.5}

    def student(width: int) -> nn.Module:
        return build_model("mlp", width, CLASSES, hyper)

    settings = OptimiserSettings(lr=0.01)
    named: dict[str, Any] = {"task": data.task, "num_features": WIDTH, "data": data, "teachers": ()}
    context = Context(**named, new_student=student, settings=settings)
    method = method_class(method_class.Hyperparameters(**values), context)
    if isinstance(method, TGS):
        method.class_weights = method.class_weights.double()
    update = GradientUpdate(method.optimizers(settings))
    everything = Batch(graph, torch.arange(NODES), data.labelled, data.labels)
    found = []
    for epoch in range(EPOCHS):
        method.train()
        method.on_epoch_start(epoch)
        batches = [everything] if isinstance(method, SimMLP) else method.batches(BatchSource())
        found += [float(sum(method.step(batch, update).values())) for batch in batches]
    return found


def test_tgs_mixes_what_the_first_layer_makes() -> None:
    values = {"arcs": 64, "width": 8, "alpha": 0.6, "ratio": 0.5}
    found, expected = curve(TGS, **values), curve(Plain, **values)
    assert len(found) > 5 * EPOCHS
    assert found == pytest.approx(expected, abs=1e-5)
    assert expected[-1] < 0.8 * expected[0]


def test_rod_gates_a_block_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"hops": HOPS, "structure_weight": 0.1, "kd_weight": 0.1}
    monkeypatch.setattr("graph_distillery.methods.rod.gate._BLOCK", 7 * (HOPS + 1) * WIDTH)
    found = curve(rod.ROD, **values)
    monkeypatch.setattr(rod, "gated", gated_plainly)
    monkeypatch.setattr(rod, "structure_loss", structure_plainly)
    expected = curve(rod.ROD, **values)
    assert found == pytest.approx(expected, abs=1e-5)
    assert found != expected
    assert expected[-1] < 0.99 * expected[0]


def test_simmlp_reconstructs_sparse_features_without_their_zeros() -> None:
    values = {"reconstruction": 10.0}
    found, expected = curve(SimMLP, **values), curve(PlainSim, **values)
    assert found == pytest.approx(expected, abs=1e-5)
    assert found != expected
    assert expected[-1] < 0.8 * expected[0]


@pytest.mark.parametrize("training", [True, False])
def test_the_gate_has_the_gradient_of_its_equation(training: bool) -> None:
    torch.manual_seed(0)
    hops = torch.randn(11, 3, 5)
    weight, bias = torch.randn(5, requires_grad=True), torch.randn((), requires_grad=True)

    def gate(weight: Tensor, bias: Tensor) -> Tensor:
        torch.manual_seed(3)
        return gated(hops, weight, bias, 0.4, training)

    torch.manual_seed(3)
    expected = gated_plainly(hops, weight, bias, 0.4, training)
    assert torch.allclose(gate(weight, bias), expected)
    assert torch.autograd.gradcheck(gate, (weight, bias))
