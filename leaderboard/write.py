"""Writes a board as a folder: built beside its place, then swapped in, so readers never see half of it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from graph_distillery.bench.records import Record
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.plots.stamps import digests, stamped_png, stamped_svg
from graph_distillery.leaderboard.read.evidence import EvidenceBook
from graph_distillery.leaderboard.tables.board import Board
from graph_distillery.leaderboard.tables.csv_files import csv_files
from graph_distillery.leaderboard.tables.latex import latex_files
from graph_distillery.leaderboard.tables.markdown import readme
from graph_distillery.leaderboard.tables.slim import slim_csv

if TYPE_CHECKING:
    from graph_distillery.leaderboard.plots import Picture

MARKER = ".distillery-board"
IN_README = ("ranks-", "critical-difference-", "heat-map-", "pareto-")


def write_board(
    board: Board, out: Path, records: Sequence[Record], *, plots: bool = True, beside: Collection[str] = ()
) -> list[Path]:
    """Write a board's pages, leaderboard.*, tables/*.{csv,tex} and plots/*.{png,svg}; their paths, sorted.

    ``records`` are those the board was made from: configurations, runs and trials are read from them.

    An earlier board at ``out`` is replaced. beside: files and folders in ``out`` that are not the board's and stay, as
    its `board.yaml` and its stores; then files are exchanged one by one, elsewhere the folder as a whole. BoardError
    where ``out`` is anything else than a board or an empty folder, holds files that no board wrote, or cannot be
    written; nothing is changed then.
    """
    out = Path(os.path.abspath(out))
    check_output(out, beside)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{out.name}.building-", dir=out.parent))
    except OSError as error:
        raise BoardError(f"{out}: cannot write a board here: {error.strerror}") from None
    try:
        names = _fill(board, records, building, plots)
        if any((out / name).exists() for name in beside):
            _exchange(building, out, names)
        else:
            _swap(building, out)
    except OSError as error:
        raise BoardError(f"{out}: cannot write the board: {error.strerror or error}") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return [out / name for name in names]


def check_output(out: Path, beside: Collection[str] = ()) -> None:
    """BoardError unless a board may be written at ``out``, beside what is named."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise BoardError(f"{out}: is not a folder, so no board can be written there")
    if not out.exists() or all(path.name in beside for path in out.iterdir()):
        return
    marker = out / MARKER
    if not marker.is_file():
        raise BoardError(f"{out}: exists and is not a board (it has no {MARKER}); choose another folder")
    ours = {MARKER, *marker.read_text(encoding="utf-8", errors="replace").splitlines()}
    foreign = sorted(name for name in _files_in(out) if name not in ours and name.split("/")[0] not in beside)
    if foreign:
        raise BoardError(f"{out}: holds files that are not the board's ({foreign[0]}); move them elsewhere first")


def _files_in(folder: Path) -> list[str]:
    """Relative names of everything in a folder that is not itself a folder."""
    return [
        (Path(root) / name).relative_to(folder).as_posix()
        for root, folders, files in os.walk(folder)
        for name in [*files, *(each for each in folders if (Path(root) / each).is_symlink())]
    ]


def _fill(board: Board, records: Sequence[Record], folder: Path, plots: bool) -> list[str]:
    from graph_distillery.leaderboard.findings import findings
    from graph_distillery.leaderboard.page import render_page
    from graph_distillery.leaderboard.tables.document import board_document, document_text
    from graph_distillery.leaderboard.tables.parquet import write_parquet

    folder.chmod(0o755)
    for name in ("tables", "plots"):
        (folder / name).mkdir()
    tables = csv_files(board) | {"slim.csv": slim_csv(board)} | latex_files(board)
    for name, text in tables.items():
        _write(folder / "tables" / name, text)
    document = board_document(board, EvidenceBook(records))
    write_parquet(document, folder / "leaderboard.parquet")
    _write(folder / "leaderboard.json", document_text(document))
    pictures = list(_draw(board)) if plots else []
    _write_pictures(pictures, folder)
    _write(folder / "index.html", render_page(board, document, pictures))
    shown: dict[str | int, list[tuple[str, str]]] = {}
    for picture in pictures:
        if picture.name.startswith(IN_README):
            shown.setdefault(picture.place, []).append((picture.title, f"plots/{picture.name}.png"))
    _write(folder / "FINDINGS.md", findings(board, records))
    _write(folder / "README.md", readme(board, shown, document.get("changes")))
    names = sorted(_files_in(folder))
    _write(folder / MARKER, "".join(f"{name}\n" for name in names))
    return names


def _write_pictures(pictures: Sequence[Picture], folder: Path) -> None:
    """Each as PNG and SVG, with the numbers in `leaderboard.json` that it stands for."""
    shown = digests(json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))) if pictures else {}
    for picture in pictures:
        stamp = f"{picture.name} {picture.place} {shown[str(picture.place)]}"
        (folder / "plots" / f"{picture.name}.png").write_bytes(stamped_png(picture.png, stamp))
        _write(folder / "plots" / f"{picture.name}.svg", stamped_svg(picture.svg, stamp))


def _draw(board: Board) -> Iterator[Picture]:
    from graph_distillery.leaderboard.plots import draw_pictures  # matplotlib loads here

    return draw_pictures(board)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")


def _exchange(building: Path, out: Path, names: Sequence[str]) -> None:
    """Put each new file in the place of the old one, and remove what no file of the board stands for any more."""
    marker = out / MARKER
    earlier = marker.read_text(encoding="utf-8").splitlines() if marker.is_file() else []
    _write(marker, "".join(f"{name}\n" for name in sorted({*earlier, *names})))  # so that half of it is still a board
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (building / name).replace(out / name)
    for name in set(earlier) - set(names):
        (out / name).unlink(missing_ok=True)
    (building / MARKER).replace(marker)


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
