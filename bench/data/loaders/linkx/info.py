"""Friends of five universities, and Genius."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, one_graph

#: `Dataset.sha256` of the files as published.
_SHA256 = {
    "reed98": "ecde407ef1004971c9fae93a7abc537d1d10bfacedc956448bcbd72004f22d0f",
    "amherst41": "c55a82964af418ae85f048bc7eee1573190c5ad36731501f41d8c1bf06085534",
    "cornell5": "3af2e6b6a5f4d0bd9e72ff4ea84dc9d450acae23f40c7e4e3636de3b6019ca4b",
    "johnshopkins55": "7382db49ed68f4d63eff51e11daa059d31a8bf35c428f6d8eec5fc50e21585e1",
}


def _linkx() -> tuple[DatasetInfo, ...]:
    """The counts of penn94 and genius are those published of them (features and edges without repeats: as later papers
    have them); the others' were counted on the files."""
    source = "Lim et al., NeurIPS 2021, https://github.com/CUAI/Non-Homophily-Large-Scale"
    friends = "Friends, by gender; -1 is unknown. Every other field of a user one-hot."
    rows = [
        ("penn94", "Facebook friends: Penn", 41554, 2724458, 4814, False),
        ("reed98", "Facebook friends: Reed", 962, 37624, 745, True),
        ("amherst41", "Facebook friends: Amherst", 2235, 181908, 1193, True),
        ("cornell5", "Facebook friends: Cornell", 18660, 1581554, 4735, True),
        ("johnshopkins55", "Facebook friends: Johns Hopkins", 5180, 373172, 2406, True),
        ("genius", "Users of Genius", 421961, 1845736, 12, False),
    ]
    drawn = ("random-60-20-20", "sealed-60-20-20")
    return tuple(
        one_graph(name, title, ("public", *drawn) if name == "penn94" else drawn, source, f".loader:{loader}",
                  metric="roc_auc" if name == "genius" else "accuracy", nodes=nodes, edges=edges, features=features,
                  classes=2, checked=checked, sha256=_SHA256.get(name),
                  note="Marked users. Links made edges, as its authors do." if name == "genius" else friends)
        for name, title, nodes, edges, features, checked in rows
        for loader in ["genius" if name == "genius" else "friends"]
    )  # fmt: skip


INFO = _linkx()
