"""What there is to know of `positions` before they are made."""

from __future__ import annotations

from graph_distillery.methods.artefacts.catalogue import ArtefactInfo

INFO = ArtefactInfo(
    name="positions",
    title="Positional encodings",
    paper="DeepWalk: Online Learning of Social Representations",
    venue="KDD",
    year=2014,
    url="https://arxiv.org/abs/1403.6652",
    target=".make:Positions",
    columns=("positions",),
    own_nodes=True,
    settings={
        "position": "deepwalk",
        "position_dim": 64,
        "walks": 5,
        "walk_length": 50,
        "window": 5,
        "walk_epochs": 1,
    },
)
