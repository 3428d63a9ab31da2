"""What there is to know of `propagated-features` before they are made."""

from __future__ import annotations

from graph_distillery.methods.artefacts.catalogue import ArtefactInfo

INFO = ArtefactInfo(
    name="propagated-features",
    title="Features after some hops of propagation",
    paper="Simplifying Graph Convolutional Networks",
    venue="ICML",
    year=2019,
    url="https://proceedings.mlr.press/v97/wu19e.html",
    target=".make:PropagatedFeatures",
    columns=("propagated_features",),
    settings={"hops": 2},
)
