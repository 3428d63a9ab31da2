"""What there is to know of `fgkd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="fgkd",
    title="Frameless graph knowledge distillation",
    paper="Frameless Graph Knowledge Distillation",
    venue="IEEE TNNLS",
    year=2025,
    url="https://arxiv.org/abs/2307.06631",
    family="GNN to MLP",
    target=".method:FGKD",
    tasks=("node-classification",),
    students=("gnn",),
    student_models=("fmlp-o", "fmlp-s"),
    inference="precomputed structure",
    variants={
        "paper": "lambda times cross-entropy on labelled nodes + (1 - lambda) KL(teacher || student) on all "
        "nodes, one sum a step; what is new is the student, which reads each node's features and its rows of K_r = "
        "(W_r^T A W_r)^l (see `info fmlp-o`); low-pass and high-pass branches each with knowledge, encoder and "
        "classifier of their own in every layer",
        "official_code": "steps on the labels and on the teacher apart, the former with weight 0 by default, where "
        "they still decay the weights; in the output layer the high-pass branch has the low-pass encoder and "
        "classifier, and in fmlp-o reads the low-pass knowledge too. (The released loop also rolls back every epoch "
        "that does not match the best, which cannot be behind the published figures and is not followed.)",
    },
    own_term={"label_weight": 1.0},
)
