"""What there is to know of `kdga` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="kdga",
    title="Knowledge distillation for graph augmentation",
    paper="Knowledge Distillation Improves Graph Structure Augmentation for Graph Neural Networks",
    venue="NeurIPS",
    year=2022,
    url="https://openreview.net/forum?id=7yHte3tH8Xh",
    family="structure",
    target=".method:KDGA",
    tasks=("node-classification",),
    students=("gnn",),
    student_models=("gcn",),
    teacher="none",
    variants={
        "paper": "as the released code where the text leaves it open: divergences are divided by items times classes, "
        "and the teacher's side of them is no constant; both heads are of the student's own kind, where the released "
        "ones are linear; the network's first training on the graph alone has no early stop. Traps: every step weighs "
        "all pairs of nodes; on Cora (public split, shipped settings) the best epoch is among the first few after that "
        "training, so that what the augmentation adds there is within the seeds' spread: 80.7 +- 1.7 against "
        "81.3 +- 1.1 of the student alone",
    },
    below_alone="what the augmentation adds is within the seeds' spread: on the public split 80.7 +- 1.7 against "
    "81.3 +- 1.1, and the best epoch is among the first few after its training on the graph alone",
    own_term={"kd_weight": 0.0, "teacher_weight": 0.0},
)
