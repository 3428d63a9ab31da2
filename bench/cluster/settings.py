"""The cluster file: a strict YAML with a section per kind of cluster. What it does not know, it refuses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from graph_distillery.bench.cluster.batch.settings import Container, Lsf, Mail, Pbs, Slurm
from graph_distillery.bench.cluster.machine_settings import KubeRay, NodeType, Pods, RayUp, Volume
from graph_distillery.bench.cluster.section import SweepArguments
from graph_distillery.bench.errors import UserError
from graph_distillery.search_spaces import SpaceError, load_yaml
from graph_distillery.search_spaces.errors import first_problem

#: What goes to a cluster as it is.
_RAW = ("provider", "node_config", "pod", "head_pod")


class Cluster(BaseModel):
    """The whole file; a section per kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slurm: Slurm = Slurm()
    pbs: Pbs = Pbs()
    lsf: Lsf = Lsf()
    kuberay: KubeRay | None = None
    ray: RayUp | None = None


def read_settings(path: Path | None) -> Cluster:
    """Read a cluster file; without one, the defaults, which the batch systems alone have.

    Raises:
        UserError: it cannot be read, or a field is wrong; one line with the nearest valid name.
    """
    if path is None:
        return Cluster()
    try:
        content = load_yaml(path, source=str(path))
    except SpaceError as error:
        raise UserError(str(error)) from None
    if not isinstance(content, dict):
        kinds = " or ".join(", ".join(Cluster.model_fields).rsplit(", ", 1))
        raise UserError(f"{path}: a mapping of {kinds} is expected, not {type(content).__name__}")
    try:
        return Cluster.model_validate(_tuples(content), strict=False)
    except ValidationError as error:
        raise UserError(first_problem(error, str(path), _fields_at)) from None


def _tuples(value: Any) -> Any:
    """Lists of YAML as the tuples that strict models take, but not inside what goes to a cluster as it is."""
    if isinstance(value, dict):
        return {key: item if key in _RAW else _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _fields_at(location: tuple[Any, ...]) -> Iterable[str]:
    """The valid names of the part of the file at `location`."""
    parts: dict[tuple[str, ...], type[BaseModel]] = {
        (): Cluster,
        ("slurm",): Slurm,
        ("pbs",): Pbs,
        ("lsf",): Lsf,
        ("kuberay",): KubeRay,
        ("kuberay", "volume"): Volume,
        ("kuberay", "groups"): Pods,
        ("ray",): RayUp,
        ("ray", "head"): NodeType,
        ("ray", "groups"): NodeType,
    }
    names = tuple(part for part in location if isinstance(part, str))
    everywhere: dict[str, type[BaseModel]] = {"sweep_args": SweepArguments, "container": Container, "mail": Mail}
    found: type[BaseModel] = parts.get(names) or everywhere.get(names[-1], Cluster)
    return found.model_fields
