"""FitNet joined with `kd` (Joshi et al., TNNLS 2022, the rows "KD + ..." of their tables)."""

from __future__ import annotations

from pydantic import Field

from graph_distillery.methods.fitnet.method import FitNetHint
from graph_distillery.methods.losses.hints import JointHintHyperparameters, JointHintMethod


class KDFitNetHyperparameters(JointHintHyperparameters):
    beta: float = Field(100.0, ge=0, description="weight of the term on the hidden states; 100 is shipped with KD")


class KDFitNet(JointHintMethod[KDFitNetHyperparameters], FitNetHint[KDFitNetHyperparameters]):
    """(1 - alpha) CE + alpha tau^2 KL + beta times the hint of `fitnet`, on all observed nodes."""

    Hyperparameters = KDFitNetHyperparameters
