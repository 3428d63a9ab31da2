"""Plug-in methods that need what executors carry to them: several teachers, say. Importing this loads no torch."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from graph_distillery.methods import MethodInfo
from graph_distillery.search_spaces import register_space

HERE = Path(__file__).parent


@cache  # a search space is registered once
def committee() -> MethodInfo:
    """The committee's entry in the registry."""
    register_space("method", "committee", HERE / "committee.yaml")
    return MethodInfo(
        name="committee",
        title="Mean of several teachers",
        paper="Learning from Multiple Teacher Networks",
        venue="KDD",
        year=2017,
        url="https://doi.org/10.1145/3097983.3098135",
        family="logits",
        target="carried_methods.methods:Committee",
        tasks=("node-classification",),
        teacher="many",
    )


@cache
def magnitude_pruning() -> MethodInfo:
    """What makes a teacher anew."""
    register_space("method", "magnitude-pruning", HERE / "magnitude-pruning.yaml")
    return MethodInfo(
        name="magnitude-pruning",
        title="Magnitude pruning",
        paper="Learning both Weights and Connections for Efficient Neural Networks",
        venue="NeurIPS",
        year=2015,
        url="https://arxiv.org/abs/1506.02626",
        family="pruning",
        target="carried_methods.methods:MagnitudePruning",
        tasks=("node-classification",),
    )


@cache
def pruned_kd() -> MethodInfo:
    """What learns from it."""
    register_space("method", "pruned-kd", HERE / "pruned-kd.yaml")
    return MethodInfo(
        name="pruned-kd",
        title="Distillation from a pruned teacher",
        paper="none",
        venue="here",
        year=0,
        url="",
        family="pruning",
        target="carried_methods.methods:PrunedKD",
        tasks=("node-classification",),
        derived_teacher="magnitude-pruning",
    )


ENTRIES = (committee, magnitude_pruning, pruned_kd)
