"""The students of framelet distillation: perceptrons that read rows of graph knowledge (Shi et al., 2023).

K_r^(l) = (W_r^T A W_r)^l, one for each band r of the framelets and each power l. A student reads the row of a node
in K as LINKX reads the row of an adjacency matrix: by a linear map from as many inputs as there are nodes. K T is
worked out as sparse factors on the [nodes, hidden] weight T, so that K itself never exists. The weights belong to
the nodes they were trained on: no other graph can be predicted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.models.base import ModelHyperparameters
from graph_distillery.bench.models.framelets.base import FrameletModel, PlainFrameletHyperparameters
from graph_distillery.bench.models.framelets.filters import FILTERS
from graph_distillery.bench.models.framelets.operators import FrameletSystem
from graph_distillery.bench.models.layers import FeatureLinear, drop_features
from graph_distillery.methods.contract import Output
from graph_distillery.methods.contract.dropout import dropout
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.items import Level


class FMLPHyperparameters(PlainFrameletHyperparameters):
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout of every encoding")
    high_pass_output: Literal["own", "low-pass", "low-pass-maps", "released"] = Field(
        "own",
        description="what the high-pass branches of the output layer are made of: knowledge, encoder and classifier of "
        "their own; all three of the low-pass branch; knowledge of their own under the low-pass encoder and "
        "classifier; or as in the released code of this model, low-pass in fmlp-o, low-pass-maps in fmlp-s",
    )

    @model_validator(mode="after")
    def _has_a_high_pass(self) -> FMLPHyperparameters:
        if len(FILTERS[self.filter]) < 2:
            having = ", ".join(name for name, curves in FILTERS.items() if len(curves) > 1)
            raise ValueError(f"filter {self.filter!r} has no high-pass for the high-pass branch; use one of {having}")
        return self


class SimplifiedFMLPHyperparameters(FMLPHyperparameters):
    layers: int = Field(2, ge=1, description="l, the power of the knowledge")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout of the features")


class KnowledgeEncoder(nn.Module):
    """K_band^(power) T + b: [nodes, width] from nothing but the graph; see `encode`."""

    def __init__(self, nodes: int, width: int, band: int, power: int) -> None:
        super().__init__()
        self.band, self.power = band, power
        self.linear = FeatureLinear(nodes, width)


def encode(encoders: Mapping[int, KnowledgeEncoder], system: FrameletSystem) -> list[Tensor]:
    """What encoders of one power say of the knowledge of bands, [nodes, width] each, by shared sparse products.

    encoders: by the band whose knowledge each reads, in the order of the result.
    """
    bands = system.in_order(encoders)
    linears = [encoders[band].linear for band in bands]
    weights = torch.cat([linear.weight for linear in linears], dim=1)
    biases = torch.cat([cast(Tensor, linear.bias) for linear in linears])
    power = next(iter(encoders.values())).power
    parts = (system.knowledge(bands, power, weights) + biases).chunk(len(bands), dim=1)
    return [parts[bands.index(band)] for band in encoders]


def encoders_in(module: FMLP | MixedLayer) -> list[KnowledgeEncoder]:
    return cast("list[KnowledgeEncoder]", list(module.encoders))


def encoders_of_bands(layer: MixedLayer) -> dict[int, KnowledgeEncoder]:
    return {encoder.band: encoder for encoder in encoders_in(layer)}


class Gate(nn.Module):
    """sigmoid(v . [p, u]): one number a node, one shared vector for all bands."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.of_band, self.of_state = FeatureLinear(width, 1, bias=False), FeatureLinear(width, 1, bias=False)

    def forward(self, p: Tensor, u: Tensor) -> Tensor:
        """[nodes, width] twice -> [nodes, 1]"""
        return torch.sigmoid(self.of_band(p) + self.of_state(u))


