"""Any `torch.nn.Module` as a model of the suite.

The module's constructor takes the width of the features and that of the output, then what it likes by name; its
`forward` takes `x` and `edge_index`, and by these names `edge_weight`, `edge_attr` and `batch` where it can use them.
For attributes its constructor takes `edge_dim`, their width, None where arcs have none.
It says by attributes of its class, all of which may be left out:

| attribute | says |
|---|---|
| `hidden_modules` | names of submodules whose outputs, [nodes, width] each, are its hidden states, in order |
| `uses_edges` | False: a node's output is that of its own row alone |
| `reads_whole_graph` | True: no neighbourhood is enough for a request |
| `search_space` | what may be tuned of its constructor's values, in the words of the YAML files |

At the level of graphs a module that takes `batch` answers with one row a graph; for others the nodes' outputs are
pooled, and one linear map follows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, cast

import torch
from pydantic import Field, create_model
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import Model, ModelHyperparameters
from graph_distillery.bench.models.layers import FeatureLinear
from graph_distillery.bench.models.zoo.families import PYTHON, constructor, python_class
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.columns import ATTRIBUTES, WEIGHT
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Level

#: What a forward may take besides x and edge_index, and the column of arcs that it is, where it is one.
_EXTRAS = {"edge_weight": WEIGHT, "edge_attr": ATTRIBUTES}
#: Hops of a module for which no neighbourhood is enough.
_EVERYWHERE = 1 << 30
Reads = list[tuple[int, int, int]]


class ModuleModel(Model):
    """A module of somebody's, and what the suite asks of a model beside it.

    made_by: makes the module from both widths and the hyperparameters.
    """

    made_by: ClassVar[Callable[[int, int, Any, int | None], nn.Module]]
    #: Whether at the level of graphs its output has a row for each of them.
    pools: ClassVar[bool] = False

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hyper: ModelHyperparameters,
        level: Level = "node",
        edge_width: int | None = None,
    ) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features, self.level = in_features, out_features, level
        self.hyper = hyper
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        direct = level == "node" or (level == "graph" and self.pools)
        self.inner = type(self).made_by(in_features, out_features if direct else hyper.hidden, hyper, edge_width)
        self.edge_width = edge_width
        self.head = None if direct else FeatureLinear(self.pooled_width(hyper.hidden), out_features)
        self._taken = tuple(inspect.signature(self.inner.forward).parameters)
        self._costs: tuple[float, ...] | None = None

    @property
    def num_hidden(self) -> int | None:
        """As many as the module shows."""
        return None

    def forward(self, graph: Graph) -> Output:
        """Logits [items, out], and the hidden states that the module's class names."""
        hidden: list[Tensor] = []
        taps = [module.register_forward_hook(lambda m, given, made: hidden.append(made)) for module in self._tapped()]
        try:
            made = self.inner(graph.dense_features(), *self._arguments(graph), **self._named(graph))
        finally:
            for tap in taps:
                tap.remove()
        if not isinstance(made, Tensor):
            raise UserError(f"{type(self).__name__}: its forward gives a {type(made).__name__}, not a tensor")
        rows = graph.num_graphs if self.level == "graph" and self.pools else graph.num_nodes
        if made.dim() != 2 or made.shape[0] != rows:
            raise UserError(f"{type(self).__name__}: its forward gives {list(made.shape)}, not {rows} rows")
        if self.head is None:
            return Output(made, tuple(hidden))
        pooled = self.pool(made, graph)
        return Output(self.head(dropout(pooled, self.hyper.dropout, self.training)), tuple(hidden), pooled)

    def _tapped(self) -> list[nn.Module]:
        names = getattr(self.inner, "hidden_modules", ())
        try:
            return [self.inner.get_submodule(name) for name in names]
        except AttributeError:
            known = [name for name, _ in self.inner.named_modules() if name]
            lost = next(name for name in names if name not in known)
            raise UserError(f"{type(self).__name__}: hidden_modules names {lost!r}, which it does not have") from None

    def _arguments(self, graph: Graph) -> tuple[Tensor, ...]:
        return (graph.edge_index,) if self.uses_edges else ()

    def _named(self, graph: Graph) -> dict[str, Tensor]:
        columns = graph.edge_columns
        found = {name: columns[own] for name, own in _EXTRAS.items() if name in self._taken and own in columns}
        if self.edge_width is None and type(self).reads_attributes:
            found.pop("edge_attr", None)
        return {**found, "batch": graph.graph_of_node} if "batch" in self._taken else found

    def named_states(self) -> dict[str, str]:
        return {}

    @property
    def receptive_hops(self) -> int:
        """Of PyG's message passing layers, and one more for the degrees by which some of them divide."""
        if not self.uses_edges:
            return 0
        found = self._passing()
        if self.reads_whole_graph or not found:
            return _EVERYWHERE
        return 1 + sum(int(getattr(layer, "K", 1)) for layer in found)

    def _passing(self) -> list[nn.Module]:
        from torch_geometric.nn import MessagePassing

        return [module for module in self.inner.modules() if isinstance(module, MessagePassing)]

    def macs(self, nodes: int, edges: int, graphs: int = 1) -> int:
        """Matrix products, counted by torch on three small graphs, and a multiply-accumulate for each arc, with a loop
        at every node, and column that a message passing layer gives; linear in nodes and arcs."""
        if self._costs is None:
            least, more_nodes, more_arcs = (self._probe(*size) for size in ((8, 8), (16, 8), (8, 16)))
            by_node, by_arc = (more_nodes - least) / 8, (more_arcs - least) / 8
            self._costs = (least - 8 * by_node - 8 * by_arc, by_node, by_arc)
        constant, by_node, by_arc = self._costs
        total = round(constant + by_node * nodes + by_arc * edges)
        return total if self.head is None else total + self.head.macs(graphs)

    @torch.no_grad()
    def _probe(self, nodes: int, edges: int) -> int:
        place = next(self.parameters()).device
        ends = torch.arange(edges, device=place)
        arcs = torch.stack([ends % nodes, (ends * 3 + 1) % nodes])
        attributes = {} if self.edge_width is None else {ATTRIBUTES: torch.ones(edges, self.edge_width, device=place)}
        graph = Graph.build(torch.ones(nodes, self.in_features, device=place), arcs, edge_columns=attributes)
        passed = []
        taps = [
            layer.register_forward_hook(lambda m, given, made: passed.append((edges + nodes) * made.shape[-1]))
            for layer in self._passing()
        ]
        training = self.training
        self.eval()
        try:
            with FlopCounterMode(display=False) as counted:
                self.inner(graph.dense_features(), *self._arguments(graph), **self._named(graph))
        finally:
            self.train(training)
            for tap in taps:
                tap.remove()
        return counted.get_total_flops() // 2 + sum(passed)


