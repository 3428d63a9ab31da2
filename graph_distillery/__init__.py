"""Hyperparameter search and benchmarking for knowledge distillation on graph neural networks.

    import graph_distillery as gd

    store = gd.sweep("spec.yaml", out="store")
    store.to_frame()
    gd.leaderboard([store], out="board")

The four rooms are `graph_distillery.methods`, `.search_spaces`, `.bench` and `.leaderboard`; in a checkout they are
symbolic links to the folders beside this one. Importing this package loads neither torch nor ray.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graph_distillery.api import Store, export, leaderboard, load_student, open_store, predict, recommend, sweep

__all__ = ["Store", "export", "leaderboard", "load_student", "open_store", "predict", "recommend", "sweep"]


def __getattr__(name: str) -> Any:
    """The names of the public API, loaded when first used.

    `leaderboard` is the room of that name, which can be called and does what `api.leaderboard` says.
    """
    if name == "leaderboard":
        return import_module(f"{__name__}.leaderboard")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.api"), name)
