"""What a study proposes, stops and locks, against closed forms and scipy."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace
from typing import Any, get_args

import pytest
from scipy.stats import wilcoxon

from graph_distillery.bench.ids import content_id
from graph_distillery.bench.sweeps.spec import Sampler, Search
from graph_distillery.bench.sweeps.study import pruners
from graph_distillery.bench.sweeps.study.study import Study
from graph_distillery.bench.sweeps.study.trial import Trial, TrialState
from graph_distillery.search_spaces import JointSpace, load_space, merge, parse_space

SEEDS = (100, 101, 102)


def bowl() -> JointSpace:
    """Three floats and a choice."""
    ranges = {name: {"float": [-1.0, 1.0], "default": 0.9, "source": "here"} for name in "xyz"}
    choice = {"choice": ["near", "far"], "default": "far", "source": "here"}
    content = {"name": "bowl", "kind": "method", "parameters": {**ranges, "place": choice}}
    return merge({"method": parse_space(content, source="here")})


def height(configuration: dict[str, Any]) -> float:
    """1 at x = y = z = 0.3 near; lower elsewhere."""
    distance = sum((configuration[f"method.{name}"] - 0.3) ** 2 for name in "xyz")
    return 1.0 - distance - (0.5 if configuration["method.place"] == "far" else 0.0)


def study(space: JointSpace | None = None, **changes: Any) -> Study:
    space = space or bowl()
    cell_id, trials = changes.pop("cell_id", content_id("cell")), changes.pop("trials", 40)
    return Study(cell_id, space, space.defaults(), Search(**{"seeds": SEEDS, "lag": 1, **changes}), trials)


def trial(number: int, values: list[float], state: TrialState | str = "complete", **configuration: Any) -> Trial:
    return Trial(number, configuration, dict(zip(SEEDS, values, strict=False)), state)  # type: ignore[arg-type]


def searched(of: Study, count: int) -> list[Trial]:
    """A search of the bowl, one trial after another."""
    trials: list[Trial] = []
    for number in range(count):
        configuration = of.propose(number, trials)
        score = height(configuration)
        trials.append(Trial(number, configuration, dict.fromkeys(of.seeds, score), "complete"))
    return trials


# -- proposals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_trial_0_is_the_published_default(sampler: Any) -> None:
    assert study(sampler=sampler).propose(0, []) == bowl().defaults()


@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_a_proposal_is_a_function_of_the_trials_and_the_number(sampler: Any) -> None:
    trials = searched(study(sampler=sampler), 16)
    pruned = Trial(16, {**trials[3].configuration}, {100: 0.2, 101: 0.1}, "pruned")
    failed = Trial(17, {**trials[4].configuration}, {}, "failed")
    running = Trial(18, {**trials[5].configuration}, {100: 0.5}, "running")
    known = [*trials, pruned, failed, running]
    first = study(sampler=sampler).propose(19, known)
    assert study(sampler=sampler).propose(19, known) == first
    for seed in range(3):
        shuffled = random.Random(seed).sample(known, len(known))
        assert study(sampler=sampler).propose(19, shuffled) == first
    assert study(sampler=sampler).propose(20, known) != first


def test_the_studies_of_two_cells_differ() -> None:
    other = study(cell_id=content_id("another cell"), sampler="random")
    assert other.propose(1, []) != study(sampler="random").propose(1, [])


def test_tpe_learns_what_random_search_does_not() -> None:
    best: dict[str, list[float]] = {"tpe": [], "random": []}
    for sampler, number in itertools.product(("tpe", "random"), range(30)):
        of = study(cell_id=content_id(number), sampler=sampler, pruner="none", seeds=(100,))
        best[sampler].append(max(t.mean for t in searched(of, 40)))
    tpe, chance = (math.fsum(best[sampler]) / 30 for sampler in ("tpe", "random"))
    assert 1 - tpe < 0.6 * (1 - chance), best


def test_every_proposal_lies_in_the_space() -> None:
    for name in ("mlp", "sage", "gat", "appnp"):
        space = merge({"method": load_space("method", "kd"), "student": load_space("model", name)})
        for sampler in ("tpe", "random", "grid"):
            of = study(space, sampler=sampler)
            trials: list[Trial] = []
            for number in range(15):
                configuration = of.propose(number, trials)
                space.active(configuration)  # raises where it is none of this space's
                trials.append(Trial(number, configuration, dict.fromkeys(SEEDS, (number * 7 % 5) / 5), "complete"))


def test_warm_starts_take_every_other_trial_until_all_are_tried() -> None:
    of, known = study(sampler="random", trials=6), list[Trial]()
    warm = [{**bowl().defaults(), "method.x": place} for place in (0.1, 0.2, 0.3, 0.4, 0.5)]
    for number in range(6):
        known.append(Trial(number, of.propose(number, known, warm), {}, "running"))
    assert [one.configuration for one in known[1::2]] == warm[:3]
    assert known[0].configuration == bowl().defaults()
    assert not any(one.configuration in warm for one in known[::2])
    tried = [Trial(0, warm[0], dict.fromkeys(SEEDS, 0.5), "complete")]
    assert of.propose(1, tried, warm) == warm[1]  # what was tried is not tried again
    older = replace(of, planned=6)  # a search whose number of trials is sure has them first
    assert [older.propose(number, tried, warm) for number in (1, 2, 3)] == [warm[1]] * 3
    assert older.propose(4, tried, warm) not in warm


def small_grid(default: float) -> JointSpace:
    parameters = {
        "a": {"float": [0.0, 1.0], "grid": [0.0, 0.5, 1.0], "default": default, "source": "here"},
        "b": {"choice": [1, 2], "default": 1, "source": "here"},
    }
    return merge({"method": parse_space({"name": "g", "kind": "method", "parameters": parameters}, source="here")})


@pytest.mark.parametrize(("default", "points"), [(0.5, 6), (0.3, 7)], ids=["default on the grid", "beside it"])
def test_a_grid_is_searched_once_and_no_longer(default: float, points: int) -> None:
    of = study(small_grid(default), sampler="grid", trials=50)
    assert of.budget() == points
    proposals = [of.propose(number, []) for number in range(points)]
    distinct = {tuple(sorted(proposal.items())) for proposal in proposals}
    assert len(distinct) == points
    assert study(small_grid(default), sampler="grid", trials=4).budget() == 4
    short = study(small_grid(default), sampler="grid", trials=4)
    assert [short.propose(number, []) for number in range(4)] == proposals[:4]


def of_four(default: float = 4.0, **more: Any) -> JointSpace:
    tau = {"choice": [1.0, 2.0, 4.0, 8.0], "default": 4.0, "source": "here"}
    space = parse_space({"name": "four", "kind": "method", "parameters": {"tau": tau, **more}}, source="here")
    return merge({"method": space.override(space={"tau": {"choice": [1.0, 2.0, 8.0]}}) if default != 4.0 else space})


@pytest.mark.parametrize("sampler", get_args(Sampler))
def test_a_space_of_four_points_is_searched_in_four_trials(sampler: Any) -> None:
    of, known = study(of_four(), sampler=sampler, trials=16), list[Trial]()
    assert of.budget() == 4
    for number in range(4):
        known.append(Trial(number, of.propose(number, known), dict.fromkeys(SEEDS, 0.5), "complete"))
    assert known[0].configuration == {"method.tau": 4.0}
    assert {trial.configuration["method.tau"] for trial in known} == {1.0, 2.0, 4.0, 8.0}
    outside = study(of_four(default=0.5), sampler=sampler, trials=16)  # three points, and the default beside them
    assert (outside.budget(), outside.propose(0, [])) == (4, {"method.tau": 4.0})


def test_a_point_that_a_sampler_insists_on_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a space without an end too, if the sampler has anything else to say when it is asked again."""
    sigma = {"float": [0.1, 9.0], "default": 1.0, "when": {"tau": 8.0}, "source": "here"}
    of, known = study(of_four(sigma=sigma), sampler="tpe", trials=40), list[Trial]()
    assert (of.space.size(), of.budget()) == (None, 40)
    for number in range(30):
        configuration = of.propose(number, known)
        score = 0.9 if configuration["method.tau"] == 1.0 else 0.1
        known.append(Trial(number, configuration, dict.fromkeys(SEEDS, score), "complete"))
    points = [tuple(sorted(trial.configuration.items())) for trial in known]
    repeats = len(points) - len(set(points))
    monkeypatch.setattr("graph_distillery.bench.sweeps.study.study.ATTEMPTS", 1)
    insisted = sum(of.propose(n, known[:n]) in [t.configuration for t in known[:n]] for n in range(1, 30))
    assert repeats < insisted, "the sampler never repeats, so nothing is shown"