class FMLP(FrameletModel):
    """What both students share: an encoder and a classifier for each band of the output layer."""

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = FMLPHyperparameters
    per_node: ClassVar[bool] = True
    #: What `high_pass_output: released` means.
    released: ClassVar[Literal["low-pass", "low-pass-maps"]] = "low-pass"

    def __init__(
        self, in_features: int, out_features: int, hyper: ModelHyperparameters, level: Level, num_nodes: int
    ) -> None:
        self._claim(in_features, out_features, hyper, level)
        self.num_nodes = num_nodes
        width, layers = self.hyper.hidden, self.hyper.layers
        how, bands = self.hyper.high_pass_output, range(self.settings.bands)
        how = self.released if how == "released" else how
        #: Of each branch of the output layer: the band whose knowledge it reads, and the one whose maps it takes.
        self.output_bands = [0 if how == "low-pass" else band for band in bands]
        self.output_maps = [band if how == "own" else 0 for band in bands]
        made = sorted(set(self.output_maps))
        self.encoders = nn.ModuleList(KnowledgeEncoder(num_nodes, width, band, layers) for band in made)
        self.classifiers = nn.ModuleList(FeatureLinear(width, out_features) for _ in made)
        self.gate = Gate(width)
        self.state_classifier = FeatureLinear(width, out_features)

    def encodings(self, system: FrameletSystem) -> list[Tensor]:
        """What each branch of the output layer reads, [nodes, width]."""
        encoders = encoders_in(self)
        branches = zip(self.output_bands, self.output_maps, strict=True)
        by_band = {band: encoders[index] for band, index in branches}
        known = dict(zip(by_band, encode(by_band, system), strict=True))
        return [known[band] for band in self.output_bands]

    def combine(self, encodings: list[Tensor], state: Tensor) -> Tensor:
        """sum_r C_r(P_r) (1 - a_r) + C_X(V) a_r with the gates a_r; [nodes, classes]. One encoding per branch."""
        from_state = self.state_classifier(state)
        logits = torch.zeros_like(from_state)
        for encoding, index in zip(encodings, self.output_maps, strict=True):
            gate = self.gate(encoding, state)
            logits = logits + self.classifiers[index](encoding) * (1 - gate) + from_state * gate
        return logits

    def check_nodes(self, graph: Graph) -> None:
        if graph.num_nodes != self.num_nodes:
            raise UserError(
                f"the student has weights for each of {self.num_nodes} nodes and cannot predict a graph of "
                f"{graph.num_nodes}"
            )

    def macs(self, nodes: int, edges: int, graphs: int = 1) -> int:
        """Counted as elsewhere; a band's knowledge is 1 + 2 (its degree) sparse products a power."""
        width = self.hyper.hidden
        total = self._inner_macs(nodes)
        read = [(band, self.hyper.layers) for band in set(self.output_bands)]
        read += [(each.band, each.power) for layer in self.layers for each in encoders_in(cast(MixedLayer, layer))]
        for band, power in read:
            total += power * (1 + 2 * self.settings.products(band)) * (edges + nodes) * width
        branches = len(self.output_bands)
        return total + nodes * width * ((branches + 1) * self.out_features + 2 * branches)

    def _inner_macs(self, nodes: int) -> int:
        """Those of the linear maps before the output layer."""
        raise NotImplementedError


class MixedLayer(nn.Module):
    """Y = sum_r a_r P_r + (1 - a_r) U with P_r = ReLU(dropout(K_r^(power) T_r + b_r)) and gates a_r."""

    def __init__(self, nodes: int, width: int, bands: int, power: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.encoders = nn.ModuleList(KnowledgeEncoder(nodes, width, band, power) for band in range(bands))
        self.gate = Gate(width)

    def forward(self, system: FrameletSystem, u: Tensor) -> Tensor:
        mixed = torch.zeros_like(u)
        for encoding in encode(encoders_of_bands(self), system):
            p = F.relu(dropout(encoding, self.dropout, self.training))
            gate = self.gate(p, u)
            mixed = mixed + gate * p + (1 - gate) * u
        return mixed


class FMLPO(FMLP):
    """The student of a layered teacher: layer l below the output mixes K^(l) into the state, the output reads K^(L).

    U = ReLU(dropout(linear(x))) on the features first, then on the mixture after each layer.
    """

    def __init__(
        self, in_features: int, out_features: int, hyper: ModelHyperparameters, level: Level, num_nodes: int
    ) -> None:
        super().__init__(in_features, out_features, hyper, level, num_nodes)
        width, below, p = self.hyper.hidden, range(1, self.hyper.layers), self.hyper.dropout
        self.layers = nn.ModuleList(MixedLayer(num_nodes, width, self.settings.bands, power, p) for power in below)
        self.linears = nn.ModuleList(
            FeatureLinear(in_features if i == 0 else width, width) for i in range(len(below) + 1)
        )

    def _rho(self, x: Tensor) -> Tensor:
        return F.relu(dropout(x, self.hyper.dropout, self.training))

    def forward(self, graph: Graph) -> Output:
        self.check_nodes(graph)
        system = self.system(graph)
        state = self._rho(self.linears[0](graph.features))
        hidden: list[Tensor] = []
        for layer, linear in zip(self.layers, list(self.linears)[1:], strict=True):
            hidden.append(layer(system, state))
            state = self._rho(linear(hidden[-1]))
        encodings = [self._rho(encoding) for encoding in self.encodings(system)]
        return Output(self.combine(encodings, state), tuple(hidden))

    def _inner_macs(self, nodes: int) -> int:
        width, layers = self.hyper.hidden, self.hyper.layers
        gates = (layers - 1) * self.settings.bands * 2 * width
        return int(nodes * (self.in_features * width + (layers - 1) * width * width + gates))


class FMLPS(FMLP):
    """The student of the simplified teacher: K^(L) and the features, each through one linear map without activation.

    It has no hidden state. `dropout` acts on the features; the published model has none.
    """

    Hyperparameters: ClassVar[type[ModelHyperparameters]] = SimplifiedFMLPHyperparameters
    released: ClassVar[Literal["low-pass", "low-pass-maps"]] = "low-pass-maps"

    def __init__(
        self, in_features: int, out_features: int, hyper: ModelHyperparameters, level: Level, num_nodes: int
    ) -> None:
        super().__init__(in_features, out_features, hyper, level, num_nodes)
        self.linear = FeatureLinear(in_features, self.hyper.hidden)

    def forward(self, graph: Graph) -> Output:
        self.check_nodes(graph)
        system = self.system(graph)
        features = drop_features(graph.features, self.hyper.dropout, self.training)
        return Output(self.combine(self.encodings(system), self.linear(features)))

    def _inner_macs(self, nodes: int) -> int:
        return int(nodes * self.in_features * self.hyper.hidden)
