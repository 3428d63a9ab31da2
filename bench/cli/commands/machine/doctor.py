"""`distillery doctor`: whether this machine can do the work."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from graph_distillery.bench.cli.terminal import emit, emit_json, table
from graph_distillery.bench.data.loading import data_root, mirror
from graph_distillery.bench.data.registry import DATASETS, SPLITS
from graph_distillery.bench.environment import package_version, suite_version
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.sweeps import preflight
from graph_distillery.bench.sweeps.cost.estimate import processors
from graph_distillery.bench.text import count
from graph_distillery.methods import METHODS
from graph_distillery.methods.tasks.metrics import METRICS
from graph_distillery.methods.tasks.registry import TASKS

#: Import name and distribution. Without those of the second row only one command or one kind of dataset is lost.
_ESSENTIAL = (
    ("torch", "torch"),
    ("torch_geometric", "torch-geometric"),
    ("optuna", "optuna"),
    ("pydantic", "pydantic"),
    ("safetensors", "safetensors"),
    ("sklearn", "scikit-learn"),
    ("pandas", "pandas"),
    ("matplotlib", "matplotlib"),
)
_OPTIONAL = (("ray", "ray"), ("ogb", "ogb"))
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_LITTLE_SPACE = 2**30

Verdict = Literal["ok", "note", "broken"]


@dataclass(frozen=True)
class Finding:
    """One line of the report; `broken` makes the exit code 1."""

    name: str
    verdict: Verdict
    detail: str


def run(data: Path | None, as_json: bool) -> int:
    """Print every finding."""
    folder = preflight.data_folder(data)
    findings = list(examine(folder))
    if as_json:
        emit_json([asdict(finding) for finding in findings])
    else:
        emit(table(("what", "verdict", "detail"), [(each.name, each.verdict, each.detail) for each in findings]))
    return int(any(finding.verdict == "broken" for finding in findings))


def examine(data: Path | None) -> Iterator[Finding]:
    """Everything, in the order in which it is shown."""
    python: Verdict = "ok" if sys.version_info >= (3, 11) else "broken"
    yield Finding("suite", "ok", suite_version())
    yield Finding("python", python, f"{platform.python_version()} on {platform.platform()}")
    for module, name in _ESSENTIAL:
        yield _library(module, name, essential=True)
    for module, name in _OPTIONAL:
        yield _library(module, name, essential=False)
    yield _tried("registries", _registries)
    for registry in (METHODS, MODELS, DATASETS, TASKS, SPLITS, METRICS):
        for broken in registry.broken:
            yield Finding("plug-in", "broken", broken.reason)
    yield _tried("devices", _devices)
    yield Finding("threads", "ok", _threads())
    yield _tried("embedded data", _embedded)
    yield _storage("data folder", data_root(data))
    yield _storage("this folder", Path.cwd())
    yield _storage("temporary folder", Path(tempfile.gettempdir()))
    yield _tried("mirror", lambda: str(mirror() or "none (DISTILLERY_MIRROR is not set)"))
    yield _tried("datasets", lambda: _datasets(data))


def _library(module: str, name: str, *, essential: bool) -> Finding:
    try:
        importlib.import_module(module)
    except Exception as error:  # a broken build raises what it likes
        known = package_version(name)
        absent = known is None and not essential
        detail = "not installed" if absent else f"cannot be imported: {' '.join(str(error).split())}"
        return Finding(name, "broken" if essential else "note", detail)
    return Finding(name, "ok", package_version(name) or "version unknown")


def _tried(name: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", find())
    except Exception as error:
        return Finding(name, "broken", f"{type(error).__name__}: {' '.join(str(error).split())}")


def _registries() -> str:
    sizes = (("method", METHODS), ("model", MODELS), ("dataset", DATASETS))
    return ", ".join(count(len(registry.names), noun) for noun, registry in sizes)


def _devices() -> str:
    import torch

    product = torch.eye(2) @ torch.ones(2, 1)
    if product.tolist() != [[1.0], [1.0]]:
        raise ArithmeticError("torch multiplies wrongly")
    names = [
        f"cuda:{number} {torch.cuda.get_device_name(number)} "
        f"({torch.cuda.get_device_properties(number).total_memory / 2**30:.0f} GiB)"
        for number in range(torch.cuda.device_count())
        if torch.cuda.is_available()
    ]
    return ", ".join(["cpu", *names])


def _threads() -> str:
    named = ", ".join(f"{name}={os.environ[name]}" for name in _THREADS if name in os.environ)
    return f"{count(processors(), 'processor')} of {os.cpu_count()} usable; a trial takes one thread" + (
        f"; {named}" if named else ""
    )


def _embedded() -> str:
    from graph_distillery.bench.data.loading import load_dataset

    graph = load_dataset("digits-knn").graph
    return f"digits-knn loads: {graph.num_nodes:,} nodes, {graph.num_edges:,} edges"


def _storage(name: str, folder: Path) -> Finding:
    """Write, lock and remove a file in the folder, or in the nearest one above that exists."""
    from filelock import FileLock

    there = next(part for part in (folder, *folder.parents) if part.exists())
    try:
        with (
            tempfile.TemporaryDirectory(prefix=".distillery-doctor-", dir=there) as place,
            FileLock(Path(place) / "lock", timeout=5),
        ):
            (Path(place) / "file").write_text("x")
    except (OSError, NotImplementedError) as error:
        return Finding(name, "broken", f"{folder}: cannot be written: {getattr(error, 'strerror', None) or error}")
    free = shutil.disk_usage(there).free
    made = "" if there == folder else ", to be made"
    return Finding(name, "ok" if free > _LITTLE_SPACE else "note", f"{folder}{made}, {free / 2**30:.1f} GiB free")


def _datasets(data: Path | None) -> str:
    from graph_distillery.bench.data.availability import availability

    found = {info.name: availability(info, data).there for info in DATASETS if info.kind == "download"}
    here = [name for name, there in found.items() if there]
    away = [name for name, there in found.items() if not there]
    return f"at hand: {', '.join(here) or 'none'}; to be downloaded: {', '.join(away) or 'none'}"
