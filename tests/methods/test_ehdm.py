"""EHDM: the gate's products and mixture by hand, its stages, and what its variants predict."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from graph_distillery.bench.conformance import problem_for
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.training.engine import Configuration, build, train
from graph_distillery.methods.contract.graph import compress_features
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.controls.heuristics import scores
from graph_distillery.methods.ehdm.gate import feature_products, mixed


def test_products_and_mixture_by_hand() -> None:
    generator = torch.Generator().manual_seed(1)
    dense = torch.rand(9, 40, generator=generator) * (torch.rand(9, 40, generator=generator) < 0.15)
    dense[4] = 0
    pairs = torch.randint(9, (30, 2), generator=generator)
    sparse = compress_features(dense)
    assert isinstance(sparse, SparseMatrix)
    found, empty = feature_products(sparse, pairs), feature_products(sparse, torch.tensor([[4, 4]]))
    assert isinstance(found, SparseMatrix)
    assert isinstance(empty, SparseMatrix)
    assert torch.equal(found.to_dense(), dense[pairs[:, 0]] * dense[pairs[:, 1]])
    assert torch.equal(empty.to_dense(), torch.zeros(1, 40))
    logits = torch.randn(5, 3, generator=generator, dtype=torch.double)
    weights = torch.rand(5, 3, generator=generator, dtype=torch.double).softmax(dim=1)
    chance = (weights * torch.sigmoid(logits)).sum(dim=1, keepdim=True)
    torch.testing.assert_close(mixed(weights.log(), logits), torch.logit(chance))
    sure = mixed(torch.full((2, 2), 0.5).log(), torch.tensor([[40.0, 50.0], [40.0, 60.0]]))
    assert bool(sure[0] < sure[1])  # chances of both round to 1 in float32


def configured(variant: str, **hyper: Any) -> Configuration:
    settings = {"hidden": 8, "dropout": 0.0, "epochs": 24, "patience": 5, "lr": 0.02}
    return Configuration("ehdm", variant, {"gate_width": 8, **hyper}, "mlp", settings)


@pytest.mark.parametrize("variant", ["paper", "official_code"])
def test_stages_train_one_part_each_and_keep_the_best(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An MLP moves in its own stage alone, is left at its best state, and learns the scores of its own heuristic."""
    example, configuration = problem_for("link-prediction"), configured(variant, heuristics="cn-katz")
    kind = type(build(configuration, example.problem, ()))
    course: list[tuple[int, float, list[Tensor]]] = []
    ended = kind.on_epoch_end

    def watched(self: Any, epoch: int, validation: float) -> None:
        flat = [torch.cat([p.detach().flatten().clone() for p in part.parameters()]) for part in self.parts]
        course.append((int(self.stage), validation, flat))
        ended(self, epoch, validation)

    monkeypatch.setattr(kind, "on_epoch_end", watched)
    (trained,) = train(configuration, [0], lambda _: example.problem, lambda _: ())
    method, stages = trained.method, 3 if variant == "paper" else 2
    seen = [stage for stage, _, _ in course]
    assert seen == sorted(seen)
    assert set(seen) == set(range(stages))
    for (before, _, old), (after, _, new) in pairwise(course):
        moved = [not torch.equal(a, b) for a, b in zip(old, new, strict=True)]
        if before == after:
            assert [place for place, each in enumerate(moved) if each] == [after]
    first = [(score, flat[0]) for stage, score, flat in course if stage == 0]
    best = max(score for score, _ in first)
    kept = next(flat for score, flat in reversed(first) if score == best)
    assert torch.equal(kept, torch.cat([p.detach().flatten() for p in method.experts[0].parameters()]))
    graph = example.problem.validation.graph
    columns = torch.cat([expert(graph).logits for expert in method.experts], dim=1)
    weights = method.gate(graph).exp() if variant == "paper" else torch.full_like(columns, 0.5)
    chance = (weights * torch.sigmoid(columns)).sum(dim=1, keepdim=True)
    torch.testing.assert_close(torch.sigmoid(method.predict(graph).logits), chance, atol=1e-6, rtol=1e-5)
    pairs = graph.asked_pairs
    read = example.problem.training.graph
    for stage, told in enumerate((scores.common_neighbours(read, pairs), scores.katz(read, pairs, 0.005, 3))):
        method.stage.fill_(stage)
        torch.testing.assert_close(method.targets(pairs).double(), told, atol=1e-9, rtol=1e-6)


def test_heuristics_are_named_or_refused() -> None:
    example = problem_for("link-prediction")
    with pytest.raises(UserError, match=r"heuristics: unknown heuristic 'ktz'; did you mean 'katz'"):
        build(configured("paper", heuristics="cn-ktz"), example.problem, ())
    with pytest.raises(UserError, match="names one twice"):
        build(configured("paper", heuristics="cn-cn"), example.problem, ())
