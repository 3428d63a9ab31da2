"""Pairs of nodes of the citation, Coauthor and Amazon graphs, and of the embedded digits."""

from __future__ import annotations

from typing import Literal

from graph_distillery.bench.data.info import DatasetInfo

#: `Dataset.sha256`: the graph, the pairs and their labels.
_SHA256 = {
    "cora": "ca3ce7a144dfae3dfe0603c4789c5622a09d620bdd6dff144d8ff5ff5d560d74",
    "citeseer": "469a4b791cfc1695fa217c10742f50c183e693b64f8d2cf35318aaa4a160a396",
    "amazon-photo": "3d58205904443f273ceb9926f4126d0600ef8c4dc437bc4629838d8d0820921f",
    "coauthor-cs": "ee47b496fb59fdaebbaa38295f6a8a3a27feacf535f1ed3866d966882a1f4276",
    "pubmed": "7f9d611bd85716ba9b3236170511093f41e4b10e36df235b08e89b0deb05a1bf",
    "amazon-computers": "1b31ed6394d64d6a87bf0f327eab9f81a07d43a3a4777e103936aff3f7bcee8b",
}
_LLP = "parted as LLP (Guo et al., ICML 2023), https://github.com/snap-research/linkless-link-prediction"
_NOTE = (
    "Every edge is a pair, and `edges` counts the arcs of the whole graph, of which a split shows those "
    "that it does not ask about. In `links-production` {} of the nodes are new."
)


def _links() -> tuple[DatasetInfo, ...]:
    rows: list[tuple[str, str, str, int, int, int, float]] = [
        ("cora", "Cora", "Yang et al., ICML 2016", 2708, 10556, 1433, 0.3),
        ("citeseer", "CiteSeer", "Yang et al., ICML 2016", 3327, 9104, 3703, 0.3),
        ("pubmed", "PubMed", "Yang et al., ICML 2016", 19717, 88648, 500, 0.1),
        ("coauthor-cs", "Coauthor: CS", "Shchur et al., 2018", 18333, 163788, 6805, 0.1),
        ("amazon-photo", "Amazon: Photo", "Shchur et al., 2018", 7650, 238162, 745, 0.1),
        ("amazon-computers", "Amazon: Computers", "Shchur et al., 2018", 13752, 491722, 767, 0.1),
        ("digits-knn", "Handwritten digits", "UCI optdigits, as shipped with scikit-learn", 1797, 12618, 64, 0.1),
    ]
    return tuple(_entry(*row) for row in rows)


def _entry(of: str, title: str, source: str, nodes: int, edges: int, features: int, share: float) -> DatasetInfo:
    embedded = of == "digits-knn"
    kind: Literal["embedded", "download"] = "embedded" if embedded else "download"
    return DatasetInfo(
        f"{of}-links",
        f"{title}, links",
        "link-prediction",
        "hits_20",
        ("links-5-10", "links-production"),
        f"{source}; {_LLP}",
        kind,
        ".loader:embedded_links_of" if embedded else ".loader:links_of",
        options={"of": of, "share": share},
        note=_NOTE.format(f"{share:.0%}"),
        licence="CC BY 4.0" if embedded else None,
        nodes=nodes,
        edges=edges,
        features=features,
        classes=1,
        checked=not embedded,
        sha256=_SHA256.get(of),
    )


INFO = _links()
