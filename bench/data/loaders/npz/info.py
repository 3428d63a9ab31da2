"""Coauthor, Amazon and CitationFull."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, one_graph

#: `Dataset.sha256` of the sets whose source publishes one version of its files.
_SHA256 = {
    "coauthor-cs": "b709689efdb5bf655faa63c2ef9e5a1cf3cef4a6a5706ead2d38d508fb4f801f",
    "amazon-computers": "b806a88d67952cb546872e4637af6c4119fe04ae2477465f2671e21aa49386ac",
    "amazon-photo": "dd3808efd18d5f1f4fe96fd12fc4b43c234ab2e9da684179974f7b22463eeec7",
    "coauthor-physics": "e829291c4adf",
    "citationfull-cora-ml": "6a382c139419",
    "citationfull-citeseer": "f68fe7191bd6",
    "citationfull-dblp": "2523bdae79ca",
}


SPLITS = ("cpf", "planetoid-random", "random-60-20-20", "random-10-10-80", "sealed-20-30", "sealed-60-20-20")


def _npz() -> tuple[DatasetInfo, ...]:
    shchur = "Shchur et al., 2018, https://github.com/shchur/gnn-benchmark"
    bojchevski = "Bojchevski and Günnemann, ICLR 2018, https://github.com/abojchevski/graph2gauss"
    sources = {"Coauthor": shchur, "Amazon": shchur, "CitationFull": bojchevski}
    computers, photo = "amazon_electronics_computers.npz", "amazon_electronics_photo.npz"
    rows = [
        ("coauthor-cs", "Coauthor", "CS", "ms_academic_cs.npz", 18333, 163788, 6805, 15, True),
        ("coauthor-physics", "Coauthor", "Physics", "ms_academic_phy.npz", 34493, 495924, 8415, 5, False),
        ("amazon-computers", "Amazon", "Computers", computers, 13752, 491722, 767, 10, True),
        ("amazon-photo", "Amazon", "Photo", photo, 7650, 238162, 745, 8, True),
        ("citationfull-cora-ml", "CitationFull", "Cora_ML", "cora_ml.npz", 2995, 16316, 2879, 7, False),
        ("citationfull-citeseer", "CitationFull", "CiteSeer", "citeseer.npz", 4230, 10674, 602, 6, False),
        ("citationfull-dblp", "CitationFull", "DBLP", "dblp.npz", 17716, 105734, 1639, 4, False),
    ]
    note = "Links made edges, as Shchur et al. (2018) and PyG do."
    return tuple(
        one_graph(name, f"{family}: {title}", SPLITS, sources[family], ".loader:npz_graph",
               options={"family": family, "title": title, "file": file}, nodes=nodes, edges=edges,
               features=features, classes=classes, checked=checked,
               sha256=_SHA256.get(name), note=note)
        for name, family, title, file, nodes, edges, features, classes, checked in rows
    )  # fmt: skip


INFO = _npz()
