"""KRD, FF-G2M and HGMD as their papers read: a divergence for every arc, whose ends are fetched anew in each epoch.

The order of work is that of the released code: the student is evaluated on all nodes after each step, and what it says
there is what the next epoch samples arcs by. Its Python lists of arcs and nodes are arrays here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graph_distillery.bench.training.problem import Problem
from graph_distillery.methods.contract import Teacher

ArcMethod = Literal["krd", "ff-g2m", "hgmd"]


class PlainEpoch:
    """A step on all nodes at once, the validation score, a copy of the state.

    The list of arcs with loops and the teacher's logits are made once.
    """

    def __init__(self, problem: Problem, teacher: Teacher, hidden: int, dropout: float, temperature: float) -> None:
        data = problem.training
        self.problem, self.temperature, self.x = problem, temperature, data.graph.dense_features()
        self.model = nn.Sequential(
            nn.Linear(self.x.shape[1], hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, data.task.num_classes)
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.005, weight_decay=0.002)
        nodes = torch.arange(data.graph.num_nodes)
        self.arcs = data.graph.edge_index
        self.source, self.target = torch.cat([self.arcs, torch.stack([nodes, nodes])], dim=1)
        self.teacher = teacher
        self.said = self.evaluated()

    def __call__(self) -> None:
        data, validation = self.problem.training, self.problem.validation
        self.before()
        self.model.train()
        logits = self.model(self.x)
        loss = 0.2 * F.cross_entropy(logits[data.labelled], data.labels) + 0.8 * self.distillation(logits)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.said = self.evaluated()
        predicted = self.said[validation.items].argmax(dim=1)
        float((predicted == validation.labels).float().mean())
        {name: value.clone() for name, value in self.model.state_dict().items()}

    def evaluated(self) -> Tensor:
        self.model.eval()
        with torch.no_grad():
            found: Tensor = self.model(self.x)
        return found

    def before(self) -> None:
        """What an epoch begins with."""

    def distillation(self, logits: Tensor) -> Tensor:
        raise NotImplementedError


class PlainFFG2M(PlainEpoch):
    def distillation(self, logits: Tensor) -> Tensor:
        own, other = F.log_softmax(logits, dim=1), F.log_softmax(self.teacher.logits, dim=1)
        low = F.kl_div(own[self.target], other[self.source], reduction="batchmean", log_target=True)
        there, here = self.arcs
        apart, wanted = (
            F.log_softmax((each[here] - each[there]).abs() / self.temperature, dim=1)
            for each in (logits, self.teacher.logits)
        )
        return low + F.kl_div(apart, wanted, reduction="batchmean", log_target=True)


class PlainKRD(PlainEpoch):
    power = 1.0

    def __init__(self, problem: Problem, teacher: Teacher, hidden: int, dropout: float, temperature: float) -> None:
        super().__init__(problem, teacher, hidden, dropout, temperature)
        assert teacher.model is not None
        moved = teacher.model(teacher.graph.with_features(self.x + torch.randn_like(self.x))).logits
        change = (_entropy(moved) - _entropy(teacher.logits)).abs().detach()
        self.rho = change / change.max()

    def before(self) -> None:
        from scipy.optimize import curve_fit

        agree = (self.said.argmax(dim=1) == self.teacher.logits.argmax(dim=1)).numpy()
        edges, rho = np.linspace(0, 1, 51), self.rho.numpy()
        yes, no = np.histogram(rho[agree], edges)[0], np.histogram(rho[~agree], edges)[0]
        share = yes / (yes + no + 1e-6)
        share = (share - share.min()) / max(share.max() - share.min(), 1e-12)
        found = curve_fit(lambda x, a: 1 - x**a, (edges[1:] + edges[:-1]) / 2, share, p0=self.power)[0][0]
        self.power = 0.99 * self.power + 0.01 * max(float(found), 1e-3)
        chance = 1 - self.rho**self.power
        source, target = self.arcs
        kept = torch.bernoulli(chance[source]).bool()
        nodes = torch.arange(len(self.x))
        self.source, self.target = torch.cat([source[kept], nodes]), torch.cat([target[kept], nodes])

    def distillation(self, logits: Tensor) -> Tensor:
        own, other = (F.log_softmax(each / self.temperature, dim=1) for each in (logits, self.teacher.logits))
        return F.kl_div(own[self.target], other[self.source], reduction="batchmean", log_target=True)


class PlainHGMD(PlainEpoch):
    """With mixed targets."""

    alpha, beta = 1.0, 0.5  # in epoch 250 of 500

    def before(self) -> None:
        source, target = self.arcs
        shares = self.teacher.logits.softmax(dim=1)
        alike = F.cosine_similarity(shares[source], shares[target])
        theirs, own = (entropy / entropy.max() for entropy in map(_entropy, (self.teacher.logits, self.said)))
        theirs, own = theirs.clamp(min=1e-8), own.clamp(min=1e-8)
        chance = 1 - torch.exp(-self.alpha * alike * (theirs[target] * own[target]).sqrt() / theirs[source])
        kept = torch.bernoulli(chance).bool()
        nodes = torch.arange(len(self.x))
        self.source, self.target = torch.cat([source[kept], nodes]), torch.cat([target[kept], nodes])
        self.chance = torch.cat([chance[kept], torch.ones(len(nodes))])

    def distillation(self, logits: Tensor) -> Tensor:
        own, shares = (
            F.log_softmax(logits / self.temperature, dim=1),
            F.softmax(self.teacher.logits / self.temperature, dim=1),
        )
        mixing = (self.chance * torch.distributions.Beta(self.beta, self.beta).sample(self.chance.shape))[:, None]
        wanted = (1 - mixing) * shares[self.target] + mixing * shares[self.source] + 1e-6
        wanted = (wanted / wanted.sum(dim=1, keepdim=True)).log()
        return F.kl_div(own[self.target], wanted, reduction="batchmean", log_target=True)


def _entropy(logits: Tensor) -> Tensor:
    log = F.log_softmax(logits, dim=1)
    return -(log.exp() * log).sum(dim=1)


def plain_epoch(
    name: ArcMethod, problem: Problem, teacher: Teacher, hidden: int, dropout: float, temperature: float
) -> Callable[[], None]:
    """An epoch of a method as its paper reads."""
    kinds: dict[ArcMethod, type[PlainEpoch]] = {"krd": PlainKRD, "ff-g2m": PlainFFG2M, "hgmd": PlainHGMD}
    return kinds[name](problem, teacher, hidden, dropout, temperature)
