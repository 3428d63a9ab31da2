"""What there is to know of `progmlp` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="progmlp",
    title="Progressive GNN-to-MLP distillation",
    paper="ProGMLP: A Progressive Framework for GNN-to-MLP Knowledge Distillation with Efficient Trade-offs",
    venue="AAAI",
    year=2026,
    url="https://arxiv.org/abs/2507.19031",
    family="GNN to MLP",
    target=".method:ProGMLP",
    tasks=("node-classification",),
    students=("mlp",),
    inference="features",
    variants={
        "paper": "no code was released. The MLPs share the epochs in equal parts. The text lets mixup grow as its loss "
        "falls and equation 7 does the opposite: see `schedule`. Leaving early is decided once, after training, by the "
        "unlabelled training nodes, so that no prediction depends on the others that are asked for",
    },
    own_term={"students": 1, "mixup_weight": 0.0},
    without_own_term="glnn",
)
