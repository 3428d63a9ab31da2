"""Point clouds as graphs without edges, features being coordinates: `shapes`, generated here, and ModelNet."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.loaders.arrays import steady
from graph_distillery.bench.data.randomness import Stream
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.contract.graph import Graph

Array = NDArray[np.float64]


def _round(angle: Array, radius: Array, height: Array) -> Array:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=-1)


def _cube(u: Array, v: Array, w: Array) -> Array:
    face = np.floor(6 * w).astype(np.int64)
    corner = np.stack([np.where(face % 2 == 0, 1.0, -1.0), 2 * u - 1, 2 * v - 1], axis=-1)
    turned = [np.roll(corner, axis, axis=-1) for axis in range(3)]
    return np.stack(turned)[face // 2, np.arange(len(u))[:, None], np.arange(u.shape[1])]


def _torus(u: Array, v: Array, w: Array) -> Array:
    """The angle around the tube has a density of 2 + cos, by which the area grows outwards."""
    tube = 2 * np.pi * v
    for _ in range(8):  # Newton's steps for 2 t + sin t = 4 pi v
        tube = tube - (2 * tube + np.sin(tube) - 4 * np.pi * v) / (2 + np.cos(tube))
    return _round(2 * np.pi * u, 1 + 0.5 * np.cos(tube), 0.5 * np.sin(tube))


#: Numbers in [0, 1), [clouds, points] each, to points of a surface, [clouds, points, 3]. Near to uniform by area.
SURFACES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "sphere": lambda u, v, w: _round(2 * np.pi * u, np.sqrt(1 - (2 * v - 1) ** 2), 2 * v - 1),
    "hemisphere": lambda u, v, w: _round(2 * np.pi * u, np.sqrt(1 - v**2), v),
    "cube": _cube,
    "cylinder": lambda u, v, w: _round(2 * np.pi * u, np.ones_like(u), 2.4 * v - 1.2),
    "cone": lambda u, v, w: _round(2 * np.pi * u, np.sqrt(v), 1.8 * np.sqrt(v)),
    "torus": _torus,
    "saddle": lambda u, v, w: np.stack([2 * u - 1, 2 * v - 1, (2 * u - 1) ** 2 - (2 * v - 1) ** 2], axis=-1),
    "helicoid": lambda u, v, w: _round(3 * np.pi * u, 2 * v - 1, 3 * u - 1.5),
}


def shapes(
    name: str = "shapes",
    clouds: int = 400,
    points: int = 256,
    noise: float = 0.04,
    stretch: float = 0.25,
    seed: int = 0,
) -> Dataset:
    """Points on eight kinds of surface, each cloud stretched, turned and blurred at random; the class is the kind.

    The axes are scaled by 1 - stretch to 1 + stretch, then the cloud is turned by a rotation uniform over all, gets
    normal noise of deviation `noise`, and is centred and scaled into the unit sphere. Features are the coordinates.
    """
    kinds = len(SURFACES)
    if clouds < kinds or points < 2 or noise < 0 or not 0 <= stretch < 1:
        raise UserError(
            f"{name}: needs {kinds} clouds or more, 2 points or more, noise >= 0 and 0 <= stretch < 1; got "
            f"clouds {clouds}, points {points}, noise {noise}, stretch {stretch}"
        )
    stream = Stream(seed, "shapes")
    labels = stream.permutation(clouds) % kinds
    numbers = stream.uniform(3, clouds, points)
    cloud = np.empty((clouds, points, 3))
    for label, surface in enumerate(SURFACES.values()):
        mine = labels == label
        cloud[mine] = surface(*numbers[:, mine])
    cloud *= 1 + stretch * (2 * stream.uniform(clouds, 1, 3) - 1)
    cloud = np.einsum("cij,cpj->cpi", _rotations(stream.normal(clouds, 4)), cloud)
    cloud += noise * stream.normal(clouds, points, 3)
    return _dataset(name, steady(into_unit_sphere(cloud)), torch.from_numpy(labels), kinds)


def modelnet(name: str, raw: RawFiles, title: str, points: int = 1024) -> Dataset:
    """ModelNet10 or ModelNet40 (Wu et al., CVPR 2015): points drawn from the meshes by area, in the unit sphere.

    The archive is the one that PyG's loader downloads, read by PyG's parser in the order of file names. The `public`
    split keeps the published test meshes; every tenth training mesh of a class validates, as none is set aside.
    """
    from torch_geometric.data import download_url
    from torch_geometric.datasets import ModelNet
    from torch_geometric.io.off import parse_off

    file = f"{title}.zip"
    url = ModelNet.urls[title.removeprefix("ModelNet")]
    folder = raw.obtain(
        "ModelNet", [file], lambda to: download_url(url, str(to / "ModelNet"), log=False, filename=file)
    )
    path = folder / file
    raw.carriers = dict.fromkeys(("graphs", "nodes", "classes", "features"), path)
    clouds, classes, in_test = [], [], []
    stream = Stream(0, name)
    with raw.blame(path), zipfile.ZipFile(path) as archive:
        meshes = _meshes(archive.namelist(), title)
        names = sorted({category for category, _, _ in meshes})
        for category, part, member in meshes:
            mesh = parse_off(archive.read(member).decode("ascii").splitlines())
            clouds.append(sample_surface(mesh.pos.double().numpy(), mesh.face.T.numpy(), points, stream))
            classes.append(names.index(category))
            in_test.append(part == "test")
        if not any(in_test) or all(in_test):
            raise ValueError("it holds no meshes of train, or none of test")
    cloud = steady(into_unit_sphere(np.stack(clouds)))
    labels = np.array(classes)
    return _dataset(name, cloud, torch.from_numpy(labels), len(names), _public(labels, np.array(in_test)))


def _meshes(members: list[str], title: str) -> list[tuple[str, str, str]]:
    """Category, part and member of every mesh, in the order of these names."""
    found = []
    for member in members:
        parts = PurePosixPath(member).parts
        if len(parts) == 4 and parts[0] == title and parts[2] in ("train", "test") and member.endswith(".off"):
            found.append((parts[1], parts[2], member))
    if not found:
        raise ValueError(f"no member is called {title}/CATEGORY/train/NAME.off")
    return sorted(found)


def sample_surface(vertices: Array, faces: NDArray[np.int64], points: int, stream: Stream) -> Array:
    """[points, 3], uniform over the area of the triangles; vertices [vertices, 3], faces [faces, 3]."""
    corners = vertices[faces]
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.linalg.norm(np.cross(one, other), axis=1)
    heights = np.cumsum(area)
    if not heights.size or not heights[-1] > 0:
        raise ValueError("a mesh without area")
    face = np.searchsorted(heights, stream.uniform(points) * heights[-1], side="right").clip(max=len(faces) - 1)
    u, v = stream.uniform(2, points, 1)
    folded = u + v > 1
    u, v = np.where(folded, 1 - u, u), np.where(folded, 1 - v, v)
    found: Array = corners[face, 0] + u * one[face] + v * other[face]
    return found


def into_unit_sphere(clouds: Array) -> Array:
    """[clouds, points, 3], each centred on the mean of its points and scaled so that the outermost is at distance 1."""
    centred: Array = clouds - clouds.mean(axis=1, keepdims=True)
    outermost = np.linalg.norm(centred, axis=2).max(axis=1)[:, None, None]
    return centred / np.maximum(outermost, 1e-12)


def _rotations(quaternions: Array) -> Array:
    """[count, 4] normal numbers -> [count, 3, 3] rotations, uniform (Shoemake, 1992)."""
    a, b, c, d = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (c * c + d * d), 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), 1 - 2 * (b * b + d * d), 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), 1 - 2 * (b * b + c * c)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def _public(labels: NDArray[np.int64], in_test: NDArray[np.bool_]) -> dict[str, list[tuple[Tensor, Tensor, Tensor]]]:
    training = np.flatnonzero(~in_test)
    by_class = training[np.argsort(labels[training], kind="stable")]
    validates = np.arange(len(by_class)) % 10 == 9
    parts = (by_class[~validates], by_class[validates], np.flatnonzero(in_test))
    train, val, test = (torch.from_numpy(np.sort(part)) for part in parts)
    return {"public": [(train, val, test)]}


def _dataset(
    name: str,
    clouds: Array,
    labels: Tensor,
    classes: int,
    splits: dict[str, list[tuple[Tensor, Tensor, Tensor]]] | None = None,
) -> Dataset:
    count, points, _ = clouds.shape
    features = torch.from_numpy(clouds.reshape(count * points, 3).astype(np.float32))
    pointers = torch.arange(0, count * points + 1, points)
    graph = Graph(features, torch.empty(2, 0, dtype=torch.long), pointers)
    return Dataset.build(name, "graph-classification", "accuracy", graph, labels, classes, splits)
