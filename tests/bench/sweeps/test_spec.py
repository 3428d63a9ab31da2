"""Every mistake in a spec is one line that names the field; nothing else gets through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.spec import parse_spec, read_spec

Small = Callable[..., dict[str, Any]]


def planned(content: Any) -> Any:
    return make_plan(parse_spec(content, "spec.yaml"))


def mistake(content: Any) -> str:
    """The one line with which a spec is refused."""
    with pytest.raises(UserError) as caught:
        planned(content)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 600
    return text


# place in the spec (dots), what stands there, what the line must say: the field, and the nearest valid name
UNKNOWN = [
    ("serach", {"trials": 3}, "'serach'", "'search'"),
    ("methds", ["glnn"], "unknown field 'methds'", "'methods'"),
    ("search.trails", 3, "search: unknown field 'trails'", "'trials'"),
    ("report.seed", 3, "report: unknown field 'seed'", "'seeds'"),
    ("resources.cpu", 1, "resources: unknown field 'cpu'", "'cpus'"),
    ("resources.overrides.glnn.gpu", 1, "resources.overrides.glnn: unknown field 'gpu'", "'gpus'"),
    ("resources.overrides.gln.gpus", 1, "resources.overrides: unknown method 'gln'", "'glnn'"),
    ("datasets", ["karatee"], "datasets: unknown dataset 'karatee'", "'karate'"),
    ("split", "publik", "split of dataset 'karate' 'publik'", "'public'"),
    ("split", {"karat": "public"}, "split: unknown dataset of this spec 'karat'", "'karate'"),
    ("split", {"karate": "publik"}, "split of dataset 'karate' 'publik'", "'public'"),
    ("setting", "transductiv", "setting: ", "'transductive'"),
    ("teachers", ["sagee"], "teachers: unknown model 'sagee'", "'sage'"),
    ("students", ["mpl"], "students: unknown model 'mpl'", "'mlp'"),
    ("teachers", [{"model": "sage", "hiden": 8}], "teachers: model sage: fix: unknown", "'hidden'"),
    ("students", [{"model": "mlp", "fix": {"layrs": 2}}], "students: model mlp: fix: unknown", "'layers'"),
    ("students", [{"model": "mlp", "space": {"drop_out": {}}}], "students: model mlp: space:", "'dropout'"),
    ("methods", ["glnm"], "methods: unknown method 'glnm'", "'glnn'"),
    ("methods", [{"nam": "glnn"}], "methods.0: ", "name"),
    ("methods", [{"name": "glnn", "fixed": {}}], "methods.0: unknown field 'fixed'", "'fix'"),
    ("methods", [{"name": "glnn", "variant": "papre"}], "methods: glnn has no variant 'papre'", "paper"),
    ("methods", [{"name": "glnn", "fix": {"temperatur": 1}}], "methods: method glnn: fix: ", "'temperature'"),
    ("methods", [{"name": "kd", "space": {"aplha": {"float": [0, 1]}}}], "methods: method kd: space: ", "'alpha'"),
    ("methods", [{"name": "kd", "space": {"alpha": {"flot": [0, 1]}}}], "methods: method kd: space.alpha: ", "'float'"),
    ("search.sampler", "tpee", "search.sampler: ", "'tpe'"),
    ("search.pruner", "seed_racing", "search.pruner: ", "'seed-racing'"),
]  # fmt: skip

WRONG = [
    ("search.trials", -1, "search.trials: "),
    ("search.trials", 2.5, "search.trials: "),
    ("search.trials", "many", "search.trials: "),
    ("search.trials", 10**9, "search.trials: "),
    ("search.seeds", [], "search.seeds: "),
    ("search.seeds", [100, 100], "search.seeds: seed 100 is named twice"),
    ("search.seeds", [-1], "search.seeds.0: "),
    ("search.seeds", [2**40], "search.seeds.0: "),
    ("search.p_threshold", 0, "search.p_threshold: "),
    ("search.p_threshold", 1.5, "search.p_threshold: "),
    ("report.seeds", 0, "report.seeds: "),
    ("report.seeds", -3, "report.seeds: "),
    ("report.seeds", [], "report.seeds: at least one seed is needed"),
    ("report.seeds", "ten", "report.seeds: "),
    ("report.seeds", [1, 1], "report.seeds: seed 1 is named twice"),
    ("report.seeds", 101, "report.seeds: seed 100 is also a tuning seed"),
    ("resources.cpus", 0, "resources.cpus: "),
    ("resources.gpus", -1, "resources.gpus: "),
    ("resources.gpus", 1.5, "resources.gpus: a share below 1, or whole GPUs, not 1.5"),
    ("resources.gpus", float("inf"), "resources.gpus: "),
    ("resources.cpus", float("inf"), "resources.cpus: "),
    ("resources.time_limit_s", 0, "resources.time_limit_s: "),
    ("resources.overrides", ["glnn"], "resources.overrides: "),
    ("resources.overrides.glnn.time_limit_s", -1, "resources.overrides.glnn.time_limit_s: "),
    ("name", "../../x", "name: "),
    ("name", "", "name: "),
    ("name", 3, "name: "),
    ("datasets", [], "datasets: "),
    ("datasets", "karate", "datasets: "),
    ("datasets", ["karate", "karate"], "datasets: "),
    ("datasets", [{"name": "karate"}], "datasets.0: "),
    ("methods", [], "methods: "),
    ("methods", ["glnn", "glnn"], "methods: "),
    ("methods", [{"name": "glnn", "fix": {"temperature": "hot"}}], "methods: method glnn: fix.temperature: "),
    ("methods", [{"name": "glnn", "fix": [1]}], "methods.0.fix: "),
    ("students", [{"model": "mlp", "tune": 3}], "students: mlp: tune is for teachers"),
    ("students", [{"model": "mlp", "hidden": "wide"}], "students: model mlp: fix.hidden: "),
    ("teachers", [{"model": "sage", "tune": -1}], "teachers.0.tune: "),
    ("setting", "graph-level", "setting: dataset 'karate' has one label a node"),
]  # fmt: skip


def put(spec: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """The spec with a value at a dotted place."""
    head, _, rest = place.partition(".")
    spec = dict(spec)
    spec[head] = put(spec.get(head, {}), rest, value) if rest else value
    return spec


@pytest.mark.parametrize(("place", "value", "where", "nearest"), UNKNOWN, ids=lambda item: str(item)[:40])
def test_an_unknown_name_in_any_field_is_named_with_the_nearest(
    small: Small, place: str, value: Any, where: str, nearest: str
) -> None:
    line = mistake(put(small(), place, value))
    assert where in line
    assert nearest in line


@pytest.mark.parametrize(("place", "value", "where"), WRONG, ids=lambda item: str(item)[:40])
def test_a_wrong_value_in_any_field_is_named(small: Small, place: str, value: Any, where: str) -> None:
    assert where in mistake(put(small(), place, value))


@pytest.mark.parametrize("field", ["name", "datasets", "methods"])
def test_a_missing_field_is_named(small: Small, field: str) -> None:
    content = small()
    del content[field]
    assert f"{field!r} is missing" in mistake(content)


def test_a_spec_that_is_no_mapping() -> None:
    assert "mapping" in mistake(["karate"])
    assert "mapping" in mistake(None)


def test_tuned_teachers_keep_seeds_disjoint_too(small: Small) -> None:
    teachers = [{"model": "sage", "tune": 2}]
    line = mistake(small(teachers=teachers, search={"trials": 0, "seeds": [1]}, report={"seeds": 2}))
    assert "seed 1 is also a tuning seed" in line
    planned(small(teachers=["sage"], search={"trials": 0, "seeds": [1]}, report={"seeds": 2}))  # nothing is tuned


BOMB = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "anchors"),
        ("[" * 5000, "nested deeper"),
        ("name: a\nname: b\n", "twice"),
        ("x: !!python/object/apply:os.system [true]\n", "tags"),
        ("name: [a\n", "not valid YAML"),
        ("search: {trials: .nan}\n", "finite"),
        ("x" * 1_100_000, "over 1000000 bytes"),
    ],
    ids=["bomb", "deep", "twice", "tag", "torn", "nan", "large"],
)
def test_hostile_yaml_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=says) as caught:
        read_spec(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_spec_at_all(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_spec(tmp_path / "spec.yaml")
    with pytest.raises(UserError, match="cannot read"):
        read_spec(tmp_path)
