"""Writes a board as a folder: built beside its place, then swapped in, so readers never see half of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from leaderboard.board import Board
from leaderboard.errors import BoardError
from leaderboard.markdown import readme
from leaderboard.tables import csv_files

MARKER = ".distillery-board"


def write_board(board: Board, out: Path) -> list[Path]:
    """Write README.md, tables/*.csv and plots/pareto-*.{png,svg}; returns their paths, sorted.

    An earlier board at ``out`` is replaced. Raises BoardError where ``out`` is anything else than a board or
    an empty folder, holds files that no board wrote, or cannot be written; nothing is changed then.
    """
    out = Path(os.path.abspath(out))
    check_output(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{out.name}.building-", dir=out.parent))
    except OSError as error:
        raise BoardError(f"{out}: cannot write a board here: {error.strerror}") from None
    try:
        names = _fill(board, building)
        _swap(building, out)
    except OSError as error:
        raise BoardError(f"{out}: cannot write the board: {error.strerror or error}") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return [out / name for name in names]


def check_output(out: Path) -> None:
    """BoardError unless a board may be written at ``out``."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise BoardError(f"{out}: is not a folder, so no board can be written there")
    if not out.exists() or not any(out.iterdir()):
        return
    marker = out / MARKER
    if not marker.is_file():
        raise BoardError(f"{out}: exists and is not a board (it has no {MARKER}); choose another folder")
    ours = {MARKER, *marker.read_text(encoding="utf-8", errors="replace").splitlines()}
    foreign = sorted(name for name in _files_in(out) if name not in ours)
    if foreign:
        raise BoardError(f"{out}: holds files that are not the board's ({foreign[0]}); move them elsewhere first")


def _files_in(folder: Path) -> list[str]:
    """Relative names of everything in a folder that is not itself a folder."""
    return [
        (Path(root) / name).relative_to(folder).as_posix()
        for root, folders, files in os.walk(folder)
        for name in [*files, *(each for each in folders if (Path(root) / each).is_symlink())]
    ]


def _fill(board: Board, folder: Path) -> list[str]:
    from leaderboard.plots import pareto_plots  # matplotlib and seaborn load here

    folder.chmod(0o755)
    for name in ("tables", "plots"):
        (folder / name).mkdir()
    plots = pareto_plots(board.comparisons, folder / "plots")
    for name, text in csv_files(board).items():
        (folder / "tables" / name).write_text(text, encoding="utf-8", newline="")
    paths = {slug: [f"plots/{name}" for name in names] for slug, names in plots.items()}
    (folder / "README.md").write_text(readme(board, paths), encoding="utf-8", newline="")
    names = sorted(_files_in(folder))
    (folder / MARKER).write_text("".join(f"{name}\n" for name in names), encoding="utf-8", newline="")
    return names


def _swap(building: Path, out: Path) -> None:
    """Put the new folder in place of the old one; the old one comes back if that fails."""
    if not out.exists():
        building.rename(out)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
    out.rename(old)
    try:
        building.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
