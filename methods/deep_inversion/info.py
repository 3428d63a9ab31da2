"""What there is to know of `deep-inversion` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="deep-inversion",
    title="DeepInversion on random structures (DeepInvG)",
    paper="Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion, as a baseline of GFKD",
    venue="CVPR",
    year=2020,
    url="https://arxiv.org/abs/1912.08795",
    family="data-free",
    target=".method:DeepInversionGraphs",
    tasks=("graph-classification",),
    students=("gnn",),
    variants={"paper": "as gfkd, but the structures stay as they were drawn"},
    training_data=False,
    own_term={"iterations": 0},
    without_own_term="random-graphs",
)
