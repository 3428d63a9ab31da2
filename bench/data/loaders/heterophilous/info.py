"""The heterophilous graphs."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, one_graph

#: `Dataset.sha256` of the files as published.
_SHA256 = {
    "minesweeper": "58ef56d070ca3f659bdc528d8c3a30a0504b9bb7c4c7a27c94171186f968ccc6",
    "tolokers": "cb40ac9f944273e060de8bf6e368c26ce220232ca9b31153549859b244db5862",
}


def _heterophilous() -> tuple[DatasetInfo, ...]:
    source = "Platonov et al., ICLR 2023, https://github.com/yandex-research/heterophilous-graphs"
    rows = [
        ("roman-empire", "Words of the article Roman Empire", 22662, 65854, 300, 18),
        ("amazon-ratings", "Products by rating", 24492, 186100, 300, 5),
        ("minesweeper", "Minesweeper on a grid", 10000, 78804, 7, 2),
        ("tolokers", "Banned workers of Toloka", 11758, 1038000, 10, 2),
        ("questions", "Active users of Yandex Q", 48921, 307080, 301, 2),
    ]
    return tuple(
        one_graph(name, title, ("public", "random-60-20-20", "sealed-60-20-20"), source, ".loader:heterophilous",
               metric="roc_auc" if classes == 2 else "accuracy", nodes=nodes, edges=edges, features=features,
               classes=classes, note="Ten published splits, 50/25/25.", sha256=_SHA256.get(name))
        for name, title, nodes, edges, features, classes in rows
    )  # fmt: skip


INFO = _heterophilous()
