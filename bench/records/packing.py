"""A store in a few compressed files, for a repository of results: what `distillery pack` writes, and how it is read.

Records are the same lines, compressed (``records/KIND.jsonl.xz``). Predictions are one file, ``predictions.xz``: runs
that predict the same items differ in few of them, so that of each such group one file is kept, whose every bit is what
most of them say, and of all of them where they differ from it. What comes out is what went in, to the last bit.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from graph_distillery.bench.records.schema import RecordError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIX = ".xz"
PACKED_PREDICTIONS = "predictions.xz"
#: What a packed file may come to, so that a few hostile bytes do not fill a reader's memory.
MOST_BYTES = 2 * 2**30
_COLUMNS = 4096


def packed(path: Path) -> Path:
    """Where the packed form of a file of a store lies."""
    return path.with_name(path.name + SUFFIX)


def is_packed(store: Path) -> bool:
    """Whether a store is one that `pack_store` wrote."""
    return any((store / "records").glob(f"*.jsonl{SUFFIX}"))


def compress(content: bytes) -> bytes:
    """The same content gives the same bytes."""
    return lzma.compress(content, preset=6)


def decompress(content: bytes, where: str) -> bytes:
    """RecordError where it is no such file, or a larger one than any store's."""
    reader = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    try:
        found = reader.decompress(content, MOST_BYTES)
    except lzma.LZMAError as error:
        raise RecordError(f"{where}: cannot be unpacked: {error}") from None
    if not reader.eof or reader.unused_data:
        raise RecordError(f"{where}: cannot be unpacked: it is cut short, too large, or more than one")
    return found


def pack_predictions(files: Mapping[str, bytes]) -> bytes:
    """Files of predictions by their hash, as one."""
    import numpy as np

    groups: dict[tuple[int, bytes], list[str]] = {}
    for sha256 in sorted(files):
        groups.setdefault((len(files[sha256]), _items(files[sha256])), []).append(sha256)
    body = []
    for names in groups.values():
        block = np.stack([np.frombuffer(files[name], dtype=np.uint8) for name in names])
        usual = _majority(block)
        body += [usual.tobytes(), (block ^ usual).tobytes()]
    head = json.dumps([[length, names] for (length, _), names in groups.items()]).encode()
    return compress(head + b"\n" + b"".join(body))


def _items(content: bytes) -> bytes:
    """What the files of a group share: their header, and which items they are of."""
    length = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:length])
    places = [header[name]["data_offsets"] for name in sorted(header) if name.endswith(".items")]
    return content[:length] + b"".join(content[length + start : length + end] for start, end in places)


def _majority(block: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[files, bytes] to [bytes]: of every bit what most files have; 0 where they are at odds."""
    import numpy as np

    parts = []
    for start in range(0, block.shape[1], _COLUMNS):
        bits = np.unpackbits(block[:, start : start + _COLUMNS], axis=1)
        parts.append(np.packbits(2 * bits.sum(axis=0, dtype=np.int64) > len(block)))
    return np.concatenate(parts)


def unpack_predictions(content: bytes, where: str) -> dict[str, bytes]:
    """Files by their hash, which is not yet held against their bytes; RecordError where it is no such file."""
    import numpy as np

    head, _, body = decompress(content, where).partition(b"\n")
    found: dict[str, bytes] = {}
    place = 0
    try:
        for length, names in json.loads(head):
            rows = np.frombuffer(body, np.uint8, (len(names) + 1) * length, place).reshape(-1, length)
            found |= {str(name): (row ^ rows[0]).tobytes() for name, row in zip(names, rows[1:], strict=True)}
            place += rows.size
    except (ValueError, TypeError) as error:
        raise RecordError(f"{where}: cannot be unpacked: {error}") from None
    return found


@lru_cache(maxsize=4)
def _unpacked(path: Path, size: int, modified_ns: int) -> dict[str, bytes]:
    return unpack_predictions(path.read_bytes(), str(path))


def packed_predictions(store: Path, sha256: str) -> bytes | None:
    """The bytes of one file of a packed store; None where it has none of that hash."""
    path = store / PACKED_PREDICTIONS
    if path.is_symlink():
        raise RecordError(f"{path}: is a symbolic link; predictions must lie inside the store")
    if not path.is_file():
        return None
    facts = path.stat()
    return _unpacked(path, facts.st_size, facts.st_mtime_ns).get(sha256)


def packed_files(records: Mapping[str, bytes], predictions: Mapping[str, bytes]) -> Iterable[tuple[str, bytes]]:
    """What a packed store holds of records, by the names of their files, and of predictions, by their hashes."""
    for name, content in records.items():
        yield f"records/{name}{SUFFIX}", compress(content)
    if predictions:
        yield PACKED_PREDICTIONS, pack_predictions(predictions)
