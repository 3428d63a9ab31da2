"""The heterophilous graphs."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, one_graph

#: `Dataset.sha256` of the files as published.
_SHA256 = {
    "minesweeper": "58ef56d070ca3f659bdc528d8c3a30a0504b9bb7c4c7a27c94171186f968ccc6",
    "tolokers": "cb40ac9f944273e060de8bf6e368c26ce220232ca9b31153549859b244db5862",
    "chameleon-filtered": "ade15ae44b8ded533d5b9d97e26285841346fa2af3df35f7dccc1eb7846cb499",
    "squirrel-filtered": "bc8ef8cb26cfae30e0dc30fa1b156f255d2bd7aa03ca6e3afc782fe3ddc48758",
}


def _heterophilous() -> tuple[DatasetInfo, ...]:
    source = "Platonov et al., ICLR 2023, https://github.com/yandex-research/heterophilous-graphs"
    filtered = "Without the duplicated nodes, which cannot be told from the five classes: it has a file of its own."
    rows = [
        ("roman-empire", "Words of the article Roman Empire", 22662, 65854, 300, 18, ""),
        ("amazon-ratings", "Products by rating", 24492, 186100, 300, 5, ""),
        ("minesweeper", "Minesweeper on a grid", 10000, 78804, 7, 2, ""),
        ("tolokers", "Banned workers of Toloka", 11758, 1038000, 10, 2, ""),
        ("questions", "Active users of Yandex Q", 48921, 307080, 301, 2, ""),
        ("chameleon-filtered", "Wikipedia: chameleons, filtered", 890, 17708, 2325, 5, filtered),
        ("squirrel-filtered", "Wikipedia: squirrels, filtered", 2223, 93996, 2089, 5, filtered),
    ]
    return tuple(
        one_graph(name, title, ("public", "random-60-20-20", "sealed-60-20-20"), source, ".loader:heterophilous",
               metric="roc_auc" if classes == 2 else "accuracy", nodes=nodes, edges=edges, features=features,
               classes=classes, licence="MIT, as its repository", sha256=_SHA256.get(name),
               note=f"Ten published splits, {'48/32/20' if more else '50/25/25'}. Edges, as its authors and tunedGNN "
                    f"(Luo et al., 2024) run it. {more}".strip())
        for name, title, nodes, edges, features, classes, more in rows
    )  # fmt: skip


INFO = _heterophilous()
