"""From a file, a folder of tables or a function to a graph, and with a task to a dataset; all by the same checks."""

from __future__ import annotations

import importlib
import sys
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graph_distillery.bench.data.checks import check_labels, sound, sound_graph
from graph_distillery.bench.data.dataset import Dataset, Indices, columns_along
from graph_distillery.bench.data.edges import tidy
from graph_distillery.bench.data.faults import DataFault
from graph_distillery.bench.data.files.arrays import MASKS, Raw, raw_graph
from graph_distillery.bench.data.files.source import DataSource
from graph_distillery.bench.data.files.tables import SUFFIXES, read_splits, read_tables
from graph_distillery.bench.data.files.torch_file import from_python, read_torch
from graph_distillery.bench.data.loaders.links.pairs import link_dataset
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.paths import shortened
from graph_distillery.methods.contract.graph import Graph
from graph_distillery.methods.tasks.registry import TASKS, make_task
from graph_distillery.near_names import did_you_mean, hint, nearest

#: Of the nodes of one's own graph, those that are new in `links-production`; LLP's but on Cora and CiteSeer.
_NEW_SHARE = 0.1
#: How a file's name ends.
KINDS = (".pt", ".npz", *SUFFIXES)


@dataclass(frozen=True)
class FileGraph:
    """A graph as a file has it, checked and tidied; nothing is known of a task.

    labels: [items] int64 or [items, classes] float32, -1 where there is no label; None where the file has none.
    masks: its own splits. num_classes: where the file says so. node_names, class_names: as the file has them, in the
    order of the numbers; empty where it has numbers. self_loops, repeats: arcs that were left out.
    undirected: whether arcs were made edges.
    """

    graph: Graph
    labels: Tensor | None = None
    masks: tuple[Indices, ...] = ()
    num_classes: int | None = None
    node_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    self_loops: int = 0
    repeats: int = 0
    undirected: bool = False
    carriers: Mapping[str, Path] = field(default_factory=dict)


def read_graph(
    path: Path, nodes: Path | None = None, splits: Path | None = None, undirected: bool | None = None
) -> FileGraph:
    """The graph of a `.pt` or `.npz` file, of an edge list with a table of nodes (CSV or parquet), or of a folder that
    holds `edges` and `nodes` as tables.

    nodes: the table of nodes; None takes `nodes.csv` or `.parquet` beside the edges. splits: a file of own splits.
    undirected: take every arc in both directions; None does so for edge lists alone.

    Raises:
        UserError: a file is missing or not what it should be; one line that names file, item and value.
    """
    path = path.expanduser()
    if path.is_dir():
        path = _of_folder(path, "edges")
    main = _readable(path)
    kind = main.suffix.lower()
    if kind not in KINDS:
        raise UserError(f"{_shown(main)}: a graph's file ends in {', '.join(KINDS)}, or is a folder of tables")
    carriers = {"split": _readable(splits.expanduser())} if splits is not None else {}
    tables = kind in SUFFIXES
    if tables:
        carriers["nodes"] = _readable(nodes.expanduser()) if nodes is not None else _of_folder(main.parent, "nodes")
        carriers |= {"features": carriers["nodes"], "labels": carriers["nodes"], "split": carriers.get("split", main)}
    with blamed(main, carriers):
        if tables:
            raw = read_tables(main, carriers["nodes"], carriers["split"] if splits is not None else None)
            carriers |= raw.carriers
        else:
            raw = read_torch(main) if kind == ".pt" else raw_graph(_npz(main))
            if splits is not None:
                raw = replace(raw, masks=_own_splits(carriers["split"], _items(raw)))
        graph = tidied(raw, tables if undirected is None else undirected)
    return replace(graph, carriers={"": main, **carriers})


def own_dataset(name: str, source: DataSource) -> Dataset:
    """The dataset that a spec, or the command line, describes; `DatasetInfo.target` of such sets.

    Raises:
        UserError: as `read_graph`; or the function of `python:` is not there, fails, or returns something else.
    """
    if source.python is not None:
        made = _called(name, source.python)
        if isinstance(made, Dataset):
            return _renamed(made, name, source)
        with blamed(None, {}, f"dataset {name!r}: {source.python}"):
            found = tidied(from_python(made), bool(source.undirected) or source.predicts_links)
            return dataset_of(name, found, source)
    assert source.file is not None
    nodes, splits = (Path(each) if each else None for each in (source.nodes, source.splits))
    undirected = True if source.predicts_links else source.undirected
    found = read_graph(Path(source.file), nodes, splits, undirected)
    carriers = dict(found.carriers)
    with blamed(carriers.pop(""), carriers):
        return dataset_of(name, found, source)


