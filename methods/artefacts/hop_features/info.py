"""What there is to know of `hop-features` before they are made."""

from __future__ import annotations

from graph_distillery.methods.artefacts.catalogue import ArtefactInfo

INFO = ArtefactInfo(
    name="hop-features",
    title="Features after each of some hops of propagation",
    paper="ROD: Reception-aware Online Distillation for Sparse Graphs",
    venue="KDD",
    year=2021,
    url="https://arxiv.org/abs/2107.11789",
    target=".make:HopFeatures",
    columns=("hop_features",),
    settings={"hops": 9, "normalise": True},
)
