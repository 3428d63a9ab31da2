"""Compares a published board with the one that its records give: `distillery verify`.

Everything that a reader sees is made again and compared: numbers agree within a billionth, since the last digits of a
sum depend on the processor; pictures are drawn again, as SVG, as PNG and in the page; text, style and script are this
version's to the last byte, and so is what stands where.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graph_distillery.leaderboard.build import build_board
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.plots.stamps import digests, stamp_in
from graph_distillery.leaderboard.read.load import accepting
from graph_distillery.leaderboard.reproduction.cells import ReproductionTable
from graph_distillery.leaderboard.verification.drawings import differing_parts, parts_of, same_drawing, same_image
from graph_distillery.leaderboard.write import MARKER

#: Columns whose values name a line of a CSV or parquet file.
_IDENTITY = (
    "track", "slug", "dataset", "split", "setting", "task", "teacher", "student", "machine", "fingerprint", "role",
    "method", "variant", "fixed", "sender", "configuration", "other", "other_variant", "other_fixed", "other_sender",
)  # fmt: skip
#: Fields whose values name an entry of a list in the JSON file.
_NAMES = ("slug", "name", "record", "seed", "trial", "number", "method", "task")


@dataclass(frozen=True)
class Difference:
    """One place where a published board says something else than its records."""

    file: str
    row: str
    column: str
    committed: str
    recomputed: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.row, self.column) if part)
        return f"{self.file}: {place}: committed {self.committed}, recomputed {self.recomputed}"


@dataclass(frozen=True)
class Verification:
    """The differences found, the files that were compared, and a line on each thing that could not be."""

    differences: list[Difference]
    files: list[str]
    notes: list[str] = field(default_factory=list)


def verify_board(
    folder: Path,
    stores: Iterable[Path],
    published: Iterable[ReproductionTable] = (),
    declared: Path | None = None,
    since: Path | None = None,
) -> Verification:
    """Rebuild the board from its stores and compare; BoardError where the folder is no board or a store is bad.

    declared: the `board.yaml` that it was built by. since: the earlier version that it tells its changes since, where
    board.yaml does not name it.

    A board without a single picture is compared with one without pictures, which says nothing that is not true.
    """
    if not (folder / MARKER).is_file():
        raise BoardError(f"{folder}: is not a board (it has no {MARKER})")
    accepted = accepting(declared)
    beside = accepted.beside(folder) if accepted else frozenset()
    paths = [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]
    there = {path.relative_to(folder).as_posix() for path in paths}
    there = {name for name in there if name.split("/")[0] not in beside}
    listed = (folder / MARKER).read_text(encoding="utf-8", errors="replace").splitlines()
    if since is None and _tells_changes(folder) and (accepted is None or accepted.file.previous is None):
        raise BoardError(f"{folder}: tells what changed since an earlier version: name it with --since")
    plots = any(name.startswith("plots/") for name in (*there, *listed))
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "board"
        result = build_board(stores, fresh, plots=plots, published=published, board=declared, since=since)
        built = [path.relative_to(fresh).as_posix() for path in result.files]
        differences: list[Difference] = []
        for name in built:
            differences += _compare_files(name, folder / name, fresh / name)
    differences += [Difference(name, "", "file", "there", "absent") for name in sorted(there - {*built, MARKER})]
    differences += _compare_stamps(folder, [name for name in built if name.startswith("plots/") and name in there])
    return Verification(differences, built)


def _tells_changes(folder: Path) -> bool:
    try:
        return "changes" in json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False  # a difference, which the comparison finds


def _compare_stamps(folder: Path, names: Iterable[str]) -> Iterator[Difference]:
    """Pictures that name other numbers than those of the board's JSON file (itself compared)."""
    try:
        numbers = digests(json.loads((folder / "leaderboard.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError):
        return  # a difference already: there is nothing to hold pictures to
    for name in names:
        stamp = stamp_in((folder / name).read_bytes())
        if stamp is None or (stamp[0], stamp[2]) != (Path(name).stem, numbers.get(stamp[1])):
            shown = f"{stamp[0]} of {stamp[2][:16]}" if stamp else "none told"
            wanted = f"{Path(name).stem} of {numbers.get(stamp[1], 'none')[:16] if stamp else 'its table'}"
            yield Difference(name, "", "numbers it was drawn from", shown, wanted)


def _compare_files(name: str, committed: Path, recomputed: Path) -> list[Difference]:
    if not committed.is_file() or committed.is_symlink():
        return [Difference(name, "", "file", "absent", "there")]
    try:
        if name.endswith(".png"):
            alike = same_image(committed.read_bytes(), recomputed.read_bytes())
            return [] if alike else [Difference(name, "", "picture", "another", "as its numbers are drawn")]
        if name.endswith(".parquet"):
            return list(_compare_rows(name, _parquet_rows(committed), _parquet_rows(recomputed)))
        ours, theirs = committed.read_text(encoding="utf-8"), recomputed.read_text(encoding="utf-8")
        if name.endswith(".csv"):
            return list(_compare_rows(name, _csv_rows(ours), _csv_rows(theirs)))
        if name.endswith(".json"):
            return list(_compare_values(name, "", json.loads(ours), json.loads(theirs)))
        if name.endswith(".svg"):
            alike = same_drawing(ours, theirs)
            return [] if alike else [Difference(name, "", "picture", "another", "as its numbers are drawn")]
        return list(_compare_page(name, *_without_digest(committed, ours, theirs)))
    except (ValueError, OSError) as error:  # pyarrow's and json's errors are ValueErrors
        return [Difference(name, "", "file", f"unreadable ({str(error).splitlines()[0]})", "readable")]


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    with path.open("rb") as file:  # as in writing: the name stays with Python
        rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    return rows


def _csv_rows(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), restkey="more", restval=""))


def _compare_rows(name: str, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> Iterator[Difference]:
    """Lines with the same identity are compared; one that only one side has is a difference of its own."""
    committed, recomputed = _by_identity(ours), _by_identity(theirs)
    for row in dict.fromkeys([*committed, *recomputed]):
        if row not in recomputed or row not in committed:
            yield Difference(name, row, "row", *_presence(row in committed, row in recomputed))
            continue
        one, other = committed[row], recomputed[row]
        for column in dict.fromkeys([*one, *other]):
            if column not in one or column not in other:
                yield Difference(name, row, column, *_presence(column in one, column in other))
            elif not _same(one[column], other[column]):
                yield Difference(name, row, column, _shown(one[column]), _shown(other[column]))


def _by_identity(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        label = base = "/".join(str(row[column]) for column in _IDENTITY if row.get(column) not in (None, ""))
        count = 1
        while label in found:
            count += 1
            label = f"{base} ({count})"
        found[label] = row
    return found


def _compare_values(name: str, path: str, ours: Any, theirs: Any) -> Iterator[Difference]:
    """JSON values, entries of lists by what names them."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in dict.fromkeys([*ours, *theirs]):
            place = f"{path}.{key}" if path else str(key)
            if key not in ours or key not in theirs:
                yield Difference(name, place, "field", *_presence(key in ours, key in theirs))
            else:
                yield from _compare_values(name, place, ours[key], theirs[key])
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield Difference(name, path, "entries", str(len(ours)), str(len(theirs)))
            return
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _compare_values(name, f"{path}[{_entry_name(other, index)}]", one, other)
    elif not _same(ours, theirs):
        row, _, column = path.rpartition(".")
        yield Difference(name, row, column, _shown(ours), _shown(theirs))


def _entry_name(entry: Any, index: int) -> str:
    if isinstance(entry, dict):
        label = next((entry[key] for key in _NAMES if entry.get(key) is not None), None)
        if label is not None:
            return str(label)
    return str(index)


#: How a page names the numbers that it was published with; the last digits of these may be another processor's.
_DIGEST = re.compile(r"(?<=leaderboard\.json SHA-256 )[0-9a-f]{64}")


def _without_digest(page: Path, ours: str, theirs: str) -> tuple[str, str]:
    """Both texts without the digest of the JSON file, where the committed page names that of the file beside it."""
    numbers = page.with_name("leaderboard.json")
    if not numbers.is_file() or set(_DIGEST.findall(ours)) - {hashlib.sha256(numbers.read_bytes()).hexdigest()}:
        return ours, theirs
    return _DIGEST.sub("", ours), _DIGEST.sub("", theirs)


def _compare_page(name: str, ours: str, theirs: str) -> Iterator[Difference]:
    """A text and its parts: data, script, style and pictures each in its own way, all else line by line."""
    (ours, mine), (theirs, fresh) = parts_of(ours), parts_of(theirs)
    for part, one, other in differing_parts(mine, fresh):
        yield Difference(name, part, "SHA-256", _digest(one), _digest(other))
    yield from _compare_lines(name, ours.splitlines(), theirs.splitlines())


def _compare_lines(name: str, one: list[str], other: list[str]) -> Iterator[Difference]:
    """Lines; numbers in them may differ in the last of many digits."""
    if len(one) != len(other):
        yield Difference(name, "", "lines", str(len(one)), str(len(other)))
    for number, (mine, fresh) in enumerate(zip(one, other, strict=False), start=1):
        if mine != fresh and not _same_text(mine, fresh):
            start = next((i for i, (a, b) in enumerate(zip(mine, fresh, strict=False)) if a != b), 0)
            begin = max(0, start - 30)
            yield Difference(
                name, f"line {number} of the text", "", repr(mine[begin : start + 50]), repr(fresh[begin : start + 50])
            )
            return  # what follows a shift of lines is noise


_FLOAT = re.compile(r"-?\d+(?:\.\d+(?:e[-+]\d+)?|e[-+]\d+)")
_NUMBER = re.compile(r"-?\d+\.\d{9,}(?:[eE][-+]?\d+)?")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _same_text(one: str, other: str) -> bool:
    if _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
        return False
    return all(_same(a, b) for a, b in zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=True))


def _same(ours: Any, theirs: Any) -> bool:
    if ours == theirs and type(ours) is type(theirs):
        return True
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(_same(a, b) for a, b in zip(ours, theirs, strict=True))
    one, other = _float(ours), _float(theirs)
    return one is not None and other is not None and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _float(value: Any) -> float | None:
    """A float, or the text of one as CSV has it; whole numbers, names and hashes (1e99) are compared as they are."""
    if isinstance(value, float):
        return value
    return float(value) if isinstance(value, str) and _FLOAT.fullmatch(value) else None


def _presence(ours: bool, theirs: bool) -> tuple[str, str]:
    return ("there" if ours else "absent", "there" if theirs else "absent")


def _shown(value: Any) -> str:
    text = str(value)
    return repr(text) if any(ord(char) < 32 for char in text) or not text else text[:200]
