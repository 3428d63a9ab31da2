"""The plan as a store keeps it: what a spec came to under the search spaces and defaults of the day.

A store is read by this and never by what a later version would make of its spec.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import to_jsonable_python

from graph_distillery.bench.data.files.source import adopt
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import content_id
from graph_distillery.bench.records.fields import Variant
from graph_distillery.bench.sweeps.plan.pins import Pin
from graph_distillery.bench.sweeps.plan.plan import Cell, DataKey, IdScheme, Plan, TeacherPlan
from graph_distillery.bench.sweeps.spec import Search, Setting, Spec
from graph_distillery.methods import METHODS
from graph_distillery.search_spaces import JointSpace, Parameter, Space
from graph_distillery.search_spaces.errors import first_problem

_Values = dict[str, bool | int | float | str | None]


#: What a parameter has none of, it does not name, as in the YAML files.
_UNSAID = ("float", "int", "choice", "log", "step", "when", "grid")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoredSpace(_Part):
    """A joint space, in the words of the YAML files."""

    parameters: dict[str, Parameter]
    fixed: _Values


class StoredData(_Part):
    """What one column of a board stands on."""

    dataset: str
    split: str
    setting: Setting


class StoredTeacher(_Part):
    """A teacher's model on one dataset. search: the id of the cell that tunes it, if it is tuned."""

    id: str
    data: StoredData
    model: str
    defaults: _Values
    search: str | None = None


class StoredCell(_Part):
    """A cell; teachers and space by their ids. reported: false for a teacher's own search. own_term: what switches the
    method's own term off, where its worth is measured."""

    id: str
    data: StoredData
    teachers: tuple[str, ...]
    student: str | None
    method: str
    variant: Variant
    space: str
    defaults: _Values
    trials: int = Field(ge=0)
    reported: bool = True
    own_term: _Values | None = None


class StoredPlan(_Part):
    """`plan.json`. library: the search spaces that the cells were made from, for those that the store may grow by.

    spaces: those of the cells, by the hash of their content. pins: the data as they were when first used. kinds: what
    was taken for whole kinds of graphs, and why.
    """

    version: Literal[1] = 1
    suite_version: str
    id: str
    id_scheme: IdScheme
    shard: str | None = None
    spec: Spec
    left_out: tuple[str, ...] = ()
    pins: tuple[Pin, ...] = ()
    teachers: tuple[StoredTeacher, ...] = ()
    cells: tuple[StoredCell, ...]
    spaces: dict[str, StoredSpace]
    library: dict[str, Space]
    kinds: tuple[str, ...] = ()

    @field_validator("spec", mode="before")
    @classmethod
    def _as_it_was(cls, spec: Any) -> Any:
        """A plan from before there were ablated runs has none."""
        report = spec.get("report") if isinstance(spec, dict) else None
        return {**spec, "report": {"ablated": False, **report}} if isinstance(report, dict) else spec

    def plan(self, data_dir: Path | None = None) -> Plan:
        """The plan that was stored, with the ids it had.

        Raises:
            UserError: it names a cell, a teacher or a space that is not in it.
            UnknownNameError: a method that this version does not have.
        """
        spaces = {key: JointSpace(space.parameters, space.fixed) for key, space in self.spaces.items()}
        try:
            searches = {each.id: self._cell(each, spaces, {}) for each in self.cells if not each.reported}
            teachers = {
                each.id: TeacherPlan(
                    each.id,
                    _data(each.data),
                    each.model,
                    each.defaults,
                    searches[each.search] if each.search is not None else None,
                )
                for each in self.teachers
            }
            cells = tuple(self._cell(each, spaces, teachers) for each in self.cells if each.reported)
        except KeyError as error:
            raise UserError(f"there is no {error.args[0]} in it") from None
        return Plan(
            self.spec,
            cells,
            tuple(teachers.values()),
            self.left_out,
            data_dir,
            self.id,
            self.shard,
            self.id_scheme,
            self.library,
            kinds=self.kinds,
        )

    def _cell(self, cell: StoredCell, spaces: Mapping[str, JointSpace], teachers: Mapping[str, TeacherPlan]) -> Cell:
        return Cell(
            cell.id,
            _data(cell.data),
            tuple(teachers[each] for each in cell.teachers),
            cell.student,
            METHODS.get(cell.method),
            cell.variant,
            spaces[cell.space],
            cell.defaults,
            cell.trials,
            cell.reported,
            self.id_scheme,
            cell.own_term,
        )

    def to_json(self) -> str:
        """The text of `plan.json`. Every option of the search is in it, said or not: a default may change too."""
        content = self.model_dump(mode="json", by_alias=True)
        search = self.spec.search
        content["spec"]["report"]["ablated"] = self.spec.report.ablated
        for cell in content["cells"]:
            if cell["own_term"] is None:
                del cell["own_term"]
        options = [name for name, option in Search.model_fields.items() if not option.exclude]
        content["spec"]["search"] = {name: to_jsonable_python(getattr(search, name)) for name in options}
        for space in (*content["spaces"].values(), *content["library"].values()):
            for parameter in space["parameters"].values():
                for name in _UNSAID:
                    if not parameter[name]:
                        del parameter[name]
        for space in content["library"].values():
            for name in ("named", "kinds"):
                if not space[name]:
                    del space[name]
        if not content["kinds"]:
            del content["kinds"]
        return json.dumps(content, indent=1, allow_nan=False)


def store_plan(plan: Plan, pins: Iterable[Pin], suite_version: str) -> StoredPlan:
    """What is to be kept of a plan."""
    spaces: dict[str, StoredSpace] = {}
    cells = []
    for cell in plan.searches:
        space = StoredSpace(parameters=dict(cell.space.parameters), fixed=dict(cell.space.fixed))
        key = content_id(space.model_dump(mode="json", by_alias=True))
        spaces[key] = space
        cells.append(
            StoredCell(
                id=cell.id,
                data=_stored_data(cell.data),
                teachers=tuple(teacher.id for teacher in cell.teachers),
                student=cell.student,
                method=cell.method.name,
                variant=cell.variant,
                space=key,
                defaults=dict(cell.defaults),
                trials=cell.trials,
                reported=cell.reported,
                own_term=dict(cell.own_term) if cell.own_term is not None else None,
            )
        )
    teachers = tuple(
        StoredTeacher(
            id=teacher.id,
            data=_stored_data(teacher.data),
            model=teacher.model,
            defaults=dict(teacher.defaults),
            search=teacher.search.id if teacher.search else None,
        )
        for teacher in plan.teachers
    )
    return StoredPlan(
        suite_version=suite_version,
        id=plan.id,
        id_scheme=plan.id_scheme,
        shard=plan.shard,
        spec=plan.spec,
        left_out=plan.left_out,
        pins=tuple(pins),
        teachers=teachers,
        cells=tuple(cells),
        spaces=spaces,
        library=dict(plan.spaces),
        kinds=plan.kinds,
    )


def parse_stored(text: str | bytes, where: str) -> StoredPlan:
    """The content of a `plan.json`; `where` opens the line of an error.

    Raises:
        UserError: it is of another version, or not what was written.
    """
    try:
        stored = StoredPlan.model_validate_json(text)
    except ValidationError as error:
        raise UserError(first_problem(error, where, lambda _: StoredPlan.model_fields)) from None
    for source in stored.spec.own:
        adopt(source, where, anew=False)
    return stored


def _data(data: StoredData) -> DataKey:
    return DataKey(data.dataset, data.split, data.setting)


def _stored_data(data: DataKey) -> StoredData:
    return StoredData(dataset=data.dataset, split=data.split, setting=data.setting)
