"""Where tables are found: the packaged YAML files, and files that a user names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.papers.schema import Column, Number, Protocol, Quirk, Row, Run, Table
from graph_distillery.near_names import unknown_line
from graph_distillery.search_spaces import SpaceError, load_yaml
from graph_distillery.search_spaces.errors import first_problem


@cache
def table_names() -> tuple[str, ...]:
    """The packaged tables, sorted."""
    folder = resources.files("graph_distillery.bench.papers")
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))


def find_tables(names: Sequence[str]) -> list[Table]:
    """Packaged tables by name, or tables of the user's own by path; all packaged ones where none is named.

    Raises:
        UserError: no such table (with the nearest name), or its file is wrong; one line.
    """
    found = [_find(name) for name in (names or table_names())]
    for index, table in enumerate(found):
        if table.name in {other.name for other in found[:index]}:
            raise UserError(f"table {table.name!r} is named twice")
    return found


def _find(name: str) -> Table:
    if name.endswith((".yaml", ".yml")):
        return read_table(Path(name))
    if name not in table_names():
        raise UserError(unknown_line("table", name, table_names()))
    with resources.as_file(resources.files("graph_distillery.bench.papers") / f"{name}.yaml") as path:
        return read_table(path)


def read_table(path: Path) -> Table:
    """One table from its file.

    Raises:
        UserError: it cannot be read, or a field is wrong; one line that names it and the nearest valid name.
    """
    try:
        content = load_yaml(path, source=path.name)
    except SpaceError as error:
        raise UserError(str(error)) from None
    if not isinstance(content, dict):
        raise UserError(f"{path.name}: a table is a mapping of fields, not {type(content).__name__}")
    try:
        return Table.model_validate(content)
    except ValidationError as error:
        raise UserError(first_problem(error, path.name, _fields_at)) from None


_PARTS: dict[str, type[BaseModel]] = {
    "protocol": Protocol,
    "runs": Run,
    "rows": Row,
    "columns": Column,
    "numbers": Number,
    "quirks": Quirk,
}


def _fields_at(location: tuple[Any, ...]) -> Iterable[str]:
    """The valid field names of the part of a table at `location`."""
    for part in reversed(location):
        if part in _PARTS:
            return _PARTS[part].model_fields
    return Table.model_fields
