"""`distillery pack`: a store as a small folder that every command reads, and back. Loads neither torch nor ray."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from graph_distillery.bench.cli.terminal import emit, emit_json
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.paths import can_be_written
from graph_distillery.bench.records import read_records
from graph_distillery.bench.records.files import KINDS, records_file
from graph_distillery.bench.records.packing import decompress, is_packed, packed, packed_files, packed_predictions
from graph_distillery.bench.records.predictions import place_of, read_bytes, sha256_of
from graph_distillery.bench.records.schema import RecordError
from graph_distillery.bench.sweeps.store.files import ENVIRONMENT, FACTS, PLAN, SPEC, read_facts
from graph_distillery.bench.sweeps.store.heartbeat import driver_at_work
from graph_distillery.bench.text import count

#: The files beside the records that say what a store is of; also packed as they are.
_ABOUT = (FACTS, SPEC, PLAN, ENVIRONMENT, "transfer.json")


def run(store: Path, out: Path | None, as_json: bool, unpack: bool = False) -> int:
    """Write the packed store, or of one that is packed the store that it was; what is read stays as it is.

    Raises:
        UserError: it is none that can be packed or unpacked, or the folder is taken; nothing is written.
    """
    out = out or store.resolve().with_name(store.resolve().name + ("-unpacked" if unpack else "-packed"))
    records, files = _unpacked(store, out) if unpack else _content(store, out)
    _write(files, out)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    if as_json:
        emit_json({"unpacked" if unpack else "packed": str(out), "records": records, "bytes": size})
    else:
        emit(f"{out}: {count(records, 'record')}, {size / 1e6:.1f} MB")
    return 0


def _write(files: Iterable[tuple[str, bytes]], out: Path) -> None:
    """All of them in a new folder, or none."""
    above = out.absolute().parent
    above.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=above))
    try:
        for name, content in files:
            place = draft / name
            place.parent.mkdir(exist_ok=True)
            with place.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        draft.chmod(0o755)
        os.replace(draft, out)  # an empty folder gives way
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _taken(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out}: is taken; choose another folder")
    can_be_written(out)


def _unpacked(store: Path, out: Path) -> tuple[int, list[tuple[str, bytes]]]:
    """The number of records, and the files of the store that was packed; its teachers are trained anew when needed."""
    read_facts(store)
    if not is_packed(store):
        raise UserError(f"{store}: is no packed store; its sweep goes on in it as it is")
    _taken(out)
    try:
        found = read_records(store)
        files = [(name, (store / name).read_bytes()) for name in _ABOUT if (store / name).is_file()]
        for kind in KINDS:
            path = records_file(store, kind)
            if packed(path).is_file():
                files.append((f"records/{path.name}", decompress(packed(path).read_bytes(), str(packed(path)))))
        for sha256 in sorted({each.predictions_sha256 for each in found.records if each.predictions_sha256}):
            content = packed_predictions(store, sha256)
            if content is None or sha256_of(content) != sha256:
                raise RecordError(f"{store}: predictions {sha256} are not in it as they were written")
            files.append((str(place_of(store, sha256).relative_to(store)), content))
    except RecordError as error:
        raise UserError(str(error)) from None
    return len(found.records), files


def _content(store: Path, out: Path) -> tuple[int, list[tuple[str, bytes]]]:
    """The number of records, and the files of the packed store."""
    read_facts(store)
    if is_packed(store):
        raise UserError(f"{store}: is packed already")
    if driver_at_work(store):
        raise UserError(f"{store}: a driver is at work on it; pack it when its sweep is over")
    _taken(out)
    try:
        found = read_records(store, tolerate_torn_tail=False)
        named = {each.predictions_sha256 for each in found.records if each.predictions_sha256}
        predictions = {sha256: read_bytes(place_of(store, sha256)) for sha256 in sorted(named)}
        for sha256, content in predictions.items():
            if sha256_of(content) != sha256:
                raise RecordError(f"{place_of(store, sha256)}: is not the file that was written; its hash is another")
    except RecordError as error:
        raise UserError(str(error)) from None
    files = [(name, (store / name).read_bytes()) for name in _ABOUT if (store / name).is_file()]
    kinds = [path for kind in KINDS if (path := records_file(store, kind)).is_file()]
    files += packed_files({path.name: path.read_bytes() for path in kinds}, predictions)
    return len(found.records), files
