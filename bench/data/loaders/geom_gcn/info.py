"""The graphs that Geom-GCN published."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, one_graph

#: `Dataset.sha256` of the sets whose source publishes one version of its files.
_SHA256 = {
    "cornell": "18d889124935234819fce250e580f91f0c652bef51fcbd523a3f3b464c64f476",
    "texas": "30f1086148f45f7305228625be2ee8fc9cf8c4100ea8a14bcfdb16969e931ec0",
    "wisconsin": "3bf327acd1292b30087687db2001d539808485c5370ce89241f32df1dae0cf24",
    "actor": "52710dcdc675b104a9003c1a395544d648ac49879b2fe1a099c8f0f5ea2750fd",
    "chameleon": "04e5698b847942b52edde2975e2a868b9f9a480e04657d970d495d872eb73912",
}


def _geom_gcn() -> tuple[DatasetInfo, ...]:
    source = "Pei et al., ICLR 2020, https://github.com/graphdml-uiuc-jlu/geom-gcn"
    twin = " Upstream ships for cornell the features and labels of texas; only edges and splits differ."
    copies = " Duplicated nodes, some both in training and test: see Platonov et al., ICLR 2023."
    one = " Class 1 has a single node."
    wiki = "WikipediaNetwork"
    rows: list[tuple[str, str, dict[str, str], int, int | None, int, str]] = [
        ("cornell", "WebKB: Cornell", {"family": "WebKB"}, 183, 295, 1703, one + twin),
        ("texas", "WebKB: Texas", {"family": "WebKB"}, 183, 309, 1703, one),
        ("wisconsin", "WebKB: Wisconsin", {"family": "WebKB"}, 251, 499, 1703, ""),
        ("actor", "Actors named on one page", {"family": "Actor", "prefix": "film"}, 7600, 29926, 932, ""),
        ("chameleon", "Wikipedia: chameleons", {"family": wiki}, 2277, 36051, 2325, copies),
        ("squirrel", "Wikipedia: squirrels", {"family": wiki}, 5201, None, 2089, copies),
    ]
    return tuple(
        one_graph(name, title, ("geom-gcn", "random-60-20-20", "sealed-60-20-20"), source, ".loader:geom_gcn",
               options=options, nodes=nodes, edges=edges, features=features, classes=5,
               note="Directed, as published." + note, checked=edges is not None,
               sha256=_SHA256.get(name))
        for name, title, options, nodes, edges, features, note in rows
    )  # fmt: skip


INFO = _geom_gcn()
