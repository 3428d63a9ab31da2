"""`distillery pack`: a finished store as a small folder that every command reads. Loads neither torch nor ray."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from graph_distillery.bench.cli.terminal import emit, emit_json
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.paths import can_be_written
from graph_distillery.bench.records import read_records
from graph_distillery.bench.records.files import records_file
from graph_distillery.bench.records.packing import is_packed, packed_files
from graph_distillery.bench.records.predictions import place_of, read_bytes, sha256_of
from graph_distillery.bench.records.schema import RecordError
from graph_distillery.bench.sweeps.store.files import ENVIRONMENT, FACTS, PLAN, SPEC, read_facts
from graph_distillery.bench.sweeps.store.heartbeat import driver_at_work
from graph_distillery.bench.text import count


def run(store: Path, out: Path | None, as_json: bool) -> int:
    """Write the packed store; the store itself stays as it is.

    Raises:
        UserError: it is none that can be packed, or the folder is taken; nothing is written.
    """
    out = out or store.resolve().with_name(store.resolve().name + "-packed")
    records, files = _content(store, out)
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
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    if as_json:
        emit_json({"packed": str(out), "records": records, "bytes": size})
    else:
        emit(f"{out}: {count(records, 'record')}, {size / 1e6:.1f} MB")
    return 0


def _content(store: Path, out: Path) -> tuple[int, list[tuple[str, bytes]]]:
    """The number of records, and the files of the packed store."""
    read_facts(store)
    if is_packed(store):
        raise UserError(f"{store}: is packed already")
    if driver_at_work(store):
        raise UserError(f"{store}: a driver is at work on it; pack it when its sweep is over")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out}: is taken; choose another folder")
    can_be_written(out)
    try:
        found = read_records(store, tolerate_torn_tail=False)
        named = {each.predictions_sha256 for each in found.records if each.predictions_sha256}
        predictions = {sha256: read_bytes(place_of(store, sha256)) for sha256 in sorted(named)}
        for sha256, content in predictions.items():
            if sha256_of(content) != sha256:
                raise RecordError(f"{place_of(store, sha256)}: is not the file that was written; its hash is another")
    except RecordError as error:
        raise UserError(str(error)) from None
    kept = [name for name in (FACTS, SPEC, PLAN, ENVIRONMENT, "transfer.json") if (store / name).is_file()]
    files = [(name, (store / name).read_bytes()) for name in kept]
    kinds = [path for kind in ("teacher", "trial", "report", "speed") if (path := records_file(store, kind)).is_file()]
    files += packed_files({path.name: path.read_bytes() for path in kinds}, predictions)
    return len(found.records), files
