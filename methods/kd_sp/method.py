"""SP (Tung and Mori, ICCV 2019) joined with `kd`, as Tian et al. (ICLR 2020) join every such term with logits."""

from __future__ import annotations

from graph_distillery.methods.losses.hints import JointHintHyperparameters, JointHintMethod
from graph_distillery.methods.sp.method import SPHyperparameters, SPRelation


class KDSPHyperparameters(SPHyperparameters, JointHintHyperparameters):
    """Those of `kd` and of `sp`."""


class KDSP(JointHintMethod[KDSPHyperparameters], SPRelation[KDSPHyperparameters]):
    """(1 - alpha) CE + alpha tau^2 KL + beta times the term of `sp`."""

    Hyperparameters = KDSPHyperparameters
