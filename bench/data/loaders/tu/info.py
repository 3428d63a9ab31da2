"""Graph classification sets of TUDataset."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo

#: `Dataset.sha256` of the sets whose source publishes one version of its files.
_SHA256 = {
    "mutag": "39d607bfe3124a8fac8e2050cc9e1d946e70f5d8573a3a56c782daaf5d38e572",
    "ptc-mr": "ecef359f4f203a324317ce1737ae9bc8f95f8bd467cfd57bbc3f52b98c19e5be",
    "enzymes": "41e5f65a7ba827421662b340f7e6c17095247b1b3e5e2136a966a5d06ea7f5fb",
    "proteins": "ca080412511b6d5baa71403a427c84912487a8669265de3698ed297ce368cecc",
    "nci1": "7137eb7882cd0071bcee9d48ed16631657ed16a3e26632d57e4a3058c42c4568",
    "reddit-binary": "b1b8b1d5d7ef890aa8dad06f51c1cde8be35cd8c79150be2eb895147a8dff2fd",
}


SPLITS = ("kfold-10", "holdout-70-30", "sealed-60-20-20")
RELEASED = {"mutag": ("gfkd-70-30",)}
#: The sets of which Errica et al. (ICLR 2020) publish folds.
_FOLDS = ("gnn-comparison",)
RELEASED |= dict.fromkeys(
    ("enzymes", "proteins", "nci1", "dd", "imdb-binary", "imdb-multi", "reddit-binary", "collab"), _FOLDS
)


#: Sets whose files nobody here has counted; the counts are those of papers, and agree with TUDataset's averages.
_UNSEEN = ("mutagenicity",)


def _tu() -> tuple[DatasetInfo, ...]:
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
        ("nci109", "NCI109", labelled, "", 4127, 122494, 265208, 38, 2),
        ("mutagenicity", "Mutagenicity", labelled, "", 4337, 131488, 266894, 14, 2),
        ("dd", "DD", labelled, "", 1178, 334925, 1686092, 89, 2),
        ("bzr", "BZR", attributed, "", 405, 14479, 31070, 53, 2),
        ("cox2", "COX2", attributed, "", 467, 19252, 40578, 35, 2),
        ("dhfr", "DHFR", attributed, "", 756, 32075, 67352, 53, 2),
        ("imdb-multi", "IMDB-MULTI", plain, "one-hot", 1500, 19502, 197806, 89, 3),
        ("collab", "COLLAB", plain, "one-hot", 5000, 372474, 24572158, 492, 3),
    ]
    notes = {
        "": "Features: one-hot node labels.",
        "one-hot": "No node features: the degree, one-hot.",
        "digits": "No node features: the number of binary digits of the degree, one-hot.",
    }
    packed = " A mirror may hold it packed, as TUDataset/COLLAB/source/COLLAB.zip."
    return tuple(
        DatasetInfo(
            name, title, "graph-classification", "accuracy", (*SPLITS, *RELEASED.get(name, ())),
            "Morris et al., 2020, https://chrsmrrs.github.io/datasets", "download",
            f".loader:{'collab' if name == 'collab' else 'tu'}",
            options={} if name == "collab" else {"title": title, "parts": parts, "degree": degree},
            note=notes[degree] + (packed if name == "collab" else ""),
            graphs=graphs, nodes=nodes, edges=edges, features=features, classes=classes, checked=name not in _UNSEEN,
            sha256=_SHA256.get(name),
        )
        for name, title, parts, degree, graphs, nodes, edges, features, classes in rows
    )  # fmt: skip


INFO = _tu()