def dataset_of(name: str, found: FileGraph, source: DataSource) -> Dataset:
    """A graph that was read, as a dataset of a task: of links its edges, whatever its labels.

    Raises:
        DataFault: it has no labels, or they, or the splits, do not fit the task; for links, it is several graphs, or of
            too few edges.
    """
    task = TASKS.get(source.task)
    if source.predicts_links:
        return _of_links(name, found, source)
    if found.labels is None:
        raise DataFault("labels", "there are no labels ('y', or a column 'label'), and a dataset needs them")
    graph, labels = found.graph, found.labels
    if task.items == "node" and graph.num_graphs > 1:  # one graph of several components
        graph = replace(graph, graph_pointers=torch.tensor([0, graph.num_nodes]), _cache={}, _feature_cache={})
    items = graph.num_nodes if task.items == "node" else graph.num_graphs
    if labels.shape[0] != items:
        other = "graph-classification" if task.items == "node" else "node-classification"
        fits = labels.shape[0] == (found.graph.num_graphs if task.items == "node" else graph.num_nodes)
        also = f"; 'task: {other}' has a label for each of them" if fits and found.graph.num_graphs > 1 else ""
        raise DataFault("labels", f"there are {labels.shape[0]:,} labels for {items:,} {task.items}s{also}")
    if (labels.dim() == 2) != (task.labels == "set"):
        other = "node-multilabel" if labels.dim() == 2 else "node-classification"
        shape = list(labels.shape)
        raise DataFault("labels", f"the labels have shape {shape}, which is no {task.name}; try 'task: {other}'")
    declared = source.classes or found.num_classes
    if labels.dim() == 2:
        classes = int(labels.shape[1])
    else:
        classes = declared or len(found.class_names) or int(labels.max()) + 1
        if declared is None and int(labels.max()) >= items:
            first = int((labels >= items).nonzero()[0])
            raise DataFault(
                "labels", f"item {first:,} has label {int(labels[first])} of {items:,} items; classes count from 0"
            )
    splits = {"public": list(found.masks)} if found.masks else {}
    counts = (found.self_loops, found.repeats)
    built = Dataset.build(name, source.task, source.info_metric, graph, labels, max(classes, 1), splits, None, *counts)
    check_labels(built)
    make_task(source.task, built.num_classes)
    return replace(sound(built), class_names=found.class_names)


def _of_links(name: str, found: FileGraph, source: DataSource) -> Dataset:
    if found.graph.num_graphs > 1:
        raise DataFault("edges", f"there are {found.graph.num_graphs:,} graphs, and links are predicted within one")
    made = link_dataset(name, found.graph, _NEW_SHARE)
    told = replace(made, metric=source.info_metric, self_loops=found.self_loops, repeats=found.repeats)
    return sound(told)


def tidied(raw: Raw, undirected: bool) -> FileGraph:
    """The graph of raw arrays, without self-loops and repeats, which are counted; of repeats the first stays.

    Raises:
        DataFault: a value that cannot be.
    """
    listed = Graph.build(raw.features, raw.edges, raw.graph_pointers, edge_columns=raw.edge_columns)
    sound_graph(listed)
    tidy_arcs = tidy(raw.edges, listed.num_nodes, undirected)
    graph = listed.with_edges(tidy_arcs.edge_index, columns_along(listed, tidy_arcs.edge_index))
    counts = (tidy_arcs.self_loops, tidy_arcs.repeats)
    named = (raw.node_names, raw.class_names)
    return FileGraph(graph, raw.labels, raw.masks, raw.num_classes, *named, *counts, undirected)


@contextmanager
def blamed(path: Path | None, carriers: Mapping[str, Path], where: str = "") -> Iterator[None]:
    """What is wrong inside is one line that opens with the file that it comes from."""
    try:
        yield
    except DataFault as fault:
        noun = fault.noun
        while noun and noun not in carriers:
            noun = noun.rpartition(" ")[0]
        whose = carriers.get(noun, path)
        raise UserError(f"{where if whose is None else _shown(whose)}: {fault}") from None
    except OSError as error:
        raise UserError(f"{_shown(path) if path else where}: cannot be read: {error.strerror or error}") from None


