"""What every model shares: its hyperparameters, the stack of layers, and how it is built from a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, cast

import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from graph_distillery.bench.errors import UserError, value_line
from graph_distillery.bench.models.blocks import TunedLayer
from graph_distillery.bench.models.layers import (
    Convolution,
    Dense,
    FeatureLinear,
    Features,
    PairScorer,
    Readout,
    drop_features,
    first_rows,
    make_norm,
    may_overwrite,
    pair_states,
    readout,
    readout_width,
)
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.columns import ATTRIBUTES, TypeNames
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Level
from graph_distillery.methods.vectorised import program
from graph_distillery.near_names import hint

#: Widths of layers side by side, as 64-128; or nothing.
WIDTHS = r"^([1-9]\d*(-[1-9]\d*)*)?$"


def numbers(widths: str) -> list[int]:
    """64-128 -> [64, 128]; nothing -> []."""
    return [int(width) for width in widths.split("-") if width]


class GraphHead(Protocol):
    """[graphs or pairs, width] -> [graphs or pairs, classes]."""

    def __call__(self, pooled: Tensor) -> Tensor: ...

    def macs(self, rows: int) -> int: ...


class ModelHyperparameters(BaseModel):
    """What every model can be asked for. How it is optimised stands elsewhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    layers: int = Field(2, ge=1, description="layers with weights, the output layer included")
    hidden: int = Field(128, ge=1, description="width of a hidden state")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout of the input of a layer")
    norm: Literal["none", "batch", "layer"] = Field("none", description="normalisation of hidden states")
    residual: bool = Field(False, description="add its input to each hidden layer from the second on")
    readout: Readout = Field("mean", description="nodes to graph; graph classification only")


