"""The heterophilous graphs of Platonov et al. (ICLR 2023)."""

from __future__ import annotations

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.node_files import mask_splits, node_dataset
from graph_distillery.bench.data.raw_files import RawFiles, check_npz


def heterophilous(name: str, raw: RawFiles) -> Dataset:
    """The five sets of Platonov et al. (ICLR 2023) with their ten 50/25/25 splits, called `public` here."""
    from torch_geometric.datasets import HeterophilousGraphDataset

    folder_name = name.replace("-", "_")
    family, file = "HeterophilousGraphDataset", f"{folder_name}.npz"
    folder = raw.obtain(
        f"{family}/{folder_name}/raw", [file], lambda to: HeterophilousGraphDataset(str(to / family), name)
    )
    check_npz(raw, folder / file)
    raw.carriers = dict.fromkeys(("nodes", "edges", "features", "classes"), folder / file)
    with raw.blame(folder / file):
        data = HeterophilousGraphDataset(str(raw.root / family), name, force_reload=True)[0]
    return node_dataset(name, data.x, data.edge_index, data.y, {"public": mask_splits(data)})
