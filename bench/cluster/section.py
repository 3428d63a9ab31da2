"""What every section of a cluster file has."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from graph_distillery.bench.cluster.fields import Many, Place, Variable
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.store.students import StudentsKept
from graph_distillery.bench.sweeps.trackers.options import TRACKERS
from graph_distillery.near_names import unknown_line

#: Variables that the job files set for themselves, and what to write instead.
_OURS = {"DISTILLERY_DATA": "data", "DISTILLERY_MIRROR": "mirror", "RAY_AUTH_MODE": None, "RAY_AUTH_TOKEN": None}


def _tracker(text: str) -> str:
    """`TRACKER=TARGET`; the target is looked at where it is, on the cluster."""
    name, _, target = text.partition("=")
    if name not in TRACKERS:
        raise ValueError(unknown_line("tracker", name, TRACKERS))
    if not target and name != "mlflow":
        raise ValueError(f"write {TRACKERS[name][1]}")
    return text


def _kept(text: str) -> str:
    try:
        StudentsKept.parse(text)
    except UserError as error:
        raise ValueError(str(error)) from None
    return text


def _database(text: str) -> str:
    if not text.startswith(("sqlite:", "postgresql", "$")):
        raise ValueError("write sqlite:///FILE or postgresql://..., or a $NAME that holds it on the node")
    return text


def _not_ours(values: dict[str, str]) -> dict[str, str]:
    for name in values:
        if name in _OURS:
            field = _OURS[name]
            raise ValueError(f"{name}: " + (f"the field {field!r} sets it" if field else "the job files set it"))
    return values


class SweepArguments(BaseModel):
    """Options of `distillery sweep` that the job's command gets too."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    track: tuple[Annotated[Place, AfterValidator(_tracker)], ...] = ()
    optuna_storage: Annotated[Place, AfterValidator(_database)] | None = None
    retry_failed: bool = False
    save_students: Annotated[Place, AfterValidator(_kept)] | None = None

    def words(self) -> list[str]:
        """As the command line has them."""
        words = [word for target in self.track for word in ("--track", target)]
        for option, value in (("--optuna-storage", self.optuna_storage), ("--save-students", self.save_students)):
            words += [option, value] if value is not None else []
        return [*words, "--retry-failed"] if self.retry_failed else words


class Section(BaseModel):
    """What every kind of cluster has.

    store: the store's place on the cluster. workers: trials at once; None fills the cluster. data, mirror: become
    DISTILLERY_DATA and DISTILLERY_MIRROR. env: variables of driver and workers. sweep_args: for the sweep's command.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    store: Place | None = None
    workers: Many | None = None
    data: Place | None = None
    mirror: Place | None = None
    env: Annotated[dict[Variable, Place], AfterValidator(_not_ours)] = Field(default_factory=dict)
    sweep_args: SweepArguments = SweepArguments()

    def environment(self) -> dict[str, str]:
        """The variables of the suite, and the user's."""
        named = {"DISTILLERY_DATA": self.data, "DISTILLERY_MIRROR": self.mirror}
        return {**{name: value for name, value in named.items() if value is not None}, **self.env}