class Model(nn.Module):
    """A stack of layers: x -> layer -> norm -> activation (+ residual) -> dropout -> next layer.

    At node level the last layer gives the logits. At graph level the `layers - 1` hidden layers are followed
    by the readout, dropout and one linear layer. At the level of pairs the last layer gives `hidden` columns, and
    `PairScorer` the logits of the product of both ends' rows. Either way there are `layers - 1` hidden states: after
    the activation (and the residual), before the dropout.

    A subclass says which layers it stacks (`make_layer`) and whether it drops input features as well
    (`drops_features`); otherwise dropout acts on hidden states alone.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = ModelHyperparameters
    uses_edges: ClassVar[bool] = True
    drops_features: ClassVar[bool] = False
    #: Whether one node's prediction needs all of the graph, so that no neighbourhood can be cut out for it.
    reads_whole_graph: ClassVar[bool] = False
    #: Whether it has weights for each node of its training graph; its constructor then takes `num_nodes`.
    per_node: ClassVar[bool] = False
    #: Whether it reads the arcs' weights, and their attributes, where there are any; its constructor then takes
    #: `edge_width`, the attributes' width or None.
    reads_weights: ClassVar[bool] = False
    reads_attributes: ClassVar[bool] = False
    #: Whether at the level of pairs the last layer makes the states that are multiplied; else it is left out, as for
    #: graphs.
    embeds_pairs: ClassVar[bool] = True
    #: Whether it has weights for each type of nodes or edges; its constructor then takes `types`.
    typed: ClassVar[bool] = False
    #: Whether its layers read each node alone, and `propagate` the whole graph, if anything: those, like layers that
    #: read blocks, are run on parts of the nodes (`bench.training.inference.layerwise`).
    by_layer: ClassVar[bool] = False
    #: Hyperparameters that name types of a dataset's own; on made-up data they stay at their defaults, and what they
    #: name is held against the data once these are read (`check_types`).
    names_types: ClassVar[tuple[str, ...]] = ()
    #: Whether its layers make the states of the first nodes alone where the graph of a layer (`Graph.for_layer`) has
    #: rows of propagation for no more, so that its receptive field can be read instead of the whole graph.
    reads_blocks: ClassVar[bool] = False
    #: Neighbours drawn per node and layer in training, the layer nearest the input first; None reads them all.
    fan_out: tuple[int, ...] | None = None
    #: Whether its graph is to have a loop at every node before neighbours are drawn.
    self_loops: bool = False

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hyper: ModelHyperparameters,
        level: Level = "node",
        edge_width: int | None = None,
    ) -> None:
        super().__init__()
        self.edge_width = edge_width
        self.in_features, self.out_features, self.level = in_features, out_features, level
        self.hyper: Any = hyper
        hidden_layers = hyper.layers - 1
        hidden_widths = self.hidden_widths(hyper)
        widths = [in_features, *hidden_widths]
        if level == "node":
            widths.append(out_features)
        elif level == "pair" and self.embeds_pairs:
            widths.append(hyper.hidden)
        self.layers = nn.ModuleList(
            self._block(i, widths[i], widths[i + 1], output=i == hidden_layers) for i in range(len(widths) - 1)
        )
        self.norms = nn.ModuleList(make_norm(hyper.norm, width) for width in hidden_widths)
        self.fan_out = self._drawn(hyper)
        self.head = self.make_head(widths, out_features) if level != "node" else None

    @classmethod
    def check_types(cls, hyper: Mapping[str, Any], types: TypeNames) -> None:
        """Raises ValueError where one of `names_types` names a type that the data have not; hyper: as given."""

    @property
    def tuned(self) -> bool:
        """Whether its layers are those of tunedGNN; see `blocks`."""
        return getattr(self.hyper, "block", "plain") != "plain"

    def _drawn(self, hyper: Any) -> tuple[int, ...] | None:
        """`fan_out` of the hyperparameters; 0 for a layer that reads each node alone."""
        counts = hyper.neighbours_per_layer() if hasattr(hyper, "neighbours_per_layer") else None
        if counts is None:
            return None
        return tuple(count if layer.hops else 0 for count, layer in zip(counts, self.convolutions(), strict=False))

    def _block(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        """Layer number `index` as the hyperparameters' `block` has it."""
        if not self.tuned:
            return self.make_layer(index, in_features, out_features, output)
        if output:
            return Dense(in_features, out_features)
        projected = self.hyper.hidden if index == 0 and self.hyper.block == "tuned-projected" else None
        return TunedLayer(
            lambda before, after: self.make_layer(index, before, after, output=False),
            in_features,
            out_features,
            residual=self.hyper.residual,
            projected=projected,
            p=self.hyper.dropout,
        )

    def hidden_widths(self, hyper: Any) -> list[int]:
        """The width of every hidden state."""
        return [hyper.hidden] * (hyper.layers - 1)

    def make_head(self, widths: list[int], out_features: int) -> GraphHead:
        """What follows the readout; widths: those of the features and of every hidden state."""
        if self.level == "pair":
            return PairScorer(widths[-1], out_features, self.hyper.dropout)
        return FeatureLinear(self.pooled_width(widths[-1]), out_features)

    def pooled_width(self, width: int) -> int:
        return width if self.level == "pair" else readout_width(width, self.hyper.readout)

    def pool(self, state: Tensor, graph: Graph) -> Tensor:
        """[nodes, width] -> [graphs, width] by the readout, or [pairs, width]."""
        return pair_states(state, graph) if self.level == "pair" else readout(state, graph, self.hyper.readout)

    def make_layer(self, index: int, in_features: int, out_features: int, output: bool) -> Convolution:
        """Layer number `index`, from 0; `output` when it gives the logits."""
        raise NotImplementedError

    def apply_layer(self, layer: Convolution, graph: Graph, state: Features, hidden: Sequence[Tensor]) -> Tensor:
        """One layer of the stack; hidden: the hidden states so far, which some models read again."""
        made: Tensor = layer(graph, state)
        return made

    def as_rows(self, graph: Graph) -> Graph | None:
        """The graph with columns by which its rows alone are predicted alike, without edges; None: it needs those."""
        return None if self.uses_edges else graph

    def activate(self, x: Tensor) -> Tensor:
        return F.relu(x)

    def add_residual(self, x: Tensor, layer_input: Features) -> Tensor:
        """After the activation, as Dwivedi et al. (2020), Benchmarking Graph Neural Networks."""
        return x + first_rows(layer_input, x.shape[0]) if isinstance(layer_input, Tensor) else x

    def propagate(self, graph: Graph, x: Tensor) -> Tensor:
        """What happens to the states between the last layer and the readout; nothing, in most models."""
        return x

    def forward(self, graph: Graph) -> Output:
        """Logits [items, out], hidden states [nodes, hidden] and what the head reads, [graphs or pairs, hidden]."""
        p = self.hyper.dropout
        state: Features = graph.features
        hidden: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            if index > 0 or (self.drops_features and not self.tuned):
                state = drop_features(state, p, self.training)
            made = self.apply_layer(cast(Convolution, layer), graph.for_layer(index), state, hidden)
            state = self.after_layer(index, made, state)
            if index < len(self.norms):
                hidden.append(state)
        if not isinstance(state, Tensor):  # one layer, and that the head: the features themselves are pooled
            state = graph.dense_features()
        state = self.propagate(graph, state)
        if self.head is None:
            return _of_nodes(graph, state, hidden)
        pooled = self.pool(state, graph)
        return Output(self.head(self.before_head(pooled)), tuple(hidden), pooled)

    def outputs_beside(self, others: Sequence[Model], graph: Graph) -> list[Output]:
        """This model's output and those of others, as each by itself gives it (`contract.views.outputs_of`).

        Models alike go layer by layer, so that what they read alike is multiplied once; not where dropout is drawn,
        of each model in turn. Hooks on the models are then not called, nor those on layers.
        """
        group = [self, *others]
        if not self._goes_beside(others):
            return [model(graph) for model in group]
        states: list[Features] = [graph.features] * len(group)
        hidden: list[list[Tensor]] = [[] for _ in group]
        for index in range(len(self.layers)):
            layers = [cast(Convolution, model.layers[index]) for model in group]
            several = layers[0].several(layers, graph.for_layer(index), states)
            turns = zip(group, several, states, strict=True)
            states = [model.after_layer(index, made, state) for model, made, state in turns]
            if index < len(self.norms):
                for seen, state in zip(hidden, states, strict=True):
                    seen.append(cast(Tensor, state))
        return [_of_nodes(graph, cast(Tensor, state), seen) for state, seen in zip(states, hidden, strict=True)]

    def _goes_beside(self, others: Sequence[Model]) -> bool:
        own, draws = type(self), self.training and self.hyper.dropout > 0
        if draws or self.head is not None or self.tuned or len(self.layers) < 2 or program() is not None:
            return False
        as_it_is = all(getattr(own, name) is getattr(Model, name) for name in ("forward", "apply_layer", "propagate"))
        alike = all(type(each) is own and each.hyper == self.hyper for each in others)
        return as_it_is and alike and len({each.training for each in (self, *others)}) == 1

    def after_layer(self, index: int, made: Tensor, layer_input: Features) -> Tensor:
        """What layer number `index` made of its input, after norm, activation and residual; of the output as it is."""
        if index >= len(self.norms):
            return made
        normed = self.norms[index](made)
        maker = self.layers[index] if normed is made else self.norms[index]
        if self.tuned or type(self).activate is Model.activate:
            state = normed.relu_() if may_overwrite(normed, maker) else F.relu(normed)
        else:
            state = self.activate(normed)
        if self.hyper.residual and index > 0 and not self.tuned:
            return self.add_residual(state, layer_input)
        return state

    def before_head(self, pooled: Tensor) -> Tensor:
        """What the head reads of the readout: it with dropout; of pairs as it is, whose scorer has its own."""
        return pooled if self.level == "pair" else dropout(pooled, self.hyper.dropout, self.training)

    def named_states(self) -> dict[str, str]:
        """Where states that stand in no `Output` are to be tapped: name -> path of the submodule that returns it.

        preactivation.I: what became hidden state I, before norm and activation.
        """
        return {f"preactivation.{index}": f"layers.{index}" for index in range(len(self.norms))}

    def convolutions(self) -> list[Convolution]:
        """The layers of the stack, and whatever else of the kind a prediction reads."""
        return cast("list[Convolution]", list(self.layers))

    @property
    def num_hidden(self) -> int | None:
        """How many hidden states a forward shows, where it shows any; None where that is not known before."""
        return int(self.hyper.layers) - 1

    @property
    def receptive_hops(self) -> int:
        """How many hops away a node can be and still act on another's prediction."""
        return sum(layer.hops for layer in self.convolutions())

    def macs(self, nodes: int, edges: int, graphs: int = 1) -> int:
        """Multiply-accumulates of one forward in evaluation mode; graphs: or pairs, whatever the head reads.

        Counted densely, whatever the storage of the features: a linear map n·in·out, a propagation
        (edges + n)·width with the self-loops, or edges·width where the model adds none, and the residual
        projections and attention scores of GAT. Biases, norms, activations, softmax and readout, which cost
        O(width) per node or O(1) per edge, are left out.
        """
        total = sum(layer.macs(nodes, edges) for layer in self.convolutions())
        return total if self.head is None else total + self.head.macs(graphs)


