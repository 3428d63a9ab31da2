"""What there is to know of `cpf` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import UNTRAINED, MethodInfo

INFO = MethodInfo(
    name="cpf",
    title="Label propagation and feature transformation, combined",
    paper="Extract the Knowledge of Graph Neural Networks and Go Beyond it",
    venue="WWW",
    year=2021,
    url="https://arxiv.org/abs/2103.02885",
    family="other students",
    target=".method:CPF",
    tasks=("node-classification",),
    students=("gnn",),
    student_models=("plp",),
    inference="graph",
    variants={
        "paper": "mean over unlabelled nodes of the Euclidean distance between what the student propagates and the "
        "teacher's probabilities; given labels are clamped in the student (see `info plp`), which has weights for each "
        "node of its graph: transductive only. CPF-ind and CPF-tra are the student's `attention`",
        "official_code": "the root of the squares of all unlabelled nodes together, of a softmax of what is "
        "propagated. Trap: that is a second softmax, of numbers in 0..1, which cannot exceed e / (e + classes - 1), "
        "0.31 of seven classes",
    },
    own_term={"weight": 0.0},
    without_own_term=UNTRAINED,
)
