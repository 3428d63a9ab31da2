"""PrUE (Wang et al., ECML-PKDD 2022, arXiv 2207.00586): knowledge distillation from a sparse teacher."""

from __future__ import annotations

from pydantic import Field

from graph_distillery.methods.kd.method import KDBase, KDHyperparameters
from graph_distillery.methods.pruning.method import Criterion, Layers


class PrUEHyperparameters(KDHyperparameters):
    alpha: float = Field(0.1, ge=0, le=1, description="weight of the teacher's term; 1 - alpha on the labels")
    teacher_criterion: Criterion = Field("prue", description="what the teacher's weights are ranked by")
    teacher_ratio: float = Field(0.5, ge=0, lt=1, description="share of the teacher's weights that is masked")
    teacher_layers: Layers = Field("all", description="which of its weight matrices are ranked")


class PrUE(KDBase[PrUEHyperparameters]):
    """(1 - alpha) CE(y, z_s) + alpha tau^2 KL(p_t || p_s), t the teacher after `pruning`; with ratio 0 that is `kd`."""

    Hyperparameters = PrUEHyperparameters
