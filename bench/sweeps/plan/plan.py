"""The plan: the cells, seeds and budgets that a spec expands to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from graph_distillery.bench.records.fields import Variant
from graph_distillery.bench.sweeps.spec import Setting, Spec
from graph_distillery.methods import MethodInfo
from graph_distillery.search_spaces import JointSpace, Space

#: Rows that every board has, whatever the spec names.
CONTROLS = ("supervised", "teacher", "majority")

#: How ids are made. Under 2 nothing hangs on the number of trials, so that a search can be prolonged: neither a
#: cell's id nor what is proposed. Under 1, of stores without a stored plan, both do.
IdScheme = Literal[1, 2]


@dataclass(frozen=True)
class DataKey:
    """Dataset, split and setting: what one column of a board stands on."""

    dataset: str
    split: str
    setting: Setting


@dataclass(frozen=True)
class TeacherPlan:
    """A teacher's model on one data key. `search` is the cell that tunes it, if it is tuned."""

    id: str
    data: DataKey
    model: str
    defaults: Mapping[str, Any]
    search: Cell | None


@dataclass(frozen=True)
class Cell:
    """One study: dataset x split x setting x teacher(s) x student x method.

    own_term: what switches the method's own contribution off, in the words of the space; None where its worth is not
    measured, or cannot be.
    """

    id: str
    data: DataKey
    teachers: tuple[TeacherPlan, ...]
    student: str | None
    method: MethodInfo
    variant: Variant
    space: JointSpace
    defaults: Mapping[str, Any]
    trials: int
    reported: bool = True
    id_scheme: IdScheme = 2
    own_term: Mapping[str, Any] | None = None

    @property
    def may_be_prolonged(self) -> bool:
        """Whether its search may be given more trials later; see `IdScheme`."""
        return self.id_scheme != 1

    @property
    def teacher(self) -> str | None:
        """What records and people call its teachers: `gcn`, or `gcn+sage` where two teach; None without any."""
        return teachers_name(self.teachers)

    def without_own_term(self, configuration: Mapping[str, Any]) -> dict[str, Any] | None:
        """A configuration with the method's own term off and all else as it is; None where that is not measured."""
        return None if self.own_term is None else {**configuration, **self.own_term}

    @property
    def own_term_always_off(self) -> bool:
        """Whether the spec has switched it off in every configuration of the cell, so that it is worth nothing."""
        searched = any(name in self.space.parameters for name in self.own_term or ())
        return not searched and self.without_own_term(self.defaults) == dict(self.defaults)

    @property
    def label(self) -> str:
        """How people are told of it."""
        variant = "" if self.variant == "paper" else f" ({self.variant})"
        pair = [self.teacher] if self.teacher else []
        pair += [self.student] if self.student else []
        what = f"{self.data.dataset}/{self.data.split}" + (f" {'->'.join(pair)}" if pair else "")
        return f"{what} {self.method.name}{variant}" + ("" if self.reported else " [teacher search]")


@dataclass(frozen=True)
class Plan:
    """Everything that is to be done, in order.

    shard: `2/4` where these are some of the spec's cells; see shards.py. spaces: the search spaces that the cells were
    made from, before the spec's own edits and for all datasets, by kind and name (`method kd`). notes: for the user.
    kinds: for the user, what was taken for whole kinds of graphs, and why.
    """

    spec: Spec
    cells: tuple[Cell, ...]
    teachers: tuple[TeacherPlan, ...]
    left_out: tuple[str, ...] = ()
    data_dir: Path | None = None
    id: str = field(default="")
    shard: str | None = None
    id_scheme: IdScheme = 2
    spaces: Mapping[str, Space] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=(), compare=False)
    kinds: tuple[str, ...] = ()

    @property
    def searches(self) -> tuple[Cell, ...]:
        """Every study: the teachers' own searches first."""
        return (*(teacher.search for teacher in self.teachers if teacher.search), *self.cells)


def teachers_name(teachers: Iterable[TeacherPlan]) -> str | None:
    """Their models, joined by a plus; None where there is none."""
    return "+".join(teacher.model for teacher in teachers) or None
