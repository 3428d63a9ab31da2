"""Variants by any name that a method's catalogue entry declares, from a spec to records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from torch import Tensor

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.records import RecordError, parse_record, read_records
from graph_distillery.bench.records.fields import Variant
from graph_distillery.bench.sweeps.driver import Driver
from graph_distillery.bench.sweeps.executors.in_process import InProcessExecutor
from graph_distillery.bench.sweeps.plan.plan import Plan
from graph_distillery.bench.sweeps.store.store import Store
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.methods.contract import Batch, Output
from graph_distillery.methods.controls.supervised.method import Supervised
from graph_distillery.methods.info import VARIANT_NAME
from graph_distillery.search_spaces import library


class ThreeWays(Supervised):
    """Trains on the labels, twice as hard in `camera-ready_2`."""

    def loss(self, batch: Batch, student: Output) -> dict[str, Tensor]:
        factor = {"paper": 1.0, "official_code": 1.5, "camera-ready_2": 2.0}[self.context.variant]
        return {name: factor * term for name, term in super().loss(batch, student).items()}


INFO = MethodInfo(
    name="three-ways", title="Three ways", paper="None", venue="nowhere", year=2000, url="https://example.org",
    family="control", target=f"{__name__}:ThreeWays", teacher="none",
    variants={"paper": "as published", "official_code": "as released", "camera-ready_2": "as corrected"},
)  # fmt: skip


@pytest.fixture(autouse=True)
def registered(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "three-ways.yaml").write_text("name: three-ways\nkind: method\n")
    library.register_space("method", INFO.name, tmp_path / "three-ways.yaml")
    METHODS.register(INFO)
    yield
    METHODS.unregister(INFO.name)
    library._registered.pop(("method", INFO.name))


def test_every_declared_variant_is_a_row_of_records(plan_of: Callable[..., Plan], tmp_path: Path) -> None:
    plan = plan_of(
        methods=[{"name": INFO.name, "variant": name} for name in INFO.variants],
        teachers=[],
        search={"trials": 1, "seeds": [100]},
    )
    with Store(tmp_path / "store", plan) as store:
        Driver(plan, store).run(InProcessExecutor(store.artefacts.load))
    records = [record for record in read_records(tmp_path / "store").records if record.kind == "report"]
    assert {record.cell.variant for record in records} == set(INFO.variants)
    assert all(parse_record(record.to_json()) == record for record in records)
    losses = {record.cell.variant: record.metrics.val["nll"] for record in records if record.seed == 0}
    assert len(set(losses.values())) == 3


def test_an_unknown_variant_is_refused_with_the_nearest(plan_of: Callable[..., Plan]) -> None:
    with pytest.raises(UserError, match=r"three-ways has no variant 'camera-redy'; did you mean 'camera-ready_2'\?"):
        plan_of(methods=[{"name": INFO.name, "variant": "camera-redy"}], teachers=[])


@pytest.mark.parametrize("name", ["Paper", "a b", "../x", "", "a--b", "x" * 41])
def test_unsafe_names_are_refused_by_catalogue_and_record(name: str) -> None:
    with pytest.raises(ValueError, match="method 'three-ways': variant"):
        replace(INFO, variants={"paper": "as published", name: "otherwise"})
    line = (Path(__file__).parents[1] / "records" / "fixtures" / "v1.jsonl").read_text().splitlines()[0]
    assert '"variant":"paper"' in line
    with pytest.raises(RecordError, match=r"cell\.variant"):
        parse_record(line.replace('"variant":"paper"', f'"variant":"{name}"'))


def test_records_and_catalogue_agree_on_what_a_name_is() -> None:
    (rule,) = (each.pattern for each in get_args(Variant) if hasattr(each, "pattern"))
    samples: list[Any] = ["paper", "official_code", "camera-ready_2", "a", "-a", "a-", "a__b", "A", "a.b", "é"]
    assert [bool(re.search(rule, name)) for name in samples] == [
        bool(re.fullmatch(VARIANT_NAME, name)) for name in samples
    ]


def test_what_selects_on_test_labels_is_marked() -> None:
    assert {info.name: info.test_selected for info in METHODS if info.test_selected} == {"oad": ("official_code",)}
    with pytest.raises(ValueError, match=r"test_selected: did you mean 'official_code'\?"):
        replace(INFO, test_selected=("oficial_code",))
