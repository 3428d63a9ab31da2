"""GFKD's inversion as its paper reads: graph after graph, each through a stock network, three passes a step."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import GCNConv, global_add_pool
from torch_geometric.utils import dense_to_sparse

from graph_distillery.bench.models.base import Model
from graph_distillery.methods.gfkd.inversion import Inversion


class StockTeacher(nn.Module):
    """PyG convolutions, batch norm, ReLU, residuals, sum readout; with the weights of our GCN."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList()
        layer: Any
        for layer in model.layers:
            weight = layer.linear.weight
            convolution = GCNConv(weight.shape[0], weight.shape[1])
            convolution.lin.weight.data = weight.t().clone()
            convolution.bias.data = layer.bias.clone()
            self.convolutions.append(convolution)
        self.norms, self.head = model.norms, model.head
        self.requires_grad_(False).eval()

    def forward(self, x: Tensor, edge_index: Tensor, read: list[list[Tensor]]) -> Tensor:
        """Logits, [1, classes]; appends what each norm reads."""
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            before = convolution(x, edge_index)
            read[index].append(before)
            after = F.relu(norm(before))
            x = after + x if index else after
        assert self.head is not None
        logits: Tensor = self.head(global_add_pool(x, torch.zeros(x.shape[0], dtype=torch.long)))
        return logits


class PlainInversion:
    """The same step on the same start as an `Inversion` of directed graphs with one-hot features."""

    def __init__(self, start: Inversion, model: Model) -> None:
        assert start.phi is not None
        self.recipe, self.targets = start.recipe, start.targets
        self.teacher = StockTeacher(model)
        sizes = start.layout.sizes.tolist()
        self.theta = [logits[:size, :size].clone() for logits, size in zip(start.theta, sizes, strict=True)]
        self.phi = [logits.clone().requires_grad_() for logits in start.phi.detach().split(sizes)]
        self.structure_optimiser = torch.optim.Adam(self.theta, lr=self.recipe.lr_structure)
        self.feature_optimiser = torch.optim.Adam(self.phi, lr=self.recipe.lr_features)

    def losses(self, structures: list[Tensor], features: list[Tensor]) -> Tensor:
        """[graphs]: cross-entropy of each, plus the distance of the norms' statistics over all of them."""
        read: list[list[Tensor]] = [[] for _ in self.teacher.norms]
        terms = []
        for structure, feature, target in zip(structures, features, self.targets, strict=True):
            arcs = structure.clone()
            arcs.fill_diagonal_(0)
            edge_index, _ = dense_to_sparse(arcs.t())  # our rows are targets
            terms.append(F.cross_entropy(self.teacher(feature, edge_index, read), target[None]))
        distance = torch.zeros(())
        for norm, states in zip(self.teacher.norms, read, strict=True):
            joined = torch.cat(states)
            distance = distance + (norm.running_var - joined.var(dim=0, unbiased=False)).norm()  # type: ignore[operator]
            distance = distance + (norm.running_mean - joined.mean(dim=0)).norm()  # type: ignore[operator]
        return torch.stack(terms) + self.recipe.bn_weight * distance

    def iterate(self) -> float:
        """One step; returns the loss before it."""
        features = [torch.softmax(logits, dim=1) for logits in self.phi]
        loss = self.losses([(torch.sigmoid(logits) >= 0.5).float() for logits in self.theta], features).mean()
        entropy = torch.cat([-(row * row.log()).sum(dim=1) for row in features]).mean()
        loss = loss + self.recipe.one_hot_weight * entropy
        self.feature_optimiser.zero_grad()
        loss.backward()
        noise = [torch.rand_like(logits) for logits in self.theta]
        known = [feature.detach() for feature in features]
        pairs = list(zip(noise, self.theta, strict=True))
        with torch.no_grad():
            first = self.losses([(u > torch.sigmoid(-logits)).float() for u, logits in pairs], known)
            second = self.losses([(u < torch.sigmoid(logits)).float() for u, logits in pairs], known)
        for logits, u, difference in zip(self.theta, noise, first - second, strict=True):
            logits.grad = difference * (u - 0.5)
            logits.grad.fill_diagonal_(0)
        self.feature_optimiser.step()
        self.structure_optimiser.step()
        return float(loss.detach())
