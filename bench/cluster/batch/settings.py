"""Sections of a cluster file for batch systems: Slurm, PBS and LSF, alike where the systems are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graph_distillery.bench.cluster.fields import (
    Address,
    Count,
    Directive,
    Duration,
    Line,
    Many,
    Memory,
    Pattern,
    Place,
    Word,
)
from graph_distillery.bench.cluster.section import Section

Runtime = Literal["apptainer", "singularity", "pyxis"]


class Container(BaseModel):
    """An image that driver and workers run in, with the suite and Ray inside.

    mounts: SOURCE or SOURCE:TARGET; spec, store, data and mirror are mounted without being named. options: for
    `apptainer exec`, or for pyxis, whose options are srun's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    runtime: Runtime = "apptainer"
    image: Place
    mounts: tuple[Annotated[Place, Field(pattern=r"^[^,]+$")], ...] = ()
    options: tuple[Annotated[Place, Field(pattern=r"^--?[A-Za-z]")], ...] = ()


class Mail(BaseModel):
    """Who is written to, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    to: Address
    when: tuple[Literal["begin", "end", "fail"], ...] = ("end", "fail")


class Batch(Section):
    """An allocation with a Ray cluster in it, or an array of single-node jobs without Ray.

    mode: see the systems. parts, at_once: of an array. memory: a node's; memory_per_cpu instead of it. account: whom
    the time is charged to. requeue: go on by itself after the scheduler's signal. grace_s: seconds between that and
    the limit. licenses: how many of each. setup: lines of shell before anything else.
    """

    nodes: Annotated[int, Field(ge=1, le=10_000)] = 1
    parts: Annotated[int, Field(ge=2, le=10_000)] | None = None
    at_once: Many | None = None
    cpus_per_node: Many = 8
    gpus_per_node: Count = 0
    gpu_type: Word | None = None
    memory: Memory | None = None
    memory_per_cpu: Memory | None = None
    time: Duration = "24:00:00"
    account: Word | None = None
    reservation: Word | None = None
    exclusive: bool | None = None
    requeue: bool = True
    grace_s: Annotated[int, Field(ge=30, le=3600)] = 60
    output: Pattern | None = None
    mail: Mail | None = None
    licenses: dict[Word, Many] = Field(default_factory=dict)
    container: Container | None = None
    modules: tuple[Word, ...] = ()
    venv: Place | None = None
    conda: Place | None = None
    setup: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _agrees(self) -> Batch:
        array = getattr(self, "mode", None) == "array"
        if array != (self.parts is not None):
            raise ValueError("parts: mode array needs it" if array else "parts: for mode array only")
        if array and self.nodes != 1:
            raise ValueError("nodes: a job of an array has one node")
        if array and self.gpus_per_node > 1:
            raise ValueError("gpus_per_node: a job of an array uses one GPU; take more parts")
        if self.at_once is not None and not array:
            raise ValueError("at_once: for mode array only")
        if self.venv and self.conda:
            raise ValueError("venv: either venv or conda")
        if self.container and (self.venv or self.conda):
            raise ValueError("container: it has a Python of its own; leave venv and conda out")
        if self.memory and self.memory_per_cpu:
            raise ValueError("memory: either memory or memory_per_cpu")
        if self.gpu_type and not self.gpus_per_node:
            raise ValueError("gpu_type: without gpus_per_node no GPU is asked for")
        return self


def _free(options: Sequence[str], taken: Mapping[str, str]) -> None:
    """ValueError where an option says what a field says. taken: the options' names, and the field of each."""
    for option in options:
        name = re.split(r"[=\s]", option, maxsplit=1)[0]
        short = name[:2] if re.match(r"-[A-Za-z]", name) and len(name) > 2 and name not in taken else name
        for known in (option, name, short):
            if known in taken:
                raise ValueError(f"{option!r}: the field {taken[known]!r} says that")


