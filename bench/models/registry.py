"""The models by name: a folder each, found by its `info.py`. Listing them loads no torch."""

from __future__ import annotations

from graph_distillery.bench.models.info import ModelInfo
from graph_distillery.methods.registry import Registry, walk

#: Third-party packages add models through this entry-point group.
MODELS: Registry[ModelInfo] = Registry(
    "model", lambda: walk("graph_distillery.bench.models"), "graph_distillery.models"
)
