"""Compares a published board with the one that its records give: `distillery verify`.

Numbers agree within a billionth, since the last digits of a sum depend on the processor. The pixels of pictures are not
compared, since a new version of the drawing library moves them, but a picture says which numbers it was drawn from, and
these must be those of the board's `leaderboard.json`. It must also be a drawing that does nothing; and the page's
scripts must be this version's to the last byte, those of the table library too, since a script could show any number.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graph_distillery.leaderboard.build import build_board
from graph_distillery.leaderboard.errors import BoardError
from graph_distillery.leaderboard.plots.stamps import digests, stamp_in
from graph_distillery.leaderboard.reproduction.cells import ReproductionTable
from graph_distillery.leaderboard.text import plain
from graph_distillery.leaderboard.verification.drawings import is_drawing, is_png
from graph_distillery.leaderboard.write import MARKER

#: Columns whose values name a line of a CSV or parquet file.
_IDENTITY = (
    "slug", "dataset", "split", "setting", "task", "teacher", "student", "machine", "fingerprint", "role", "method",
    "variant", "fixed", "configuration", "other", "other_variant", "other_fixed",
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


def verify_board(folder: Path, stores: Iterable[Path], published: Iterable[ReproductionTable] = ()) -> Verification:
    """Rebuild the board from its stores and compare; BoardError where the folder is no board or a store is bad."""
    if not (folder / MARKER).is_file():
        raise BoardError(f"{folder}: is not a board (it has no {MARKER})")
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "board"
        result = build_board(stores, fresh, plots=False, published=published)
        built = [path.relative_to(fresh).as_posix() for path in result.files]
        differences: list[Difference] = []
        for name in built:
            differences += _compare_files(name, folder / name, fresh / name)
    listed = (folder / MARKER).read_text(encoding="utf-8", errors="replace").splitlines()
    pictures = {name for name in listed if _PICTURE_FILE.fullmatch(name)}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    expected = {*built, MARKER, *pictures}
    differences += [Difference(name, "", "file", "there", "absent") for name in sorted(there - expected)]
    differences += [Difference(name, "", "file", "absent", "listed") for name in sorted(pictures - there)]
    drawn = sorted(pictures & there)
    bad = [name for name in drawn if not _is_picture(folder / name)]
    differences += [Difference(name, "", "content", "more than a picture", "a picture") for name in bad]
    other, silent = _compare_stamps(folder, [name for name in drawn if name not in bad])
    differences += _compare_alts(folder / "README.md", result.titles)
    notes = [f"{silent[0]}: does not say which numbers it shows (an older board; {len(silent)} such)"] if silent else []
    return Verification([*differences, *other], built, notes)


def _compare_stamps(folder: Path, names: Iterable[str]) -> tuple[list[Difference], list[str]]:
    """Pictures of other numbers than those of the board's JSON file (itself compared), and those that do not say."""
    try:
        numbers = digests(json.loads((folder / "leaderboard.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError):
        return [], []  # a difference already: there is nothing to hold pictures to
    found, silent = [], []
    for name in names:
        stamp = stamp_in((folder / name).read_bytes())
        if stamp is None:
            silent.append(name)
        elif (stamp[0], stamp[2]) != (Path(name).stem, numbers.get(stamp[1])):
            shown, wanted = (
                f"{stamp[0]} of {stamp[2][:16]}",
                f"{Path(name).stem} of {numbers.get(stamp[1], 'none')[:16]}",
            )
            found.append(Difference(name, "", "numbers it was drawn from", shown, wanted))
    return found, silent


#: What a picture of the README is called, by the beginning of its file's name.
_KINDS = {
    "ranks-": "Mean ranks",
    "critical-difference-": "Critical differences",
    "heat-map-": "Methods and datasets",
    "pareto-": "Accuracy and speed",
}


def _compare_alts(readme: Path, titles: Mapping[str, str]) -> Iterator[Difference]:
    """What the README says a picture shows: its kind, and the table that its file is named after."""
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    for found in _PICTURE_LINE.finditer(text):
        alt, _, path = found[0].removeprefix("![").removesuffix(")").rpartition("](")
        stem = Path(path).stem
        kind = next((prefix for prefix in _KINDS if stem.startswith(prefix)), None)
        places = [name for name in titles if kind and (stem.removeprefix(kind) + "-").startswith(f"{name}-")]
        wanted = [plain(f"{_KINDS[kind or '']}: {titles[name]}") for name in places]
        if alt not in wanted:
            yield Difference(
                "README.md", stem, "words of the picture", alt[:200], wanted[-1][:200] if wanted else "none"
            )


def _is_picture(path: Path) -> bool:
    content = path.read_bytes()
    return is_png(content) if path.suffix == ".png" else is_drawing(content.decode("utf-8", errors="replace"))


def _compare_files(name: str, committed: Path, recomputed: Path) -> list[Difference]:
    if not committed.is_file():
        return [Difference(name, "", "file", "absent", "there")]
    try:
        if name.endswith(".parquet"):
            return list(_compare_rows(name, _parquet_rows(committed), _parquet_rows(recomputed)))
        ours, theirs = committed.read_text(encoding="utf-8"), recomputed.read_text(encoding="utf-8")
        if name.endswith(".csv"):
            return list(_compare_rows(name, _csv_rows(ours), _csv_rows(theirs)))
        if name.endswith(".json"):
            return list(_compare_values(name, "", json.loads(ours), json.loads(theirs)))
        return [*_compare_scripts(name, ours, theirs), *_compare_lines(name, ours, theirs)]
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


def _compare_lines(name: str, ours: str, theirs: str) -> Iterator[Difference]:
    """Text, without what shows pictures; numbers in it may differ in the last of many digits."""
    one, other = _without_pictures(ours), _without_pictures(theirs)
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


_PICTURE_FILE = re.compile(r"plots/[\w.-]+\.(?:png|svg)")
_PICTURE_LINE = re.compile(r"!\[(?:[^\[\]\\]|\\.)*\]\(plots/[\w.-]+\.png\)")
_FIGURE = re.compile(r"<figure\b.*?</figure>", re.DOTALL)
#: Pictures stand together at the end of their section; anywhere else they would be over something.
_FRAME = re.compile(r'<div class="figures">\s*(?:\0\s*)*</div>(?=\s*</section>)')
_SCRIPT = re.compile(r"<script(?![^>]*application/json)[^>]*>(.*?)</script>", re.DOTALL)
_SCRIPT_HASH = re.compile(r"'sha256-[^']*'")  # as good as the script itself, which is compared
_FLOAT = re.compile(r"-?\d+(?:\.\d+(?:e[-+]\d+)?|e[-+]\d+)")
_NUMBER = re.compile(r"-?\d+\.\d{9,}(?:[eE][-+]?\d+)?")


def _compare_scripts(name: str, ours: str, theirs: str) -> Iterator[Difference]:
    """What runs in the reader's browser, byte for byte."""
    committed, recomputed = _SCRIPT.findall(ours), _SCRIPT.findall(theirs)
    if len(committed) != len(recomputed):
        yield Difference(name, "", "scripts", str(len(committed)), str(len(recomputed)))
    for number, (one, other) in enumerate(zip(committed, recomputed, strict=False), start=1):
        if one != other:
            yield Difference(name, f"script {number}", "SHA-256", _digest(one), _digest(other))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_pictures(text: str) -> list[str]:
    """The lines of a page less its scripts, which are compared apart, and less pictures that are nothing else."""
    bare = _SCRIPT_HASH.sub("", _SCRIPT.sub("", text))
    bare = _FRAME.sub("", _FIGURE.sub(lambda found: "\0" if is_drawing(found[0]) else found[0], bare))
    lines = (line.strip() for line in bare.splitlines())
    return [line for line in lines if line and not _PICTURE_LINE.fullmatch(line)]


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
