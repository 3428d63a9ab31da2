"""Every registered model under the suite that is shipped to authors of models, and what each check catches."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

import pytest
import torch
from torch import Tensor, nn

from graph_distillery.bench.conformance import ModelCase, ModelConformance
from graph_distillery.bench.models.base import Model
from graph_distillery.bench.models.gcn.model import GCN
from graph_distillery.bench.models.info import ModelInfo
from graph_distillery.bench.models.mlp.model import MLP
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.methods.contract import Graph, Output


class TestEveryModel(ModelConformance):
    @classmethod
    def models(cls) -> tuple[str, ...]:
        return tuple(MODELS.names)


#: What fails a check, at which level, and what the failure says.
FAULTY: dict[str, tuple[type[Model], str, str]] = {}
M = TypeVar("M", bound=type[Model])


def failing(check: str, words: str, level: str = "node") -> Callable[[M], M]:
    """Mark a class as a model that fails that check, and how the failure is told (a regular expression)."""

    def mark(faulty: M) -> M:
        FAULTY[check] = faulty, words, level
        return faulty

    return mark


class Edited(GCN):
    """A GCN whose output is changed."""

    def forward(self, graph: Graph) -> Output:
        output = super().forward(graph)
        return Output(self.edited(graph, output.logits), output.hidden, output.pooled)

    def edited(self, graph: Graph, logits: Tensor) -> Tensor:
        return logits


@failing("test_shapes", "2 hidden states")
class ShowsOneStateTooMany(GCN):
    def forward(self, graph: Graph) -> Output:
        output = super().forward(graph)
        return Output(output.logits, (*output.hidden, output.hidden[-1]))


@failing("test_evaluation_draws_nothing", "two evaluations differ")
class DropsInEvaluation(Edited):
    def edited(self, graph: Graph, logits: Tensor) -> Tensor:
        return nn.functional.dropout(logits, 0.5, training=True)


@failing("test_same_seed_same_model", "two initialisations differ")
class DrawsFromElsewhere(GCN):
    draws: ClassVar[torch.Generator] = torch.Generator()

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.offset = nn.Parameter(torch.randn(1, generator=self.draws))


@failing("test_renumbered_nodes_are_renumbered_outputs", "outputs move by")
class CountsNodes(Edited):
    def edited(self, graph: Graph, logits: Tensor) -> Tensor:
        return logits + torch.arange(graph.num_nodes)[:, None]


@failing("test_every_parameter_has_a_gradient", "no gradient: unused")
class HasADeadHead(GCN):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.unused = nn.Parameter(torch.zeros(3))


@failing("test_learns_by_heart", "the loss went from")
class Saturates(Edited):
    def edited(self, graph: Graph, logits: Tensor) -> Tensor:
        return 0.01 * torch.tanh(logits)


@failing("test_saves_and_loads", "outputs differ after a round trip")
class RemembersOutsideItsState(Edited):
    seen = 0.0

    def edited(self, graph: Graph, logits: Tensor) -> Tensor:
        if self.training:
            self.seen = float(logits.detach().abs().sum())
        return logits + self.seen


@failing("test_reads_sparse_features_alike", "sparse features give other outputs")
class LooksAtTheStorage(Edited):
    def edited(self, graph: Graph, logits: Tensor) -> Tensor:
        return logits if isinstance(graph.features, Tensor) else logits + 1


@failing("test_costs", "0 for 20 nodes")
class IsFree(GCN):
    def macs(self, nodes: int, edges: int, graphs: int = 1) -> int:
        return 0


@failing("test_says_whether_it_reads_others", "uses_edges is not set")
class ReadsInSecret(GCN):
    uses_edges: ClassVar[bool] = False


@failing("test_reads_no_further_than_it_says", "it reads 2 hops away, and says 1")
class SeesFurther(GCN):
    @property
    def receptive_hops(self) -> int:
        return 1


@failing("test_a_neighbourhood_is_enough", "outputs differ by")
class ReadsTheMean(Edited):
    def edited(self, graph: Graph, logits: Tensor) -> Tensor:
        return logits - logits.mean(dim=0)


@failing("test_a_receptive_field_is_enough", "outputs differ by")
class NormalisesOverNodes(GCN):
    def activate(self, x: Tensor) -> Tensor:
        return super().activate(x - x.mean(dim=0))


@failing("test_graphs_of_a_union_do_not_mix", "predicted otherwise on its own", "graph")
class NormalisesOverGraphs(Edited):
    def edited(self, graph: Graph, logits: Tensor) -> Tensor:
        return logits - logits.mean(dim=0)


@pytest.fixture
def registered() -> Iterator[Callable[[type[Model]], ModelInfo]]:
    names = []

    def add(model: type[Model]) -> ModelInfo:
        settings = ("transductive", "inductive", "graph-level")
        target = f"{__name__}:{model.__name__}"
        info = ModelInfo("faulty", "Faulty", "", "", 2026, "", "gnn", target, settings, "none of that")
        globals()[model.__name__] = model
        MODELS.register(info)
        names.append(info.name)
        return info

    yield add
    for name in names:
        MODELS.unregister(name)


@pytest.mark.parametrize("check", FAULTY)
def test_each_check_fails_on_its_fault(check: str, registered: Callable[[type[Model]], ModelInfo]) -> None:
    model, words, level = FAULTY[check]
    registered(model)
    with pytest.raises(AssertionError, match=words):
        getattr(ModelConformance(), check)(ModelCase("faulty", level))


def test_each_check_of_a_case_has_its_fault() -> None:
    checks = [
        name for name, check in inspect.getmembers(ModelConformance, inspect.isfunction) if name.startswith("test_")
    ]
    of_cases = {name for name in checks if "case" in inspect.signature(getattr(ModelConformance, name)).parameters}
    assert of_cases == FAULTY.keys()


def test_an_mlp_that_claims_edges_is_told_apart(registered: Callable[[type[Model]], ModelInfo]) -> None:
    class ClaimsEdges(MLP):
        uses_edges = True

    registered(ClaimsEdges)
    with pytest.raises(AssertionError, match="neither other nodes nor edges are read"):
        ModelConformance().test_says_whether_it_reads_others(ModelCase("faulty", "node"))


def test_a_bare_catalogue_entry_is_told_apart() -> None:
    bare = ModelInfo("Bare", "", "", "", 2026, "http://x", "gnn", "graph_distillery.bench.models.gcn.model:GCN")
    with pytest.raises(AssertionError, match="lower case"):
        ModelConformance().test_catalogue_entry_is_complete(bare)
