"""SimMLP (Wang et al., WSDM 2025): an MLP trained without labels to foretell its own aggregation; then a probe."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.contract.method import Update
from graph_distillery.methods.contract.optimiser import OptimiserSettings, adam
from graph_distillery.methods.contract.sparse import SparseMatrix
from graph_distillery.methods.losses.hints import hidden_width


class SimMLPHyperparameters(Hyperparameters):
    pretrain: float = Field(0.8, gt=0, lt=1, description="share of the epochs that train without labels")
    feature_mask: float = Field(0.5, ge=0, lt=1, description="share of the features that a step sets to 0")
    edge_mask: float = Field(0.25, ge=0, lt=1, description="share of the arcs that a step leaves out")
    hops: int = Field(2, ge=1, description="rounds of aggregation, without weights")
    reconstruction: float = Field(10.0, ge=0, description="lambda, weight of the features' reconstruction")
    exponent: float = Field(1.0, gt=0, description="eta of (1 - cos)^eta")
    probe_steps: int = Field(10, ge=1, description="steps of the probe in each of the epochs left")
    probe_lr: float = Field(0.01, gt=0, description="learning rate of the probe")


class SimMLP(Method[SimMLPHyperparameters]):
    """Without labels: mean (1 - cos(q(z_i), h_i))^eta + lambda MSE(r(h_i), x_i); then cross-entropy of a linear probe.

    z: the student's last hidden state of masked features, rows of unit length; h: z after `hops` rounds of GCN's
    propagation, ReLU and BatchNorm over a graph without some of its arcs, no gradient in the first term; q, r: linear
    maps, trained along. The probe is the student's own last layer and reads z alone, in evaluation mode, with all else
    frozen; it is the published logistic regression, its epochs judged on validation. The released recipe is three
    layers of 512 with batch norm, without dropout or decay, for 1,000 epochs or more. GLNN's small student, with its
    dropout and decay, is no encoder for it: on cora it then falls below the student alone (43 against 58), and in 400
    epochs of the recipe it has 78.
    """

    Hyperparameters = SimMLPHyperparameters
    predicts_by_item = True
    needs_edges = True

    def setup(self) -> None:
        width, features = hidden_width(self, -1), self.context.num_features
        device = self.context.device
        self.predictor = nn.Linear(width, width, device=device)
        self.decoder = nn.Linear(width, features, device=device)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width, device=device) for _ in range(self.hyper.hops))
        self.first_probed = max(1, int(self.hyper.pretrain * self.context.settings.epochs))
        self.probes = False

    @property
    def probe(self) -> nn.Module:
        """The student's last layer."""
        assert isinstance(self.student, nn.Module)
        layers = self.student.layers
        assert isinstance(layers, nn.ModuleList)
        return layers[-1]

    def optimizers(self, settings: OptimiserSettings) -> Sequence[torch.optim.Optimizer]:
        """One Adam for all but the probe, one for the probe, without decay."""
        probe = list(self.probe.parameters())
        rest = [each for each in self.parameters() if all(each is not one for one in probe)]
        return [adam(rest, settings), torch.optim.Adam(probe, lr=self.hyper.probe_lr)]

    def on_epoch_start(self, epoch: int) -> None:
        self.probes = epoch >= self.first_probed
        if self.probes:
            self.eval()

    def may_be_kept(self, epoch: int) -> bool:
        return epoch >= self.first_probed

    def step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        if not self.probes:
            return update(self.unsupervised(batch.graph), 0)
        with torch.no_grad():
            states = self.embed(batch.graph)[batch.labelled]
        terms: dict[str, Tensor] = {}
        for _ in range(self.hyper.probe_steps if batch.labelled.numel() else 0):
            terms = update({"labels": self.task.label_loss(self.probe(batch.graph, states), batch.labels)}, 1)
        return terms or {"labels": torch.zeros(())}

    def embed(self, graph: Graph) -> Tensor:
        """z, [nodes, width]."""
        assert self.student is not None
        output: Output = self.student(graph)
        return F.normalize(output.hidden[-1])

    def unsupervised(self, graph: Graph) -> dict[str, Tensor]:
        """Both terms on a graph, weights included."""
        hyper, features = self.hyper, graph.features
        kept = torch.rand(features.shape[1], device=features.device) >= hyper.feature_mask
        states = self.embed(graph.with_features(masked(features, kept)))
        arcs = torch.rand(graph.num_edges, device=features.device) >= hyper.edge_mask
        propagation = graph.with_edges(graph.edge_index[:, arcs]).propagation("gcn")
        aggregated = states
        for norm in self.norms:
            aggregated = norm(F.relu(propagation.matmul(aggregated)))
        apart = 1 - F.cosine_similarity(self.predictor(states), aggregated.detach())
        terms = {"agreement": apart.clamp(min=0).pow(hyper.exponent).mean()}
        if hyper.reconstruction:
            terms["reconstruction"] = hyper.reconstruction * distance(self.decoder, aggregated, features)
        return terms

    def predict(self, graph: Graph) -> Output:
        assert self.student is not None
        output: Output = self.student(graph)
        return Output(self.probe(graph, F.normalize(output.hidden[-1])), output.hidden)


def masked(features: Tensor | SparseMatrix, kept: Tensor) -> Tensor | SparseMatrix:
    """Features with 0 in the columns that are not kept ([width] bool)."""
    if isinstance(features, Tensor):
        return features * kept
    features.transposed_places()  # worked out once here, shared by every matrix with masked values
    return features.with_values(features.values * kept[features.columns])


def distance(decoder: nn.Linear, states: Tensor, features: Tensor | SparseMatrix) -> Tensor:
    """Mean of (decoder(states) - features)^2 over nodes and features, a scalar.

    Of sparse X, with H the states beside a column of ones and W the decoder's weights beside its bias, it is
    (sum of H'H * W'W - 2 sum of H * XW + |X|^2) / size, so that no [nodes, features] matrix is formed.
    """
    if isinstance(features, Tensor):
        return F.mse_loss(decoder(states), features)
    ones = states.new_ones(states.shape[0], 1)
    read, weights = torch.cat([states, ones], 1), torch.cat([decoder.weight, decoder.bias[:, None]], 1)
    squares = ((read.T @ read) * (weights.T @ weights)).sum()
    products = (read * (features @ weights)).sum()
    return (squares - 2 * products + features.values.square().sum()) / math.prod(features.shape)
