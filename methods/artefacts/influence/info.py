"""What there is to know of `influence` before it is made."""

from __future__ import annotations

from graph_distillery.methods.artefacts.catalogue import ArtefactInfo

INFO = ArtefactInfo(
    name="influence",
    title="Influence of nodes, and features averaged over hops",
    paper="InfGraND: An Influence-Guided GNN-to-MLP Knowledge Distillation",
    venue="TMLR",
    year=2026,
    url="https://arxiv.org/abs/2601.08033",
    target=".make:Influence",
    columns=("influence", "pooled_features"),
    settings={"hops": 2, "loops": 1},
)
