"""Attention transfer joined with `kd` (Joshi et al., TNNLS 2022, the rows "KD + ..." of their tables)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from graph_distillery.methods.at.method import AttentionHint
from graph_distillery.methods.losses.hints import JointHintHyperparameters, JointHintMethod


class KDAttentionHyperparameters(JointHintHyperparameters):
    beta: float = Field(10000.0, ge=0, description="weight of the term on the hidden states; 10000 is shipped with KD")


class KDAttentionTransfer(JointHintMethod[KDAttentionHyperparameters], AttentionHint[KDAttentionHyperparameters]):
    """(1 - alpha) CE + alpha tau^2 KL + beta times the hint of `at`, on all observed nodes."""

    Hyperparameters = KDAttentionHyperparameters
    #: At the shipped weight, made for hundreds of epochs on ogbn-arxiv, a short run learns the maps and little else.
    quick: ClassVar[Mapping[str, Any]] = {"beta": 1000.0}
