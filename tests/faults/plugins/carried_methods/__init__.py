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


ENTRIES = (committee,)