def test_nothing_to_tune_takes_one_trial_at_most() -> None:
    space = merge({"method": load_space("method", "teacher")})
    assert study(space).budget() == 1
    assert study(space, trials=0).budget() == 0


# -- pruning -------------------------------------------------------------------------------------------------------


def test_two_of_three_seeds_stop_a_trial_that_lost_both() -> None:
    """All orderings of two scores against the best's, ties included, and what scipy says of them."""
    of = study()
    best = trial(0, [0.5, 0.6, 0.55])
    worse = trial(1, [0.45, 0.5, 0.5])
    scores = [0.3, 0.4, 0.5, 0.55, 0.6, 0.7]
    stopped = 0
    for first, second in itertools.product(scores, repeat=2):
        judged = trial(2, [first, second], "running")
        lost_both = first < 0.5 and second < 0.6
        difference = [first - 0.5, second - 0.6]
        by_scipy = False
        if any(difference) and sum(difference) < 0:
            p = wilcoxon(difference, alternative="less", zero_method="zsplit").pvalue
            by_scipy = bool(p < pruners.wilcoxon_p(of))
        assert of.stops_after_seed(judged, [best, worse]) == lost_both == by_scipy, (first, second)
        stopped += lost_both
    assert stopped == 8


def test_longer_races_follow_scipy() -> None:
    seeds = tuple(range(100, 106))
    of = study(seeds=seeds)
    assert pruners.wilcoxon_p(of) == 0.1
    generator = random.Random(5)
    best = Trial(0, {}, {seed: 0.5 + 0.01 * i for i, seed in enumerate(seeds)}, "complete")
    seen = set()
    for _, count in itertools.product(range(60), range(2, 6)):
        values = {seed: best.values[seed] + generator.uniform(-0.1, 0.04) for seed in seeds[:count]}
        difference = [value - best.values[seed] for seed, value in values.items()]
        p = wilcoxon(difference, alternative="less", zero_method="zsplit").pvalue
        expected = bool(p < 0.1 and sum(difference) < 0)
        assert of.stops_after_seed(Trial(1, {}, values, "running"), [best]) == expected
        seen.add(expected)
    assert seen == {True, False}


