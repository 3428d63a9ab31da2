"""What there is to know of `oad` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="oad",
    title="Online adversarial distillation",
    paper="Online Adversarial Distillation for Graph Neural Networks",
    venue="arXiv",
    year=2021,
    url="https://arxiv.org/abs/2112.13966",
    family="online",
    target=".method:OAD",
    students=("gnn",),
    teacher="none",
    variants={
        "paper": "each student: labels + tau^2 KL from the mean of the other students' logits, averaged over items "
        "+ fooling the next discriminator of the ring; scores are the mean over students",
        "official_code": "the divergence divided by items and classes once more; discriminators end in a ReLU and "
        "propagate without self-loops; scores are those of the student that is best on the judged items; a softmax "
        "over many labels; on many graphs a new Adam after the warm-up",
    },
    own_term={"kd_weight": 0.0, "adversarial_weight": 0.0},
    test_selected=("official_code",),  # of its students, the one with the best score on the items that are judged
)
