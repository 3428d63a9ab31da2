"""Raw files that are missing, cut off, or changed; caches that rot; processes that load at once."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graph_distillery.bench.data import cache
from graph_distillery.bench.data.loading import load_dataset
from graph_distillery.bench.data.splits import make_split
from graph_distillery.bench.errors import UserError
from graph_distillery.methods.registry import UnknownNameError

FOLDERS = {
    "cora": ["Planetoid/Cora"],
    "texas": ["WebKB/texas"],
    "amazon-photo": ["Amazon/Photo"],
    "mutag": ["TUDataset/MUTAG"],
    "enzymes": ["TUDataset/ENZYMES"],
    "imdb-binary": ["TUDataset/IMDB-BINARY"],
}
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def copy(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a private mirror with one dataset, and points the suite at it."""

    def copied(name: str) -> Path:
        place = tmp_path / "mirror"
        for folder in FOLDERS[name]:
            shutil.copytree(mirror / folder, place / folder, copy_function=shutil.copyfile)
            for path in [place / folder, *(place / folder).rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)
        monkeypatch.setenv("DISTILLERY_MIRROR", str(place))
        return place

    return copied


def refusal(name: str, root: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_dataset(name, root)
    message = str(caught.value)
    assert "\n" not in message
    return message


CUTS = [
    ("cora", "Planetoid/Cora/raw/ind.cora.allx"),
    ("cora", "Planetoid/Cora/raw/ind.cora.graph"),
    ("cora", "Planetoid/Cora/raw/ind.cora.ty"),
    ("cora", "Planetoid/Cora/raw/ind.cora.test.index"),
    ("cora", "Planetoid/Cora/geom-gcn/raw/cora_split_0.6_0.2_3.npz"),
    ("texas", "WebKB/texas/raw/out1_graph_edges.txt"),
    ("texas", "WebKB/texas/raw/out1_node_feature_label.txt"),
    ("texas", "WebKB/texas/raw/texas_split_0.6_0.2_7.npz"),
    ("amazon-photo", "Amazon/Photo/raw/amazon_electronics_photo.npz"),
    ("mutag", "TUDataset/MUTAG/raw/MUTAG_A.txt"),
    ("mutag", "TUDataset/MUTAG/raw/MUTAG_graph_indicator.txt"),
    ("mutag", "TUDataset/MUTAG/raw/MUTAG_graph_labels.txt"),
    ("mutag", "TUDataset/MUTAG/raw/MUTAG_node_labels.txt"),
    ("enzymes", "TUDataset/ENZYMES/raw/ENZYMES_node_attributes.txt"),
    ("imdb-binary", "TUDataset/IMDB-BINARY/raw/IMDB-BINARY_graph_indicator.txt"),
]


WAYS = ("empty", "half", "last line", "last bytes")
#: Each file is cut in one way, of which the slow tests try all.
TRUNCATED = [
    pytest.param(*cut, way, marks=[] if (number + place) % len(WAYS) == 0 else [pytest.mark.slow])
    for number, cut in enumerate(CUTS)
    for place, way in enumerate(WAYS)
]


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(("name", "file", "cut"), TRUNCATED)
def test_a_truncated_file_is_named_and_its_repair_heals(name: str, file: str, cut: str, copy, tmp_path) -> None:
    path = copy(name) / file
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    parts = {"empty": b"", "half": whole[: len(whole) // 2], "last bytes": whole[:-3]}
    parts["last line"] = b"".join(lines[:-1])
    path.write_bytes(parts[cut])
    assert path.name in refusal(name, tmp_path / "data")
    path.write_bytes(whole)
    load_dataset(name, tmp_path / "data")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cora", "Planetoid/Cora/raw/ind.cora.tx"),
        ("texas", "WebKB/texas/raw/texas_split_0.6_0.2_7.npz"),
        ("mutag", "TUDataset/MUTAG/raw/MUTAG_node_labels.txt"),
    ],
)
def test_a_missing_file_is_named_with_the_way_to_get_it(name: str, file: str, copy, tmp_path) -> None:
    path = copy(name) / file
    path.unlink()
    message = refusal(name, tmp_path / "data")
    assert path.name in message
    assert "DISTILLERY_MIRROR" in message
    assert not list((tmp_path / "data").glob(".download-*"))


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", ["citeseer", "coauthor-physics", "minesweeper", "ppi", "collab", "squirrel"])
def test_without_mirror_and_network_the_files_are_named(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("DISTILLERY_MIRROR", raising=False)
    message = refusal(name, tmp_path)
    assert "missing" in message
    assert "DISTILLERY_MIRROR" in message


@pytest.mark.usefixtures("offline")
def test_arxiv_names_its_extra_or_its_files(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ogb", None)
    monkeypatch.setitem(sys.modules, "ogb.nodeproppred", None)
    monkeypatch.delenv("DISTILLERY_MIRROR", raising=False)
    assert "pip install '.[ogb]' in a checkout" in refusal("ogbn-arxiv", tmp_path)


def test_a_mirror_that_is_no_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTILLERY_MIRROR", str(tmp_path / "nowhere"))
    assert "DISTILLERY_MIRROR" in refusal("cora", tmp_path)


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    message = refusal("cora", tmp_path / "file")
    assert "file" in message
    assert "DISTILLERY_DATA" in message


def change_one_edge(path: Path) -> None:
    """Another neighbour in the same graph: as many lines, numbers and bytes as before."""
    text = path.read_text()
    assert text.startswith("2, 1\n1, 2\n3, 2\n2, 3\n")
    path.write_text(text.replace("2, 1\n1, 2\n", "5, 1\n1, 5\n", 1))


def test_a_changed_file_is_caught_by_the_checksums_of_the_mirror(copy, tmp_path: Path) -> None:
    place = copy("mutag")
    files = sorted(place.rglob("*.txt"))
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(place)}" for file in files]
    (place / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    load_dataset("mutag", tmp_path / "first")
    change_one_edge(place / "TUDataset/MUTAG/raw/MUTAG_A.txt")
    message = refusal("mutag", tmp_path / "second")
    assert "MUTAG_A.txt" in message
    assert "SHA256SUMS" in message


def test_a_changed_file_is_caught_by_the_content_without_checksums(copy, tmp_path: Path) -> None:
    change_one_edge(copy("mutag") / "TUDataset/MUTAG/raw/MUTAG_A.txt")
    assert "MUTAG_A.txt" in refusal("mutag", tmp_path / "data")


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other"])
def test_a_rotten_cache_is_built_anew(damage: str, copy, tmp_path: Path) -> None:
    copy("mutag")
    dataset = load_dataset("mutag", tmp_path)
    (path,) = (tmp_path / "converted").iterdir()
    good = path.read_bytes()
    middle = len(good) // 2
    flipped = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]
    path.write_bytes({"flip": flipped, "cut": good[:middle], "empty": b"", "other": b"not tensors"}[damage])
    assert load_dataset("mutag", tmp_path).sha256 == dataset.sha256
    assert cache.read(path) is not None


def test_a_cache_of_other_content_than_the_published_is_built_anew(copy, tmp_path: Path) -> None:
    """Sound, and under the right name: what an earlier version of a loader left behind, say."""
    copy("mutag")
    dataset = load_dataset("mutag", tmp_path)
    (path,) = (tmp_path / "converted").iterdir()
    cache.write(path, dataset.with_labels(dataset.labels.roll(1)))
    assert load_dataset("mutag", tmp_path).sha256 == dataset.sha256


def test_the_cache_needs_neither_mirror_nor_pyg(copy, tmp_path: Path) -> None:
    copy("texas")
    first = load_dataset("texas", tmp_path)
    program = (
        "import sys; from pathlib import Path; from graph_distillery.bench.data.loading import load_dataset;"
        f"print(load_dataset('texas', Path({str(tmp_path)!r})).sha256, 'torch_geometric' in sys.modules)"
    )
    environment = {key: value for key, value in os.environ.items() if key != "DISTILLERY_MIRROR"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [first.sha256, "False"]


def test_geom_gcn_splits_may_come_later(copy, tmp_path: Path, offline: None) -> None:
    place = copy("cora")
    (place / "Planetoid/Cora/geom-gcn").rename(place / "aside")
    dataset = load_dataset("cora", tmp_path / "data")
    assert list(dataset.fixed_splits) == ["public"]
    with pytest.raises(UserError, match="without the files of its split 'geom-gcn'"):
        make_split(dataset, "geom-gcn", 0)
    (place / "aside").rename(place / "Planetoid/Cora/geom-gcn")
    later = load_dataset("cora", tmp_path / "data")
    assert len(later.fixed_splits["geom-gcn"]) == 10
    assert later.sha256 == dataset.sha256


def test_processes_may_load_one_dataset_at_once(copy, tmp_path: Path) -> None:
    copy("texas")
    program = (
        "from pathlib import Path; from graph_distillery.bench.data.loading import load_dataset;"
        f"print(load_dataset('texas', Path({str(tmp_path / 'data')!r})).sha256)"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = {worker.communicate(timeout=120)[0].strip() for worker in workers}
    assert [worker.returncode for worker in workers] == [0, 0]
    assert len(answers) == 1
    assert not list((tmp_path / "data").rglob("processed"))


def test_the_mirror_is_only_read(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def state() -> set[tuple[str, int, int]]:
        places = [path for folder in ("Planetoid/Cora", "WebKB", "TUDataset/MUTAG", "Amazon/Photo")
                  for path in (mirror / folder).rglob("*")]  # fmt: skip
        return {(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in places}

    before = state()
    monkeypatch.setenv("DISTILLERY_MIRROR", str(mirror))
    for name in ("cora", "wisconsin", "mutag", "amazon-photo"):
        load_dataset(name, tmp_path)
    assert state() == before


def test_an_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'citeseer'"):
        load_dataset("citseer", tmp_path)
