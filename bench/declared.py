"""Hyperparameters as a class declares them, read off its source: without importing it, and so without torch.

Only what can be read without running anything: fields of pydantic models with literal defaults, and their bases. Where
a class does otherwise, it must be imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

#: As pydantic orders them.
_BOUNDS = ("gt", "ge", "lt", "le")
#: Where the bases end, and their own fields.
_ENDS = ("BaseModel", "Generic", "Protocol")


@dataclass(frozen=True)
class DeclaredField:
    """A field as pydantic's `FieldInfo` tells of it; metadata: of its bounds alone."""

    default: Any
    description: str | None
    metadata: tuple[Any, ...]


_Class = tuple[str, ast.ClassDef]


class _UnreadableError(Exception):
    """It takes more than reading."""


def declared_hyperparameters(target: str) -> dict[str, DeclaredField] | None:
    """The fields of the `Hyperparameters` of a class, named as `module:attribute`, in pydantic's order; None where they
    cannot be read."""
    module, _, name = target.partition(":")
    try:
        own = _hyperparameters(*_defined(module, name))
        return None if own is None else dict(_fields(*own))
    except (_UnreadableError, SyntaxError, OSError, ImportError, ValueError, RecursionError):
        return None


@lru_cache(maxsize=256)
def _names(module: str) -> dict[str, ast.stmt]:
    """What stands at the top of a module, by name."""
    found: dict[str, ast.stmt] = {}
    for statement in ast.parse(_source(module).read_bytes()).body:
        if isinstance(statement, ast.ClassDef):
            found[statement.name] = statement
        elif isinstance(statement, ast.ImportFrom):
            found |= {alias.asname or alias.name: statement for alias in statement.names}
        elif isinstance(statement, ast.Assign):
            found |= {target.id: statement for target in statement.targets if isinstance(target, ast.Name)}
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found[statement.target.id] = statement
    return found


def _source(module: str) -> Path:
    """The file of a module, whose package is not imported, as `find_spec` would."""
    top, *parts = module.split(".")
    spec = find_spec(top)
    if spec is None:
        raise _UnreadableError(module)
    places = [Path(home, *parts) for home in spec.submodule_search_locations or ()] if parts else []
    files = [file for place in places for file in (place.with_name(f"{place.name}.py"), place / "__init__.py")]
    files += [Path(spec.origin)] if not parts and spec.origin is not None else []
    found = next((file for file in files if file.suffix == ".py" and file.is_file()), None)
    if found is None:
        raise _UnreadableError(module)
    return found


def _resolved(module: str, name: str) -> tuple[str, ast.stmt]:
    """Where a name of a module comes from, and the statement that makes it."""
    statement = _names(module).get(name)
    if isinstance(statement, ast.ImportFrom):
        if statement.level or statement.module is None:
            raise _UnreadableError(name)
        original = next(alias.name for alias in statement.names if (alias.asname or alias.name) == name)
        return _resolved(statement.module, original)
    if statement is None:
        raise _UnreadableError(name)
    return module, statement


def _defined(module: str, name: str) -> _Class:
    found, statement = _resolved(module, name)
    if not isinstance(statement, ast.ClassDef):
        raise _UnreadableError(name)
    return found, statement


def _order(module: str, of: ast.ClassDef) -> list[_Class]:
    """The class and its bases in the order in which Python looks into them."""
    bases = list(_bases(module, of))
    merging = [*(_order(*base) for base in bases), bases]
    found: list[_Class] = [(module, of)]
    while merging := [each for each in merging if each]:
        heads = (each[0] for each in merging)
        head = next((one for one in heads if not any(one in each[1:] for each in merging)), None)
        if head is None:
            raise _UnreadableError(of.name)
        found.append(head)
        merging = [[one for one in each if one != head] for each in merging]
    return found


def _bases(module: str, of: ast.ClassDef) -> Iterator[_Class]:
    for base in of.bases:
        base = base.value if isinstance(base, ast.Subscript) else base
        if isinstance(base, ast.Attribute):  # nn.Module
            continue
        if not isinstance(base, ast.Name):
            raise _UnreadableError(ast.dump(base))
        if base.id not in _ENDS:
            yield _defined(module, base.id)


def _hyperparameters(module: str, of: ast.ClassDef) -> _Class | None:
    """The class that a class, or the first of its bases that has one, calls its `Hyperparameters`."""
    for home, each in _order(module, of):
        for statement in each.body:
            targets: list[ast.expr] = [statement.target] if isinstance(statement, ast.AnnAssign) else []
            targets = statement.targets if isinstance(statement, ast.Assign) else targets
            if any(isinstance(target, ast.Name) and target.id == "Hyperparameters" for target in targets):
                value = getattr(statement, "value", None)
                if not isinstance(value, ast.Name):
                    raise _UnreadableError("Hyperparameters")
                return _defined(home, value.id)
    return None


def _fields(module: str, of: ast.ClassDef) -> dict[str, DeclaredField]:
    found: dict[str, DeclaredField] = {}
    for base in reversed(list(_bases(module, of))):
        found |= _fields(*base)
    for statement in of.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if "ClassVar" in ast.dump(statement.annotation) or statement.target.id.startswith("_"):
            continue
        found[statement.target.id] = _field(module, statement)
    return found


def _field(module: str, statement: ast.AnnAssign) -> DeclaredField:
    default, description, bounds = None, None, dict[str, Any]()
    calls = [statement.value] if statement.value is not None else []
    annotated = _annotated(module, statement.annotation)
    for home, value in (_followed(module, each) for each in (*annotated, *calls)):
        if not _is_field(value):
            default = ast.literal_eval(value)
            continue
        assert isinstance(value, ast.Call)
        words = {word.arg: _followed(home, word.value)[1] for word in value.keywords if word.arg is not None}
        if "default_factory" in words:
            raise _UnreadableError("default_factory")
        given = {name: ast.literal_eval(words[name]) for name in ("default", "description", *_BOUNDS) if name in words}
        default = ast.literal_eval(_followed(home, value.args[0])[1]) if value.args else given.get("default", default)
        description = given.get("description", description)
        bounds |= {name: given[name] for name in _BOUNDS if given.get(name) is not None}
    return DeclaredField(default, description, tuple(SimpleNamespace(**{name: bounds[name]}) for name in bounds))


def _annotated(module: str, annotation: ast.expr) -> list[ast.expr]:
    """What an annotation of the form `Annotated[type, Field(...)]` says beside the type, also where it has a name."""
    if isinstance(annotation, ast.Name) and annotation.id in _names(module):
        home, made = _resolved(module, annotation.id)
        value = getattr(made, "value", None)
        return _annotated(home, value) if isinstance(value, ast.expr) else []
    match annotation:
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=elements)):
            return elements[1:]
        case _:
            return []


def _is_field(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Field"


def _followed(module: str, expression: ast.expr) -> tuple[str, ast.expr]:
    """What an expression stands for where it is a name, and the module that says so."""
    if not isinstance(expression, ast.Name):
        return module, expression
    home, made = _resolved(module, expression.id)
    value = getattr(made, "value", None)
    if not isinstance(value, ast.expr):
        raise _UnreadableError(expression.id)
    return _followed(home, value)
