"""What there is to know of `hgmd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="hgmd",
    title="Hardness-aware GNN-to-MLP distillation",
    paper="Teach Harder, Learn Poorer: Rethinking Hard Sample Distillation for GNN-to-MLP Knowledge Distillation",
    venue="CIKM",
    year=2024,
    url="https://arxiv.org/abs/2407.14768",
    family="GNN to MLP",
    target=".method:HGMD",
    tasks=("node-classification",),
    students=("mlp",),
    inference="features",
    own_term={"alpha": 0.0},
    without_own_term="glnn",
)
