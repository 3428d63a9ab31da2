"""Where search spaces are found: the packaged YAML files, and those that plug-ins register."""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from pathlib import Path
from typing import get_args

from graph_distillery.search_spaces.errors import SpaceError, shown, unknown
from graph_distillery.search_spaces.families import FAMILIES
from graph_distillery.search_spaces.space import Kind, Space, checked
from graph_distillery.search_spaces.strict_yaml import load_yaml
from graph_distillery.search_spaces.values import position

_KINDS: tuple[Kind, ...] = get_args(Kind)
_registered: dict[tuple[Kind, str], Space] = {}


def available(kind: Kind) -> list[str]:
    """The names of all spaces of a kind, packaged and registered, sorted."""
    _check_kind(kind)
    return sorted({*_packaged(kind), *(name for of, name in _registered if of == kind)})


def load_space(kind: Kind, name: str) -> Space:
    """The search space of a method or a model. The result is shared: treat it as read-only.

    Raises:
        SpaceError: no such space (with the nearest name), or its file is broken.
    """
    _check_kind(kind)
    if (kind, name) in _registered:
        return _registered[kind, name]
    prefix, colon, _ = name.partition(":")
    if colon and (kind, prefix) in FAMILIES:
        return _named(parse_space(FAMILIES[kind, prefix](name), source=f"model {name}"), kind, name, name)
    if name not in _packaged(kind):
        raise SpaceError(unknown(kind, name, available(kind), "search spaces"))
    return _load_packaged(kind, name)


def register_space(kind: Kind, name: str, path: str | os.PathLike[str]) -> None:
    """Add a plug-in's space from its YAML file, which is read and checked at once.

    Raises:
        SpaceError: the name is taken, or the file cannot be read or is not a space of that kind and name.
    """
    _check_kind(kind)
    if name in available(kind):
        raise SpaceError(f"search spaces: the {kind} {shown(name)} is already there; choose another name")
    source = os.fspath(path)
    _registered[kind, name] = _named(
        parse_space(load_yaml(Path(path), source=source), source=source), kind, name, source
    )


def parse_space(data: object, *, source: str) -> Space:
    """A space from the content of its YAML file, with what only a whole file can be held to: no condition
    that never holds.

    Raises:
        SpaceError: one line that names source, field and the nearest valid name.
    """
    space = checked(data, source)
    for name, parameter in space.parameters.items():
        for parent, condition in parameter.when.items():
            for value in condition.values:
                if parent in space.parameters:
                    possible = space.parameters[parent].contains(value)
                else:
                    possible = position(value, [space.fixed[parent]]) is not None
                if not possible:
                    where = f"{source}: parameters.{name}.when.{parent}"
                    raise SpaceError(f"{where}: {parent!r} never has the value {shown(value)}")
    return space


def _check_kind(kind: str) -> None:
    if kind not in _KINDS:
        raise SpaceError(unknown("kind", kind, _KINDS, "search spaces"))


def _named(space: Space, kind: Kind, name: str, source: str) -> Space:
    if (space.kind, space.name) != (kind, name):
        raise SpaceError(f"{source}: expected the {kind} {shown(name)}, got the {space.kind} {shown(space.name)}")
    return space


@cache
def _packaged(kind: Kind) -> frozenset[str]:
    folder = resources.files("graph_distillery.search_spaces").joinpath(f"{kind}s")
    return frozenset(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


@cache
def _load_packaged(kind: Kind, name: str) -> Space:
    source = f"search_spaces/{kind}s/{name}.yaml"
    data = (
        resources.files("graph_distillery.search_spaces")
        .joinpath(f"{kind}s", f"{name}.yaml")
        .read_text(encoding="utf-8")
    )
    return _named(parse_space(load_yaml(data, source=source), source=source), kind, name, source)