def _shown(path: Path) -> str:
    return shortened(str(path))


def _readable(path: Path) -> Path:
    """The file, which must be one, with something in it; what cannot be read is told without its content."""
    try:
        if path.is_file():
            if path.stat().st_size == 0:
                raise UserError(f"{_shown(path)}: the file is empty")
            return path
        if path.exists():
            raise UserError(f"{_shown(path)}: is no file")
        beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError as error:
        raise UserError(f"{_shown(path)}: {(error.strerror or str(error)).lower()}") from None
    near = nearest(path.name, beside)
    raise UserError(f"{_shown(path)}: there is no such file" + (f"; {did_you_mean(near)}" if near else ""))


def _of_folder(folder: Path, stem: str) -> Path:
    for suffix in SUFFIXES:
        if (folder / f"{stem}{suffix}").is_file():
            return _readable(folder / f"{stem}{suffix}")
    names = " or ".join(f"{stem}{suffix}" for suffix in SUFFIXES)
    also = "; say 'nodes:'" if stem == "nodes" else ""
    raise UserError(f"{_shown(folder)}: there is no {names} in it{also}")


def _npz(path: Path) -> dict[str, Any]:
    """The arrays of an archive, none of them unpickled."""
    found: dict[str, Any] = {}
    name = ""
    try:
        with warnings.catch_warnings(), np.load(path, allow_pickle=False) as archive:
            warnings.simplefilter("ignore")
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataFault("file", "it is one array, not an archive of numpy.savez")
            for name in archive.files:
                found[name] = archive[name]
    except DataFault:
        raise
    except ValueError as error:
        if "allow_pickle" in str(error) or "pickled" in str(error):
            held = f"array {name!r} holds Python objects" if name else "it is a pickle"
            raise DataFault("file", f"{held}, and no code is run; save numbers by numpy.savez") from None
        raise DataFault("file", "it is no archive of numpy.savez, or damaged") from None
    except (zipfile.BadZipFile, EOFError, KeyError, OSError, AttributeError):
        raise DataFault("file", "it is no archive of numpy.savez, or damaged") from None
    return found


def _items(raw: Raw) -> int:
    return raw.features.shape[0] if raw.labels is None else raw.labels.shape[0]


def _own_splits(path: Path, items: int) -> tuple[Indices, ...]:
    """Of a file beside the graph: a table, or an archive of masks or of `train`, `val` and `test` items."""
    kind = path.suffix.lower()
    if kind in SUFFIXES:
        return tuple(read_splits(path, {str(number): number for number in range(items)}))
    if kind != ".npz":
        raise DataFault("split", f"a file of splits ends in .npz, {', '.join(SUFFIXES)}")
    arrays = _npz(path)
    if all(part in arrays for part in ("train", "val", "test")):
        parts = [arrays[part] for part in ("train", "val", "test")]
        for part in parts:
            if part.ndim != 1 or part.dtype.kind not in "iu":
                raise DataFault("split", f"items are {part.dtype} {list(part.shape)}, not [count] whole numbers")
        train, val, test = (torch.from_numpy(part.astype(np.int64)) for part in parts)
        return ((train, val, test),)
    if missing := [mask for mask in MASKS if mask not in arrays and f"{mask}s" not in arrays]:
        raise DataFault("split", f"neither {missing[0]!r} nor 'train'; {hint(missing[0], arrays, 'it has')}")
    stand_in = {"x": np.zeros((items, 1)), "edges": np.zeros((0, 2), np.int64), "y": np.zeros(items)}
    return raw_graph({**arrays, **stand_in}).masks


def _called(name: str, target: str) -> Any:
    """What the function returns; a module of the folder that the command runs in is found too."""
    module, _, attribute = target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        function: Any = importlib.import_module(module)
        for part in attribute.split("."):
            function = getattr(function, part)
        return function()
    except UserError:
        raise
    except DataFault as fault:
        raise UserError(f"dataset {name!r}: {target}: {fault}") from None
    except Exception as error:  # it is somebody's code, and may do anything
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UserError(f"dataset {name!r}: {target} fails ({what})") from error


def _renamed(made: Dataset, name: str, source: DataSource) -> Dataset:
    if made.task != source.task:
        raise UserError(f"dataset {name!r}: {source.python} makes a set of {made.task}; say 'task: {made.task}'")
    return sound(replace(made, name=name, metric=source.info_metric))
