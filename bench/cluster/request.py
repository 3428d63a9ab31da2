"""What the launchers of every cluster are given: a sweep, and the nodes it may have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graph_distillery.bench.cluster.section import Section
from graph_distillery.bench.errors import UserError
from graph_distillery.bench.sweeps.spec import Needs, Spec
from graph_distillery.bench.text import count as counted

#: Against the rounding of sums of shares.
_SLACK = 1e-9


@dataclass(frozen=True)
class Nodes:
    """So many nodes of a size; a trial takes its CPUs and GPUs of one of them.

    least: how many are always there; None for all. The others come with the work.
    """

    count: int
    cpus: int
    gpus: int
    least: int | None = None

    def fit(self, needs: Needs) -> int:
        """How many such trials a node holds; a share of a GPU is of one GPU."""
        by_cpus = math.floor(self.cpus / needs.cpus + _SLACK)
        return min(by_cpus, _by_gpus(self.gpus, needs.gpus)) if needs.gpus else by_cpus

    def used(self, needs: Needs) -> int:
        """On how many of a node's GPUs such trials sit once the node is full: Ray fills one before the next."""
        fit = self.fit(needs)
        return min(self.gpus, math.ceil(fit / _each(needs.gpus)) if needs.gpus < 1 else fit * round(needs.gpus))


def _each(share: float) -> int:
    """How many trials of a share fit on a GPU."""
    return math.floor(1 / share + _SLACK)


def _by_gpus(gpus: int, needed: float) -> int:
    return gpus * _each(needed) if needed < 1 else math.floor(gpus / needed + _SLACK)


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

    def placed(self, nodes: Sequence[Nodes], section: Section) -> list[str]:
        """The sweep's options that say how many trials run at once, and on what, so that no reserved GPU is idle.

        Raises:
            UserError: no node holds a trial, or GPUs would have no trial to run whatever the sweep does.
        """
        every = self.spec.resources.every()
        share: float | None = None
        if any(kind.gpus for kind in nodes) and not any(needs.gpus for needs in every):
            share = self._share(nodes, section)
            every = [Needs(needs.cpus, share, needs.memory) for needs in every]
        slots = min(self._fit(nodes, needs) for needs in every) if section.workers is None else section.workers
        if share is None:
            self._busy(nodes, every, slots, section.workers is not None)
        return self.options(slots, every, section, share)

    def options(self, slots: int, every: Sequence[Needs], section: Section, share: float | None = None) -> list[str]:
        """The sweep's: so many trials at once, share: of a GPU where the spec names none, and the user's own."""
        device = ["--device", "cuda"] if any(needs.gpus for needs in every) else []
        given = ["--gpus", f"{share:.4g}"] if share is not None else []
        return ["--workers", str(slots), *given, *device, *section.sweep_args.words()]

    def _share(self, nodes: Sequence[Nodes], section: Section) -> float:
        """What of a GPU a trial takes where the spec does not say: as little as keeps every GPU and CPU at work."""
        if not all(kind.gpus for kind in nodes):
            raise UserError(
                "resources.gpus: the spec's trials take no GPU, and some of the cluster's nodes have GPUs and others "
                "none; say what a trial takes, or take gpus out of the cluster file"
            )
        cpus = max(needs.cpus for needs in self.spec.resources.every())
        each = [math.floor(kind.cpus / cpus + _SLACK) // kind.gpus for kind in nodes]
        if not all(each):
            idle = next(kind for kind, fit in zip(nodes, each, strict=True) if not fit)
            fit = math.floor(idle.cpus / cpus + _SLACK)
            raise UserError(
                f"gpus: a node has {counted(idle.gpus, 'GPU')} and CPUs for {counted(fit, 'trial')} of {cpus:g}; "
                f"{idle.gpus - fit} would be idle: reserve {max(fit, 1)}, or {math.ceil(idle.gpus * cpus)} CPUs"
            )
        if section.workers is None:
            return _fraction(min(each))
        there = sum((kind.count if kind.least is None else kind.least) * kind.gpus for kind in nodes)
        if there and section.workers % there:
            near = [n for n in (section.workers // there * there, (section.workers // there + 1) * there) if n]
            raise UserError(
                f"workers: {section.workers} trials at once on {there} GPUs leave some idle; take "
                + " or ".join(map(str, near))
            )
        wanted = section.workers // there if there else min(each)
        return _fraction(min(wanted, *each))

    def _busy(self, nodes: Sequence[Nodes], every: Sequence[Needs], slots: int, fixed: bool) -> None:
        """UserError where even the trials that use most GPUs leave some without one."""
        shapes = [needs for needs in every if needs.gpus]
        for kind in nodes:
            if not kind.gpus:
                continue
            best = max(shapes, key=kind.used)
            if kind.used(best) < kind.gpus:
                share = _fraction(max(1, math.floor(kind.cpus / best.cpus + _SLACK) // kind.gpus))
                enough = math.floor(kind.cpus / best.cpus + _SLACK) >= kind.gpus
                advice = f"write gpus: {share:.4g}" if enough and best.gpus < 1 else "reserve fewer, or more CPUs"
                raise UserError(
                    f"resources.gpus: trials of {best.cpus:g} CPUs and {best.gpus:g} GPUs use {kind.used(best)} of the "
                    f"{kind.gpus} of a node with {kind.cpus} CPUs; {advice}"
                )
        there = sum((kind.count if kind.least is None else kind.least) * kind.gpus for kind in nodes)
        reach = max((_reach(needs, slots) for needs in shapes), default=0)
        if there > reach:
            name = "workers" if fixed else "resources"
            raise UserError(
                f"{name}: {counted(slots, 'trial')} at once use at most {reach} of {counted(there, 'reserved GPU')}; "
                + ("take more, or reserve fewer" if fixed else "reserve fewer, or launch what needs most apart")
            )

    def _fit(self, nodes: Sequence[Nodes], needs: Needs) -> int:
        """How many trials of one shape; UserError where no node holds one, for Ray would let it wait for ever."""
        fit = sum(kind.count * kind.fit(needs) for kind in nodes)
        if fit < 1:
            there = " or ".join(dict.fromkeys(f"{kind.cpus} and {kind.gpus}" for kind in nodes))
            raise UserError(
                f"resources: a trial asks for {needs.cpus:g} CPUs and {needs.gpus:g} GPUs, and a node of the cluster "
                f"has {there}"
            )
        return fit


def _reach(needs: Needs, slots: int) -> int:
    """On how many GPUs so many trials sit for certain."""
    return math.ceil(slots / _each(needs.gpus)) if needs.gpus < 1 else slots * round(needs.gpus)


def _fraction(trials: int) -> float:
    """A share by which so many trials fit on a GPU, rounded down to Ray's resolution of 1e-4."""
    return math.floor(10_000 / trials) / 10_000
