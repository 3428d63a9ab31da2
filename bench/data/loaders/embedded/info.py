"""The datasets that need no download."""

from __future__ import annotations

from graph_distillery.bench.data.info import DatasetInfo, one_graph


def _embedded() -> tuple[DatasetInfo, ...]:
    digits = one_graph(
        "digits-knn",
        "Handwritten digits, joined to their nearest neighbours",
        ("cpf", "random-60-20-20", "planetoid-random", "sealed-20-30", "sealed-60-20-20"),
        "UCI optdigits, as shipped with scikit-learn",
        ".loader:digits_knn",
        kind="embedded",
        licence="CC BY 4.0",
        note="A real dataset that needs no download; `distillery demo` runs on it.",
        nodes=1797,
        edges=12618,
        features=64,
        classes=10,
    )
    karate = one_graph(
        "karate",
        "Zachary's karate club",
        ("public", "random-60-20-20", "sealed-60-20-20"),
        "Zachary, J. Anthropological Research 1977; communities as in Kipf and Welling, ICLR 2017",
        ".loader:karate",
        kind="embedded",
        note="34 nodes: for smoke tests, not for conclusions. Features are the identity matrix.",
        nodes=34,
        edges=156,
        features=34,
        classes=4,
    )
    return (digits, karate)


INFO = _embedded()
