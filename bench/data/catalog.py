"""The built-in datasets. Counts are as loaded here; `checked` ones were measured on the real files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graph_distillery.bench.data.registry import DatasetInfo

_DATA = "graph_distillery.bench.data"
CITATION = ("public", "cpf", "geom-gcn", "planetoid-random", "balanced-20-20", "random-60-20-20")
PURCHASE = ("cpf", "planetoid-random", "random-60-20-20")
GRAPHS = ("kfold-10", "holdout-70-30")


def catalog() -> list[DatasetInfo]:
    """Every built-in dataset, those that need no download first."""
    families = (_embedded, _generated, _citation, _geom_gcn, _npz, _heterophilous, _large, _tu, _modelnet)
    return [replace(info, sha256=SHA256.get(info.name)) for family in families for info in family()]


def _nodes(name: str, title: str, splits: tuple[str, ...], source: str, target: str, **more: Any) -> DatasetInfo:
    """A node classification set."""
    more = {"kind": "download", "metric": "accuracy", **more}
    return DatasetInfo(name, title, "node-classification", splits=splits, source=source, target=target, **more)


def _embedded() -> list[DatasetInfo]:
    digits = _nodes(
        "digits-knn",
        "Handwritten digits, joined to their nearest neighbours",
        ("cpf", "random-60-20-20", "planetoid-random"),
        "UCI optdigits, as shipped with scikit-learn",
        f"{_DATA}.generated:digits_knn",
        kind="embedded",
        note="A real dataset that needs no download; `distillery demo` runs on it.",
        nodes=1797,
        edges=12618,
        features=64,
        classes=10,
    )
    karate = _nodes(
        "karate",
        "Zachary's karate club",
        ("public", "random-60-20-20"),
        "Zachary, J. Anthropological Research 1977; communities as in Kipf and Welling, ICLR 2017",
        f"{_DATA}.generated:karate",
        kind="embedded",
        note="34 nodes: for smoke tests, not for conclusions. Features are the identity matrix.",
        nodes=34,
        edges=156,
        features=34,
        classes=4,
    )
    return [digits, karate]


def _generated() -> list[DatasetInfo]:
    model = "Contextual stochastic block model"
    source = "Deshpande et al., NeurIPS 2018, https://arxiv.org/abs/1807.09596"
    rows: list[tuple[str, str, dict[str, Any], int]] = [
        ("csbm", model, {}, 1000),
        ("csbm-homophilic", f"{model}, homophily 0.9", {"nodes": 2000, "homophily": 0.9}, 2000),
        ("csbm-heterophilic", f"{model}, homophily 0.05", {"nodes": 2000, "homophily": 0.05}, 2000),
    ]
    blocks = [
        _nodes(name, title, ("random-60-20-20", "cpf"), source, f"{_DATA}.generated:csbm", kind="generated",
               options=options, nodes=nodes, edges=10 * nodes, features=32, classes=4)
        for name, title, options, nodes in rows
    ]  # fmt: skip
    motifs = DatasetInfo(
        "motifs", "Trees with a planted motif", "graph-classification", "accuracy", GRAPHS,
        "Generated here, after Ying et al., NeurIPS 2019", "generated", f"{_DATA}.generated_unions:motifs",
        note="Classes: cycle, house and clique on five nodes.", features=10, classes=3, graphs=600,
    )  # fmt: skip
    large = DatasetInfo(
        "multi-sbm", "24 block models with 121 labels", "node-multilabel", "micro_f1", ("graphs",),
        "Generated here; shaped like PPI (Hamilton et al., NeurIPS 2017)", "generated",
        f"{_DATA}.generated_unions:multi_sbm", note="20 graphs train, 2 validate, 2 test.",
        features=50, classes=121, graphs=24,
    )  # fmt: skip
    small = replace(
        large,
        name="multi-sbm-small",
        title="6 small block models with 10 labels",
        options={"graphs": 6, "nodes": 150, "degree": 10.0, "features": 16, "labels": 10, "communities": 6},
        note="4 graphs train, 1 validates, 1 tests.",
        features=16,
        classes=10,
        graphs=6,
    )
    return [*blocks, motifs, large, small, *_shapes()]


def _shapes() -> list[DatasetInfo]:
    clouds = DatasetInfo(
        "shapes", "Point clouds of eight surfaces", "graph-classification", "accuracy", ("holdout-70-30", "kfold-10"),
        "Generated here", "generated", f"{_DATA}.point_clouds:shapes",
        note="Noisy, stretched and turned at random; 256 points a cloud, no edges, features are coordinates.",
        nodes=102400, edges=0, features=3, classes=8, graphs=400,
    )  # fmt: skip
    few = {"clouds": 160, "points": 64, "noise": 0.01, "stretch": 0.1}
    note = "Fewer, sparser and clearer clouds: for tests."
    return [clouds, replace(clouds, name="shapes-small", options=few, note=note, nodes=10240, graphs=160)]


def _modelnet() -> list[DatasetInfo]:
    return [
        DatasetInfo(
            f"modelnet{classes}", f"ModelNet{classes}: CAD models as point clouds", "graph-classification", "accuracy",
            ("public", "holdout-70-30", "kfold-10"), "Wu et al., CVPR 2015, https://modelnet.cs.princeton.edu",
            "download", f"{_DATA}.point_clouds:modelnet", options={"title": f"ModelNet{classes}"},
            note="1,024 points a mesh, in the unit sphere; no edges. A tenth of the training meshes validates.",
            nodes=1024 * graphs, edges=0, features=3, classes=classes, graphs=graphs,
        )
        for classes, graphs in ((10, 4899), (40, 12311))
    ]  # fmt: skip


def _citation() -> list[DatasetInfo]:
    source = "Yang et al., ICML 2016, https://github.com/kimiyoung/planetoid; geom-gcn: Pei et al., ICLR 2020"
    cpf = "Under `cpf` it is the very graph of the CPF and GLNN papers up to node order ({} nodes, {} edges)."
    bare = " 15 nodes have neither features nor a label: loaders call them class 0, `cpf` leaves them out."
    rows = [
        ("cora", "Cora", 2708, 10556, 1433, 7, cpf.format("2,485", "5,069")),
        ("citeseer", "CiteSeer", 3327, 9104, 3703, 6, cpf.format("2,110", "3,668") + bare),
        ("pubmed", "PubMed", 19717, 88648, 500, 3, ""),
    ]
    return [
        _nodes(name, title, CITATION, source, f"{_DATA}.downloads:planetoid", options={"title": title},
               nodes=nodes, edges=edges, features=features, classes=classes, note=note, checked=True)
        for name, title, nodes, edges, features, classes, note in rows
    ]  # fmt: skip


def _geom_gcn() -> list[DatasetInfo]:
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
    return [
        _nodes(name, title, ("geom-gcn", "random-60-20-20"), source, f"{_DATA}.downloads:geom_gcn",
               options=options, nodes=nodes, edges=edges, features=features, classes=5,
               note="Directed, as published." + note, checked=edges is not None)
        for name, title, options, nodes, edges, features, note in rows
    ]  # fmt: skip


def _npz() -> list[DatasetInfo]:
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
    return [
        _nodes(name, f"{family}: {title}", PURCHASE, sources[family], f"{_DATA}.downloads:npz_graph",
               options={"family": family, "title": title, "file": file}, nodes=nodes, edges=edges,
               features=features, classes=classes, checked=checked)
        for name, family, title, file, nodes, edges, features, classes, checked in rows
    ]  # fmt: skip


def _heterophilous() -> list[DatasetInfo]:
    source = "Platonov et al., ICLR 2023, https://github.com/yandex-research/heterophilous-graphs"
    rows = [
        ("roman-empire", "Words of the article Roman Empire", 22662, 65854, 300, 18),
        ("amazon-ratings", "Products by rating", 24492, 186100, 300, 5),
        ("minesweeper", "Minesweeper on a grid", 10000, 78804, 7, 2),
        ("tolokers", "Banned workers of Toloka", 11758, 1038000, 10, 2),
        ("questions", "Active users of Yandex Q", 48921, 307080, 301, 2),
    ]
    return [
        _nodes(name, title, ("public", "random-60-20-20"), source, f"{_DATA}.downloads:heterophilous",
               metric="roc_auc" if classes == 2 else "accuracy", nodes=nodes, edges=edges, features=features,
               classes=classes, note="Ten published splits, 50/25/25: number seed % 10.")
        for name, title, nodes, edges, features, classes in rows
    ]  # fmt: skip


def _large() -> list[DatasetInfo]:
    ppi = DatasetInfo(
        "ppi", "Protein interactions in 24 tissues", "node-multilabel", "micro_f1", ("graphs",),
        "Hamilton et al., NeurIPS 2017; Zitnik and Leskovec, 2017", "download", f"{_DATA}.large_sets:ppi",
        note="24 graphs as one union: 20 train, 2 validate, 2 test.",
        nodes=56944, features=50, classes=121, graphs=24,
    )  # fmt: skip
    arxiv = _nodes(
        "ogbn-arxiv", "Computer science papers of arXiv", ("ogb", "random-60-20-20"),
        "Hu et al., NeurIPS 2020, https://ogb.stanford.edu", f"{_DATA}.large_sets:ogbn_arxiv",
        note="Citations made undirected. The download needs the extra `ogb`.",
        nodes=169343, edges=2315598, features=128, classes=40,
    )  # fmt: skip
    return [ppi, arxiv]


def _tu() -> list[DatasetInfo]:
    labelled = ("A", "graph_indicator", "graph_labels", "node_labels")
    attributed, plain = (*labelled, "node_attributes"), labelled[:3]
    rows: list[tuple[str, str, tuple[str, ...], str, int, int, int, int, int]] = [
        ("mutag", "MUTAG", labelled, "", 188, 3371, 7442, 7, 2),
        ("ptc-mr", "PTC_MR", labelled, "", 344, 4915, 10108, 18, 2),
        ("enzymes", "ENZYMES", attributed, "", 600, 19580, 74564, 3, 6),
        ("proteins", "PROTEINS", attributed, "", 1113, 43471, 162088, 3, 2),
        ("nci1", "NCI1", labelled, "", 4110, 122747, 265506, 37, 2),
        ("imdb-binary", "IMDB-BINARY", plain, "one-hot", 1000, 19773, 193062, 136, 2),
        ("reddit-binary", "REDDIT-BINARY", plain, "digits", 2000, 859254, 1991016, 13, 2),
        ("collab", "COLLAB", plain, "one-hot", 5000, 372474, 24572158, 492, 3),
    ]
    notes = {
        "": "Features: one-hot node labels.",
        "one-hot": "No node features: the degree, one-hot.",
        "digits": "No node features: the number of binary digits of the degree, one-hot.",
    }
    packed = " A mirror may hold it packed, as TUDataset/COLLAB/source/COLLAB.zip."
    return [
        DatasetInfo(
            name, title, "graph-classification", "accuracy", GRAPHS,
            "Morris et al., 2020, https://chrsmrrs.github.io/datasets", "download",
            f"{_DATA}.graph_sets:{'collab' if name == 'collab' else 'tu'}",
            options={} if name == "collab" else {"title": title, "parts": parts, "degree": degree},
            note=notes[degree] + (packed if name == "collab" else ""),
            graphs=graphs, nodes=nodes, edges=edges, features=features, classes=classes, checked=True,
        )
        for name, title, parts, degree, graphs, nodes, edges, features, classes in rows
    ]  # fmt: skip


#: `Dataset.sha256` of the sets whose source publishes one version of its files.
SHA256 = {
    "cora": "bf8ba63499e749bc278a067b0d427cb6a7c283b4c1c0c2060043975deb67b539",
    "citeseer": "84cc62fe9a152dd8ad371d71bc414e5e7e5682887f29c840a1aa5f690c2dacf4",
    "pubmed": "9c6b2c9687efb10f0c6fff018ecf13ee3ac7e9e26d655165872dd299fd755542",
    "cornell": "18d889124935234819fce250e580f91f0c652bef51fcbd523a3f3b464c64f476",
    "texas": "30f1086148f45f7305228625be2ee8fc9cf8c4100ea8a14bcfdb16969e931ec0",
    "wisconsin": "3bf327acd1292b30087687db2001d539808485c5370ce89241f32df1dae0cf24",
    "actor": "52710dcdc675b104a9003c1a395544d648ac49879b2fe1a099c8f0f5ea2750fd",
    "chameleon": "04e5698b847942b52edde2975e2a868b9f9a480e04657d970d495d872eb73912",
    "coauthor-cs": "b709689efdb5bf655faa63c2ef9e5a1cf3cef4a6a5706ead2d38d508fb4f801f",
    "amazon-computers": "b806a88d67952cb546872e4637af6c4119fe04ae2477465f2671e21aa49386ac",
    "amazon-photo": "dd3808efd18d5f1f4fe96fd12fc4b43c234ab2e9da684179974f7b22463eeec7",
    "mutag": "39d607bfe3124a8fac8e2050cc9e1d946e70f5d8573a3a56c782daaf5d38e572",
    "ptc-mr": "ecef359f4f203a324317ce1737ae9bc8f95f8bd467cfd57bbc3f52b98c19e5be",
    "enzymes": "41e5f65a7ba827421662b340f7e6c17095247b1b3e5e2136a966a5d06ea7f5fb",
    "proteins": "ca080412511b6d5baa71403a427c84912487a8669265de3698ed297ce368cecc",
    "nci1": "7137eb7882cd0071bcee9d48ed16631657ed16a3e26632d57e4a3058c42c4568",
    "reddit-binary": "b1b8b1d5d7ef890aa8dad06f51c1cde8be35cd8c79150be2eb895147a8dff2fd",
}
