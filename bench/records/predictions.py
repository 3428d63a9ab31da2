"""What a report run predicted for every test item, as it travels and as a store keeps it.

In a store it is ``predictions/SHA256.safetensors``, named by the hash of its bytes, which the record holds. Per part
of the test set (``all``, or ``tran`` and ``ind`` where nodes are hidden) these tensors, of M predictions that the
method has judged (one, unless several students are trained) for N items:

- ``PART.items`` [N] unsigned: the items' numbers in the dataset
- ``PART.labels`` [M, N] unsigned: the predicted class, in the least type that holds the number of classes
- ``PART.label_sets`` [M, N, ceil(L / 8)] uint8: of tasks with sets of L labels, one bit a label
- ``PART.logits`` [M, N, C] float: in place of labels where they are asked for, or the metric ranks
- ``PART.right`` [M, ceil(N / 8)] uint8: of tasks with one label an item, one bit each, set where it is the true one
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from graph_distillery.bench.records.packing import packed_predictions
from graph_distillery.bench.records.schema import RecordError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "predictions"
_DRAFT = ".draft-"
JudgedBy = Literal["mean", "best"]


@dataclass(frozen=True)
class PredictedPart:
    """Of one part of a test set; what the file does not hold is None.

    items: [N] int64. labels: [M, N] int64. label_sets: [M, N, L] bool. logits: [M, N, C]. right: [M, N] bool.
    """

    items: NDArray[np.int64]
    labels: NDArray[np.int64] | None = None
    label_sets: NDArray[np.bool_] | None = None
    logits: NDArray[Any] | None = None
    right: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Predictions:
    """The predictions of one report run. judged_by: what stands for several of them, as `Method.judged_by`."""

    parts: Mapping[str, PredictedPart]
    judged_by: JudgedBy = "mean"

    def to_bytes(self, num_labels: int) -> bytes:
        """The same predictions give the same bytes. num_labels: classes, or labels of a set."""
        import numpy as np
        from safetensors.numpy import save

        tensors: dict[str, NDArray[Any]] = {}
        for name, part in self.parts.items():
            tensors[f"{name}.items"] = part.items.astype(np.min_scalar_type(int(part.items.max(initial=0))))
            if part.labels is not None:
                tensors[f"{name}.labels"] = part.labels.astype(np.min_scalar_type(max(num_labels - 1, 1)))
            if part.label_sets is not None:
                tensors[f"{name}.label_sets"] = np.packbits(part.label_sets, axis=-1)
            if part.logits is not None:
                tensors[f"{name}.logits"] = np.ascontiguousarray(part.logits)
            if part.right is not None:
                tensors[f"{name}.right"] = np.packbits(part.right, axis=-1)
        return bytes(save(tensors, {"judged_by": f"{self.judged_by} {num_labels}"}))


def parse_predictions(content: bytes, where: str) -> Predictions:
    """From the bytes of a file; RecordError, one line that opens with `where`, where they are something else."""
    import json

    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        told = json.loads(content[8 : 8 + length]).get("__metadata__", {}).get("judged_by", "")
        judged_by, num_labels = told.split(" ")
        names = dict.fromkeys(name.partition(".")[0] for name in tensors)
        parts = {name: _part(name, tensors, int(num_labels)) for name in names}
        if judged_by not in ("mean", "best") or not parts:
            raise ValueError("it does not say what stands for several predictions")
    except (SafetensorError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise RecordError(f"{where}: holds no predictions: {' '.join(str(error).split())[:200]}") from None
    return Predictions(parts, judged_by)


def _part(name: str, tensors: Mapping[str, NDArray[Any]], num_labels: int) -> PredictedPart:
    import numpy as np

    items = tensors[f"{name}.items"].astype(np.int64)
    labels, sets, logits, right = (
        tensors.get(f"{name}.{kind}") for kind in ("labels", "label_sets", "logits", "right")
    )
    for each in (labels, sets, logits):
        if each is not None and (each.ndim < 2 or each.shape[1] != items.size):
            raise ValueError(f"{name}: predictions of {each.shape} for {items.size} items")
    if right is not None and (right.ndim != 2 or right.shape[1] != -(-items.size // 8)):
        raise ValueError(f"{name}.right: {right.shape} for {items.size} items")
    return PredictedPart(
        items,
        None if labels is None else labels.astype(np.int64),
        None if sets is None else np.unpackbits(sets, axis=-1, count=num_labels).astype(bool),
        logits,
        None if right is None else np.unpackbits(right, axis=-1, count=items.size).astype(bool),
    )


def sha256_of(content: bytes) -> str:
    """What a record says of its predictions: 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def place_of(store: Path, sha256: str) -> Path:
    """Where predictions of that hash are kept."""
    return store / FOLDER / f"{sha256}.safetensors"


def write_predictions(store: Path, content: bytes) -> str:
    """Keep predictions in a store, whole and synced or not at all, and once for all runs that gave the same.

    Returns their hash. A file of that name with other bytes, as a broken disk leaves, is written anew. Raises
    RecordError where the disk refuses.
    """
    sha256 = sha256_of(content)
    place = place_of(store, sha256)
    draft: Path | None = None
    try:
        if place.is_file() and not place.is_symlink() and place.read_bytes() == content:
            return sha256
        if place.parent.is_symlink():
            raise RecordError(f"{place.parent}: is a symbolic link; predictions must lie inside the store")
        place.parent.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_DRAFT, dir=place.parent)
        draft = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, 0o644)
        os.replace(draft, place)
        descriptor = os.open(place.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RecordError(f"{place}: cannot be written: {error.strerror or error}") from None
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
    return sha256


def sweep_drafts(store: Path) -> None:
    """Remove what a driver left that was killed while it wrote; for the one that holds the store's lock."""
    for draft in (store / FOLDER).glob(f"{_DRAFT}*"):
        draft.unlink(missing_ok=True)


def has_predictions(store: Path, sha256: str) -> bool:
    """Whether a store holds those of a hash; copies of records may have left them behind."""
    return place_of(store, sha256).exists() or packed_predictions(store, sha256) is not None


def read_predictions(store: Path, sha256: str) -> Predictions:
    """Those of a hash; RecordError where they are not there, or are not the bytes that were written."""
    place = place_of(store, sha256)
    content = packed_predictions(store, sha256) if not place.exists() else None
    content = read_bytes(place) if content is None else content
    if sha256_of(content) != sha256:
        raise RecordError(f"{place}: is not the file that was written; its hash is another")
    return parse_predictions(content, str(place))


def read_bytes(place: Path) -> bytes:
    """A regular file inside the store; RecordError for anything else."""
    if place.parent.is_symlink() or place.is_symlink():
        raise RecordError(f"{place}: is a symbolic link; predictions must lie inside the store")
    try:
        return place.read_bytes()
    except OSError as error:
        raise RecordError(f"{place}: cannot be read: {error.strerror or error}") from None
