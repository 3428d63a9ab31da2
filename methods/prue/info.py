"""What there is to know of `prue` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="prue",
    title="Distillation from a sparse teacher",
    paper="Distilling Knowledge from Sparse Teacher Networks",
    venue="ECML-PKDD",
    year=2022,
    url="https://arxiv.org/abs/2207.00586",
    family="pruning",
    target=".method:PrUE",
    tasks=("node-classification", "graph-classification"),
    variants={
        "paper": "kd from a teacher that was pruned by how it predicts the labels and trained again (see `info "
        "pruning`), one for each setting of teacher_*. Trap: the released weight of 0.9 is that of the labels; with "
        "alpha 1 and tau 1 its student learns as that of glnn does",
    },
    own_term={"teacher_ratio": 0.0},
    without_own_term="kd",
    derived_teacher="pruning",
)
