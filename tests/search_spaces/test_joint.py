"""Joint spaces: suggestions, distributions, grids, identity, and a real Optuna study."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import optuna
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graph_distillery.search_spaces import JointSpace, Parameter, Space, available, load_space, merge, parse_space

Fault = Callable[[Callable[[], Any]], str]
optuna.logging.set_verbosity(optuna.logging.WARNING)


def joint(data: st.DataObject, tables: Any, prefixes: tuple[str, ...] = ("method", "student")) -> JointSpace:
    return merge({prefix: parse_space(data.draw(tables), source="t") for prefix in prefixes})


class Drawn:
    """A trial whose values hypothesis chooses, from inside the distribution."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        assert step is None
        return self.data.draw(st.floats(low, high), label=name)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return low + step * self.data.draw(st.integers(0, (high - low) // step), label=name)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self.data.draw(st.sampled_from(choices), label=name)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_what_is_suggested_lies_in_its_distributions(tables: Any, data: st.DataObject) -> None:
    space = joint(data, tables)
    values = space.suggest(Drawn(data))
    distributions = space.distributions(values)
    assert set(distributions) | set(space.fixed) == set(values)
    tuned = {name: values[name] for name in distributions}
    trial = optuna.trial.create_trial(params=tuned, distributions=distributions, value=0.0)
    assert space.suggest(optuna.trial.FixedTrial(trial.params)) == values
    assert space.distributions(tuned) == distributions  # the fixed values may be left out


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_defaults_are_a_configuration_of_all_parts(tables: Any, data: st.DataObject) -> None:
    spaces = {prefix: parse_space(data.draw(tables), source="t") for prefix in ("teacher", "student")}
    space = merge(spaces)
    values = space.defaults()
    assert set(space.distributions(values)) <= set(values)
    assert values == {f"{prefix}.{name}": v for prefix, part in spaces.items() for name, v in part.defaults().items()}


def brute_force(space: JointSpace, values_of: Callable[[Parameter], Any]) -> set[tuple[Any, ...]]:
    """Every distinct configuration of some values each: lay out the product, cut what is switched off."""
    names = list(space.parameters)
    found = set()
    for point in itertools.product(*(values_of(space.parameters[name]) for name in names)):
        values: dict[str, Any] = dict(space.fixed)
        for name, value in zip(names, point, strict=True):
            when = space.parameters[name].when
            if all(parent in values and wanted.holds(values[parent]) for parent, wanted in when.items()):
                values[name] = value
        found.add(frozen(values))
    return found


def frozen(values: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted((name, repr(value)) for name, value in values.items()))


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_the_grid_is_the_brute_force_product(tables: Any, data: st.DataObject) -> None:
    space = joint(data, tables, ("method",))
    expected = brute_force(space, Parameter.grid_values)
    points = space.grid(limit=10**6, seed=data.draw(st.integers(0, 5)))
    assert len(points) == space.grid_size() == len(expected)
    assert {frozen(point) for point in points} == expected
    for point in points[:5]:
        space.distributions(point)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_a_space_with_an_end_is_known_whole(tables: Any, data: st.DataObject) -> None:
    """Without an end is one in which a range of any number is on somewhere."""
    space = joint(data, tables, ("method",))
    values = {name: parameter.every_value() for name, parameter in space.parameters.items()}
    assume(math.prod(len(of) for of in values.values() if of is not None) < 2000)
    some = brute_force(space, lambda parameter: parameter.every_value() or (parameter.default,))
    size = space.size()
    if any(name in dict(point) for point in some for name, of in values.items() if of is None):
        assert size is None
        return
    assert size == len(some)
    assert {frozen(space.point(number)) for number in range(len(some))} == some
    assert all(space.holds(space.point(number)) for number in range(min(len(some), 5)))


def test_a_range_of_many_values_has_no_end_in_sight() -> None:
    def size(**table: Any) -> int | None:
        parameters = {"a": {"source": "s", "default": 1, **table}, "b": {"choice": [1, 2], "default": 1, "source": "s"}}
        content = {"name": "t", "kind": "model", "parameters": parameters}
        return merge({"m": parse_space(content, source="t")}).size()

    assert size(int=[1, 100_000]) == 200_000
    assert size(int=[1, 100_001]) is None
    assert size(int=[1, 64], log=True) == 128
    assert size(float=[0, 1], step=0.1) == 22
    assert size(float=[0, 1]) is None


def test_a_huge_grid_is_sampled_without_replacement(fault: Fault) -> None:
    parameters: dict[str, Any] = {
        "kind": {"choice": ["a", "b"], "default": "a", "source": "s"},
        **{f"p{i}": {"float": [0, 1], "default": 0, "source": "s"} for i in range(40)},
        "last": {"int": [1, 3], "default": 1, "when": {"kind": "a"}, "source": "s"},
    }
    space = merge({"m": parse_space({"name": "t", "kind": "model", "parameters": parameters}, source="t")})
    assert space.grid_size() == 5**40 * (3 + 1)
    points = space.grid(limit=300, seed=1)
    assert len({frozen(point) for point in points}) == 300
    assert space.grid(limit=50, seed=1) == points[:50]  # a search can be prolonged
    assert space.grid(limit=50, seed=2) != points[:50]
    with_kind_a = sum(point["m.kind"] == "a" for point in points)
    assert 190 < with_kind_a < 260  # 3 of 4 points; 225 +- 4.7 sigma
    assert space.grid(limit=0, seed=0) == []
    assert "must not be negative" in fault(lambda: space.grid(limit=-1, seed=0))


def test_a_prolonged_small_grid_begins_the_same(kd: Space) -> None:
    space = merge({"method": kd})
    # alpha 2 x (none 1 + rbf 5 gammas + poly (degree 2: 1 + degrees 3, 4: 2 shifts each) x 5 gammas)
    assert space.grid_size() == 2 * (1 + 5 + (1 + 2 + 2) * 5)
    assert space.grid(7, seed=3) == space.grid(100, seed=3)[:7]


def reordered(table: dict[str, Any]) -> dict[str, Any]:
    """The same YAML with its keys in another order (parents stay before children) and other sources."""
    table = {key: table[key] for key in reversed(table)}
    table["fixed"] = {key: table["fixed"][key] for key in reversed(table["fixed"])}
    parameters = {name: dict(reversed(p.items())) for name, p in table["parameters"].items()}
    free = {name: p for name, p in parameters.items() if "when" not in p}
    table["parameters"] = {name: p | {"source": "elsewhere"} for name, p in (free | parameters).items()}
    return table


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_identity_ignores_order_and_sources(tables: Any, data: st.DataObject) -> None:
    first, second = data.draw(tables), data.draw(tables)
    left = merge({"a": parse_space(first, source="t"), "b": parse_space(second, source="t")})
    right = merge({"b": parse_space(reordered(second), source="t"), "a": parse_space(reordered(first), source="t")})
    assert left.identity() == right.identity()
    assert len(left.identity()) == 16


def test_identity_sees_every_change_of_what_is_searched(kd: Space) -> None:
    edits = [
        kd,
        kd.override(space={"alpha": {"float": [0.1, 0.8]}}),
        kd.override(space={"alpha": {"float": [0.1, 0.9], "log": True}}),
        kd.override(space={"alpha": {"float": [0.1, 0.9], "step": 0.1}}),
        kd.override(space={"degree": {"int": [2, 4], "when": {"kernel": {"not": "poly"}}}}),
        kd.override(space={"degree": {"int": [2, 4], "when": {"kernel": ["poly", "rbf"]}}}),
        kd.override(space={"kernel": {"choice": ["none", "rbf"]}}),
        kd.override(fix={"alpha": 0.5}),
        kd.override(fix={"layer": 2}),
    ]
    assert len({merge({"method": edit}).identity() for edit in edits}) == len(edits)
    same = kd.override(space={"alpha": {"float": [0.1, 0.9], "default": 0.7, "grid": [0.3]}})
    assert merge({"method": same}).identity() == merge({"method": kd}).identity()
    assert merge({"student": kd}).identity() != merge({"method": kd}).identity()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method.alpha": 0.95}, "method.alpha = 0.95 is outside float [0.1, 0.9]"),
        ({"method.alpha": float("nan")}, "outside"),
        ({"method.alpha": "0.5"}, "outside"),
        ({"method.alpha": True}, "outside"),
        ({"method.alhpa": 0.5}, "unknown hyperparameter 'method.alhpa'; did you mean 'method.alpha'?"),
        ({"method.degree": 3}, "method.degree has a value but is switched off by method.kernel"),
        ({"method.kernel": "poly"}, "method.degree has no value"),
        ({"method.layer": 2}, "method.layer is fixed to -1 in this space, got 2"),
    ],
)
def test_a_foreign_configuration_is_refused(change: dict[str, Any], words: str, kd: Space, fault: Fault) -> None:
    space = merge({"method": kd})
    assert words in fault(lambda: space.distributions(space.defaults() | change))


