"""The data as they were when a store first used them: a sweep does not go on over others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import Record

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Pin(BaseModel):
    """Hashes of a dataset's content and order under a split and a setting, and of the split of each seed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    split: str
    setting: str
    sha256: Sha256
    node_order_sha256: Sha256
    splits: dict[int, Sha256]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.dataset, self.split, self.setting


def joined(pinned: Iterable[Pin], here: Iterable[Pin], where: str) -> tuple[Pin, ...]:
    """What was pinned and what is new; `where` opens the line of an error.

    Raises:
        UserError: the data here are others than those that were pinned; names the dataset and both hashes.
    """
    found = {pin.key: pin for pin in pinned}
    for pin in here:
        known = found.get(pin.key)
        if known is not None:
            _compare(known, pin, where)
        found[pin.key] = pin if known is None else known.model_copy(update={"splits": {**known.splits, **pin.splits}})
    return tuple(found.values())


def _compare(known: Pin, here: Pin, where: str) -> None:
    pairs = [("its content", known.sha256, here.sha256), ("its order", known.node_order_sha256, here.node_order_sha256)]
    shared = known.splits.keys() & here.splits.keys()
    pairs += [(f"its split {known.split} of seed {s}", known.splits[s], here.splits[s]) for s in sorted(shared)]
    for what, then, now in pairs:
        if then != now:
            raise UserError(
                f"{where}: dataset {known.dataset!r} is not what the store was begun with: {what} was "
                f"sha256 {then[:16]} and is {now[:16]}; bring it back, or choose another store"
            )


def of_records(records: Iterable[Record]) -> tuple[Pin, ...]:
    """What records say of their data, for a store that pinned nothing; the first of each dataset speaks for it."""
    found: dict[tuple[str, str, str], Pin] = {}
    for record in records:
        cell = record.cell
        key = (cell.dataset, cell.split, cell.setting)
        split: Mapping[int, str] = {} if cell.split_sha256 is None else {cell.split_seed: cell.split_sha256}
        pin = found.get(key)
        if pin is None:
            found[key] = Pin(
                dataset=cell.dataset,
                split=cell.split,
                setting=cell.setting,
                sha256=cell.dataset_sha256,
                node_order_sha256=cell.node_order_sha256,
                splits=dict(split),
            )
        elif cell.split_seed not in pin.splits:
            pin.splits.update(split)
    return tuple(found.values())
