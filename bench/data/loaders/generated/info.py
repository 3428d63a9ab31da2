"""The datasets that are generated from a seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graph_distillery.bench.data.info import DatasetInfo, one_graph


def _generated() -> tuple[DatasetInfo, ...]:
    model = "Contextual stochastic block model"
    source = "Deshpande et al., NeurIPS 2018, https://arxiv.org/abs/1807.09596"
    rows: list[tuple[str, str, dict[str, Any], int]] = [
        ("csbm", model, {}, 1000),
        ("csbm-homophilic", f"{model}, homophily 0.9", {"nodes": 2000, "homophily": 0.9}, 2000),
        ("csbm-heterophilic", f"{model}, homophily 0.05", {"nodes": 2000, "homophily": 0.05}, 2000),
    ]
    blocks = [
        one_graph(name, title, ("random-60-20-20", "cpf", "sealed-20-30", "sealed-60-20-20"), source,
               ".blocks:csbm", kind="generated", options=options, nodes=nodes, edges=10 * nodes, features=32, classes=4)
        for name, title, options, nodes in rows
    ]  # fmt: skip
    motifs = DatasetInfo(
        "motifs", "Trees with a planted motif", "graph-classification", "accuracy", ("kfold-10", "holdout-70-30"),
        "Generated here, after Ying et al., NeurIPS 2019", "generated", ".unions:motifs",
        note="Classes: cycle, house and clique on five nodes.", features=10, classes=3, graphs=600,
    )  # fmt: skip
    large = DatasetInfo(
        "multi-sbm", "24 block models with 121 labels", "node-multilabel", "micro_f1", ("graphs",),
        "Generated here; shaped like PPI (Hamilton et al., NeurIPS 2017)", "generated",
        ".unions:multi_sbm", note="20 graphs train, 2 validate, 2 test.",
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
    return (*blocks, motifs, large, small)


INFO = _generated()
