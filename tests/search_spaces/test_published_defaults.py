"""Trial 0 is what was published: the spaces' defaults against the settings that the papers' code ships."""

from __future__ import annotations

import pytest

from graph_distillery.search_spaces import load_space

Row = tuple[str, str | None, str | None, dict[str, float | int | str | bool]]
GLNN_NET = {"layers": 2, "hidden": 128, "norm": "none", "batch_size": 512}
LARGE_NET = {"layers": 3, "hidden": 256, "norm": "batch"}
#: Model, dataset, split, settings: GLNN's train.conf.yaml, the GAT paper (3.3), GPR-GNN's and the framelet code.
PUBLISHED: list[Row] = [
    ("mlp", "cora", "cpf", {"lr": 0.01, "weight_decay": 0.005, "dropout": 0.6, **GLNN_NET}),
    ("mlp", "citeseer", "cpf", {"lr": 0.01, "weight_decay": 0.001, "dropout": 0.1, **GLNN_NET}),
    ("mlp", "pubmed", "cpf", {"lr": 0.005, "weight_decay": 0.0, "dropout": 0.4, **GLNN_NET}),
    ("mlp", "amazon-computers", "cpf", {"lr": 0.001, "weight_decay": 0.002, "dropout": 0.3, **GLNN_NET}),
    ("mlp", "amazon-photo", "cpf", {"lr": 0.005, "weight_decay": 0.002, "dropout": 0.3, **GLNN_NET}),
    ("mlp", "ogbn-arxiv", "ogb", {"lr": 0.01, "weight_decay": 0.0, "dropout": 0.2, **LARGE_NET}),
    ("mlp", "ogbn-products", "ogb", {"dropout": 0.5, "batch_size": 4096, **LARGE_NET}),
    ("sage", None, None, {"layers": 2, "hidden": 128, "dropout": 0.0, "lr": 0.01, "weight_decay": 0.0005,
                          "aggregator": "gcn", "epochs": 200, "patience": 50}),
    ("sage", "ogbn-arxiv", "ogb", {"lr": 0.01, "weight_decay": 0.0, "dropout": 0.2, **LARGE_NET}),
    ("sage", "ogbn-products", "ogb", {"lr": 0.003, "dropout": 0.5, "epochs": 40, "patience": 10, **LARGE_NET}),
    ("gcn", None, None, {"layers": 2, "hidden": 64, "dropout": 0.8, "lr": 0.01, "weight_decay": 0.001}),
    ("gat", None, None, {"layers": 2, "hidden": 64, "heads": 8, "dropout": 0.6, "attention_dropout": 0.3,
                         "lr": 0.01, "weight_decay": 0.01}),
    ("gat", "chameleon", "geom-gcn", {"weight_decay": 0.0005}),
    ("gat", "ppi", "graphs", {"layers": 3, "hidden": 1024, "heads": 4, "residual": True, "dropout": 0.0,
                              "attention_dropout": 0.0, "lr": 0.005, "weight_decay": 0.0}),
    ("appnp", None, None, {"hidden": 64, "dropout": 0.5, "alpha": 0.1, "lr": 0.01, "weight_decay": 0.01}),
    ("gcnii", "cora", "public", {"layers": 66, "hidden": 64, "dropout": 0.6, "alpha": 0.1, "decay": 0.5, "lr": 0.01}),
    ("gcnii", "citeseer", "cpf", {"layers": 34, "hidden": 256, "dropout": 0.7, "alpha": 0.1, "decay": 0.6}),
    ("gcnii", "pubmed", "public", {"layers": 18, "hidden": 256, "dropout": 0.5, "alpha": 0.1, "decay": 0.4}),
    ("gcnii", "texas", "geom-gcn", {"layers": 34, "dropout": 0.5, "alpha": 0.5, "decay": 1.5, "weight_decay": 0.0001}),
    ("sign", None, None, {"hops": 3, "hidden": 256, "norm": "batch", "lr": 0.01, "weight_decay": 0.0}),
    ("sign", "ogbn-arxiv", "ogb", {"hops": 5, "hidden": 512, "dropout": 0.5, "lr": 0.001}),
    ("ga-mlp", None, None, {"layers": 4, "hidden": 64, "dropout": 0.0, "norm": "batch", "lr": 0.008, "batch_size": 32}),
    ("spat-ufg", None, None, {"layers": 2, "hidden": 8, "dropout": 0.0, "lr": 0.01, "weight_decay": 0.01,
                              "epochs": 500, "patience": 50}),
    ("fmlp-o", None, None, {"hidden": 8, "dropout": 0.1, "epochs": 200}),
    ("fmlp-s", None, None, {"hidden": 8, "dropout": 0.0, "epochs": 500}),
]  # fmt: skip


@pytest.mark.parametrize(("model", "dataset", "split", "settings"), PUBLISHED)
def test_defaults_are_the_published_settings(
    model: str, dataset: str | None, split: str | None, settings: dict[str, float | int | str | bool]
) -> None:
    found = load_space("model", model).defaults(dataset, split)
    assert {name: found[name] for name in settings} == settings
