"""KRD, reliable distillation (Wu et al., ICML 2023, equations 4 to 9): arcs are kept by how sure their source is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from graph_distillery.methods.contract import Batch, Hyperparameters, Method, Output, Teacher
from graph_distillery.methods.losses.logits import entropies
from graph_distillery.methods.losses.neighbours import NeighbourTargets, loops_of


class KRDHyperparameters(Hyperparameters):
    label_weight: float = Field(0.3, ge=0, le=1, description="lambda, weight of the labels; 1 - lambda on the teacher")
    temperature: float = Field(1.1, gt=0, description="temperature of both distributions; without its square")
    warmup: int = Field(50, ge=0, description="epochs before arcs are sampled; until then all are used")
    power: float = Field(1.0, gt=0, description="alpha of 1 - rho^alpha at the start")
    momentum: float = Field(0.99, ge=0, le=1, description="share of the old alpha when it is fitted again")
    noise: float = Field(1.0, ge=0, description="standard deviation of the noise on the features")
    bins: int = Field(50, ge=2, description="of the histogram that alpha is fitted to")


class KRD(Method[KRDHyperparameters]):
    """lambda CE + (1 - lambda) mean over sampled arcs j -> i, and all loops, of KL(p_t,j || p_s,i).

    rho_j is how far the entropy of the teacher's output at j moves under noise on all features, over the greatest such
    move. An arc is kept with probability 1 - rho_j^alpha, drawn anew in each epoch. alpha follows, with momentum, the
    least-squares fit of 1 - rho^alpha to the share of nodes at which student and teacher agree, by rho, rescaled to
    0 .. 1; where there is nothing to fit it stays.
    """

    Hyperparameters = KRDHyperparameters
    #: A short run is to sample, too.
    quick: ClassVar[Mapping[str, Any]] = {"warmup": 2}

    def setup(self) -> None:
        if self.hyper.label_weight == 1:
            self.epoch_items = "labelled"
            return
        data, teacher = self.context.data, self.teachers[0]
        assert data is not None
        self.places = data.graph.propagation("sum_self")
        self.teacher_log = F.log_softmax(teacher.logits / self.hyper.temperature, dim=1)
        self.everything = self.targets = NeighbourTargets.of_all(self.places, self.teacher_log)
        self.rho = unreliability(teacher, self.hyper.noise)
        self.power = self.hyper.power
        self.loops = loops_of(self.places)
        self.answers = teacher.logits.argmax(dim=1)

    def on_epoch_start(self, epoch: int) -> None:
        if self.hyper.label_weight == 1 or epoch < self.hyper.warmup:
            return
        self.power = self.hyper.momentum * self.power + (1 - self.hyper.momentum) * self._fitted()
        chance = 1 - self.rho.pow(self.power)
        drawn = torch.rand(self.places.columns.numel(), device=self.rho.device) < chance.index_select(
            0, self.places.columns
        )
        kept = drawn | self.loops
        self.targets = NeighbourTargets.of(self.places, self.teacher_log, None, kept)

    @torch.no_grad()
    def _fitted(self) -> float:
        """The power that fits where student and teacher agree now."""
        assert self.context.data is not None
        self.eval()
        agree = self(self.context.data.graph).logits.argmax(dim=1) == self.answers
        self.train()
        official = self.context.variant == "official_code"
        return fitted_power(self.rho.cpu().numpy(), agree.cpu().numpy(), self.hyper.bins, self.power, official)

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        weight = self.hyper.label_weight
        terms = {"labels": weight * self.task.label_loss(student.logits[batch.labelled], batch.labels)}
        if weight < 1:
            own = F.log_softmax(student.logits / self.hyper.temperature, dim=1)
            terms["neighbours"] = (1 - weight) * self.targets.divergence(own, batch.items)
        return terms


@torch.no_grad()
def unreliability(teacher: Teacher, noise: float) -> Tensor:
    """rho, [nodes], 0 for the node that noise moves least and 1 for the one that it moves most; one draw of noise.

    Zeros where nothing moves.
    """
    assert teacher.model is not None
    graph = teacher.graph
    if noise == 0:
        return torch.zeros(graph.num_nodes, device=graph.device)
    features = graph.dense_features()
    moved: Output = teacher.model(graph.with_features(features + noise * torch.randn_like(features)))
    change = (entropies(moved.logits) - entropies(teacher.logits)).abs()
    return change / change.max().clamp(min=1e-12)


def fitted_power(
    rho: NDArray[np.float32], agree: NDArray[np.bool_], bins: int, power: float, official: bool = False
) -> float:
    """The a for which 1 - x^a is nearest, by least squares, to the share of agreeing nodes in each bin of rho.

    power: where the fit starts, and the answer where it fails or all shares are alike.
    """
    from scipy.optimize import curve_fit

    edges = np.linspace(0, 1, bins + 1)
    yes, no = (np.histogram(rho[which], edges)[0] for which in (agree, ~agree))
    share = yes / (yes + no + 1e-6)
    if share.max() - share.min() < 1e-12:
        return power
    share = (share - share.min()) / (share.max() - share.min())
    centres = edges[:-1] + 0.05 if official else (edges[:-1] + edges[1:]) / 2
    try:
        found = float(curve_fit(lambda x, a: 1 - x**a, centres, share, p0=power)[0][0])
    except (RuntimeError, ValueError):
        return power
    return found if np.isfinite(found) and found > 0 else power