_SLURM = {
    "--job-name": "name of the spec",
    "-J": "name of the spec",
    "--output": "output",
    "-o": "output",
    "--account": "account",
    "-A": "account",
    "--partition": "partition",
    "-p": "partition",
    "--qos": "qos",
    "-q": "qos",
    "--constraint": "constraint",
    "-C": "constraint",
    "--reservation": "reservation",
    "--licenses": "licenses",
    "-L": "licenses",
    "--mail-user": "mail",
    "--mail-type": "mail",
    "--array": "parts",
    "-a": "parts",
    "--nodes": "nodes",
    "-N": "nodes",
    "--ntasks": "nodes",
    "-n": "nodes",
    "--ntasks-per-node": "nodes",
    "--cpus-per-task": "cpus_per_node",
    "-c": "cpus_per_node",
    **dict.fromkeys(("--gpus", "-G", "--gpus-per-node", "--gpus-per-task", "--gpus-per-socket"), "gpus_per_node"),
    "--mem": "memory",
    "--mem-per-cpu": "memory_per_cpu",
    "--time": "time",
    "-t": "time",
    "--signal": "grace_s",
    "--exclusive": "exclusive",
    "--requeue": "requeue",
    "--no-requeue": "requeue",
    "--wrap": "setup",
}
_PBS = {
    "-N": "name of the spec",
    "-o": "output",
    "-j": "output",
    "-A": "account",
    "-q": "queue",
    "-M": "mail",
    "-m": "mail",
    "-J": "parts",
    "-r": "requeue",
    "-S": "setup",
}
_LSF = {
    "-J": "name of the spec",
    "-o": "output",
    "-oo": "output",
    "-P": "account",
    "-q": "queue",
    "-U": "reservation",
    "-u": "mail",
    "-B": "mail",
    "-N": "mail",
    "-n": "nodes",
    "-gpu": "gpus_per_node",
    "-W": "time",
    "-x": "exclusive",
    "-r": "requeue",
    "-rn": "requeue",
    "-Q": "requeue",
}


class Slurm(Batch):
    """Slurm. sbatch: options of it that no field has, one a line.

    mode: `symmetric` runs `ray symmetric-run` on every node and takes whole nodes, since that ends with `ray stop`;
    `head-workers` starts a head and workers itself and may share nodes; `array` splits the plan's cells over `parts`
    jobs without Ray.
    """

    mode: Literal["symmetric", "head-workers", "array"] = "symmetric"
    partition: Word | None = None
    qos: Word | None = None
    constraint: Word | None = None
    sbatch: tuple[Directive, ...] = ()

    @model_validator(mode="after")
    def _whole_nodes(self) -> Slurm:
        if self.mode == "symmetric" and self.exclusive is False:
            raise ValueError(
                "exclusive: mode symmetric ends with `ray stop`, which stops every Ray of yours on its nodes; take "
                "mode head-workers to share nodes"
            )
        _free(self.sbatch, _SLURM)
        if any(re.match(r"--gres[= ]+\"?gpu", option) for option in self.sbatch):
            raise ValueError("--gres=gpu: the field 'gpus_per_node' says that")
        return self


class WithoutSrun(Batch):
    """A batch system without Slurm's srun."""

    mode: Literal["head-workers", "array"] = "head-workers"
    queue: Word | None = None

    @model_validator(mode="after")
    def _without_pyxis(self) -> WithoutSrun:
        if self.container and self.container.runtime == "pyxis":
            raise ValueError("container: pyxis is a plug-in of Slurm; take apptainer or singularity")
        return self


class Pbs(WithoutSrun):
    """OpenPBS or PBS Professional. pbs: options of qsub that no field has, one a line; place, as `scatter:excl`."""

    place: Annotated[str, Field(pattern=r"^[a-z]+(:[a-z]+)*(:group=[A-Za-z0-9_]+)?$")] = "scatter"
    pbs: tuple[Directive, ...] = ()

    @model_validator(mode="after")
    def _said_once(self) -> Pbs:
        _free(self.pbs, _PBS)
        for option in self.pbs:
            if found := re.match(r"-l\s*(select|place|walltime|nodes|ncpus|ngpus|mem)\b", option):
                field = {"place": "place", "walltime": "time"}.get(found[1], "nodes")
                raise ValueError(f"{option!r}: the field {field!r} says that")
        return self


class Lsf(WithoutSrun):
    """LSF. bsub: options of it that no field has, one a line."""

    bsub: tuple[Directive, ...] = ()

    @model_validator(mode="after")
    def _said_once(self) -> Lsf:
        _free(self.bsub, _LSF)
        return self


__all__ = ["Batch", "Container", "Line", "Lsf", "Mail", "Pbs", "Slurm", "WithoutSrun"]
