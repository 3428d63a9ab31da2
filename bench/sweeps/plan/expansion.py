"""A spec expanded to its plan. Same spec, same plan, same ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from graph_distillery.bench.data.registry import (
    DATASETS,
    DatasetInfo,
    added_splits,
    labels_everything,
    setting_of,
    why_not_together,
)
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.ids import content_id
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.records.fields import Variant
from graph_distillery.bench.sweeps.plan.plan import CONTROLS, Cell, DataKey, IdScheme, Plan, TeacherPlan, teachers_name
from graph_distillery.bench.sweeps.spec import MethodChoice, ModelChoice, Search, Setting, Spec
from graph_distillery.methods import METHODS, MethodInfo
from graph_distillery.methods.info import UNTRAINED
from graph_distillery.methods.tasks.registry import TASKS
from graph_distillery.near_names import hint, unknown_line
from graph_distillery.search_spaces import JointSpace, Space, load_space, merge
from graph_distillery.search_spaces.space import Kind


class _Expansion:
    """What a spec is expanded with: the id scheme, and search spaces, those that are kept before this version's."""

    def __init__(self, id_scheme: IdScheme, kept: Mapping[str, Space]) -> None:
        self.id_scheme, self._kept = id_scheme, kept
        self.used: dict[str, Space] = {}
        self._kinds: dict[str, tuple[tuple[str, ...], str]] = {}
        self.said: dict[str, None] = {}

    def space(self, kind: Kind, name: str) -> Space:
        key = f"{kind} {name}"
        if key not in self.used:
            self.used[key] = self._kept[key] if key in self._kept else load_space(kind, name)
        return self.used[key]

    def of_choice(self, choice: ModelChoice | MethodChoice, data: DataKey | None) -> Space:
        """The space of a choice on a dataset, with the choice's own edits."""
        space = (
            self.space("model", choice.model) if isinstance(choice, ModelChoice) else self.space("method", choice.name)
        )
        published = space
        if data is not None:
            space = self._for_kind(space.for_dataset(data.dataset, data.split), data.dataset)
            if labels_everything(TASKS.get(DATASETS.get(data.dataset).task), data.split, data.setting):
                space = space.where_all_is_labelled()
        fix = dict(choice.fix)
        if isinstance(choice, ModelChoice) and choice.preset is not None:
            pinned = published.pinned_by(choice.preset, None if data is None else data.dataset)
            fix = {name: value for name, value in pinned.items() if name not in choice.space} | fix
        return space.override(fix, choice.space)

    def look_at(self, dataset: str, choices: Iterable[ModelChoice]) -> None:
        """Read a dataset of the user's own, where a model has settings for kinds of graphs. Raises UserError."""
        if DATASETS.get(dataset).kind == "own" and any(self.space("model", each.model).kinds for each in choices):
            from graph_distillery.bench.data.files.survey import kinds
            from graph_distillery.bench.training.problem import ProblemKey, whole_dataset

            self._kinds[dataset] = kinds(whole_dataset(ProblemKey(dataset, "", "transductive")))

    def _for_kind(self, space: Space, dataset: str) -> Space:
        """What is published for graphs like a dataset of the user's own, whose name says nothing; and a word of it."""
        if not space.kinds or dataset not in self._kinds:
            return space
        found, why = self._kinds[dataset]
        taken = [preset for preset in space.kinds if set(preset.kind) <= set(found)]
        if taken:
            of = "; ".join(f"{' and '.join(preset.kind)}: {preset.source}" for preset in taken)
            self.said[f"{dataset}: {space.name} as for graphs that are {of} ({why})"] = None
        return space.for_kinds(found)


