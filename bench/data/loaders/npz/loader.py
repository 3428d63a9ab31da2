"""Graphs that come as one `.npz` file each, without a published split."""

from __future__ import annotations

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.node_files import node_dataset
from graph_distillery.bench.data.raw_files import RawFiles, check_npz


def npz_graph(name: str, raw: RawFiles, family: str, title: str, file: str) -> Dataset:
    """Coauthor, Amazon (Shchur et al., 2018) or CitationFull (Bojchevski and Günnemann, ICLR 2018)."""
    from torch_geometric import datasets

    maker = getattr(datasets, family)
    folder_name = title.lower() if family == "CitationFull" else title
    place = f"{family}/{folder_name}/raw"
    folder = raw.obtain(place, [file], lambda to: maker(str(to / family), title))
    check_npz(raw, folder / file)
    raw.carriers = dict.fromkeys(("nodes", "edges", "features", "classes"), folder / file)
    with raw.blame(folder / file):
        data = maker(str(raw.root / family), title, force_reload=True)[0]
    return node_dataset(name, data.x, data.edge_index, data.y)
