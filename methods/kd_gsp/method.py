"""GSP joined with `kd` (Joshi et al., TNNLS 2022, the rows "KD + ..." of their tables)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from graph_distillery.methods.gsp.method import GSPHyperparameters, GSPRelation
from graph_distillery.methods.losses.hints import JointHintHyperparameters, JointHintMethod


class KDGSPHyperparameters(GSPHyperparameters, JointHintHyperparameters):
    """Those of `kd` and of `gsp`."""


class KDGSP(JointHintMethod[KDGSPHyperparameters], GSPRelation[KDGSPHyperparameters]):
    """(1 - alpha) CE + alpha tau^2 KL + beta times the term of `gsp`."""

    Hyperparameters = KDGSPHyperparameters
    #: The released code ships a tenth of each beside logits.
    unit: ClassVar[Mapping[str, float]] = {"cosine": 10.0, "poly": 10.0, "l2": 0.1, "rbf": 1e4}