def make_plan(
    spec: Spec,
    data_dir: Path | None = None,
    *,
    id_scheme: IdScheme = 2,
    spaces: Mapping[str, Space] | None = None,
) -> Plan:
    """Expand a spec; with `spaces` of an earlier plan, by them where they have one.

    Raises:
        UserError: an unknown name or a value out of bounds in any field, or nothing left to do; names the field.
    """
    using = _Expansion(id_scheme, spaces or {})
    _check_names(spec, using)
    teachers: dict[str, TeacherPlan] = {}
    cells: dict[str, Cell] = {}
    left_out: list[str] = []
    for name in spec.datasets:
        data = _data_key(spec, DATASETS.get(name))
        using.look_at(name, (*(each for choice in spec.teachers for each in choice), *spec.students))
        own = [_taught_by(choice, data, spec.search, teachers, using) for choice in spec.teachers]
        for method in _with_controls(spec):
            for taught_by, student in _pairs(METHODS.get(method.name), own, spec.students):
                reason = _unsupported(METHODS.get(method.name), DATASETS.get(name), data.setting, taught_by, student)
                if reason:
                    left_out.append(f"{name}: {reason}")
                    continue
                cell = _cell(method, data, taught_by, student, spec.search, using)
                cell = replace(cell, own_term=_own_term(cell.method)) if spec.report.ablated else cell
                if cell.id in cells:
                    raise UserError(f"methods: {cell.label} is named twice")
                cells[cell.id] = cell
    if not any(cell.method.name not in CONTROLS or _asked_for(spec, cell) for cell in cells.values()):
        raise UserError("the plan is empty: " + ("; ".join(dict.fromkeys(left_out)) or "no method fits"))
    # Not by what is reported of the cells beyond their own rows: plans from before that keep their ids.
    besides: Any = {"name": True, "resources": True, "report": {"ablated"}, "own": True}
    plan_id = content_id([spec.model_dump(mode="json", exclude=besides), sorted(cells)])
    return Plan(
        spec,
        tuple(cells.values()),
        tuple(teachers.values()),
        tuple(dict.fromkeys(left_out)),
        data_dir,
        plan_id,
        id_scheme=id_scheme,
        spaces=using.used,
        kinds=tuple(using.said),
    )


def _own_term(info: MethodInfo) -> dict[str, Any] | None:
    """What switches a method's own term off, as a cell's configurations name it. None for controls; and where nothing
    is left to train on, for what an untrained student scores says nothing of the method."""
    if info.own_term is None or info.without_own_term == UNTRAINED:
        return None
    return {f"method.{name}": value for name, value in info.own_term.items()}


def _asked_for(spec: Spec, cell: Cell) -> bool:
    return cell.method.name in {method.name for method in spec.methods}


def _with_controls(spec: Spec) -> list[MethodChoice]:
    named = {method.name for method in spec.methods}
    missing = [MethodChoice(name=control) for control in CONTROLS if control not in named]
    return [*(m for m in missing), *spec.methods]


def _taught_by(
    choice: tuple[ModelChoice, ...], data: DataKey, search: Search, known: dict[str, TeacherPlan], using: _Expansion
) -> tuple[TeacherPlan, ...]:
    """The teachers of one choice, added to those known: what several choices name is one teacher, trained once."""
    plans = [_teacher_plan(each, data, search, using) for each in choice]
    if len({plan.id for plan in plans}) < len(plans):
        raise UserError(f"teachers: the choice {teachers_name(plans)} names a teacher twice")
    return tuple(known.setdefault(plan.id, plan) for plan in plans)


def _pairs(
    info: MethodInfo, teachers: list[tuple[TeacherPlan, ...]], students: tuple[ModelChoice, ...]
) -> list[tuple[tuple[TeacherPlan, ...], ModelChoice | None]]:
    """The teachers and student choices that make cells of this method; of what it has no use for there is none."""
    with_teacher: list[tuple[TeacherPlan, ...]] = list(teachers) if info.teacher != "none" else [()]
    with_student: list[ModelChoice | None] = list(students) if info.students else [None]
    if info.name in CONTROLS:  # a control without its teacher or student is no cell, and no mistake
        if any(len(choice) > 1 for choice in with_teacher):  # whose own row is each one's
            each_once = {teacher.id: teacher for choice in with_teacher for teacher in choice}
            with_teacher = [(teacher,) for teacher in each_once.values()]
        return [(teacher, student) for teacher in with_teacher for student in with_student]
    with_teacher = with_teacher or [()]
    with_student = with_student or [None]
    return [(teacher, student) for teacher in with_teacher for student in with_student]