def test_a_race_is_never_stopped_without_reason() -> None:
    of = study()
    best, hopeless = trial(0, [0.9, 0.9, 0.9]), trial(1, [0.1, 0.1, 0.1], "running")
    assert not of.stops_after_seed(hopeless, [best])  # all seeds are in: nothing is saved
    assert not of.stops_after_seed(trial(1, [0.1], "running"), [best])  # one seed says nothing
    two = trial(1, [0.1, 0.1], "running")
    assert of.stops_after_seed(two, [best])
    assert not of.stops_after_seed(two, [])  # nobody to lose against
    assert not of.stops_after_seed(two, [trial(0, [0.9, 0.9], "pruned"), trial(2, [0.9], "failed")])
    assert not study(pruner="none").stops_after_seed(two, [best])


def test_the_best_is_the_best_mean_not_the_luckiest_seed() -> None:
    of = study()
    lucky, best = trial(0, [0.99, 0.1, 0.1]), trial(1, [0.6, 0.6, 0.6])
    assert not of.stops_after_seed(trial(2, [0.65, 0.2], "running"), [lucky, best])
    assert of.stops_after_seed(trial(2, [0.55, 0.2], "running"), [lucky, best])


@pytest.mark.parametrize(
    ("count", "threshold", "can"),
    [
        (1, None, False),
        (2, None, False),
        (3, None, True),
        (3, 0.1, False),
        (3, 0.3, True),
        (5, 0.1, True),
        (5, 0.05, False),
    ],
)
def test_when_a_race_can_stop_at_all(count: int, threshold: float | None, can: bool) -> None:
    """p cannot fall below 2^-(seeds - 1) before the last seed."""
    of = study(seeds=tuple(range(100, 100 + count)), p_threshold=threshold)
    assert pruners.seeds_can_race(of) == can
    best = Trial(0, {}, dict.fromkeys(of.seeds, 0.9), "complete")
    early = [Trial(1, {}, dict.fromkeys(of.seeds[:k], 0.1), "running") for k in range(1, count)]
    spread = [Trial(1, {}, {s: 0.1 + 0.01 * i for i, s in enumerate(t.values)}, "running") for t in early]
    assert any(of.stops_after_seed(judged, [best]) for judged in spread) == can


# -- the winner ----------------------------------------------------------------------------------------------------


def test_the_lock() -> None:
    of = study()
    assert of.lock([]) is None
    assert of.lock([trial(0, [0.9], "failed"), trial(1, [0.9, 0.9], "pruned"), trial(2, [0.9], "running")]) is None
    a, b, c = trial(0, [0.5, 0.6, 0.7]), trial(1, [0.6, 0.6, 0.7]), trial(2, [0.7, 0.6, 0.6])
    lucky = trial(3, [0.99, 0.99], "pruned")
    for order in itertools.permutations([a, b, c, lucky]):
        winner = of.lock(order)
        assert winner is not None
        assert winner.number == 1  # b and c are equal


def test_equal_scores_tie_to_the_last_bit() -> None:
    """Accuracies on 200 items whose sums are one number, but not as floats."""
    counts = [(i, j, 105 - i - j) for i in range(0, 50, 3) for j in range(0, 50, 7)]
    trials = [trial(number, [count / 200 for count in of]) for number, of in enumerate(counts)]
    assert len({one.mean for one in trials}) > 1
    for shift in range(0, len(trials), 13):
        winner = study().lock(trials[shift:])
        assert winner is not None
        assert winner.number == shift
