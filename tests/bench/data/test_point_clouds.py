"""Generated surfaces against their equations, and ModelNet's archive in small."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from graph_distillery.bench.data.loaders.point_clouds.loader import (
    SURFACES,
    _rotations,
    into_unit_sphere,
    sample_surface,
    shapes,
)
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.randomness import Stream
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.errors import UserError

RESIDUALS = {
    "sphere": lambda x, y, z: x**2 + y**2 + z**2 - 1,
    "hemisphere": lambda x, y, z: x**2 + y**2 + z**2 - 1,
    "cube": lambda x, y, z: np.maximum(abs(x), np.maximum(abs(y), abs(z))) - 1,
    "cylinder": lambda x, y, z: x**2 + y**2 - 1,
    "cone": lambda x, y, z: x**2 + y**2 - (z / 1.8) ** 2,
    "torus": lambda x, y, z: (np.hypot(x, y) - 1) ** 2 + z**2 - 0.25,
    "saddle": lambda x, y, z: x**2 - y**2 - z,
    "helicoid": lambda x, y, z: x * np.sin(2 * np.pi * (z + 1.5) / 2) - y * np.cos(2 * np.pi * (z + 1.5) / 2),
}


@pytest.mark.parametrize("kind", SURFACES)
def test_points_lie_on_their_surface(kind: str) -> None:
    points = SURFACES[kind](*Stream(0, "test").uniform(3, 5, 4000))
    assert points.shape == (5, 4000, 3)
    assert np.abs(RESIDUALS[kind](*np.moveaxis(points, 2, 0))).max() < 1e-6


@pytest.mark.parametrize(
    ("kind", "share"),
    [
        # Of the area: above a height of 1/2 a quarter of the sphere (Archimedes); a sixth of a cube on each face; a
        # quarter of a cone below half its height; of the torus outside the circle of its tubes 1/2 + r / (pi R).
        ("sphere", (lambda x, y, z: z > 0.5, 0.25)),
        ("hemisphere", (lambda x, y, z: z > 0.5, 0.5)),
        ("cube", (lambda x, y, z: y == -1, 1 / 6)),
        ("cone", (lambda x, y, z: z < 0.9, 0.25)),
        ("torus", (lambda x, y, z: np.hypot(x, y) > 1, 0.5 + 0.5 / np.pi)),
    ],
)
def test_points_are_uniform_by_area(kind: str, share: tuple) -> None:
    points = SURFACES[kind](*Stream(0, "test").uniform(3, 5, 20_000))
    inside, expected = share
    assert inside(*np.moveaxis(points, 2, 0)).mean() == pytest.approx(expected, abs=0.006)


def test_rotations_turn_and_are_uniform() -> None:
    turned = _rotations(Stream(0, "test").normal(20_000, 4))
    assert np.allclose(turned @ turned.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.linalg.det(turned), 1)
    assert np.abs(turned.mean(axis=0)).max() < 0.02
    assert np.abs((turned**2).mean(axis=0) - 1 / 3).max() < 0.01


def test_shapes_are_clouds_in_the_unit_sphere_without_edges() -> None:
    dataset = shapes(clouds=24, points=100)
    assert dataset.labels.bincount().tolist() == [3] * 8
    clouds = dataset.graph.dense_features().view(24, 100, 3)
    assert dataset.graph.num_edges == 0
    torch.testing.assert_close(clouds.norm(dim=2).max(dim=1).values, torch.ones(24), atol=1e-3, rtol=0)
    assert float(clouds.mean(dim=1).abs().max()) < 1e-3
    assert shapes(clouds=24, points=100, seed=1).sha256 != dataset.sha256
    with pytest.raises(UserError, match="needs 8 clouds or more"):
        shapes(clouds=7)


def test_sampling_is_uniform_over_triangles_and_refuses_flat_ones() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5], [3, 0, 5], [0, 2, 5]])
    faces = np.array([[0, 1, 2], [3, 4, 5]])  # areas 1/2 and 3
    points = sample_surface(vertices, faces, 70_000, Stream(0, "test"))
    low = points[points[:, 2] == 0]
    assert len(low) / len(points) == pytest.approx(1 / 7, abs=0.005)
    assert low.mean(axis=0) == pytest.approx([1 / 3, 1 / 3, 0], abs=0.01)
    assert (low[:, 0] < 0.5).mean() == pytest.approx(3 / 4, abs=0.015)
    assert float((low[:, 0] + low[:, 1]).max()) <= 1
    with pytest.raises(ValueError, match="without area"):
        sample_surface(vertices[:3], np.array([[0, 1, 1]]), 10, Stream(0, "test"))


def test_the_unit_sphere_takes_a_single_point() -> None:
    assert into_unit_sphere(np.ones((1, 4, 3))).tolist() == np.zeros((1, 4, 3)).tolist()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None) -> Path:
    monkeypatch.setenv("DISTILLERY_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror/ModelNet").mkdir(parents=True)
    return tmp_path / "mirror"


def write_modelnet(path: Path) -> None:
    """Two categories of boxes, long and flat; one file has the header that many of the real ones have."""
    corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/ModelNet10/._x.off", "junk")
        archive.writestr("ModelNet10/README.txt", "junk")
        for category, scale in (("night_stand", (9, 1, 1)), ("bed", (5, 5, 0.5))):
            for part, numbers in (("train", range(1, 21)), ("test", range(21, 26))):
                for number in numbers:
                    lines = [" ".join(str(c * s) for c, s in zip(corner, scale, strict=True)) for corner in corners]
                    lines += [" ".join(map(str, (3, *face))) for face in triangles]
                    head = "OFF8 12 0" if number % 2 else "OFF\n8 12 0"
                    name = f"ModelNet10/{category}/{part}/{category}_{number:04}.off"
                    archive.writestr(name, "\n".join([head, *lines]) + "\n")


def test_modelnet(place: Path, tmp_path: Path) -> None:
    archive = place / "ModelNet/ModelNet10.zip"
    write_modelnet(archive)
    dataset = load_dataset("modelnet10", tmp_path / "data")
    assert (dataset.num_items, dataset.num_classes, dataset.graph.num_nodes) == (50, 2, 50 * 1024)
    clouds = dataset.graph.dense_features().view(50, 1024, 3)
    thin = clouds.amax(dim=1) - clouds.amin(dim=1)
    flat = thin[:, 0] < 1.6  # a bed is broader than long
    assert torch.equal(flat, dataset.labels == 0)
    _, split = make_split(dataset, "public", 3)
    assert (split.train.numel(), split.val.numel(), split.test.numel()) == (36, 4, 10)
    assert dataset.labels[split.val].bincount().tolist() == [2, 2]
    assert dataset.labels[split.test].bincount().tolist() == [5, 5]
    assert load_dataset("modelnet10", tmp_path / "data").sha256 == dataset.sha256
    assert load_dataset("modelnet10", tmp_path / "again").sha256 == dataset.sha256


@pytest.mark.parametrize("fault", ["cut", "empty", "strange"])
def test_a_damaged_archive_is_named(fault: str, place: Path, tmp_path: Path) -> None:
    archive = place / "ModelNet/ModelNet10.zip"
    write_modelnet(archive)
    if fault == "cut":
        archive.write_bytes(archive.read_bytes()[:-100])
    else:
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("other/file.txt" if fault == "empty" else "ModelNet10/bed/train/bed_0001.off", "OFF\n1 1\n")
    with pytest.raises(UserError, match=r"ModelNet10\.zip is damaged") as caught:
        load_dataset("modelnet10", tmp_path / "data")
    assert "\n" not in str(caught.value)


def test_an_absent_archive_is_told_in_one_line(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing ModelNet40\.zip in ModelNet") as caught:
        load_dataset("modelnet40", tmp_path / "data")
    assert "\n" not in str(caught.value)
