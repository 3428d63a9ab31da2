"""Whether a dataset can be loaded without a network: embedded, converted before, or its raw files lie ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from graph_distillery.bench.data import registry
from graph_distillery.bench.data.raw_files import RawFiles
from graph_distillery.bench.data.registry import DatasetInfo


@dataclass(frozen=True)
class Availability:
    """there: None where its loader cannot be asked. where: in words."""

    there: bool | None
    where: str


def availability(info: DatasetInfo, data: Path | None = None) -> Availability:
    """Look, without reading or fetching anything.

    Raises:
        UserError: DISTILLERY_MIRROR names no folder.
    """
    if info.kind == "own":
        return Availability(True, "of the user's own")
    if info.kind != "download":
        return Availability(True, "part of the suite" if info.kind == "embedded" else "generated when asked for")
    from graph_distillery.bench.data import cache
    from graph_distillery.bench.data.loading import data_root, mirror  # torch; what is no download does without

    root, tree = data_root(data), mirror()
    converted = root / "converted" / f"{info.name}.v{cache.VERSION}.safetensors"
    if converted.is_file():
        loops, repeats = cache.counted(converted) or (0, 0)
        left_out = f"; of its source {loops:,} self-loops and {repeats:,} repeated arcs are left out"
        return Availability(True, f"converted, in {root}" + left_out * bool(loops or repeats))
    wanted = _first_wanted(info, RawFiles(info.name, root, tree))
    if wanted is None:
        return Availability(None, "its loader cannot be asked")
    folder, files = wanted
    for name, place in (("data folder", root), ("mirror", tree)):
        if place is not None and all((place / folder / file).is_file() for file in files):
            return Availability(True, f"raw files in the {name}, {place / folder}")
    if RawFiles(info.name, root, tree).has(folder, files):
        return Availability(True, f"raw files, {folder}, in data folder and mirror together")
    return Availability(False, f"not here: {folder}/{files[0]} would be downloaded")


class _Wanted(Exception):
    """An answer, not an error."""

    def __init__(self, folder: str, files: Sequence[str]) -> None:
        super().__init__(folder)
        self.folder, self.files = folder, files


class _Asking(RawFiles):
    """Takes down what a loader asks for first, and gives it nothing."""

    def obtain(self, folder: str, files: Sequence[str], download: Callable[[Path], object] | None = None) -> NoReturn:
        raise _Wanted(folder, list(files))


def _first_wanted(info: DatasetInfo, raw: RawFiles) -> tuple[str, Sequence[str]] | None:
    try:
        registry.DATASETS.load(info.name)(info.name, _Asking(info.name, raw.root, raw.mirror), **info.options)
    except _Wanted as answer:
        return answer.folder, answer.files
    except Exception:  # a plug-in's loader may do anything
        return None
    return None
