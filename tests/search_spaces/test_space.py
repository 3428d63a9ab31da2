"""One space: validation, defaults and presets, and a user's edits."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_distillery.search_spaces import Parameter, Space, SpaceError, load_space, merge, parse_space

Fault = Callable[[Callable[[], Any]], str]


def one(table: dict[str, Any], **space: Any) -> Space:
    parameter = {"source": "here", **table}
    whole = {"name": "toy", "kind": "method", "parameters": {"alpha": parameter}, **space}
    return parse_space(whole, source="toy.yaml")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"float": [0, 1]}, "field 'default' is missing"),
        ({"float": [0, 1], "int": [0, 1], "default": 0}, "exactly one of float, int, choice"),
        ({"default": 0}, "exactly one of float, int, choice"),
        ({"float": [1, 1], "default": 1}, "low must be less than high"),
        ({"float": [2, 1], "default": 1}, "low must be less than high"),
        ({"float": [0, 1], "log": True, "default": 1}, "a log range needs low > 0"),
        ({"float": [-1, 1], "log": True, "default": 1}, "a log range needs low > 0"),
        ({"float": [0, math.nan], "default": 0}, "alpha.float: expected a finite number, got nan"),
        ({"float": [0, math.inf], "default": 0}, "alpha.float: expected a finite number, got inf"),
        ({"float": [0, 1], "default": math.nan}, "alpha.default: expected a finite number"),
        ({"float": [0, 10**400], "default": 0}, "within 2^53"),
        ({"float": [0, "1"], "default": 0}, "expected a number, got '1'"),
        ({"float": [0, 1, 2], "default": 0}, "expected a range [low, high]"),
        ({"float": [True, 2], "default": 1}, "expected a number, got True"),
        ({"int": [1.0, 2], "default": 1}, "expected an integer, got 1.0"),
        ({"int": [1, 3], "default": 2.0}, "default 2.0 is outside int [1, 3]"),
        ({"int": [1, 3], "default": True}, "default True is outside"),
        ({"float": [0, 1], "default": 1.5}, "default 1.5 is outside float [0.0, 1.0]"),
        ({"float": [0, 1], "default": 0, "grid": [0, 2]}, "grid 2 is outside"),
        ({"float": [0, 1], "default": 0, "step": 0.3}, "whole number of steps"),
        ({"float": [0, 1], "default": 0.3, "step": 0.25}, "default 0.3 is outside"),
        ({"float": [1, 2], "default": 1, "step": 1, "log": True}, "either log or step"),
        ({"int": [1, 2], "default": 1, "step": 0.5}, "must be an integer"),
        ({"int": [1, 2], "default": 1, "step": -1}, "step must be positive"),
        ({"choice": [], "default": 1}, "at least one value"),
        ({"choice": [1, True], "default": 1}, "listed twice"),
        ({"choice": [1, 1.0], "default": 1}, "listed twice"),
        ({"choice": [[1]], "default": 1}, "expected a number, text, true/false or null, got [1]"),
        ({"choice": ["a"], "default": "b"}, "default 'b' is outside choice ['a']"),
        ({"choice": [0, 1], "default": False}, "default False is outside"),
        ({"choice": [1, 2], "default": 1, "log": True}, "log and step belong to a range"),
        ({"float": [0, 1], "default": 0, "source": ""}, "alpha.source"),
        ({"float": [0, 1], "default": 0, "log": "yes"}, "alpha.log"),
        ({"float": [0, 1], "default": 0, "when": {"alpha": 1}}, "cannot depend on itself"),
        ({"float": [0, 1], "default": 0, "when": {"alhpa": 1}}, "'alhpa'; did you mean 'alpha'?"),
        ({"float": [0, 1], "default": 0, "when": {"alpha": {"nto": 1}}}, "{not: ...}"),
    ],
)
def test_a_bad_parameter_is_one_line(table: dict[str, Any], words: str, fault: Fault) -> None:
    message = fault(lambda: one(table))
    assert message.startswith("toy.yaml: ")
    assert words in message


@pytest.mark.parametrize(
    ("level", "typo", "meant"),
    [
        ("parameter", "flaot", "float"),
        ("parameter", "itn", "int"),
        ("parameter", "choices", "choice"),
        ("parameter", "lgo", "log"),
        ("parameter", "stpe", "step"),
        ("parameter", "wehn", "when"),
        ("parameter", "defualt", "default"),
        ("parameter", "sorce", "source"),
        ("parameter", "gird", "grid"),
        ("preset", "datset", "dataset"),
        ("preset", "splits", "split"),
        ("preset", "vlaues", "values"),
        ("space", "nmae", "name"),
        ("space", "knid", "kind"),
        ("space", "paramters", "parameters"),
        ("space", "Fixed", "fixed"),
        ("space", "preset", "presets"),
    ],
)
def test_every_field_has_a_near_miss(level: str, typo: str, meant: str, fault: Fault) -> None:
    parameter: dict[str, Any] = {"float": [0, 1], "default": 0.5, "source": "s"}
    preset: dict[str, Any] = {"dataset": "cora", "values": {"alpha": 0.1}, "source": "s"}
    whole: dict[str, Any] = {"name": "toy", "kind": "method"}
    whole |= {"parameters": {"alpha": parameter}, "presets": [preset]}
    {"parameter": parameter, "preset": preset, "space": whole}[level][typo] = 1
    message = fault(lambda: parse_space(whole, source="toy.yaml"))
    assert f"unknown field {typo!r}; did you mean {meant!r}?" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Bad Name"}, "name: expected lower case"),
        ({"kind": "modle"}, "kind: "),
        ({"parameters": {"Alpha": {"int": [1, 2], "default": 1, "source": "s"}}}, "lower case"),
        ({"fixed": {"alpha": 1}}, "both parameters and fixed"),
        ({"fixed": {"beta": [1]}}, "fixed.beta: expected a number, text"),
        ({"presets": [{"dataset": "cora", "values": {"aplha": 0}, "source": "s"}]}, "did you mean 'alpha'?"),
        (
            {"presets": [{"dataset": "cora", "values": {"alpha": 7}, "source": "s"}]},
            "0.values.alpha: 7 is outside",
        ),
        ({"presets": [{"dataset": [], "values": {"alpha": 0}, "source": "s"}]}, "presets.0.dataset"),
    ],
)
def test_a_bad_space_is_one_line(change: dict[str, Any], words: str, fault: Fault) -> None:
    whole: dict[str, Any] = {"name": "toy", "kind": "method"}
    whole["parameters"] = {"alpha": {"float": [0, 1], "default": 0.5, "source": "s"}}
    assert words in fault(lambda: parse_space(whole | change, source="toy.yaml"))


def test_conditions_need_an_earlier_parent_and_a_possible_value(fault: Fault) -> None:
    child = {"int": [1, 2], "default": 1, "when": {"kernel": "rbf"}, "source": "s"}
    parent = {"choice": ["rbf", "poly"], "default": "rbf", "source": "s"}
    whole = {"name": "toy", "kind": "method"}
    late = fault(lambda: parse_space(whole | {"parameters": {"a": child, "kernel": parent}}, source="t"))
    assert "'kernel' must be declared before 'a'" in late
    parent["choice"] = ["rbf", "poly"]
    child["when"] = {"kernel": "rfb"}
    never = fault(lambda: parse_space(whole | {"parameters": {"kernel": parent, "a": child}}, source="t"))
    assert "'kernel' never has the value 'rfb'" in never


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_what_is_no_table_is_refused(data: Any, fault: Fault) -> None:
    assert "expected a table" in fault(lambda: parse_space(data, source="toy.yaml"))


def test_defaults_leave_out_what_is_switched_off(kd: Space) -> None:
    base = {"layer": -1, "width": None, "rate": 0.0, "alpha": 0.5, "kernel": "rbf", "gamma": 0.1}
    assert kd.defaults() == base
    assert kd.defaults("pubmed", "cpf") == base
    assert kd.defaults("citeseer", "cpf") == base | {"alpha": 0.2, "width": 64}
    assert kd.defaults("cora") == base | {"alpha": 0.2, "width": 64}  # the cpf preset needs its split named
    on_cpf = kd.defaults("cora", "cpf")
    assert on_cpf == {"layer": -1, "width": 64, "rate": 0.0, "alpha": 0.2, "kernel": "none"}
    assert kd.for_dataset("cora", "cpf").defaults() == on_cpf


def test_fix_pins_a_parameter_and_beats_presets(kd: Space) -> None:
    pinned = kd.override(fix={"alpha": 2, "kernel": "poly", "rate": 1})
    assert "alpha" not in pinned.parameters
    got = pinned.defaults("cora", "cpf")
    assert got["alpha"] == 2.0
    assert isinstance(got["alpha"], float)
    assert (got["kernel"], got["degree"], got["rate"], got["width"]) == ("poly", 2, 1.0, 64)
    assert kd.defaults()["alpha"] == 0.5  # the original is untouched


def test_null_pins_what_the_file_has_as_null(kd: Space, fault: Fault) -> None:
    on_cora = kd.for_dataset("cora")
    for space in (kd, on_cora, on_cora.override({"width": 32})):
        assert space.override({"width": None}).defaults()["width"] is None
    assert "fix.layer: expected an integer, got null" in fault(lambda: on_cora.override({"layer": None}))
    assert "fix.alpha: expected a number, got null" in fault(lambda: on_cora.override({"alpha": None}))


@pytest.mark.parametrize(
    ("fix", "words"),
    [
        ({"aplha": 1}, "toy: fix: unknown hyperparameter 'aplha'; did you mean 'alpha'?"),
        ({"alpha": "high"}, "fix.alpha: expected a number"),
        ({"alpha": True}, "fix.alpha: expected a number"),
        ({"alpha": math.nan}, "fix.alpha: expected a finite number"),
        ({"degree": 2.5}, "fix.degree: expected an integer"),
        ({"kernel": "ploy"}, "did you mean 'poly'?"),
        ({"kernel": 3}, "fix.kernel: expected text, got 3"),
        ({"layer": 1.5}, "fix.layer: expected an integer, got 1.5"),
        ([1], "fix: expected a table"),
    ],
)
def test_a_bad_fix_is_one_line(fix: Any, words: str, kd: Space, fault: Fault) -> None:
    assert words in fault(lambda: kd.override(fix=fix))


def test_a_new_range_keeps_the_condition_and_the_published_default(kd: Space) -> None:
    edited = kd.override(space={"alpha": {"float": [0.6, 2]}, "gamma": {"choice": [0.0, 0.08, 5.0]}})
    assert edited.parameters["alpha"].bounds == (0.6, 2)
    assert edited.parameters["alpha"].source == "spec"
    assert edited.parameters["gamma"].when == kd.parameters["gamma"].when
    for dataset in (None, "cora"):  # 0.5, and by its preset 0.2: neither lies in the range
        assert edited.defaults(dataset) == kd.defaults(dataset)
    again = Parameter.model_validate_json(edited.parameters["alpha"].model_dump_json(by_alias=True))
    assert again == edited.parameters["alpha"]
    tuned = kd.override(space={"width": {"choice": [32, 64, 128]}, "layer": {"int": [1, 3], "default": 2}})
    assert (tuned.defaults()["width"], tuned.defaults()["layer"]) == (kd.fixed["width"], 2)
    assert tuned.defaults("cora")["width"] == 64
    assert "width" not in tuned.fixed


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"gama": {"float": [0, 1]}}, "space: unknown hyperparameter 'gama'; did you mean 'gamma'?"),
        ({"gamma": {"flaot": [0, 1]}}, "space.gamma: unknown field 'flaot'; did you mean 'float'?"),
        ({"gamma": {"float": [1, 0]}}, "space.gamma: low must be less than high"),
        ({"gamma": {"float": []}}, "space.gamma: float: expected a range"),
        ({"gamma": [0, 1]}, "space.gamma: expected a range such as"),
        ({"gamma": {"float": [0, 1], "default": 3}}, "space.gamma: default 3 is outside"),
        ({"alpha": {"choice": [1, "2", "1"]}}, "space.alpha: expected a number, got '2'"),
        ({"alpha": {"choice": [True, 2]}}, "space.alpha: expected a number, got True"),
        ({"alpha": {"choice": [1, 1.0]}}, "space.alpha: choice: 1.0 is listed twice"),
        ({"kernel": {"choice": ["rbff", "none"]}}, "space.kernel: 'rbff' is not a choice; did you mean 'rbf'?"),
        ({"layer": {"float": [1, 3]}}, "space.layer: expected an integer, got 1.0"),
        ({"gamma": {"float": [0, 1], "when": {"kernl": "rbf"}}}, "did you mean 'kernel'?"),
    ],
)
def test_a_bad_range_is_one_line(space: Any, words: str, kd: Space, fault: Fault) -> None:
    assert words in fault(lambda: kd.override(space=space, where="spec.yaml: methods.0"))
    assert "both fix and space" in fault(lambda: kd.override({"alpha": 1}, {"alpha": {"float": [0, 1]}}))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_clip_gives_the_nearest_admissible_value(tables: Any, data: st.DataObject) -> None:
    space = parse_space(data.draw(tables), source="t")
    value = data.draw(st.floats(-1e3, 1e5) | st.integers(-1000, 1000))
    for parameter in space.parameters.values():
        clipped = parameter.clip(value)
        assert parameter.contains(clipped)
        if parameter.choices is None:
            ends = [abs(value - end) for end in parameter.bounds]
            assert abs(clipped - value) <= min(ends) + 1e-9  # type: ignore[operator]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_dump_and_parse_are_inverse(tables: Any, data: st.DataObject) -> None:
    space = parse_space(data.draw(tables), source="t")
    assert Space.model_validate(space.model_dump(by_alias=True)) == space
    assert Space.model_validate_json(space.model_dump_json(by_alias=True)) == space
    assert copy.deepcopy(space) == space


def test_grid_values() -> None:
    def values(**table: Any) -> tuple[Any, ...]:
        return Parameter.model_validate({"source": "s", **table}).grid_values()

    assert values(float=[0, 1], default=0) == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert values(float=[1e-4, 1.0], log=True, default=1) == pytest.approx((1e-4, 1e-3, 1e-2, 1e-1, 1.0))
    assert values(int=[1, 3], default=1) == (1, 2, 3)
    assert values(int=[1, 100], default=1, log=True) == (1, 3, 10, 32, 100)
    assert values(int=[0, 100], default=0, step=50) == (0, 50, 100)
    assert values(float=[0, 1], default=0, grid=[0, 1]) == (0.0, 1.0)
    assert values(choice=["b", "a"], default="a") == ("b", "a")


def test_published_glnn_student_settings() -> None:
    mlp = load_space("model", "mlp")
    published = {  # GLNN, train.conf.yaml: learning rate, weight decay, dropout
        "cora": (0.01, 0.005, 0.6),
        "citeseer": (0.01, 0.001, 0.1),
        "pubmed": (0.005, 0.0, 0.4),
        "amazon-computers": (0.001, 0.002, 0.3),
        "amazon-photo": (0.005, 0.002, 0.3),
    }
    for dataset, expected in published.items():
        got = mlp.defaults(dataset, "cpf")
        assert (got["lr"], got["weight_decay"], got["dropout"]) == expected
        assert mlp.defaults(dataset, "planetoid") == mlp.defaults()


def test_what_stands_beside_a_space_is_taken_and_changes_nothing_unasked() -> None:
    """`clip` is a setting of every model in no YAML: a spec fixes or tunes it, and other specs keep their ids."""
    plain = load_space("model", "gcn")
    assert "clip" not in plain.names()
    assert "clip" in plain.settable()
    fixed = plain.override({"clip": 1.5, "hidden": 32})
    assert (fixed.fixed["clip"], fixed.fixed["hidden"]) == (1.5, 32)
    assert plain.override({"clip": None}).fixed["clip"] is None
    tuned = plain.override(space={"clip": {"float": [0.1, 10.0], "log": True, "default": 1.0}})
    assert tuned.parameters["clip"].default == 1.0
    assert merge({"student": plain}).identity() == merge({"student": plain.override({})}).identity()
    assert merge({"student": plain}).identity() != merge({"student": fixed}).identity()
    with pytest.raises(SpaceError, match="did you mean 'clip'"):
        plain.override({"clp": 1.0})
    with pytest.raises(SpaceError, match="clip"):
        load_space("method", "kd").override({"clip": 1.0})


def test_a_preset_may_hold_what_stands_beside_a_space() -> None:
    """Gradient clipping is in no space: where a preset has it, it is fixed there, and a spec's word is above that."""
    mlp = load_space("model", "mlp")
    links = mlp.for_dataset("cora-links", "links-5-10")
    assert (links.fixed["clip"], links.fixed["batch_size"], links.parameters["dropout"].default) == (1.0, 65536, 0.5)
    assert "clip" not in mlp.for_dataset("cora", "cpf").fixed
    assert mlp.override({"clip": 3.0}).for_dataset("cora-links", "links-5-10").fixed["clip"] == 3.0
    assert mlp.override({"clip": None}).for_dataset("cora-links", "links-5-10").fixed["clip"] is None
    assert links.override({"clip": None}).fixed["clip"] is None
    searched = mlp.override(space={"clip": {"float": [0.5, 2.0]}}).for_dataset("cora-links", "links-5-10")
    assert searched.parameters["clip"].default == 1.0
    foreign = [{"dataset": "a", "values": {"clip": 1}, "source": "s"}]
    with pytest.raises(SpaceError, match="clip"):
        one({"float": [0, 1], "default": 0}, presets=foreign)
