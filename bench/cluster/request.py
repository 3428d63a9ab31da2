"""What the launchers of every cluster are given: a sweep, and the nodes it may have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graph_distillery.bench.cluster.settings import Section
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.spec import Needs, Spec


@dataclass(frozen=True)
class Nodes:
    """So many nodes of a size; a trial takes its CPUs and GPUs of one of them."""

    count: int
    cpus: int
    gpus: int


@dataclass(frozen=True)
class LaunchRequest:
    """What is to be launched. path: the spec's file, absolute; text: its content; ray: Ray's version here."""

    spec: Spec
    path: str
    text: str
    ray: str

    def sweep(self, spec: str, store: str, *more: str) -> list[str]:
        """The command that the cluster runs; given again, it resumes."""
        return ["distillery", "sweep", spec, "--out", store, *more]

    def slots(self, nodes: Sequence[Nodes], section: Section) -> int:
        """How many trials fit at once, each on one node; of several shapes, the one that fits least."""
        if section.workers is not None:
            return section.workers
        return min(self._fit(nodes, each) for each in self.spec.resources.every())

    def _fit(self, nodes: Sequence[Nodes], needs: Needs) -> int:
        """How many trials of one shape; UserError where no node holds one, for Ray would let it wait for ever."""
        fit = 0
        for kind in nodes:
            by_gpus = kind.gpus / needs.gpus if needs.gpus else math.inf
            fit += kind.count * math.floor(min(kind.cpus / needs.cpus, by_gpus) + 1e-9)
        if fit < 1:
            there = " or ".join(dict.fromkeys(f"{kind.cpus} and {kind.gpus}" for kind in nodes))
            raise UserError(
                f"resources: a trial asks for {needs.cpus:g} CPUs and {needs.gpus:g} GPUs, and a node of the cluster "
                f"has {there}"
            )
        return fit

    @property
    def device(self) -> list[str]:
        """The option that names the trials' device."""
        needs = self.spec.resources
        wants = needs.gpus or any(each.gpus for each in needs.overrides.values())
        return ["--device", "cuda"] if wants else []
