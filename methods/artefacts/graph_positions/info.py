"""What there is to know of `graph-positions` before they are made."""

from __future__ import annotations

from graph_distillery.methods.artefacts.catalogue import ArtefactInfo

INFO = ArtefactInfo(
    name="graph-positions",
    title="Laplacian eigenvectors of each graph",
    paper="Benchmarking Graph Neural Networks",
    venue="JMLR",
    year=2023,
    url="https://arxiv.org/abs/2003.00982",
    target=".make:GraphPositions",
    columns=("graph_positions",),
    settings={"position_dim": 20},
)
