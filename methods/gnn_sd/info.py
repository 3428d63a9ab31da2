"""What there is to know of `gnn-sd` before it is loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo

INFO = MethodInfo(
    name="gnn-sd",
    title="GNN self-distillation",
    paper="On Self-Distilling Graph Neural Network",
    venue="IJCAI",
    year=2021,
    url="https://arxiv.org/abs/2011.02255",
    family="online",
    target=".method:GNNSD",
    students=("gnn",),
    teacher="none",
    variants={
        "paper": "labels + how far each layer's neighbourhood discrepancy rates, 1 - cos(node, mean of its "
        "neighbours), are from the layer's before, from the layer of the greatest rates on and where they shrank; on "
        "whole graphs also how far each layer's readout is from the one before. Reconstructed: no code, formulas from "
        "memory; means in place of sums, and the logits are the last layer. Trap: a network of two layers has one pair "
        "of layers, whose rates seldom shrink, so that three or more are needed for it to act",
    },
    own_term={"alpha": 0.0, "beta": 0.0},
    status="reconstructed",
)
