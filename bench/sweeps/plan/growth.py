"""A plan that asks for more than a store holds: what is there stays as it is, and the rest is added.

More trials, report seeds, datasets, teachers, students and methods; another name and other resources. What would
change work that is finished is refused. What a spec does not name any more stays in the plan, and that is said: what a
store was asked for, it keeps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.plan.expansion import make_plan
from graph_distillery.bench.sweeps.plan.plan import Cell, Plan
from graph_distillery.bench.sweeps.plan.shards import plan_of_shard
from graph_distillery.bench.sweeps.spec import Search, Spec, with_ablated

_ANOTHER = "choose another store"
_CHOICES = ("datasets", "teachers", "students", "methods")


def grown(
    stored: Plan,
    spec: Spec,
    shard: str | None,
    data_dir: Path | None,
    where: str,
    with_records: Callable[[], Collection[str]],
) -> Plan:
    """The store's plan with what a spec asks for beyond it.

    where: opens the line of an error. with_records: ids of the cells and teachers that have a record; asked for only
    where the spec is not the store's.

    Raises:
        UserError: the spec would change finished work, or asks for less; names the field.
    """
    if stored.shard != shard:
        raise UserError(f"{where}: the store is of {_cells(stored.shard)} of its spec, not of {_cells(shard)}")
    _refuse_judged_otherwise(stored.spec, spec, where)
    spec, ablated_stays = _settled_on_ablated(stored.spec, spec)
    if _core(stored.spec) == _core(spec):
        return replace(stored, spec=spec, data_dir=data_dir, notes=_notes(where, ablated_stays))
    touched = with_records()
    if not touched:  # nothing is done yet, so nothing can be changed
        return plan_of_shard(make_plan(spec, data_dir), shard, where)
    for reason in _refusals(stored, spec):
        raise UserError(f"{where}: {reason}; {_ANOTHER}")
    spec, staying = _joined(stored.spec, spec)
    for seed in stored.spec.report.seeds:
        if spec.report.split_of(seed) != stored.spec.report.split_of(seed):
            there, here = stored.spec.report.splits, spec.report.splits
            raise UserError(
                f"{where}: report.splits: {there} there, {here} here; seed {seed} had another split; {_ANOTHER}"
            )
    new = make_plan(spec, data_dir, id_scheme=stored.id_scheme, spaces=stored.spaces)
    new = plan_of_shard(new, shard, where)
    _refuse_lost(stored, new, touched, where)
    return replace(_with_stored(stored, new), notes=_notes(where, [*staying, *ablated_stays]))


def _refuse_judged_otherwise(old: Spec, new: Spec, where: str) -> None:
    """An own dataset may lie elsewhere, for its content is pinned; its task and metric are what they were."""
    there = {source.name: source for source in old.own}
    for source in new.own:
        before = there.get(source.name, source)
        for name in ("task", "info_metric"):
            one, other = getattr(before, name), getattr(source, name)
            if one != other:
                field = name.removeprefix("info_")
                raise UserError(f"{where}: dataset {source.name!r}: {field}: {one} there, {other} here; {_ANOTHER}")


def _notes(where: str, staying: list[str]) -> tuple[str, ...]:
    return (f"{where}: {'; '.join(staying)}: what a store was asked for, it keeps",) if staying else ()


def _settled_on_ablated(old: Spec, new: Spec) -> tuple[Spec, list[str]]:
    """The new spec with what it comes to of `report.ablated`: the store's own, or on where it says so; and that it
    stays, where the spec says otherwise."""
    said = "ablated" in new.report.model_fields_set
    ablated = old.report.ablated or (said and new.report.ablated)
    stays = said and ablated and not new.report.ablated
    return with_ablated(new, ablated), ["report.ablated: true stays"] if stays else []


def _with_stored(stored: Plan, new: Plan) -> Plan:
    """Cells and teachers that are there stay what they are, but for the number of trials, and for the worth of the own
    term where it was not asked for before."""
    teachers = {teacher.id: teacher for teacher in stored.teachers}
    there = {cell.id: cell for cell in stored.searches}

    def kept(cell: Cell) -> Cell:
        if cell.id not in there:
            return cell
        old = there[cell.id]
        return replace(old, trials=cell.trials, own_term=cell.own_term if old.own_term is None else old.own_term)

    return replace(
        new,
        cells=tuple(map(kept, new.cells)),
        teachers=tuple(teachers.get(teacher.id, teacher) for teacher in new.teachers),
    )


def _refuse_lost(stored: Plan, new: Plan, touched: Collection[str], where: str) -> None:
    """Every cell and teacher that has a record must be in the new plan."""
    there = {cell.id for cell in new.searches} | {teacher.id for teacher in new.teachers}
    for cell in stored.searches:
        if cell.id in touched and cell.id not in there:
            reason = _lost(stored.spec, new.spec)
            raise UserError(f"{where}: {reason or 'finished work would change'} ({cell.label}); {_ANOTHER}")
    for teacher in stored.teachers:
        if teacher.id in touched and teacher.id not in there:
            reason = _lost(stored.spec, new.spec)
            raise UserError(f"{where}: {reason or 'a trained teacher would change'} ({teacher.model}); {_ANOTHER}")


def _refusals(stored: Plan, spec: Spec) -> Iterator[str]:
    """What of search and report cannot become what the spec says."""
    old, new = stored.spec.search, spec.search
    for name in Search.model_fields:
        if name != "trials" and getattr(old, name) != getattr(new, name):
            there, here = (_short(_plain(search)[name]) for search in (old, new))
            yield f"search.{name}: {there} there, {here} here, which would change finished trials"
    if new.trials < old.trials:
        yield f"search.trials: {old.trials} there, {new.trials} here; a store keeps what it was asked for"
    if new.trials > old.trials and stored.id_scheme == 1:
        yield (
            f"search.trials: {old.trials} there, {new.trials} here; the store is of an earlier version, whose searches "
            "cannot be prolonged"
        )
    if new.trials > old.trials and old.transfer:
        yield (
            f"search.trials: {old.trials} there, {new.trials} here; with search.transfer the trials of one dataset "
            "stand on what won on another"
        )
    if old.transfer:
        yield from _transferred(stored.spec, spec)


def _transferred(old: Spec, new: Spec) -> Iterator[str]:
    """With warm starts a cell learns from those before it: what is added must come after, or be of another kind."""
    if new.datasets[: len(old.datasets)] != old.datasets:
        yield "datasets: with search.transfer new datasets must come after those of the store, in its order"
    for field, name in (("teachers", "model"), ("students", "model"), ("methods", "name")):
        before = [_named(each, name) for each in getattr(old, field)]
        for each in getattr(new, field)[len(before) :]:
            if _named(each, name) in before:
                yield f"{field}: with search.transfer a second {_named(each, name)} would change finished trials"


def _named(choice: Any, name: str) -> Any:
    return tuple(getattr(each, name) for each in choice) if isinstance(choice, tuple) else getattr(choice, name)


def _lost(old: Spec, new: Spec) -> str | None:
    """The first field of the spec that has something else in the place of what the store has."""
    for field in ("split", "setting", *_CHOICES):
        there, here = getattr(old, field), getattr(new, field)
        if field not in _CHOICES:
            if there != here:
                return f"{field}: {_short(_plain(old)[field])} there, {_short(_plain(new)[field])} here"
            continue
        for choice in (_jsonable(choice) for choice in there if choice not in here):
            same = [_jsonable(each) for each in here if each not in there]
            same = [each for each in same if _name_of(each) == _name_of(choice)]
            if same:
                return f"{field}: {_short(choice)} there, {_short(same[0])} here, which would change finished work"
    return None


def _name_of(choice: Any) -> Any:
    if isinstance(choice, list):  # several teachers
        return [_name_of(each) for each in choice]
    return choice.get("name", choice.get("model")) if isinstance(choice, dict) else choice


def _joined(old: Spec, new: Spec) -> tuple[Spec, list[str]]:
    """The new spec with what the old one asked for beyond it, and what that is; but not what the new one has another of
    the same name for. Report seeds keep the store's order: speed is measured on the first."""
    changes: dict[str, Any] = {}
    staying = []
    for field in _CHOICES:
        there, here = getattr(old, field), getattr(new, field)
        added = [_name_of(_jsonable(choice)) for choice in here if choice not in there]
        gone = [choice for choice in there if choice not in here and _name_of(_jsonable(choice)) not in added]
        if gone:
            changes[field] = (*there, *(choice for choice in here if choice not in there))
            changes[field] = tuple(choice for choice in changes[field] if choice in here or choice in gone)
            staying.append(f"{field}: {', '.join(_short(_name_of(_jsonable(choice))) for choice in gone)} stays")
    said = {source.name for source in new.own}
    changes["own"] = (*new.own, *(source for source in old.own if source.name not in said))
    if isinstance(old.split, dict) and isinstance(new.split, dict):
        changes["split"] = {**old.split, **new.split}
    if gone := [seed for seed in old.report.seeds if seed not in new.report.seeds]:
        staying.append(f"report.seeds: {', '.join(map(str, gone))} stay")
    seeds = (*old.report.seeds, *(seed for seed in new.report.seeds if seed not in old.report.seeds))
    changes["report"] = new.report.model_copy(update={"seeds": seeds})
    return new.model_copy(update=changes), staying


def _core(spec: Spec) -> dict[str, Any]:
    """What finished work hangs on."""
    return {field: getattr(spec, field) for field in Spec.model_fields if field not in ("name", "resources", "own")}


def _plain(part: Any) -> dict[str, Any]:
    content: dict[str, Any] = {name: getattr(part, name) for name in type(part).model_fields}
    return {name: _jsonable(value) for name, value in content.items()}


def _jsonable(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_jsonable(each) for each in value]
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_defaults=True)
    return value


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def _cells(shard: str | None) -> str:
    return f"cells {shard}" if shard else "all cells"
