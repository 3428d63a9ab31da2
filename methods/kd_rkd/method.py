"""RKD (Park et al., CVPR 2019) joined with `kd`, as Tian et al. (ICLR 2020) join every such term with logits."""

from __future__ import annotations

from graph_distillery.methods.losses.hints import JointHintHyperparameters, JointHintMethod
from graph_distillery.methods.rkd.method import RKDHyperparameters, RKDRelation


class KDRKDHyperparameters(RKDHyperparameters, JointHintHyperparameters):
    """Those of `kd` and of `rkd`."""


class KDRKD(JointHintMethod[KDRKDHyperparameters], RKDRelation[KDRKDHyperparameters]):
    """(1 - alpha) CE + alpha tau^2 KL + beta times the terms of `rkd`."""

    Hyperparameters = KDRKDHyperparameters
