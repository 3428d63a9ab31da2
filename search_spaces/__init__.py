"""What may be tuned: one YAML per method and per model, and the loader that turns them into Optuna
distributions.

Importing this package loads neither pydantic nor optuna; the names below load their module when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from graph_distillery.search_spaces.errors import SpaceError, unknown

if TYPE_CHECKING:
    from graph_distillery.search_spaces.joint import JointSpace, merge
    from graph_distillery.search_spaces.library import available, load_space, parse_space, register_space
    from graph_distillery.search_spaces.parameter import Condition, Parameter
    from graph_distillery.search_spaces.space import Preset, Space
    from graph_distillery.search_spaces.strict_yaml import load_yaml

__all__ = [
    "Condition",
    "JointSpace",
    "Parameter",
    "Preset",
    "Space",
    "SpaceError",
    "available",
    "load_space",
    "load_yaml",
    "merge",
    "parse_space",
    "register_space",
    "unknown",
]

_HOME = {
    "Condition": "parameter",
    "JointSpace": "joint",
    "Parameter": "parameter",
    "Preset": "space",
    "Space": "space",
    "available": "library",
    "load_space": "library",
    "load_yaml": "strict_yaml",
    "merge": "joint",
    "parse_space": "library",
    "register_space": "library",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