def _unsupported(
    info: MethodInfo,
    dataset: DatasetInfo,
    setting: str,
    teachers: tuple[TeacherPlan, ...],
    student: ModelChoice | None,
) -> str | None:
    """Why there is no such cell, or None."""
    if not info.supports(dataset.task):
        return f"{info.name} does not support {dataset.task}"
    if info.teacher != "none" and not teachers:
        return f"{info.name} needs a teacher and the spec names none"
    if info.teacher == "one" and len(teachers) > 1:
        return f"{info.name} takes one teacher, and {teachers_name(teachers)} are {len(teachers)}"
    if info.teacher == "many" and len(teachers) == 1:
        return f"{info.name} takes several teachers, and {teachers_name(teachers)} is one"
    if info.students and student is None:
        return f"{info.name} needs a student and the spec names none"
    if student is not None and (reason := info.why_not_student(student.model, MODELS.get(student.model).kind)):
        return f"{info.name} {reason}"
    if info.retrains_teacher and student is not None and student.model != teachers[0].model:
        return f"{info.name} retrains its teacher, and {student.model} is not {teachers[0].model}"
    for model in (*(teacher.model for teacher in teachers), student.model if student else None):
        known = MODELS.get(model) if model is not None else None
        if known and (reason := known.why_not_setting(setting) or known.why_not_task(TASKS.get(dataset.task))):
            return reason
    return None


def _check_names(spec: Spec, using: _Expansion) -> None:
    """Every name in the spec, and every hyperparameter, before anything is made."""
    with _field("datasets"):
        for name in spec.datasets:
            DATASETS.get(name)
    if len(set(spec.datasets)) != len(spec.datasets):
        raise UserError("datasets: a dataset is named twice")
    taught_by = [teacher for choice in spec.teachers for teacher in choice]
    for field_name, choices in (("teachers", taught_by), ("students", list(spec.students))):
        with _field(field_name):
            for choice in choices:
                MODELS.get(choice.model)
                using.of_choice(choice, None)
    for student in spec.students:
        if student.tune:
            raise UserError(f"students: {student.model}: tune is for teachers; students are tuned with the method")
    for method in spec.methods:
        with _field("methods"):
            info = METHODS.get(method.name)
            using.of_choice(method, None)
        _variant(method, info)
    with _field("resources.overrides"):
        for name in spec.resources.overrides:
            METHODS.get(name)
    if isinstance(spec.split, dict):
        for name in spec.split:
            if name not in spec.datasets:
                raise UserError(f"split: {unknown_line('dataset of this spec', name, spec.datasets)}")


@contextmanager
def _field(name: str) -> Iterator[None]:
    """What a registry or a search space has to say, opened by the field of the spec."""
    try:
        yield
    except ValueError as error:
        raise UserError(f"{name}: {error}") from None


def _data_key(spec: Spec, info: DatasetInfo) -> DataKey:
    split = spec.split.get(info.name) if isinstance(spec.split, dict) else spec.split
    split = split or info.splits[0]
    if split not in (allowed := (*info.splits, *added_splits(TASKS.get(info.task)))):
        raise UserError(f"split: {unknown_line(f'split of dataset {info.name!r}', split, allowed)}")
    return DataKey(info.name, split, _setting(spec, info, split))


