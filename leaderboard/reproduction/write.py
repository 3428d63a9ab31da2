"""Writes the pages of published tables into a folder."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.reproduction.cells import ReproductionTable
from graph_distillery.leaderboard.reproduction.page import index, index_data, page

MARKER = "index.json"


def check_pages(folder: Path) -> None:
    """BoardError unless pages may be written at ``folder``: it is absent, empty, or holds an index of ours."""
    if folder.exists() and not folder.is_dir():
        raise BoardError(f"{folder}: is not a folder, so no pages can be written there")
    strangers = sorted(item.name for item in folder.iterdir() if item.name != "records") if folder.is_dir() else []
    if strangers and MARKER not in strangers:
        raise BoardError(f"{folder}: holds {strangers[0]!r} and no {MARKER}; choose another folder")


def write_pages(tables: Sequence[ReproductionTable], folder: Path) -> list[Path]:
    """Write TABLE.md and TABLE.svg for each, README.md and index.json; returns their paths.

    The folder's `records/` is left as it is. Raises BoardError where it cannot be written.
    """
    from graph_distillery.leaderboard.reproduction.figure import (
        draw,  # the room of plots, which boards import, loads here
    )

    check_pages(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for each in tables:
            figure = folder / f"{each.name}.svg"
            drawn = draw(each, figure)
            if not drawn:
                figure.unlink(missing_ok=True)
            written.append(_write(folder / f"{each.name}.md", page(each, figure.name if drawn else None)))
            written += [figure] if drawn else []
        written.append(_write(folder / "README.md", index(tables)))
        written.append(_write(folder / MARKER, json.dumps(index_data(tables), indent=1, ensure_ascii=False) + "\n"))
    except OSError as error:
        raise BoardError(f"{folder}: cannot write the pages: {error.strerror or error}") from None
    return written


def _write(path: Path, text: str) -> Path:
    """Whole or not at all."""
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return path
