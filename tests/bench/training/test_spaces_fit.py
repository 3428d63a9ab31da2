"""The models' search spaces against what the models and the optimiser take."""

from __future__ import annotations

from dataclasses import fields

import pytest

from graph_distillery.bench.conformance.checks import drawn
from graph_distillery.bench.models.base import build_model
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.training.engine import Configuration
from graph_distillery.methods.contract import OptimiserSettings
from graph_distillery.methods.contract.columns import TypeNames
from graph_distillery.search_spaces import load_space


@pytest.mark.parametrize("name", MODELS.names)
def test_every_name_is_the_models_or_the_optimisers(name: str) -> None:
    space = load_space("model", name)
    known = {*MODELS.load(name).Hyperparameters.model_fields, *(field.name for field in fields(OptimiserSettings))}
    assert set(space.names()) <= known
    assert {field.name for field in fields(OptimiserSettings)} <= set(space.settable())
    for preset in space.presets:
        assert set(preset.values) <= known


@pytest.mark.parametrize("name", MODELS.names)
def test_whatever_the_search_proposes_builds(name: str) -> None:
    space = load_space("model", name)
    presets = [space.defaults(preset.dataset[0], (preset.split or (None,))[0]) for preset in space.presets]
    for values in [space.defaults(), *presets, *drawn(space, 10, seed=0)]:
        configuration = Configuration("supervised", student=name, student_hyper=values)
        types = TypeNames(("x", "y"), ("a", "b"))
        own = MODELS.load(name).names_types  # of a dataset, whose edge types these are not
        hyper = {key: value for key, value in configuration.model_hyper.items() if key not in own}
        model = build_model(name, 5, 3, hyper, num_nodes=10, types=types)
        assert model.hyper.layers == values["layers"]
        assert configuration.settings.lr == values["lr"]
