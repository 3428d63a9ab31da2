"""What there is to know of `mugsi` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="mugsi",
    title="Multi-granularity structural information",
    paper="MuGSI: Distilling GNNs with Multi-Granularity Structural Information for Graph Classification",
    venue="WWW",
    year=2024,
    url="https://arxiv.org/abs/2406.19832",
    family="GNN to MLP",
    target=".method:MuGSI",
    tasks=("graph-classification",),
    students=("mlp", "gnn"),
    student_models=("mlp", "ga-mlp"),
    inference="precomputed structure",
    variants={
        "paper": "labels + soft_weight KL + graph_weight squared error of the readouts, W of the student's, both of "
        "norm 1 + cluster_weight difference of the cosines among a graph's communities + path_weight KL of "
        "how a walk's start goes with the nodes after it; positions beside the features. Published is max "
        "over epochs on the test folds, which are its validation folds: contaminated (test-selected), and "
        "no number of its tables compares. Traps: dot products of the walks have no scale, so that "
        "path_weight means another thing for every teacher; graphs of one or two communities have no "
        "cluster term; signs of positions are fixed here, drawn once for each graph there; graphs of six "
        "nodes or fewer lose their features there, and their positions; a graph with a node without edges "
        "has no walks there, and walks from its other nodes here; its networks read out by attention"
    },
    own_term={"soft_weight": 0.0, "graph_weight": 0.0, "cluster_weight": 0.0, "path_weight": 0.0, "position_dim": 0},
    artefacts=("graph-positions", "communities"),
)
