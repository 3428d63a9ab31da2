"""The citation graphs."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, one_graph

#: `Dataset.sha256` of the sets whose source publishes one version of its files.
_SHA256 = {
    "cora": "bf8ba63499e749bc278a067b0d427cb6a7c283b4c1c0c2060043975deb67b539",
    "citeseer": "84cc62fe9a152dd8ad371d71bc414e5e7e5682887f29c840a1aa5f690c2dacf4",
    "pubmed": "9c6b2c9687efb10f0c6fff018ecf13ee3ac7e9e26d655165872dd299fd755542",
    "cora-row-normalised": "ad8144f90e53a7c08bdc312f9d7224f21745cc3ad508d6057b6c05ac6ab213e4",
    "citeseer-row-normalised": "c387142914e74845ace71a41059989e3b1d492fea352958a9257d3bece284373",
    "pubmed-row-normalised": "0bd80c51fbecf65c97395b541f6847d688da05015fdd0b4e2a5a3c6021fdb0f1",
}


SPLITS = (
    "public",
    "cpf",
    "geom-gcn",
    "planetoid-random",
    "balanced-20-20",
    "random-60-20-20",
    "random-10-10-80",
    "sealed-20-30",
    "sealed-60-20-20",
    "isolation",
)


def _citation() -> tuple[DatasetInfo, ...]:
    source = "Yang et al., ICML 2016, https://github.com/kimiyoung/planetoid; geom-gcn: Pei et al., ICLR 2020"
    cpf = "Under `cpf` it is the very graph of the CPF and GLNN papers up to node order ({} nodes, {} edges)."
    bare = " 15 nodes have neither features nor a label: loaders call them class 0, `cpf` leaves them out."
    divided = "Features divided by their row's sum, as GCN (Kipf and Welling, ICLR 2017) has them. "
    rows = [
        ("cora", "Cora", 2708, 10556, 1433, 7, cpf.format("2,485", "5,069")),
        ("citeseer", "CiteSeer", 3327, 9104, 3703, 6, cpf.format("2,110", "3,668") + bare),
        ("pubmed", "PubMed", 19717, 88648, 500, 3, ""),
    ]
    return tuple(
        one_graph(name + suffix, title, SPLITS, source, ".loader:planetoid",
               options={"title": title, "divided": bool(suffix)},
               nodes=nodes, edges=edges, features=features, classes=classes, note=(divided if suffix else "") + note,
               checked=True, sha256=_SHA256.get(name + suffix))
        for suffix in ("", "-row-normalised")
        for name, title, nodes, edges, features, classes, note in rows
    )  # fmt: skip


INFO = _citation()