def _setting(spec: Spec, info: DatasetInfo, split: str) -> Setting:
    settings = TASKS.get(info.task).settings
    if len(settings) == 1:
        return settings[0]
    many = "graphs" in info.splits  # the split by whole graphs, of sets with many graphs and a label per node
    natural: Setting = "inductive" if many else "transductive"
    if many and spec.setting == "transductive":
        raise UserError(f"setting: dataset {info.name!r} has many graphs and is inductive")
    if spec.setting == "graph-level":
        raise UserError(f"setting: dataset {info.name!r} has one label a node; graph-level does not fit")
    wanted: Setting = spec.setting or setting_of(split) or natural
    if reason := why_not_together(TASKS.get(info.task), split, wanted):
        raise UserError(f"setting: dataset {info.name!r}: {reason}")
    return wanted


def _teacher_plan(choice: ModelChoice, data: DataKey, search: Search, using: _Expansion) -> TeacherPlan:
    with _field("teachers"):
        space = merge({"method": using.space("method", "supervised"), "student": using.of_choice(choice, data)})
    defaults = space.defaults()
    cell = None
    if choice.tune:
        cell = _study(
            METHODS.get("supervised"),
            "paper",
            data,
            (),
            choice.model,
            space,
            search,
            choice.tune,
            using,
            reported=False,
        )
    basis = [_key(data), choice.model, defaults, space.identity() if choice.tune else None, choice.tune]
    return TeacherPlan(content_id(basis), data, choice.model, defaults, cell)


def _variant(method: MethodChoice, info: MethodInfo) -> Variant:
    """The one that is asked for, where the method has it."""
    if method.variant not in info.variants:
        near = hint(method.variant, info.variants, "it has")
        raise UserError(f"methods: {info.name} has no variant {method.variant!r}; {near}")
    return method.variant


def _cell(
    method: MethodChoice,
    data: DataKey,
    teachers: tuple[TeacherPlan, ...],
    student: ModelChoice | None,
    search: Search,
    using: _Expansion,
) -> Cell:
    info = METHODS.get(method.name)
    with _field("methods"):
        parts = {"method": using.of_choice(method, data)}
    if student is not None:
        with _field("students"):
            parts["student"] = using.of_choice(student, data)
    space = merge(parts)
    trials = search.trials if space.parameters else 0
    variant, model = _variant(method, info), student.model if student else None
    return _study(info, variant, data, teachers, model, space, search, trials, using)


def _study(
    info: MethodInfo,
    variant: Variant,
    data: DataKey,
    teachers: tuple[TeacherPlan, ...],
    student: str | None,
    space: JointSpace,
    search: Search,
    trials: int,
    using: _Expansion,
    reported: bool = True,
) -> Cell:
    defaults = space.defaults()
    basis = {
        "data": _key(data),
        "teacher": _teacher_key(teachers),
        "student": student,
        "method": [info.name, variant],
        "space": space.identity(),
        "defaults": defaults,
        "search": _search_key(search, trials, reported, using.id_scheme),
        "reported": reported,
    }
    scheme = using.id_scheme
    return Cell(content_id(basis), data, teachers, student, info, variant, space, defaults, trials, reported, scheme)


def _teacher_key(teachers: tuple[TeacherPlan, ...]) -> str | list[str] | None:
    """What the id of a cell holds of its teachers: none, the id of one, or several in their order."""
    ids = [teacher.id for teacher in teachers]
    return ids if len(ids) > 1 else ids[0] if ids else None


def _search_key(search: Search, trials: int, reported: bool, id_scheme: IdScheme) -> Any:
    """What the id of a cell holds of its search: all but the number of trials, which may grow.

    Not that of a teacher's own search: on its winner other cells stand.
    """
    if id_scheme == 1:
        later = search.later_options().items()
        return [search.sampler, search.pruner, search.p_threshold, list(search.seeds), trials, *later]
    kept = {name: value for name, value in search.model_dump(mode="json").items() if name != "trials"}
    return kept if reported else {**kept, "tune": trials}


def _key(data: DataKey) -> list[str]:
    return [data.dataset, data.split, data.setting]
