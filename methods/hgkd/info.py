"""What there is to know of `hgkd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import TYPED_TASKS, MethodInfo

INFO = MethodInfo(
    name="hgkd",
    title="Heterogeneous graph distillation into an MLP",
    paper="Balancing Heterogeneous Knowledge Sources: Pareto-Based Multi-Teacher Distillation for MLPs on Graphs",
    venue="AAAI",
    year=2026,
    url="https://doi.org/10.48448/1c4b-fk26",
    family="GNN to MLP",
    target=".method:HGKD",
    tasks=TYPED_TASKS,
    students=("mlp",),
    inference="features",
    variants={
        "paper": "no code was released. Sums over nodes are means here; the weights and the number of pairs a step are "
        "ours; where the last hidden states are of other widths, a trained map goes between",
    },
    own_term={"feature_weight": 0.0, "relation_weight": 0.0},
    without_own_term="kd",
)
