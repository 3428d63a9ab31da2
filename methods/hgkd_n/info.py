"""What there is to know of `hgkd-n` before it is loaded."""

from __future__ import annotations

from dataclasses import replace

from graph_distillery.methods.hgkd.info import INFO as HGKD

INFO = replace(
    HGKD,
    name="hgkd-n",
    title="Heterogeneous graph distillation into an MLP that reads neighbours",
    target=".method:HGKDN",
    inference="graph",
    variants={
        "paper": "as `hgkd`; beside an item's features stand the means of those of its neighbours, over the arcs of "
        "each edge type by itself, which are added up where the neighbours are of one type",
    },
    own_term={"feature_weight": 0.0, "relation_weight": 0.0, "neighbours": False},
)
