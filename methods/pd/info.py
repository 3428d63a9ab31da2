"""What there is to know of `pd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="pd",
    title="Propagate and distil",
    paper="Propagate & Distill: Towards Effective Graph Learners Using Propagation-Embracing MLPs",
    venue="LoG",
    year=2023,
    url="https://arxiv.org/abs/2311.17781",
    family="GNN to MLP",
    target=".method:PD",
    tasks=("node-classification",),
    students=("mlp",),
    inference="features",
    variants={
        "paper": "KL to the propagated probabilities; `invert` multiplies the student's logits by "
        "(I - gamma A) / (1 - gamma)",
        "official_code": "steps on the labels and on the teacher apart, as glnn's; the probabilities are taken for "
        "log-probabilities, so that the student is drawn to their softmax; `invert` has 2 I in the place of I",
    },
    own_term={"rounds": 0, "form": "propagate"},
    without_own_term="glnn",
)
