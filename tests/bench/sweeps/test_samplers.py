"""Every sampler on conditional spaces, and that those we rebuild ourselves do learn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import content_id
from graph_distillery.bench.sweeps.spec import Sampler, Search
from graph_distillery.bench.sweeps.study import samplers, suggestions
from graph_distillery.bench.sweeps.study.study import Study
from graph_distillery.bench.sweeps.study.trial import Trial
from graph_distillery.search_spaces import JointSpace, Parameter, load_space, merge, parse_space

ALL = get_args(Sampler)


def study(space: JointSpace, sampler: str, number: int = 0, trials: int = 40, **search: Any) -> Study:
    fields = {"sampler": sampler, "pruner": "none", "seeds": (100,), "lag": 1, **search}
    return Study(content_id(number), space, space.defaults(), Search.model_validate(fields), trials)


def bowl() -> JointSpace:
    """Three floats, one logarithmic, an int, and a choice."""
    parameters: dict[str, Any] = {
        "x": {"float": [-1.0, 1.0], "default": 0.9, "source": "here"},
        "y": {"float": [-1.0, 1.0], "default": 0.9, "source": "here"},
        "rate": {"float": [1e-4, 1.0], "log": True, "default": 1.0, "source": "here"},
        "size": {"int": [1, 9], "default": 9, "source": "here"},
        "place": {"choice": ["near", "far"], "default": "far", "source": "here"},
    }
    return merge({"method": parse_space({"name": "bowl", "kind": "method", "parameters": parameters}, source="here")})


def height(configuration: Mapping[str, Any]) -> float:
    """1 at x = y = 0.3, rate = 0.01, size = 4, near; lower elsewhere."""
    x, y, rate, size, place = (configuration[f"method.{name}"] for name in ("x", "y", "rate", "size", "place"))
    off = (x - 0.3) ** 2 + (y - 0.3) ** 2 + ((math.log10(rate) + 2) / 2) ** 2 + ((size - 4) / 4) ** 2
    return float(1 - off / 4 - 0.1 * (place == "far"))


def searched(of: Study, count: int) -> list[Trial]:
    trials: list[Trial] = []
    for number in range(count):
        configuration = of.propose(number, trials)
        trials.append(Trial(number, configuration, {100: height(configuration)}, "complete"))
    return trials


@pytest.mark.parametrize(("sampler", "share", "seeds"), [("cma-es", 0.8, 6), ("gp", 0.3, 2), ("nsga-ii", 0.9, 6)])
def test_a_sampler_that_is_built_anew_each_time_still_learns(sampler: str, share: float, seeds: int) -> None:
    """The last ten proposals are nearer to the best than chance's, by so much."""
    left: dict[str, float] = {}
    for name in (sampler, "random"):
        late = [1 - t.mean for seed in range(seeds) for t in searched(study(bowl(), name, seed), 40)[30:]]
        left[name] = math.fsum(late) / len(late)
    assert left[sampler] < share * left["random"], left


@pytest.mark.parametrize("sampler", ALL)
@pytest.mark.parametrize("method", ["oad"])
def test_conditional_spaces(sampler: str, method: str) -> None:
    space = merge({"method": load_space("method", method)})
    assert space.is_conditional
    of, trials, shapes = study(space, sampler), list[Trial](), set()
    for number in range(12):
        configuration = of.propose(number, trials)
        shapes.add(tuple(space.active(configuration)))  # raises where it is none of this space's
        assert of.propose(number, trials[::-1]) == configuration
        score = 0.5 + 0.4 * (len(configuration) % 3) / 3
        trials.append(Trial(number, configuration, {100: score}, "complete"))
    assert len(shapes) > 1


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cma-es", "nsga-ii"])
def test_a_default_outside_the_ranges_is_passed_over(sampler: str) -> None:
    """As an empty trial it would leave samplers without a parameter that all trials share: with it, as without."""
    of = study(bowl(), sampler)
    trials = searched(of, 15)
    outside = Trial(0, {**trials[0].configuration, "method.x": 5.0}, {100: 0.9}, "complete")
    seed = 7
    found = [suggestions.Suggestions(of).suggest(told, [], seed) for told in ([outside, *trials[1:]], trials[1:])]
    assert found[0] == found[1]


@given(st.floats(0, 1), st.sampled_from(list(bowl().parameters.values())[:4]))
def test_the_unit_range_and_back(place: float, parameter: Parameter) -> None:
    value = parameter.from_unit(place)
    assert parameter.contains(value)
    back = parameter.to_unit(value)
    assert -1e-9 <= back <= 1 + 1e-9
    assert abs(back - place) <= (0.0625 + 1e-9 if parameter.int_range else 1e-9)
    low, high = parameter.bounds
    assert (parameter.to_unit(low), parameter.to_unit(high)) == (0, 1)
    assert (parameter.from_unit(0), parameter.from_unit(1)) == (low, high)


def test_nothing_numeric_to_tune_is_drawn_at_random() -> None:
    content = {
        "a": {"choice": [1, 2, 3, 4], "default": 1, "source": "x"},
        "b": {"float": [0, 1], "default": 0, "source": "x"},
    }
    space = merge({"method": parse_space({"name": "m", "kind": "method", "parameters": content}, source="x")})
    of = study(space, "cma-es")
    drawn = [of.propose(number, []) for number in range(1, 30)]
    assert {one["method.a"] for one in drawn} == {1, 2, 3, 4}
    assert len({one["method.b"] for one in drawn}) == 29


def test_generations_are_those_nsga_ii_would_have_made() -> None:
    """Labels of trials that it ran itself, and ours of the same trials."""
    space, size = bowl(), suggestions.POPULATION
    of = optuna.create_study(direction="maximize", sampler=optuna.samplers.NSGAIISampler(population_size=size, seed=0))
    of.optimize(lambda trial: height(space.suggest(trial)), 3 * size)
    key = optuna.samplers.NSGAIISampler._get_generation_key()
    theirs = [trial.system_attrs[key] for trial in of.trials]
    ours = study(space, "nsga-ii", trials=4 * size)
    assert [suggestions._generation(ours, number)[key] for number in range(3 * size)] == theirs


def test_a_sampler_whose_package_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    samplers.check_sampler("cma-es")
    monkeypatch.setitem(samplers.NEEDS, "cma-es", ("no_such_package", "cma-es"))
    with pytest.raises(UserError, match=r"^search\.sampler: cma-es needs .*pip install '\.\[cma-es\]' in a checkout$"):
        samplers.check_sampler("cma-es")
    samplers.check_sampler("tpe")
