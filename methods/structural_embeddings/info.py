"""What there is to know of `structural-embeddings` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="structural-embeddings",
    title="Structural embeddings in a teacher's layers",
    paper="Cold Brew: Distilling Graph Node Representations with Incomplete or Missing Neighborhoods",
    venue="ICLR",
    year=2022,
    url="https://arxiv.org/abs/2111.04840",
    family="cold start",
    target=".method:StructuralEmbeddings",
    tasks=("node-classification",),
    students=("gnn",),
    variants={
        "paper": "a free vector for each node beside what its features give, in the first layer or in all, carried "
        "along arcs by D^-1/2 (A + I) D^-1/2 whatever the network's own aggregation is; trained from scratch on the "
        "labels, all nodes at once. What it hands on as hidden states are those before the activation. Traps: the "
        "weight is of the norm and not of its square; a node that training did not see has the vector 0; the network "
        "alone, which is what is kept of it, is not the teacher: its outputs are",
    },
    own_term={"layers": "none"},
)
