"""The sets of GraphSAINT, and GraphSAGE's Reddit."""

from __future__ import annotations

from typing import Any

from graph_distillery.bench.data.info import DatasetInfo

_SAINT = "Zeng et al., ICLR 2020, https://github.com/GraphSAINT/GraphSAINT"
_SPLITS = ("public", "random-60-20-20", "sealed-60-20-20")


def _entry(name: str, title: str, target: str, source: str, many: bool = False, **more: Any) -> DatasetInfo:
    task, metric = ("node-multilabel", "micro_f1") if many else ("node-classification", "accuracy")
    return DatasetInfo(name, title, task, metric, _SPLITS, source, "download", target, **more)


#: The counts are those of PyG's tables; of yelp's 13,954,819 arcs one is a self-loop, as there are 6,977,410 edges.
INFO = (
    _entry(
        "flickr", "Images of Flickr", ".loader:saint", _SAINT, options={"family": "Flickr"},
        nodes=89250, edges=899756, features=500, classes=7,
    ),
    _entry(
        "reddit", "Posts of Reddit", ".loader:reddit", "Hamilton et al., NeurIPS 2017, https://snap.stanford.edu/graphsage",
        nodes=232965, edges=114615892, features=602, classes=41,
    ),
    _entry(
        "reddit2", "Posts of Reddit, sparser", ".loader:saint", _SAINT, options={"family": "Reddit2"},
        nodes=232965, edges=23213838, features=602, classes=41,
    ),
    _entry(
        "yelp", "Reviewers of Yelp", ".loader:saint", _SAINT, many=True, options={"family": "Yelp"},
        nodes=716847, edges=13954818, features=300, classes=100,
    ),
    _entry(
        "amazon-products", "Products of Amazon", ".loader:saint", _SAINT, many=True,
        options={"family": "AmazonProducts"}, nodes=1569960, edges=264339468, features=200, classes=107,
    ),
)  # fmt: skip