def _of_nodes(graph: Graph, state: Tensor, hidden: Sequence[Tensor]) -> Output:
    """What a model of nodes gives; state: of its last layer."""
    if hidden and hidden[0].shape[0] > state.shape[0]:  # sampled: the items come first
        hidden = [each[: state.shape[0]] for each in hidden]
    return Output(of_items(state, graph), tuple(hidden))


def of_items(state: Tensor, graph: Graph) -> Tensor:
    """[nodes, width] -> [items, width]: the rows of the nodes that are predicted, where those are of one type alone."""
    return state[: graph.num_targets] if graph.num_targets < state.shape[0] == graph.num_nodes else state


def build_model(
    name: str,
    in_features: int,
    out_features: int,
    hyper: Mapping[str, Any],
    level: Level = "node",
    num_nodes: int | None = None,
    edge_width: int | None = None,
    types: TypeNames | None = None,
) -> Model:
    """A freshly initialised model; seed torch before.

    num_nodes, types: of the training graph; needed by a model with weights for each node (`per_node`) or for each type
    (`typed`) alone. edge_width: of the attributes of its arcs (`attribute_width`), None where they have none.

    Raises:
        UnknownNameError: no model has this name.
        UserError: a hyperparameter that the model does not have, or a value it refuses.
    """
    model_class: type[Model] = MODELS.load(name)
    own: dict[str, Any] = {}
    if model_class.per_node:
        if num_nodes is None:
            raise UserError(f"model {name!r} has weights for each node of its graph: num_nodes is needed")
        own = {"num_nodes": num_nodes}
    if model_class.reads_attributes:
        own["edge_width"] = edge_width
    if model_class.typed:
        if types is None or not types.nodes or not types.edges:
            raise UserError(f"model {name!r} reads types of nodes and edges, and this graph has none")
        if level != "node":
            raise UserError(f"model {name!r} predicts nodes, not {level}s")
        own["types"] = types
    return model_class(in_features, out_features, model_hyperparameters(name, hyper), level, **own)


def attribute_width(graph: Graph) -> int | None:
    """The width of the attributes of a graph's arcs; None where they have none."""
    found = graph.edge_columns.get(ATTRIBUTES)
    return None if found is None else int(found.shape[1])


def model_hyperparameters(name: str, hyper: Mapping[str, Any]) -> ModelHyperparameters:
    """The checked hyperparameters of a model, defaults filled in; raises as `build_model`."""
    schema: type[ModelHyperparameters] = MODELS.load(name).Hyperparameters
    try:
        return schema(**hyper)
    except ValidationError as error:
        raise UserError(_one_line(name, list(schema.model_fields), error)) from None


def _one_line(name: str, fields: list[str], error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"model {name!r} has no hyperparameter {field!r}; {hint(field, fields)}"
    message = value_line(first)
    message = message[:1].lower() + message[1:]
    if not field:
        return f"model {name!r}: {message}"
    return f"model {name!r}: {field} = {first['input']!r}: {message}"
