"""What there is to know of `communities` before they are found."""

from __future__ import annotations

from graph_distillery.methods.artefacts.catalogue import ArtefactInfo

INFO = ArtefactInfo(
    name="communities",
    title="Communities of each graph by modularity",
    paper="Fast unfolding of communities in large networks",
    venue="J. Stat. Mech.",
    year=2008,
    url="https://arxiv.org/abs/0803.0476",
    target=".make:Communities",
    columns=("communities",),
    settings={"resolution": 1.0},
)
