"""What there is to know of `dfad-gnn` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="dfad-gnn",
    title="Data-free adversarial distillation",
    paper="Data-Free Adversarial Knowledge Distillation for Graph Neural Networks",
    venue="IJCAI",
    year=2022,
    url="https://arxiv.org/abs/2205.03811",
    family="data-free",
    target=".method:DFADGNN",
    tasks=("graph-classification",),
    students=("gnn",),
    variants={
        "paper": "a generator of graphs raises mean |softmax(z_t) - softmax(z_s)|, the student lowers mean |z_t - z_s| "
        "on its graphs, five steps to one. The authors released no code; settings are those of GammaGL's port, whose "
        "generator is cut off by a threshold and never learns. Here the chances of arcs follow the ARM estimator and "
        "features a straight-through softmax. Trap: the port chooses its epoch by the accuracy on the very graphs that "
        "it reports",
    },
    status="reconstructed",
    training_data=False,
    own_term={"student_steps": 0},
    without_own_term="untrained",
)
