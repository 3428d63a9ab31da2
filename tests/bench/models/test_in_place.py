"""A large state that is activated in its place is to the bit what it is elsewhere, and no tap sees it change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from graph_distillery.bench.models import layers
from graph_distillery.bench.models.base import Model, build_model
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.taps import taps

MakeGraph = Callable[..., Graph]
HYPER = {"layers": 3, "hidden": 24, "dropout": 0.5}


def cases() -> Iterator[tuple[str, str]]:
    """Every model of untyped graphs with every norm that it can have."""
    for name in MODELS.names:
        norms = MODELS.load(name).Hyperparameters.model_fields["norm"].annotation
        if MODELS.get(name).graphs != "typed":
            yield from ((name, norm) for norm in get_args(norms))


def model_of(name: str, graph: Graph, **hyper: Any) -> Model:
    given = {
        key: value for key, value in {**HYPER, **hyper}.items() if key in MODELS.load(name).Hyperparameters.model_fields
    }
    torch.manual_seed(0)
    return build_model(name, graph.num_features, 5, given, num_nodes=graph.num_nodes)


def passed(model: nn.Module, graph: Graph, names: tuple[str, ...] = ()) -> list[Tensor]:
    """Logits, hidden states, tapped tensors as they are after the pass, and every gradient."""
    torch.manual_seed(1)  # dropout is drawn alike
    model.zero_grad()
    with taps(model, names) as taken:
        output = model(graph)
    (output.logits.sin().sum() + sum(state.cos().sum() for state in output.hidden)).backward()
    gradients = [each.grad for each in model.parameters() if each.grad is not None]
    return [output.logits.detach(), *output.hidden, *(taken[name].detach() for name in names), *gradients]


@pytest.mark.parametrize(("name", "norm"), list(cases()))
@pytest.mark.parametrize("hidden", [24, 8])  # above and below the 12 features: both orders of a layer's two products
@pytest.mark.parametrize("training", [True, False])
def test_every_model_gives_the_same_bits(
    name: str, norm: str, hidden: int, training: bool, make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = make_graph(dtype=torch.float32)
    model = model_of(name, graph, norm=norm, hidden=hidden).train(training)
    before = passed(model, graph)
    monkeypatch.setattr(layers, "_LARGE", 1)
    after = passed(model, graph)
    assert len(after) == len(before)
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize("tapped", ["preactivation.0", "layers.1"])
@pytest.mark.parametrize("name", ["gcn", "sage", "mlp"])
def test_a_tapped_state_keeps_what_the_layer_made(
    name: str, tapped: str, make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = make_graph(dtype=torch.float32)
    model = model_of(name, graph)
    before = passed(model, graph, (tapped,))
    monkeypatch.setattr(layers, "_LARGE", 1)
    after = passed(model, graph, (tapped,))
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))
    assert bool((after[3] < 0).any())


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("name", ["gcn", "sage", "mlp"])
def test_a_backward_hook_sees_the_gradient_of_what_the_layer_made(
    name: str, norm: str, make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, seen = make_graph(dtype=torch.float32), list[Tensor]()
    model = model_of(name, graph, norm=norm)
    for part in (model.layers[0], model.norms[0]):
        part.register_full_backward_hook(lambda part, into, out: seen.append(out[0]))
    passed(model, graph)
    monkeypatch.setattr(layers, "_LARGE", 1)
    passed(model, graph)
    assert len(seen) == 4
    assert all(torch.equal(a, b) for a, b in zip(seen[:2], seen[2:], strict=True))


@pytest.mark.parametrize("name", ["gcn", "sage", "mlp"])
def test_no_place_of_its_own_is_taken(name: str, make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, made = make_graph(dtype=torch.float32), list[int]()
    model = model_of(name, graph)
    monkeypatch.setattr(layers, "_LARGE", 1)
    after = type(model).after_layer

    def noted(self: Model, index: int, of_layer: Tensor, layer_input: Any) -> Tensor:
        state = after(self, index, of_layer, layer_input)
        made.append(int(state.data_ptr() == of_layer.data_ptr()))
        return state

    monkeypatch.setattr(type(model), "after_layer", noted)
    model(graph)
    assert made == [1, 1, 1]
