"""What there is to know of `rod` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="rod",
    title="Reception-aware online distillation",
    paper="ROD: Reception-aware Online Distillation for Sparse Graphs",
    venue="KDD",
    year=2021,
    url="https://arxiv.org/abs/2107.11789",
    family="online",
    target=".method:ROD",
    tasks=("node-classification",),
    students=("mlp",),
    teacher="none",
    inference="precomputed structure",
    variants={
        "paper": "an MLP on gated features of 0 to `hops` hops, with a head for each; labels + divergence of each head "
        "from the mean of all + which pairs are most and least alike after its hops. As the released notebook, the "
        "source here; it prints test scores at the ten best validation scores, here the best is kept. All nodes are "
        "one batch. Traps: every head reads the same gated features, so that only the pairs tell the hops apart; the "
        "weights of both terms are tiny; all pairs of nodes are compared once, and graphs above 6000 nodes refused "
        "unless structure_weight is 0",
    },
    own_term={"hops": 0, "normalise": False, "feature_dropout": 0.0, "structure_weight": 0.0},
    artefacts=("hop-features",),
)
