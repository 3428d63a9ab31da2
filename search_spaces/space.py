"""The search space of one method or model: tuned parameters, fixed ones, published settings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from graph_distillery.search_spaces.errors import SpaceError, first_problem, shown, unknown
from graph_distillery.search_spaces.parameter import SPEC, Condition, Parameter
from graph_distillery.search_spaces.presets import KindPreset, NamedPreset, Preset, ScalarField
from graph_distillery.search_spaces.values import Scalar, like, scalar

Kind = Literal["method", "model"]
#: What every entry of a kind takes beside what stands in its space, and what it is where nobody asks. A spec may fix or
#: tune it; standing in no space, it changes none that does not.
BESIDE: Mapping[Kind, Mapping[str, Scalar]] = {"method": {}, "model": {"clip": None}}
#: Likewise of one entry alone.
BESIDE_OF: Mapping[tuple[Kind, str], Mapping[str, Scalar]] = {
    ("model", "gcn"): {"block": "plain", "fan_out": None},
    ("model", "sage"): {"block": "plain"},
    ("model", "gat"): {"block": "plain", "fan_out": None},
    ("model", "gin"): {"fan_out": None},
    ("model", "gcnii"): {"fan_out": None},
}

_HYPERPARAMETER = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*(?:\+[a-z0-9-]+)*|[a-z]+:[A-Za-z0-9_.:]+", re.ASCII)


class Space(BaseModel):
    """What may be tuned of one method or model. Treat as read-only; `override` and `for_dataset` give
    changed copies.

    Attributes:
        parameters: the tuned hyperparameters, parents of conditions before their children.
        fixed: hyperparameters that are not tuned, with their published value; one that is null may be fixed to null
            again where a preset gave it a value.
        presets: published settings per dataset; a later one wins over an earlier one.
        named: those that are asked for by a name; see `pinned_by`. kinds: those of kinds of graphs; see `for_kinds`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: Kind
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    fixed: dict[str, ScalarField] = Field(default_factory=dict)
    presets: tuple[Preset, ...] = ()
    named: tuple[NamedPreset, ...] = ()
    kinds: tuple[KindPreset, ...] = ()
    _nullable: frozenset[str] = PrivateAttr(frozenset())

    @model_validator(mode="after")
    def _check(self) -> Space:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name: expected lower case letters, digits, dashes and +, got {shown(self.name)}")
        for name in [*self.parameters, *self.fixed]:
            if not _HYPERPARAMETER.fullmatch(name):
                raise ValueError(f"a hyperparameter's name is lower case with underscores, got {shown(name)}")
        for name in self.parameters:
            if name in self.fixed:
                raise ValueError(f"{name!r} stands under both parameters and fixed")
        self._check_conditions()
        self._nullable = frozenset(name for name, value in self.fixed.items() if value is None)
        for index, preset in enumerate(self.presets):
            for name, value in preset.values.items():
                preset.values[name] = self._published(f"presets.{index}.values", name, value)
        return self

    def _check_conditions(self) -> None:
        known = set(self.fixed)
        for name, parameter in self.parameters.items():
            where = f"parameters.{name}.when"
            for parent in parameter.when:
                if parent == name:
                    raise ValueError(f"{where}: {name!r} cannot depend on itself")
                if parent in known:
                    continue
                if parent in self.parameters:
                    raise ValueError(f"{where}: {parent!r} must be declared before {name!r}")
                raise ValueError(unknown("hyperparameter", parent, self.names(), where))
            known.add(name)

    def _published(self, where: str, name: str, value: Scalar) -> Scalar:
        if name in self.fixed:
            return _like_fixed(value, self.fixed[name], f"{where}.{name}")
        if name not in self.parameters and name in self.beside():
            return value
        if name not in self.parameters:
            raise ValueError(unknown("hyperparameter", name, self.settable(), where))
        parameter = self.parameters[name]
        if parameter.contains(value):
            return parameter.canonical(value)
        if parameter.source == SPEC:  # what was published stays, whatever a spec searches
            return value
        raise ValueError(f"{where}.{name}: {shown(value)} is outside {parameter.describe()}")

    def names(self) -> list[str]:
        """Every hyperparameter, tuned first."""
        return [*self.parameters, *self.fixed]

    def settable(self) -> list[str]:
        """Every name that `override` takes."""
        return list(dict.fromkeys([*self.names(), *self.beside()]))

    def beside(self) -> dict[str, Scalar]:
        """What may be set beside what stands here, and what it is where nobody asks."""
        return {**BESIDE[self.kind], **BESIDE_OF.get((self.kind, self.name), {})}

    def for_dataset(self, dataset: str | None, split: str | None = None) -> Space:
        """A copy with the defaults and fixed values published for this dataset and split, and no presets."""
        values: dict[str, Scalar] = {}
        for preset in self.presets:
            if preset.matches(dataset, split):
                values.update(preset.values)
        parameters = {
            name: parameter.model_copy(update={"default": values[name]}) if name in values else parameter
            for name, parameter in self.parameters.items()
        }
        fixed = {name: values.get(name, value) for name, value in self.fixed.items()}
        fixed |= {name: value for name, value in values.items() if name not in self.parameters}  # what stands beside
        found = self.model_copy(update={"parameters": parameters, "fixed": fixed, "presets": ()})
        found._nullable = self._nullable | {name for name, value in self.beside().items() if value is None}
        return found

    def pinned_by(self, name: str, dataset: str | None) -> dict[str, Scalar]:
        """The settings of that name for a dataset; none where `dataset` is None, which asks for the name alone.

        Raises:
            SpaceError: there is no such name, or nothing was published under it for this dataset.
        """
        names = list(dict.fromkeys(preset.name for preset in self.named))
        if name not in names:
            raise SpaceError(unknown("preset", name, names, f"{self.kind} {self.name}"))
        own = [preset for preset in self.named if preset.name == name]
        if dataset is None:
            return {}
        found = next((preset for preset in own if dataset in preset.dataset), None)
        if found is None:
            there = sorted({each for preset in own for each in preset.dataset})
            raise SpaceError(unknown("dataset", dataset, there, f"{self.kind} {self.name}: preset {name}"))
        return dict(found.values)

    def for_kinds(self, kinds: Collection[str]) -> Space:
        """A copy with what is to be begun with, and searched, on a graph of these kinds."""
        space = self.model_copy(update={"presets": (), "named": ()})
        for preset in self.kinds:
            if not set(preset.kind) <= set(kinds):
                continue
            ranges = {
                name: {
                    "source": preset.source,
                    **raw,
                    **({"default": v} if (v := preset.values.get(name)) is not None else {}),
                }
                for name, raw in preset.space.items()
            }
            others = {name: value for name, value in preset.values.items() if name not in ranges}
            where = f"{self.kind} {self.name}: kind {' and '.join(preset.kind)}"
            space = space.override(
                {n: v for n, v in others.items() if n not in space.parameters}, ranges, where=where
            )._with_defaults({n: v for n, v in others.items() if n in space.parameters})
        return space.model_copy(update={"kinds": ()})

    def _with_defaults(self, values: Mapping[str, Scalar]) -> Space:
        parameters = {
            name: one.model_copy(update={"default": one.canonical(values[name])}) if name in values else one
            for name, one in self.parameters.items()
        }
        return self.model_copy(update={"parameters": parameters})

    def where_all_is_labelled(self) -> Space:
        """A copy for data without unlabelled training items."""
        return self.model_copy(
            update={"parameters": {name: one.where_all_is_labelled() for name, one in self.parameters.items()}}
        )

    def defaults(self, dataset: str | None = None, split: str | None = None) -> dict[str, Scalar]:
        """The published configuration: fixed values, defaults, presets; no parameter that is switched off."""
        here = self.for_dataset(dataset, split)
        return configuration(here.parameters, here.fixed, {name: p.default for name, p in here.parameters.items()})

    def override(
        self,
        fix: Mapping[str, Any] | None = None,
        space: Mapping[str, Any] | None = None,
        *,
        where: str | None = None,
    ) -> Space:
        """A copy with a user's edits, the user's word being above presets.

        Args:
            fix: pins hyperparameters; they leave the search. Any value of the right type, in the tuned range
                or not.
            space: replaces ranges, in the words of the YAML (``{"alpha": {"float": [0.1, 0.9]}}``). Values must
                have the type that ``fix`` asks for. What is left out is kept (the condition; the default, also
                where the new range leaves it out) or derived (``source``: ``spec``). A fixed hyperparameter named
                here becomes tuned.
            where: how the error messages call the edited place; by default, kind and name.

        Raises:
            SpaceError: an unknown name, a value of the wrong type, a bad range; one line that names the
            field.
        """
        where = where or f"{self.kind} {self.name}"
        fix, space = _table(fix, f"{where}: fix"), _table(space, f"{where}: space")
        beside = self.beside()
        if asked := {name: beside[name] for name in (*fix, *space) if name in beside and name not in self.names()}:
            whole = self.model_copy(update={"fixed": {**self.fixed, **asked}})
            whole._nullable = self._nullable | {name for name, value in asked.items() if value is None}
            return whole.override(fix, space, where=where)
        for field, edits in (("fix", fix), ("space", space)):
            for name in edits:
                if name not in self.parameters and name not in self.fixed:
                    raise SpaceError(unknown("hyperparameter", str(name), self.settable(), f"{where}: {field}"))
        for name in fix:
            if name in space:
                raise SpaceError(f"{where}: {name!r} stands under both fix and space")
        ranges = {name: self._replacement(name, raw, f"{where}: space.{name}") for name, raw in space.items()}
        pins = {name: self._pin(name, value, f"{where}: fix.{name}") for name, value in fix.items()}
        # a fixed value that becomes tuned goes first: conditions may refer to it
        order = [name for name in ranges if name in self.fixed]
        order += [name for name in self.parameters if name not in pins]
        with_presets = [self._kept(preset, pins, ranges) for preset in self.presets]
        kept_fixed = {name: value for name, value in self.fixed.items() if name not in ranges}
        edited = checked(
            {
                "name": self.name,
                "kind": self.kind,
                "parameters": {name: ranges.get(name) or self.parameters[name] for name in order},
                "fixed": {**kept_fixed, **pins},
                "presets": [preset for preset in with_presets if preset is not None],
            },
            where,
        )
        edited._nullable |= self._nullable
        return edited

    def _replacement(self, name: str, raw: Any, where: str) -> Parameter:
        if not isinstance(raw, Mapping):
            raise SpaceError(f"{where}: expected a range such as {{float: [0.1, 0.9]}}, got {shown(raw)}")
        old = self.parameters.get(name)
        edit = {"source": SPEC, "default": _first_value(raw), **raw}
        if old is not None and "when" not in raw:
            edit["when"] = old.when
        try:
            parameter = Parameter.model_validate(edit)
        except ValidationError as error:
            raise SpaceError(first_problem(error, where, lambda _: field_names(Parameter))) from None
        for value in parameter.choices or parameter.bounds:
            self._pin(name, value, where)
        if "default" in raw:
            if not parameter.contains(parameter.default):
                raise SpaceError(f"{where}: default {shown(parameter.default)} is outside {parameter.describe()}")
            return parameter
        published = self.fixed[name] if old is None else old.default
        if parameter.contains(published):
            return parameter.model_copy(update={"default": parameter.canonical(published)})
        return parameter.model_copy(update={"default": published, "source": SPEC})

    def _pin(self, name: str, value: Any, where: str) -> Scalar:
        if value is None and name in self._nullable:
            return None
        try:
            if name in self.fixed:
                return _like_fixed(value, self.fixed[name])
            return self.parameters[name].pinned(value)
        except ValueError as error:
            raise SpaceError(f"{where}: {error}") from None

    @staticmethod
    def _kept(preset: Preset, pins: Mapping[str, Scalar], ranges: Mapping[str, Parameter]) -> Preset | None:
        values = {
            name: ranges[name].canonical(value) if name in ranges and ranges[name].contains(value) else value
            for name, value in preset.values.items()
            if name not in pins
        }
        return preset.model_copy(update={"values": values}) if values else None


