"""What is read off a class's source is what pydantic makes of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.cli.commands.info import _bounds
from graph_distillery.bench.declared import declared_hyperparameters
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.methods import METHODS

REGISTRIES: list[Any] = [METHODS, MODELS]


@pytest.mark.parametrize("registry", REGISTRIES, ids=["methods", "models"])
def test_every_registered_class_is_read_as_it_is_imported(registry: Any) -> None:
    for name in registry.names:
        read = declared_hyperparameters(registry.get(name).target)
        assert read is not None, name
        made = registry.load(name).Hyperparameters.model_fields
        told = [
            (field, None if info.is_required() else info.default, info.description, _bounds(info))
            for field, info in made.items()
        ]
        assert [(field, info.default, info.description, _bounds(info)) for field, info in read.items()] == told, name


@pytest.mark.parametrize(
    "body",
    ["a: int = Field(default_factory=int)", "a: int = len('ab')", "a: int = Field(max(1, 2))", "a: int = missing"],
)
def test_what_takes_more_than_reading_is_left_to_an_import(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"unreadable_{abs(hash(body))}"
    source = f"class Own(BaseModel):\n    {body}\nclass Made(Module):\n    Hyperparameters = Own\nclass Module: ...\n"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert declared_hyperparameters(f"{name}:Made") is None
    assert declared_hyperparameters(f"{name}:Absent") is None
    assert declared_hyperparameters("no_such_module_at_all:Made") is None
    assert name not in sys.modules
