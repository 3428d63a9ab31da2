"""G-CRD joined with `kd` (Joshi et al., TNNLS 2022, the rows "KD + ..." of their tables)."""

from __future__ import annotations

from pydantic import Field

from graph_distillery.methods.gcrd.method import GCRDHyperparameters, GCRDRelation
from graph_distillery.methods.losses.hints import JointHintHyperparameters, JointHintMethod


class KDGCRDHyperparameters(GCRDHyperparameters, JointHintHyperparameters):
    beta: float = Field(0.01, ge=0, description="weight of the term; 0.01 is shipped with KD")
    temperature: float = Field(0.05, gt=0, description="divides the cosines")


class KDGCRD(JointHintMethod[KDGCRDHyperparameters], GCRDRelation[KDGCRDHyperparameters]):
    """(1 - alpha) CE + alpha tau^2 KL + beta times the term of `gcrd`."""

    Hyperparameters = KDGCRDHyperparameters
