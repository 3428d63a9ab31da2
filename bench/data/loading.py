"""`load_dataset`: from a name to a `Dataset`, once from raw files and from then on from a checked cache."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from filelock import FileLock

from graph_distillery.bench.data import cache, checks
from graph_distillery.bench.data.dataset import Dataset
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.raw_files import MIRROR_VARIABLE, RawFiles
from graph_distillery.bench.data.registry import DATASETS, DatasetInfo
from graph_distillery.bench.errors import UserError

DATA_VARIABLE = "DISTILLERY_DATA"
#: Published splits without which a set loads as well, and what says where their files are.
_SEPARATE = {
    "geom-gcn": "graph_distillery.bench.data.loaders.planetoid.loader:geom_gcn_place",
    "gnn-comparison": "graph_distillery.bench.data.loaders.tu.folds:folds_place",
}


def load_dataset(name: str, data_dir: Path | None = None) -> Dataset:
    """The dataset called `name`, under `data_dir`, else DISTILLERY_DATA, else the platform's cache folder.

    Downloads, conversion and caching are safe when several processes ask at once. A cached file that does
    not match its own hash is built anew.

    Raises:
        UnknownNameError: no such dataset.
        UserError: its files are missing, damaged, or differ from the published ones, or its content cannot be
            (`checks.sound`).
    """
    info = DATASETS.get(name)
    if info.kind != "download":
        return _made(info)
    root = data_root(data_dir)
    raw = RawFiles(name, root, mirror())
    path = root / "converted" / f"{name}.v{cache.VERSION}.safetensors"
    found = _usable(path, info, raw)
    if found is not None:
        return found
    try:
        (root / "converted").mkdir(parents=True, exist_ok=True)
        (root / ".locks").mkdir(exist_ok=True)
        with FileLock(root / ".locks" / f"{name}.lock"):
            found = _usable(path, info, raw)
            if found is None:
                found = _build(info, raw)
                cache.write(path, found)
    except OSError as error:
        place, why = error.filename or root, error.strerror or error
        raise UserError(f"cannot use {place} ({why}): set {DATA_VARIABLE} to a writable folder") from error
    return found


def data_root(data_dir: Path | None = None) -> Path:
    """Where datasets are kept: the argument, else DISTILLERY_DATA, else the platform's cache folder."""
    given = data_dir or os.environ.get(DATA_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "graph-distillery"


def mirror() -> Path | None:
    """The folder DISTILLERY_MIRROR names.

    Raises:
        UserError: it is no folder.
    """
    given = os.environ.get(MIRROR_VARIABLE)
    if not given:
        return None
    path = Path(given).expanduser().absolute()
    if not path.is_dir():
        raise UserError(f"{MIRROR_VARIABLE}={given} is not a folder")
    return path


def remarks(dataset: Dataset) -> list[str]:
    """What is no fault of a loaded dataset but should be known, a line each: see `checks.remarks`."""
    lines = checks.remarks(dataset)
    if dataset.name in DATASETS:
        info = DATASETS.get(dataset.name)
        differing = _differing(info, dataset)
        if differing is not None:
            noun, found, known = differing
            lines.append(f"not the published data: {found:,} {noun}, published {known:,}")
    return lines


def _made(info: DatasetInfo) -> Dataset:
    """What needs no files: embedded and generated sets, and those of plug-ins."""
    try:
        return _sound(info, DATASETS.load(info.name)(info.name, **info.options))
    except DataFault as fault:
        raise UserError(f"dataset {info.name!r}: {fault}") from None
    except (UserError, MemoryError):
        raise
    except Exception as error:  # a plug-in's loader may do anything
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"dataset {info.name!r}: its loader fails ({what})") from error


def _sound(info: DatasetInfo, loaded: object) -> Dataset:
    if not isinstance(loaded, Dataset):
        raise UserError(f"dataset {info.name!r}: its loader returns a {type(loaded).__name__}, not a Dataset")
    return checks.sound(loaded)


def _usable(path: Path, info: DatasetInfo, raw: RawFiles) -> Dataset | None:
    """The cached dataset, unless absent, damaged, not the published one, or without a split whose files are there."""
    found = cache.read(path)
    if found is None or found.name != info.name:
        return None
    if info.checked and info.sha256 is not None and not found.sha256.startswith(info.sha256):
        return None
    missing = [split for split in _SEPARATE if split in info.splits and split not in found.fixed_splits]
    return None if any(raw.has(*_place_of(split, info)) for split in missing) else found


def _place_of(split: str, info: DatasetInfo) -> tuple[str, list[str]]:
    module, _, function = _SEPARATE[split].partition(":")
    place: tuple[str, list[str]] = getattr(import_module(module), function)(info)
    return place


def _build(info: DatasetInfo, raw: RawFiles) -> Dataset:
    try:
        built = _sound(info, DATASETS.load(info.name)(info.name, raw, **info.options))
        _compare(info, built, raw)
    except DataFault as fault:
        raw.forget_copies()
        raise raw.at_fault(fault) from None
    except UserError:
        raw.forget_copies()
        raise
    finally:
        raw.tidy()
    return built


def _compare(info: DatasetInfo, built: Dataset, raw: RawFiles) -> None:
    """Refuse what does not have the counts, or the very content, that it is known to have, and another set's data."""
    differing = _differing(info, built)
    if differing is None:
        if info.sha256 is not None and not built.sha256.startswith(info.sha256):
            files = ", ".join(sorted({path.name for path in raw.carriers.values()}))
            folder = next(iter(raw.carriers.values())).parent
            raise UserError(
                f"dataset {info.name!r}: the content is not the published one (sha256 {built.sha256[:12]}..., "
                f"published {info.sha256[:12]}...); one of {files} in {folder} is damaged"
            )
        return
    noun, found, known = differing
    other = next((each.name for each in map(DATASETS.get, DATASETS.names) if _is_of(each, built)), None)
    if other is not None or info.checked:
        carrier = raw.carriers.get(noun, raw.root)
        whose = f"; they are those of {other!r}" if other is not None else ""
        raise raw.damaged(carrier, f"it gives {found:,} {noun}, the published data have {known:,}{whose}")


def _is_of(info: DatasetInfo, built: Dataset) -> bool:
    """Whether data are, by their content or by all of their counts, those of a published set."""
    if info.kind != "download":
        return False
    if info.sha256 is not None and built.sha256.startswith(info.sha256):
        return True
    known = None not in (info.nodes, info.features, info.classes, info.edges)
    return known and info.task == built.task and _differing(info, built) is None


def _differing(info: DatasetInfo, built: Dataset) -> tuple[str, int, int] | None:
    """The first count that is not the published one: what is counted, as found, as published."""
    graph = built.graph
    counts = {
        "graphs": (graph.num_graphs, info.graphs),
        "nodes": (graph.num_nodes, info.nodes),
        "edges": (graph.num_edges, info.edges),
        "features": (graph.num_features, info.features),
        "classes": (built.num_classes, info.classes),
    }
    for noun, (found, known) in counts.items():
        if found is not None and known is not None and found != known:
            return noun, found, known
    return None
