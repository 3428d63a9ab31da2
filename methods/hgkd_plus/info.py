"""What there is to know of `hgkd-plus` before it is loaded."""

from __future__ import annotations

from dataclasses import replace

from graph_distillery.methods.hgkd.info import INFO as HGKD

INFO = replace(
    HGKD,
    name="hgkd-plus",
    title="Heterogeneous graph distillation of several teachers into an MLP",
    family="several teachers",
    target=".method:HGKDPlus",
    teacher="many",
    variants={
        "paper": "as `hgkd`, with a loss for each teacher; of two teachers whose gradients oppose, the one before "
        "gives up what lies along the other's. Their sum is a mean here",
    },
    own_term={"feature_weight": 0.0, "relation_weight": 0.0, "projected": False},
    without_own_term="ensemble-kd",
)