def configuration(
    parameters: Mapping[str, Parameter], fixed: Mapping[str, Scalar], values: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """Fixed values, then those of ``values`` (every tuned name) whose parameter is switched on."""
    result = dict(fixed)
    for name, parameter in parameters.items():
        if is_active(parameter.when, result):
            result[name] = values[name]
    return result


def is_active(when: Mapping[str, Condition], values: Mapping[str, Any]) -> bool:
    """Whether a condition holds, given the values so far; a parent that is off switches its children off."""
    return all(parent in values and condition.holds(values[parent]) for parent, condition in when.items())


def checked(data: Any, where: str) -> Space:
    """``data`` as a `Space`, or a one-line SpaceError."""
    if not isinstance(data, Mapping):
        raise SpaceError(f"{where}: expected a table with name, kind and parameters, got {shown(data)}")
    try:
        return Space.model_validate(data)
    except ValidationError as error:
        raise SpaceError(first_problem(error, where, _fields_at)) from None


def field_names(model: type[BaseModel]) -> list[str]:
    """A model's fields as they are spelled in YAML."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _fields_at(location: tuple[Any, ...]) -> Iterable[str]:
    if location[:1] == ("parameters",):
        return field_names(Parameter)
    return field_names(Preset if location[:1] == ("presets",) else Space)


def _like_fixed(value: Any, published: Scalar, where: str | None = None) -> Scalar:
    try:
        # null means "not used" (a full batch, say) and tells nothing of the type; text has no list of
        # choices here
        if published is None or (isinstance(published, str) and isinstance(value, str)):
            return scalar(value)
        return like(value, (published,))
    except ValueError as error:
        raise ValueError(f"{where}: {error}" if where else str(error)) from None


def _table(value: Mapping[str, Any] | None, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SpaceError(f"{where}: expected a table of hyperparameters, got {shown(value)}")
    return value


def _first_value(raw: Mapping[str, Any]) -> Any:
    for field in ("float", "int", "choice"):
        values = raw.get(field)
        if isinstance(values, list | tuple) and values:
            return values[0]
    return None
