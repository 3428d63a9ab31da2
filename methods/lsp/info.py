"""What there is to know of `lsp` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="lsp",
    title="Local structure preserving",
    paper="Distilling Knowledge from Graph Convolutional Networks",
    venue="CVPR",
    year=2020,
    url="https://arxiv.org/abs/2003.10477",
    family="structure",
    target=".method:LSP",
    variants={
        "paper": "cross-entropy + lambda times the mean over nodes of KL(student || teacher); a node's structure "
        "is the softmax over its neighbours and itself of SIM(z_i, z_j); RBF kernel exp(-|z_i - z_j|^2 / 2 sigma) "
        "(or linear z_i . z_j, polynomial (z_i . z_j + c)^d, L2 |z_i - z_j|^2), lambda 100 (1 of the "
        "unbounded kernels), every epoch; where a network builds its own edges, over the union of the student's and "
        "the teacher's",
        "official_code": "kernel exp(-|z_i - z_j|_1 / 100), KL(teacher || student), lambda 1, the first 30 epochs "
        "alone, states before the activation; its F1 threshold (logit 0.5) and its selection on test scores are "
        "not taken over",
        "gcrd": "as in G-CRD's tables (efficient-gnns): kernel exp(-|z_i - z_j|^2 / 2), KL(teacher || student), the "
        "sum over nodes divided by the number of arcs, no arc to itself, lambda 100; arcs between labelled nodes alone",
    },
    own_term={"weight": 0.0},
)
