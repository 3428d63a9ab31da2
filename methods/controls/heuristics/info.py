"""What there is to know of the heuristics of link prediction before they are loaded."""

from __future__ import annotations

from graph_distillery.methods.info import MethodInfo


def _control(name: str, title: str, paper: str, venue: str, year: int, url: str, target: str) -> MethodInfo:
    return MethodInfo(
        name=name,
        title=title,
        paper=paper,
        venue=venue,
        year=year,
        url=url,
        family="control",
        target=target,
        tasks=("link-prediction",),
        students=(),
        teacher="none",
        inference="graph",
    )


INFO = (
    _control(
        "common-neighbours", "Common neighbours", "Clustering and preferential attachment in growing networks",
        "Physical Review E", 2001, "https://arxiv.org/abs/cond-mat/0104209", ".method:CommonNeighbours",
    ),
    _control(
        "adamic-adar", "Adamic-Adar", "Friends and neighbors on the Web", "Social Networks", 2003,
        "https://doi.org/10.1016/S0378-8733(03)00009-1", ".method:AdamicAdar",
    ),
    _control(
        "resource-allocation", "Resource allocation", "Predicting missing links via local information",
        "European Physical Journal B", 2009, "https://arxiv.org/abs/0901.0553", ".method:ResourceAllocation",
    ),
    _control(
        "katz", "Katz", "A new status index derived from sociometric analysis", "Psychometrika", 1953,
        "https://doi.org/10.1007/BF02289026", ".method:Katz",
    ),
    _control(
        "shortest-path", "Shortest path", "The link-prediction problem for social networks", "JASIST", 2007,
        "https://doi.org/10.1002/asi.20591", ".method:ShortestPath",
    ),
)  # fmt: skip