def adapted(made: Any, name: str) -> type[Model]:
    """A class of a registry's entry as a model: itself where it is one.

    Raises:
        UserError: it is no module, or its constructor or forward does not take what it must.
    """
    if not (inspect.isclass(made) and issubclass(made, nn.Module)):
        raise UserError(f"model {name!r} is no torch.nn.Module")
    if issubclass(made, Model):
        return made
    if made not in _MADE:
        _MADE[made] = _adapted(made, name)
    return _MADE[made]


_MADE: dict[Any, type[ModuleModel]] = {}


def _adapted(made: Any, name: str) -> type[ModuleModel]:
    taken = list(inspect.signature(made.forward).parameters.values())[1:]
    uses_edges = getattr(made, "uses_edges", len(taken) > 1)
    if not taken or (uses_edges and len(taken) < 2):
        raise UserError(f"model {name!r}: its forward takes x{' and edge_index' * uses_edges}, in this order")
    if len(inspect.signature(made).parameters) < 2:
        raise UserError(f"model {name!r}: its constructor takes the widths of features and output first")
    asks = "edge_dim" in inspect.signature(made).parameters
    values = {key: value for key, value in constructor(made).items() if key != "edge_dim"}
    named: dict[str, Any] = {
        key: (type(value), Field(value, description=f"of {made.__name__}'s constructor"))
        for key, value in values.items()
    }
    hyper = create_model(f"{made.__name__}Hyperparameters", __base__=ModelHyperparameters, **named)

    def make(in_features: int, out_features: int, chosen: Any, edge_width: int | None) -> nn.Module:
        own = {key: getattr(chosen, key) for key in values} | ({"edge_dim": edge_width} if asks else {})
        return cast(nn.Module, made(in_features, out_features, **own))

    own = {
        "Hyperparameters": hyper,
        "made_by": staticmethod(make),
        "uses_edges": bool(uses_edges),
        "reads_whole_graph": bool(getattr(made, "reads_whole_graph", False)),
        "reads_weights": any(each.name == "edge_weight" for each in taken),
        "reads_attributes": asks,
        "pools": any(each.name == "batch" for each in taken),
        "__doc__": made.__doc__,
        "__module__": __name__,
    }
    return type(made.__name__, (ModuleModel,), own)


def __getattr__(name: str) -> Any:
    """`python:package.module:Net`: the class of a name, for the registry."""
    if name.startswith(f"{PYTHON}:"):
        return adapted(python_class(name), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
