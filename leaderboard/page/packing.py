"""JSON in few bytes: a document whose objects share their keys, and whose texts repeat, as the page embeds it.

A packed value is a number, text, boolean or null as it is, or an array: ``[i]`` the pool's entry i; ``[-1, ...]`` a
list; ``[-2, s, n, columns...]`` a list of n objects of shape s, column by column, one that is the same in all of them
as ``[-3, value]``; ``[s, values...]`` an object of shape s. Empty lists and objects stay ``[]`` and ``{}``. The page's
script undoes it, and ``unpack`` here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

_SHORT = 6  # a text so short is not worth a place in the pool
_TABLE = 3  # so many objects of one shape make a table
_DIGITS = 7

Json = Any


def pack(value: Json) -> dict[str, Json]:
    """The document as ``{"shapes", "pool", "root"}``; floats keep seven significant digits."""
    counts: Counter[str] = Counter(_texts(value))
    packer = _Packer({text for text, count in counts.items() if count > 1})
    root = packer.of(value)
    return {"shapes": [list(keys) for keys in packer.shapes], "pool": packer.pool, "root": root}


def unpack(packed: dict[str, Json]) -> Json:
    """What was packed, floats to seven digits."""
    shapes, pool = packed["shapes"], packed["pool"]

    def of(value: Json) -> Json:
        if not isinstance(value, list) or not value:
            return value
        head, *rest = value
        if head == -1:
            return [of(each) for each in rest]
        if head == -2:
            keys, count = shapes[rest[0]], rest[1]
            columns = [[of(each[1])] * count if each[0] == -3 else [of(v) for v in each[1:]] for each in rest[2:]]
            return [dict(zip(keys, line, strict=True)) for line in zip(*columns, strict=True)]
        if not rest:
            return of(pool[head])
        return {key: of(each) for key, each in zip(shapes[head], rest, strict=True)}

    return of(packed["root"])


def _texts(value: Json) -> Iterator[str]:
    """What the pool may hold: longer texts, and objects of plain values as their JSON."""
    if isinstance(value, str):
        if len(value) >= _SHORT:
            yield value
    elif isinstance(value, dict):
        if value and _plain(value):
            yield json.dumps(value)
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _plain(value: dict[str, Json]) -> bool:
    return not any(isinstance(each, dict | list) for each in value.values())


class _Packer:
    def __init__(self, repeated: set[str]) -> None:
        self.repeated = repeated
        self.shapes: dict[tuple[str, ...], int] = {}
        self.pool: list[Json] = []
        self.places: dict[str, int] = {}

    def of(self, value: Json) -> Json:
        if isinstance(value, float):
            short = float(f"{value:.{_DIGITS}g}")
            return int(short) if short.is_integer() and abs(short) < 2**53 else short
        if isinstance(value, str):
            return self.pooled(value, value) if value in self.repeated else value
        if isinstance(value, dict):
            if not value:
                return {}
            name = json.dumps(value) if _plain(value) else ""
            return self.pooled(name, value) if name in self.repeated else self.shaped(value)
        if isinstance(value, list) and value:
            keys = {tuple(each) if isinstance(each, dict) else None for each in value}
            if len(value) >= _TABLE and len(keys) == 1 and None not in keys and keys != {()}:
                return self.table(value)
            return [-1, *(self.of(each) for each in value)]
        return value

    def shape(self, value: dict[str, Json]) -> int:
        return self.shapes.setdefault(tuple(value), len(self.shapes))

    def shaped(self, value: dict[str, Json]) -> list[Json]:
        return [self.shape(value), *(self.of(each) for each in value.values())]

    def table(self, rows: list[dict[str, Json]]) -> list[Json]:
        columns = []
        for key in rows[0]:
            packed = [self.of(each[key]) for each in rows]
            same = all(each == packed[0] and type(each) is type(packed[0]) for each in packed)
            columns.append([-3, packed[0]] if same else [-1, *packed])
        return [-2, self.shape(rows[0]), len(rows), *columns]

    def pooled(self, name: str, value: Json) -> list[Json]:
        if name not in self.places:
            packed = self.shaped(value) if isinstance(value, dict) else value
            self.places[name] = len(self.pool)
            self.pool.append(packed)
        return [self.places[name]]
