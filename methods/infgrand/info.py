"""What there is to know of `infgrand` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="infgrand",
    title="Influence-guided GNN-to-MLP distillation",
    paper="InfGraND: An Influence-Guided GNN-to-MLP Knowledge Distillation",
    venue="TMLR",
    year=2026,
    url="https://arxiv.org/abs/2601.08033",
    family="GNN to MLP",
    target=".method:InfGraND",
    tasks=("node-classification",),
    students=("mlp",),
    inference="precomputed structure",
    variants={
        "paper": "labels and arcs weighed by how much a node's features resemble those two hops around all others, on "
        "an MLP that reads features averaged over hops. Traps: the student reads its neighbours' features, at "
        "inference too; the release propagates on a graph that has loops already, which is `loops: 2`; it never goes "
        "back to its best state, here that is restored; in the inductive setting its scores read the hidden nodes' "
        "features, here the observed graph alone; its Planetoid features come with rows of 1-norm 1; its shipped "
        "students are two to four layers of up to 2048, on which its weights were tuned",
    },
    own_term={"label_weight": 1.0, "label_base": 1.0, "label_influence": 0.0, "hops": 0},
    artefacts=("influence",),
)
