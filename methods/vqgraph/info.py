"""What there is to know of `vqgraph` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="vqgraph",
    title="Distillation of code assignments",
    paper="VQGraph: Rethinking Graph Representation Space for Bridging GNNs and MLPs",
    venue="ICLR",
    year=2024,
    url="https://arxiv.org/abs/2308.02117",
    family="GNN to MLP",
    target=".method:VQGraph",
    tasks=("node-classification",),
    students=("mlp",),
    inference="features",
    variants={
        "paper": "glnn's terms and how a node is shared out among the codes of a teacher that was trained with them "
        "(see `info graph-tokenizer`), one weighted sum a step, shares by distance on both sides. The paper's text was "
        "not at hand. Traps: at the released weight of 1e-8 the codes hardly count; the released code, and so its "
        "published table, keeps the epoch that is best on the test nodes (contaminated, never judged here), which no "
        "variant does",
        "official_code": "steps on the codes, on the labels and on the teacher apart. Shares are by distance for the "
        "student and by cosine for the teacher, and those of the teacher are taken for their logarithms, so that the "
        "best student is almost uniform: its largest share is no more than e times its smallest. Nodes' shares are "
        "those of other nodes: features are read with the labelled nodes first and shares in the order of the "
        "data",
        "corrected": "the released code's steps, with shares by cosine on both sides, their divergence, and each "
        "node's own",
    },
    own_term={"code_weight": 0.0, "teacher_codes": 0},
    without_own_term="glnn",
    status="reconstructed",
    derived_teacher="graph-tokenizer",
)
