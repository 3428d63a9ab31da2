"""The graphs that Geom-GCN published."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, one_graph

#: `Dataset.sha256` of the files as published: with edges, and with the arcs of the file.
_SHA256 = {
    "cornell": "2667b3a5c5f21cf3e357d7c79b48ff2b4d2b256ca467f01d559cde644deaa840",
    "texas": "56505c48e2d2c75eff7a6cc71db593407aa502614c3987e5c782a3f932c1a77b",
    "wisconsin": "07076ff4b36a98514e4e2863fe6a276c07066c96bf0a89cdc29260f0e69f29c3",
    "actor": "5df47d52765b06680925044fa38b0d91a6ac35aa3ba711f4e84f8c21dfc54963",
    "chameleon": "e7c967c218e5bc2c037eee9b61b2c5f2326332635e81f72cf4ebe794bb689d28",
    "squirrel": "32436a5788e42086a0aacdf7b684890f0b5ec56fc659f3f3595e30d63767ba29",
    "cornell-directed": "18d889124935234819fce250e580f91f0c652bef51fcbd523a3f3b464c64f476",
    "texas-directed": "30f1086148f45f7305228625be2ee8fc9cf8c4100ea8a14bcfdb16969e931ec0",
    "wisconsin-directed": "3bf327acd1292b30087687db2001d539808485c5370ce89241f32df1dae0cf24",
    "actor-directed": "52710dcdc675b104a9003c1a395544d648ac49879b2fe1a099c8f0f5ea2750fd",
    "chameleon-directed": "04e5698b847942b52edde2975e2a868b9f9a480e04657d970d495d872eb73912",
    "squirrel-directed": "e8d78d8691cb2ef1c4c8f6a2ee546d7b74e308d293d2fe0a309eb388d68670c7",
    "cornell-row-normalised": "cbd925990955dd2b7dd1d5d0b07e25630d964379cf1ab7ca4dce77a28966a11d",
    "texas-row-normalised": "cb545c509e63f86fbafbd62eddc88cbabfe57ae23a2e045829558f7daf3cdc09",
    "wisconsin-row-normalised": "4ab5aaa60eb17c98bc63869efdfe15fedbbfcdf604a5bab01f29dc3867379c59",
    "actor-row-normalised": "881bdb4695bca2bf1af43c94420bde62ff4a6502ceeaeb70744a98e0fa771efe",
    "chameleon-row-normalised": "136003e1fe2c8c9f8e8f7668bfb134364dc3d88203a8f87d638071bfb18ed955",
}


def _geom_gcn() -> tuple[DatasetInfo, ...]:
    """Each set with edges, as the codes that report on it run it, with these and features divided by their row's sum,
    and with the arcs that its file lists."""
    source = "Pei et al., ICLR 2020, https://github.com/graphdml-uiuc-jlu/geom-gcn"
    edges_of = (
        "Arcs made edges, as Platonov et al. (ICLR 2023), tunedGNN (Luo et al., 2024) and the framelet papers do."
    )
    arcs_of = "Directed, as published: a node sees what links to it."
    twin = " Upstream ships for cornell the features and labels of texas; only edges and splits differ."
    copies = " Duplicated nodes, some both in training and test (Platonov et al., ICLR 2023): see {}-filtered."
    one = " Class 1 has a single node."
    wiki = "WikipediaNetwork"
    rows: list[tuple[str, str, str, str, int, int, int, int, str]] = [
        ("cornell", "WebKB: Cornell", "WebKB", "", 183, 554, 295, 1703, one + twin),
        ("texas", "WebKB: Texas", "WebKB", "", 183, 558, 309, 1703, one),
        ("wisconsin", "WebKB: Wisconsin", "WebKB", "", 251, 900, 499, 1703, ""),
        ("actor", "Actors named on one page", "Actor", "film", 7600, 53318, 29926, 932, ""),
        ("chameleon", "Wikipedia: chameleons", wiki, "", 2277, 62742, 36051, 2325, copies.format("chameleon")),
        ("squirrel", "Wikipedia: squirrels", wiki, "", 5201, 396706, 216933, 2089, copies.format("squirrel")),
    ]
    divided = " Features divided by their row's sum, as GPR-GNN (Chien et al., ICLR 2021) and GCN have them."
    splits = ("geom-gcn", "random-60-20-20", "gprgnn-60-20-20", "sealed-60-20-20")
    notes = {"": edges_of, "-row-normalised": edges_of + divided, "-directed": arcs_of}
    return tuple(
        one_graph(title + suffix, words, splits, source, ".loader:geom_gcn",
               options={"family": family, "title": title, "prefix": prefix, "undirected": suffix != "-directed",
                        "divided": suffix == "-row-normalised"},
               nodes=nodes, edges=arcs if suffix == "-directed" else edges, features=features, classes=5,
               note=start + note, checked=True, sha256=_SHA256.get(title + suffix))
        for suffix, start in notes.items()
        for title, words, family, prefix, nodes, edges, arcs, features, note in rows
    )  # fmt: skip


INFO = _geom_gcn()
