"""The models by name: a folder each, found by its `info.py`; and families of others. Listing them loads no torch."""

from __future__ import annotations

import importlib
from typing import Any

from graph_distillery.bench.models.info import ModelInfo
from graph_distillery.bench.models.zoo.families import PYG, PYTHON, pyg_entry, pyg_space, python_entry, python_space
from graph_distillery.methods.registry import Registry, walk
from graph_distillery.search_spaces.families import register_family


class ModelRegistry(Registry[ModelInfo]):
    """As every registry; what an entry names may be any `torch.nn.Module`, and comes as a model of the suite."""

    def load(self, name: str) -> Any:
        """The model's class. Raises UserError where it is no module, or takes other things than a model must."""
        return importlib.import_module("graph_distillery.bench.models.zoo.adapter").adapted(super().load(name), name)


#: Third-party packages add models through this entry-point group.
MODELS = ModelRegistry(
    "model",
    lambda: walk("graph_distillery.bench.models"),
    "graph_distillery.models",
    families={PYG: pyg_entry, PYTHON: python_entry},
)
register_family("model", PYG, pyg_space)
register_family("model", PYTHON, python_space)
