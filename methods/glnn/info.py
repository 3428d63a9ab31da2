"""What there is to know of `glnn` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import ALL_TASKS, TYPED_TASKS, MethodInfo

INFO = MethodInfo(
    name="glnn",
    title="Graph-less neural networks",
    paper="Graph-less Neural Networks: Teaching Old MLPs New Tricks via Distillation",
    venue="ICLR",
    year=2022,
    url="https://arxiv.org/abs/2110.08727",
    family="GNN to MLP",
    target=".method:GLNN",
    tasks=(*ALL_TASKS, *TYPED_TASKS),
    students=("mlp",),
    inference="features",
    variants={
        "paper": "one weighted sum of both terms a step (equation 1)",
        "official_code": "steps on the labels and on the teacher apart; with lambda = 0 the former still decay "
        "the weights",
    },
    own_term={"label_weight": 1.0},
)
