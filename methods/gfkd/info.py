"""What there is to know of `gfkd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="gfkd",
    title="Graph-free knowledge distillation",
    paper="Graph-Free Knowledge Distillation for Graph Neural Networks",
    venue="IJCAI",
    year=2021,
    url="https://arxiv.org/abs/2105.07519",
    family="data-free",
    target=".method:GFKD",
    tasks=("graph-classification",),
    students=("gnn",),
    variants={
        "paper": "features down the gradient of L = cross-entropy with drawn classes + bn_weight times the "
        "sum over batch norms of |recorded variance - variance| + |recorded mean - mean| + one_hot_weight times a "
        "node's entropy; the logit of every arc down ARM's (L(1[u > 1 - s]) - L(1[u < s])) (u - 1/2), s its chance "
        "and u uniform, from two forward passes; then T^2 KL(teacher || student) on the graphs of the step with "
        "the lowest L. 2500 steps, decay every 1000, 400 epochs",
        "official_code": "structures of the best step under the features of the last, dropout 0.5 on the student's "
        "logits; its script runs 1500 steps, decay every 700, 300 epochs, which are to be set. (Its GIN counts a "
        "node twice, and an exported node without out-arcs loses its loop: not followed.)",
    },
    training_data=False,
    own_term={"iterations": 0},
    without_own_term="random-graphs",
)