def test_prefixes_are_words(kd: Space, fault: Fault) -> None:
    assert "without dots" in fault(lambda: merge({"a.b": kd}))


def test_conditional_or_not(kd: Space) -> None:
    assert merge({"method": kd}).is_conditional
    assert not merge({"method": load_space("method", "kd")}).is_conditional
    pinned = kd.override(fix={"kernel": "poly", "degree": 3})
    assert not merge({"method": pinned}).is_conditional  # what the pins decide is no longer a condition
    assert set(merge({"m": pinned}).suggest(Sure())) >= {"m.shift", "m.gamma"}


class Sure:
    """A trial that always proposes the lower end."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return low

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return low

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return choices[0]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("grouped", [False, True])
def test_a_real_study_runs_and_is_rebuilt_from_its_configurations(kd: Space, grouped: bool) -> None:
    space = merge({"method": kd, "student": load_space("model", "mlp").for_dataset("cora", "cpf")})

    def score(values: dict[str, Any]) -> float:
        kernel = {"none": 0.0, "rbf": 0.5, "poly": 1.0}[values["method.kernel"]]
        return kernel + values.get("method.degree", 0) - abs(values["student.dropout"] - 0.3)

    def sampler() -> optuna.samplers.TPESampler:
        return optuna.samplers.TPESampler(seed=0, n_startup_trials=5, multivariate=grouped, group=grouped)

    study = optuna.create_study(direction="maximize", sampler=sampler())
    first = space.defaults()
    study.enqueue_trial({name: first[name] for name in space.active(first)})
    seen: list[dict[str, Any]] = []
    for _ in range(20):
        trial = study.ask()
        values = space.suggest(trial)
        seen.append(values)
        study.tell(trial, score(values))
    assert seen[0] == first
    assert len({len(values) for values in seen}) > 1  # conditions were met and not met

    rebuilt = optuna.create_study(direction="maximize", sampler=sampler())
    for values in seen:
        distributions = space.distributions(values)
        params = {name: values[name] for name in distributions}
        rebuilt.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=score(values)))
    for old, new in zip(study.trials, rebuilt.trials, strict=True):
        assert (old.params, old.distributions, old.value) == (new.params, new.distributions, new.value)


def _pairs() -> Iterator[Any]:
    """Each method beside one model, every model in its turn; the other pairs are slow."""
    methods, models = available("method"), available("model")
    assert len(methods) >= len(models)
    for number, method in enumerate(methods):
        for model in models:
            yield pytest.param(method, model, marks=[pytest.mark.slow] * (model != models[number % len(models)]))


@pytest.mark.parametrize(("method", "model"), list(_pairs()))
def test_the_published_default_is_the_first_trial(method: str, model: str) -> None:
    space = merge({"method": load_space("method", method), "student": load_space("model", model)})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    first = space.defaults()
    study.enqueue_trial({name: first[name] for name in space.active(first)})
    assert space.suggest(study.ask()) == first
    space.distributions(space.suggest(study.ask()))
    assert all(space.distributions(point) for point in space.grid(3, seed=0) if point and space.parameters)
