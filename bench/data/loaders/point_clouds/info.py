"""Point clouds: generated surfaces, and ModelNet."""

from __future__ import annotations

from dataclasses import replace

from graph_distillery.bench.data.info import DatasetInfo


def _shapes() -> tuple[DatasetInfo, ...]:
    clouds = DatasetInfo(
        "shapes", "Point clouds of eight surfaces", "graph-classification", "accuracy", ("holdout-70-30", "kfold-10"),
        "Generated here", "generated", ".loader:shapes",
        note="Noisy, stretched and turned at random; 256 points a cloud, no edges, features are coordinates.",
        nodes=102400, edges=0, features=3, classes=8, graphs=400,
    )  # fmt: skip
    few = {"clouds": 160, "points": 64, "noise": 0.01, "stretch": 0.1}
    note = "Fewer, sparser and clearer clouds: for tests."
    return clouds, replace(clouds, name="shapes-small", options=few, note=note, nodes=10240, graphs=160)


def _modelnet() -> tuple[DatasetInfo, ...]:
    return tuple(
        DatasetInfo(
            f"modelnet{classes}", f"ModelNet{classes}: CAD models as point clouds", "graph-classification", "accuracy",
            ("public", "holdout-70-30", "kfold-10"), "Wu et al., CVPR 2015, https://modelnet.cs.princeton.edu",
            "download", ".loader:modelnet", options={"title": f"ModelNet{classes}"},
            note="1,024 points a mesh, in the unit sphere; no edges. A tenth of the training meshes validates.",
            nodes=1024 * graphs, edges=0, features=3, classes=classes, graphs=graphs,
        )
        for classes, graphs in ((10, 4899), (40, 12311))
    )  # fmt: skip


INFO = (*_shapes(), *_modelnet())
