"""A table's runs, cut into stages of one run on one dataset; each has a plan and a store of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.papers.schema import Run, Selector, Table
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan
from graph_distillery.bench.sweeps.spec import Spec, parse_spec
from graph_distillery.methods.registry import UnknownNameError
from graph_distillery.search_spaces import SpaceError


@dataclass(frozen=True)
class Stage:
    """One run of a table on one dataset.

    stands_for: the published dataset, where this one is a stand-in; seeds: how many, where not the table's number.
    """

    table: Table
    run: str
    dataset: str
    stands_for: str | None = None
    seeds: int | None = None

    @property
    def id(self) -> str:
        """Names the stage within its table, and its folder."""
        return f"{self.run}-{self.dataset}"

    @property
    def settings(self) -> Run:
        """The run as it is on this dataset."""
        return self.table.runs[self.run].on(self.stands_for or self.dataset)

    def spec(self) -> Spec:
        """The spec that runs it: nothing tuned, no own term switched off, report seeds from 0.

        Raises:
            UserError: a field of the run is wrong; one line.
        """
        run = self.settings
        content = {
            "name": f"{self.table.name}-{self.id}",
            "datasets": [self.dataset],
            # a stand-in has its own usual split; what the paper cut is another dataset
            "split": None if self.stands_for else run.split,
            "setting": run.setting,
            "teachers": run.teachers,
            "students": run.students,
            "methods": run.methods,
            "search": {"trials": 0},
            "report": {"seeds": self.seeds or run.seeds, "ablated": False},
            "resources": {"time_limit_s": run.time_limit_s},
        }
        return parse_spec(content, f"{self.table.name}: runs.{self.run}")

    def plan(self, data_dir: Path | None = None) -> Plan:
        """The plan of the stage; every row that the table sets beside a published one is in it.

        Raises:
            UserError: a name or a value is wrong, or a row is not what the run trains; one line.
        """
        try:
            plan = make_plan(self.spec(), data_dir)
        except (UserError, UnknownNameError, SpaceError) as error:
            raise UserError(f"{self.table.name}: runs.{self.run} on {self.dataset}: {error}") from None
        for where, selector in self._selectors():
            found = [cell for cell in plan.cells if _selects(selector, cell)]
            if len(found) != 1:
                what = "nothing" if not found else f"{len(found)} rows (name its student or its teacher)"
                raise UserError(f"{self.table.name}: {where}: matches {what} of run {self.run!r} on {self.dataset}")
        return plan

    def _selectors(self) -> Iterator[tuple[str, Selector]]:
        """The rows and quirks that this run serves."""
        seen = set()
        for column, described in self.table.columns.items():
            if described.dataset != (self.stands_for or self.dataset):
                continue
            for row, of_row in self.table.rows.items():
                if self.table.needs(row, column):
                    continue
                for quirk in (None, *of_row.quirks):
                    selector = self.table.selector(row, column, quirk)
                    where = f"rows.{row}" + (f".quirks.{quirk}" if quirk else "")
                    if selector.run == self.run and where not in seen:
                        seen.add(where)
                        yield where, selector


def _selects(selector: Selector, cell: Cell) -> bool:
    if (cell.method.name, cell.variant) != (selector.method, selector.variant):
        return False
    student_fits = selector.student is None or cell.student in (selector.student, None)
    return student_fits and (selector.teacher is None or cell.teacher in (selector.teacher, None))


def stages_of(table: Table, *, stand_in: bool = False, seeds: int | None = None) -> list[Stage]:
    """Every stage of a table, in the order of its columns.

    stand_in: on the generated stand-ins instead of the published datasets; seeds: other than the table's.
    """
    found: dict[tuple[str, str], Stage] = {}
    for column, described in table.columns.items():
        dataset, published = described.dataset, None
        if stand_in:
            if dataset not in table.stand_ins:
                continue
            dataset, published = table.stand_ins[dataset], dataset
        for row, of_row in table.rows.items():
            if table.needs(row, column):
                continue
            for quirk in (None, *of_row.quirks):
                run = table.selector(row, column, quirk).run
                if run is not None:
                    found.setdefault((run, dataset), Stage(table, run, dataset, published, seeds))
    return list(found.values())
