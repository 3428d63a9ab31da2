"""What there is to know of `hg2m` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="hg2m",
    title="Heterogeneous graph to MLP, by reliable nodes and meta-paths",
    paper="Teaching MLPs to Master Heterogeneous Graph-Structured Knowledge for Efficient and Accurate Inference",
    venue="TKDE",
    year=2025,
    url="https://arxiv.org/abs/2411.14035",
    family="GNN to MLP",
    target=".method:HG2M",
    tasks=("typed-node-classification",),
    students=("mlp",),
    inference="features",
    variants={
        "paper": "HG2M+, after its released code; HG2M itself is `glnn` on the items. Meta-paths go there and back "
        "through each type of nodes, or along one arc between items; the code leaves their choice to the dataset",
    },
    own_term={"reliable": False, "path_weight": 0.0},
    without_own_term="glnn",
)
